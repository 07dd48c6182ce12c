"""Chunks of a zarr array, read from its folder and decoded by any thread.

The zarr library reads through one event loop and copies a chunk several times. A chunk on a local
disk is a file, or a part of one with shards: both are read and decoded here directly. What is not
known here (another codec, another place) is left to the library.
"""

import os
import struct
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import deflate
import numpy as np

from turncoat.errors import FileFormatError
from turncoat.tables import IntArray

#: Undoes one codec: stored bytes, and how many bytes the chunk has.
Undo = Callable[[Any, int], Any]

#: Offset and length that a shard's index has for a chunk that was never written.
ABSENT: Final = 2**64 - 1
#: A shard's index ends with a checksum (CRC-32C) of four bytes.
CHECKSUM_BYTES: Final = 4


def _gunzip(stored: Any, n_bytes: int) -> Any:
    return deflate.gzip_decompress(stored, n_bytes)


def _unzlib(stored: Any, n_bytes: int) -> Any:
    return deflate.zlib_decompress(stored, n_bytes)


def _unzstd(stored: Any, n_bytes: int) -> Any:
    from numcodecs import zstd

    return zstd.decompress(stored, np.empty(n_bytes, dtype=np.uint8))


def _unblosc(stored: Any, n_bytes: int) -> Any:
    from numcodecs import blosc

    return blosc.decompress(stored, np.empty(n_bytes, dtype=np.uint8))


def _check_crc(stored: Any, n_bytes: int) -> Any:
    del n_bytes
    import google_crc32c

    body, stated = bytes(stored[:-CHECKSUM_BYTES]), bytes(stored[-CHECKSUM_BYTES:])
    if struct.pack("<I", google_crc32c.value(body)) != stated:
        raise ValueError("its checksum is another")
    return body


#: Codecs of zarr 3 by the names of their classes, of zarr 2 by their ids.
CODECS: Final[dict[str, Undo]] = {
    "ZstdCodec": _unzstd,
    "BloscCodec": _unblosc,
    "GzipCodec": _gunzip,
    "Crc32cCodec": _check_crc,
    "zstd": _unzstd,
    "blosc": _unblosc,
    "gzip": _gunzip,
    "zlib": _unzlib,
}


