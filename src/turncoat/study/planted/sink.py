"""Files that cells are written to while they are drawn, never the whole matrix at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

import deflate
import h5py
import numpy as np
import numpy.typing as npt

#: Stored values per chunk of a file: 1 MiB of float32, as good readers like.
CHUNK: Final = 262_144


class Growing(Protocol):
    """A one-dimensional array on disk that grows."""

    attrs: Any

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add values at the end."""

    def close(self) -> None:
        """Write what is left."""


class _Buffered:
    """Collects values and hands them on in whole chunks."""

    def __init__(self) -> None:
        self.pending: list[npt.NDArray[Any]] = []
        self.n_pending = 0

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add values at the end."""
        self.pending.append(values)
        self.n_pending += values.size
        if self.n_pending >= 4 * CHUNK:
            joined = np.concatenate(self.pending)
            whole = joined.size // CHUNK * CHUNK
            self._write(joined[:whole])
            self.pending, self.n_pending = [joined[whole:]], joined.size - whole

    def close(self) -> None:
        """Write what is left."""
        if self.n_pending:
            self._write(np.concatenate(self.pending))
        self.pending, self.n_pending = [], 0

    def _write(self, values: npt.NDArray[Any]) -> None:
        raise NotImplementedError


class H5Column(_Buffered):
    """A growing HDF5 dataset, compressed on several threads.

    Parameters
    ----------
    group
        Where it is made.
    name
        Its name.
    dtype
        Type of its values; ``str`` for text.
    level
        zlib level; 0 stores plainly.
    pool
        Compresses chunks; libdeflate releases the interpreter lock.
    """

    def __init__(
        self, group: h5py.Group, name: str, dtype: Any, level: int, pool: ThreadPoolExecutor
    ) -> None:
        super().__init__()
        stored = h5py.string_dtype() if dtype is str else dtype
        options = {"compression": "gzip", "compression_opts": level} if level else {}
        self.dataset = group.create_dataset(
            name, shape=(0,), maxshape=(None,), chunks=(CHUNK,), dtype=stored, **options
        )
        self.attrs = self.dataset.attrs
        self.level, self.pool, self.is_text = level, pool, dtype is str

    def _write(self, values: npt.NDArray[Any]) -> None:
        start = self.dataset.shape[0]
        self.dataset.resize((start + values.size,))
        whole = 0 if self.is_text or not self.level else values.size // CHUNK * CHUNK
        typed = values if self.is_text else values.astype(self.dataset.dtype, copy=False)
        chunks = [typed[at : at + CHUNK].tobytes() for at in range(0, whole, CHUNK)]
        for number, raw in enumerate(self.pool.map(self._pack, chunks)):
            self.dataset.id.write_direct_chunk((start + number * CHUNK,), raw)
        self.dataset[start + whole :] = typed[whole:]

    def _pack(self, raw: bytes) -> bytes:
        packed: bytes = deflate.zlib_compress(raw, self.level)
        return packed


class ZarrColumn(_Buffered):
    """A growing zarr array.

    Parameters
    ----------
    group
        Where it is made.
    name
        Its name.
    dtype
        Type of its values; ``str`` for text.
    """

    def __init__(self, group: Any, name: str, dtype: Any) -> None:
        super().__init__()
        self.array = group.create_array(name, shape=(0,), chunks=(CHUNK,), dtype=dtype)
        self.attrs, self.is_text = self.array.attrs, dtype is str

    def _write(self, values: npt.NDArray[Any]) -> None:
        self.array.append(values if self.is_text else values.astype(self.array.dtype))