class ZarrChunks:
    """Chunks of a zarr array on a local disk.

    Parameters
    ----------
    array
        The array.
    folder
        Where it is.
    where
        Its name, for messages.
    chain
        What undoes each codec, in the order they were applied.
    dtype
        Type of the stored values, with their order of bytes.
    shard
        Shape of a shard; None where every chunk is a file.
    chunks
        Shape of a chunk.
    """

    def __init__(
        self,
        array: Any,
        folder: Path,
        where: str,
        chain: Sequence[Undo],
        dtype: "np.dtype[Any]",
        shard: tuple[int, ...] | None,
        chunks: tuple[int, ...],
    ) -> None:
        self.shape, self.chunks, self.dtype = tuple(array.shape), chunks, dtype
        self._folder, self._name, self._chain, self._shard = folder, where, chain, shard
        self._key = array.metadata.encode_chunk_key
        fill = array.metadata.fill_value
        self._fill = 0 if fill is None else fill
        self._indexes: dict[tuple[int, ...], IntArray] = {}
        self._lock = threading.Lock()

    def chunk(self, *place: int) -> Any:
        """Decode the chunk at a place of the grid, shape ``chunks``; None where none was written.

        Raises
        ------
        FileFormatError
            When it is damaged: names array and chunk.
        """
        n_bytes = int(np.prod(self.chunks)) * self.dtype.itemsize
        try:
            stored = self._stored(place)
            if stored is None:
                return None
            for undo in reversed(self._chain):
                stored = undo(stored, n_bytes)
            if len(stored) != n_bytes:
                raise ValueError(f"it holds {len(stored)} bytes instead of {n_bytes}")
        # Each library has an error class of its own; all of them mean a damaged chunk.
        except Exception as error:
            raise self._damaged(place, error) from error
        return np.frombuffer(stored, dtype=self.dtype).reshape(self.chunks)

    @property
    def fill(self) -> Any:
        """Value of what was never written."""
        return self._fill

    def _stored(self, place: tuple[int, ...]) -> Any:
        if self._shard is None:
            return _read(self._folder / self._key(place))
        per_shard = [s // c for s, c in zip(self._shard, self.chunks, strict=True)]
        shard = tuple(p // n for p, n in zip(place, per_shard, strict=True))
        index = self._index(shard, per_shard)
        within = [p % n for p, n in zip(place, per_shard, strict=True)]
        number = int(np.ravel_multi_index(within, per_shard))
        begin, size = (int(n) for n in index[number])
        if begin == ABSENT:
            return None
        return _read(self._folder / self._key(shard), begin, size)

    def _index(self, shard: tuple[int, ...], per_shard: list[int]) -> IntArray:
        """Read where the chunks of a shard are, once."""
        with self._lock:
            known = self._indexes.get(shard)
        if known is None:
            n_chunks = int(np.prod(per_shard))
            path = self._folder / self._key(shard)
            size = n_chunks * 16 + CHECKSUM_BYTES
            stored = _read(path, -size, size)
            if stored is None:
                known = np.full((n_chunks, 2), ABSENT, dtype=np.uint64)
            else:
                plain = _check_crc(stored, size)
                known = np.frombuffer(plain, dtype="<u8").reshape(n_chunks, 2)
            with self._lock:
                self._indexes[shard] = known
        return known

    def _damaged(self, place: tuple[int, ...], error: Exception) -> FileFormatError:
        if isinstance(error, FileFormatError):
            return error
        number = ", ".join(map(str, place))
        return FileFormatError(
            f"{self._folder}: chunk {number} of {self._name} is damaged: "
            f"{str(error) or type(error).__name__}. Make or fetch the file again."
        )


def _read(path: Path, begin: int = 0, size: int | None = None) -> Any:
    """Read a file or a part of it (from its end for a negative ``begin``); None without a file."""
    try:
        with path.open("rb", buffering=0) as stream:
            whole = os.fstat(stream.fileno()).st_size
            begin = begin + whole if begin < 0 else begin
            wanted = whole - begin if size is None else size
            if begin < 0 or begin + wanted > whole:
                raise ValueError("the file ends before it")
            stream.seek(begin)
            raw = stream.read(wanted)
            if len(raw) != wanted:
                raise ValueError("the file ends before it")
            return raw
    except FileNotFoundError:
        return None


def zarr_chunks(array: Any, where: str) -> ZarrChunks | None:
    """Open the chunks of a zarr array, or tell (None) that only its library can read it.

    Parameters
    ----------
    array
        A ``zarr.Array``.
    where
        Its name, for messages.
    """
    folder = _folder(array)
    if folder is None or array.dtype.kind not in "iufb" or not array.size:
        return None
    known = _codecs_2(array) if array.metadata.zarr_format == 2 else _codecs_3(array)
    if known is None:
        return None
    chain, dtype, shard, chunks = known
    return ZarrChunks(array, folder, where, chain, dtype, shard, chunks)


def _folder(array: Any) -> Path | None:
    import zarr

    if not isinstance(array, zarr.Array) or not isinstance(array.store, zarr.storage.LocalStore):
        return None
    return Path(str(array.store.root)) / str(array.path)


_Known = tuple[list[Undo], "np.dtype[Any]", tuple[int, ...] | None, tuple[int, ...]]


def _codecs_2(array: Any) -> _Known | None:
    metadata = array.metadata
    compressor = metadata.compressor
    name = getattr(compressor, "codec_id", "")
    if metadata.filters or metadata.order != "C" or (compressor is not None and name not in CODECS):
        return None
    dtype = metadata.dtype.to_native_dtype()
    return [CODECS[name]] if name else [], dtype, None, tuple(array.chunks)


def _codecs_3(array: Any) -> _Known | None:
    codecs = list(array.metadata.codecs)
    shard, chunks = None, tuple(array.chunks)
    if len(codecs) == 1 and type(codecs[0]).__name__ == "ShardingCodec":
        sharding = codecs[0]
        index = [type(codec).__name__ for codec in sharding.index_codecs]
        if index != ["BytesCodec", "Crc32cCodec"] or _word(sharding.index_location) != "end":
            return None
        shard, chunks = tuple(array.shards), tuple(sharding.chunk_shape)
        codecs = list(sharding.codecs)
    names = [type(codec).__name__ for codec in codecs]
    if names[:1] != ["BytesCodec"] or any(name not in CODECS for name in names[1:]):
        return None
    dtype = np.dtype(array.dtype).newbyteorder(">" if _word(codecs[0].endian) == "big" else "<")
    return [CODECS[name] for name in names[1:]], dtype, shard, chunks


def _word(setting: Any) -> str:
    """Read a setting of a codec: a word in newer releases of zarr, a member of an enumeration before."""
    return str(getattr(setting, "value", setting))
