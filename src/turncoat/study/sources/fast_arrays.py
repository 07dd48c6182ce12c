"""One-dimensional arrays on disk, read from the file in pieces by any thread.

The bytes of a chunk are read at their offset in the file and decoded here, past the HDF5
library and its lock. What that cannot read (an unknown filter, a virtual dataset, zarr) is
read through its own library, by the same threads.
"""

import os
import threading
import weakref
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from turncoat.errors import FileFormatError
from turncoat.study.sources.fast_codecs import Decode, decode, decoders, inflate
from turncoat.study.sources.libdeflate import inflate_into
from turncoat.tables import IntArray

_NOTHING = np.empty(0, dtype=np.uint8)


class FastArray(Protocol):
    """A one-dimensional array on disk; its values come in chunks that are decoded whole."""

    size: int
    dtype: "np.dtype[Any]"
    #: Values per chunk; 1 where any stretch can be read.
    chunk: int

    def read(self, begin: int, end: int, out: Any) -> None:
        """Read ``begin`` to ``end``, both at borders between chunks (or the end), to ``out``."""


def put(target: Any, values: Any) -> None:
    """Write values into an array of another type; a gene number too large stays invalid."""
    if target.dtype.kind == "i" and values.dtype != target.dtype and values.dtype.itemsize >= 4:
        # Beyond 2**31 it must not wrap round to the number of a gene.
        lowest = 0 if values.dtype.kind == "u" else -1
        values = np.clip(values, lowest, 2**31 - 1)
    target[:] = values


def _open(owner: object, path: Path) -> int:
    """Open a file for ``os.pread``, which many threads can do at once; closed with its owner."""
    descriptor = os.open(path, os.O_RDONLY)
    weakref.finalize(owner, os.close, descriptor)
    return descriptor


class ChunkedHdf5:
    """A chunked dataset, its chunks found once and read straight from the file."""

    def __init__(self, dataset: Any, path: Path, where: str, chain: list[Decode]) -> None:
        self.size, self.dtype = int(dataset.shape[0]), dataset.dtype
        self.chunk = int(dataset.chunks[0])
        self._name, self._path, self._chain = where, path, chain
        n_chunks = -(-self.size // self.chunk)
        # Offset, bytes, skipped filters; a chunk that was never written holds the fill value.
        self._table: IntArray = np.zeros((n_chunks, 3), dtype=np.int64)
        self._fill = dataset.fillvalue
        dataset.id.chunk_iter(self._note)
        self._file = _open(self, path)
        self._own = threading.local()
        # Gzip alone, as AnnData writes it: inflated where it is wanted.
        self._inflates = chain == [inflate]

    def _note(self, chunk: Any) -> None:
        number = chunk.chunk_offset[0] // self.chunk
        if number < self._table.shape[0]:
            self._table[number] = chunk.byte_offset, chunk.size, chunk.filter_mask

    def read(self, begin: int, end: int, out: Any) -> None:
        """Read whole chunks into ``out``."""
        first, last = begin // self.chunk, -(-end // self.chunk)
        places = self._table[first:last].tolist()
        raw, at = self._raw(places), 0
        straight = out.dtype == self.dtype and out.flags.c_contiguous
        for number, (offset, size, skipped) in enumerate(places, first):
            n_values = min(self.chunk, self.size - number * self.chunk)
            target = out[at : at + n_values]
            at += n_values
            if not size:
                target[:] = self._fill
            else:
                stored = raw(offset, size)
                if len(stored) != size:
                    raise self._damaged(number, "the file ends before it")
                if straight and n_values == self.chunk and self._inflates and not skipped:
                    self._inflate(number, stored, target)
                else:
                    put(target, self._decode(number, stored, skipped)[:n_values])

    def _raw(self, places: list[list[int]]) -> Any:
        """Read chunks that lie close together at once, else one by one when they are needed."""
        begin = min(offset for offset, _, _ in places)
        end = max(offset + size for offset, size, _ in places)
        wanted = sum(size for _, size, _ in places)
        if end - begin > wanted + wanted // 4 + 4096:
            return lambda offset, size: self._bytes(offset, offset + size)
        whole = self._bytes(begin, end)
        return lambda offset, size: whole[offset - begin : offset - begin + size]

    def _bytes(self, begin: int, end: int) -> Any:
        """Read bytes of the file, into memory that this thread uses again and again."""
        own = self._own
        if getattr(own, "raw", _NOTHING).size < end - begin:
            own.raw = np.empty((end - begin) * 9 // 8, dtype=np.uint8)
        return own.raw[: os.preadv(self._file, [own.raw[: end - begin]], begin)]

    def _inflate(self, number: int, stored: Any, target: Any) -> None:
        try:
            inflate_into(stored, target)
        except ValueError as error:
            raise self._damaged(number, str(error)) from error

    def _decode(self, number: int, stored: Any, skipped: int) -> Any:
        n_bytes = self.chunk * self.dtype.itemsize
        try:
            plain = decode(stored, self._chain, skipped, n_bytes)
        # Each library has an error class of its own; all of them mean a damaged chunk.
        except Exception as error:
            raise self._damaged(number, str(error) or type(error).__name__) from error
        if len(plain) != n_bytes:
            raise self._damaged(number, f"it holds {len(plain)} bytes instead of {n_bytes}")
        return np.frombuffer(plain, dtype=self.dtype)

    def _damaged(self, number: int, reason: str) -> FileFormatError:
        begin = number * self.chunk
        return FileFormatError(
            f"{self._path}: chunk {number} of {self._name} (values {begin} to "
            f"{min(begin + self.chunk, self.size)}) is damaged: {reason}. Make or fetch the file "
            "again."
        )


class ContiguousHdf5:
    """A dataset stored in one piece, read straight from the file."""

    chunk = 1

    def __init__(self, dataset: Any, path: Path, where: str, offset: int) -> None:
        self.size, self.dtype = int(dataset.shape[0]), dataset.dtype
        self._name, self._path, self._offset = where, path, offset
        self._file = _open(self, path)

    def read(self, begin: int, end: int, out: Any) -> None:
        """Read a stretch into ``out``."""
        wanted = out[: end - begin]
        straight = wanted.dtype == self.dtype
        values: Any = wanted if straight else np.empty(end - begin, dtype=self.dtype)
        self._fill(memoryview(values.view(np.uint8)), begin)
        if not straight:
            put(wanted, values)

    def _fill(self, target: memoryview, begin: int) -> None:
        offset, done = self._offset + begin * self.dtype.itemsize, 0
        while done < len(target):
            got = os.preadv(self._file, [target[done:]], offset + done)
            if not got:
                raise FileFormatError(
                    f"{self._path}: {self._name} ends after "
                    f"{begin + done // self.dtype.itemsize} of {self.size} values: the file was "
                    "cut. Fetch it again."
                )
            done += got


class ChunkedZarr:
    """A zarr array on a local disk, its chunks decoded by the thread that wants them."""

    def __init__(self, chunks: Any) -> None:
        self._chunks, self.size, self.dtype = chunks, int(chunks.shape[0]), chunks.dtype
        self.chunk = int(chunks.chunks[0])

    def read(self, begin: int, end: int, out: Any) -> None:
        """Read whole chunks into ``out``."""
        for number in range(begin // self.chunk, -(-end // self.chunk)):
            first = number * self.chunk
            target = out[first - begin : min(first + self.chunk, self.size) - begin]
            plain = self._chunks.chunk(number)
            if plain is None:
                target[:] = self._chunks.fill
            else:
                put(target, plain[: target.size])


class Sliced:
    """Any array with slices (h5py, zarr), read through its library."""

    def __init__(self, array: Any, path: Path | None, where: str) -> None:
        self.size, self.dtype = int(array.shape[0]), np.dtype(array.dtype)
        chunks = getattr(array, "shards", None) or getattr(array, "chunks", None)
        self.chunk = int(chunks[0]) if chunks else 1
        self._array, self._path, self._name = array, path, where

    def read(self, begin: int, end: int, out: Any) -> None:
        """Read a stretch into ``out``."""
        try:
            put(out[: end - begin], np.asarray(self._array[begin:end]))
        except (OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
            first, last = begin // self.chunk, -(-end // self.chunk) - 1
            raise FileFormatError(
                f"{self._path}: {self._name}, chunks {first} to {last} (values {begin} to {end}), "
                f"cannot be read: {error}. Make or fetch the file again."
            ) from error


def fast_array(array: Any, path: Path | None, where: str) -> FastArray:
    """Choose the fastest way to read an array on disk.

    Parameters
    ----------
    array
        A dataset of h5py, or an array of zarr.
    path
        Its file.
    where
        Its name within the file, for messages.

    Returns
    -------
    FastArray
        Straight from the file where that is possible, else through the library.
    """
    import h5py

    plain = (
        isinstance(array, h5py.Dataset)
        and path is not None
        and hasattr(os, "pread")
        and array.dtype.kind in "iufb"
        and not array.is_virtual
        and not array.external
    )
    if plain and path is not None and array.size:
        listed = array.id.get_create_plist()
        if array.chunks is None and array.id.get_offset() is not None:
            return ContiguousHdf5(array, path, where, int(array.id.get_offset()))
        filters = [listed.get_filter(k)[0] for k in range(listed.get_nfilters())]
        chain = decoders(filters, array.dtype.itemsize)
        if array.chunks is not None and chain is not None:
            return ChunkedHdf5(array, path, where, chain)
    if hasattr(array, "metadata"):
        from turncoat.study.sources.zarr_chunks import zarr_chunks

        chunks = zarr_chunks(array, where)
        if chunks is not None:
            return ChunkedZarr(chunks)
    return Sliced(array, path, where)


class Window:
    """A window that moves forward over an array: each chunk in its way is decoded once.

    What was decoded beyond the end of one stretch is kept for the next.
    """

    def __init__(self, array: FastArray, dtype: "np.dtype[Any]") -> None:
        self._array = array
        self._buffer = np.empty(0, dtype=dtype)
        # The buffer holds values ``begin`` to ``end``.
        self._begin = self._end = 0

    def move(self, begin: int, end: int) -> Any:
        """Give values ``begin`` to ``end``, valid until the window is moved again."""
        array, size = self._array, self._array.chunk
        if not self._begin <= begin <= self._end:
            self._begin = self._end = begin // size * size
        if end > self._end:
            last = min(-(-end // size) * size, array.size)
            kept = self._buffer[begin - self._begin : self._end - self._begin]
            base = min(begin, self._end)
            if self._buffer.size < last - base:
                grown = np.empty((last - base) * 9 // 8, dtype=self._buffer.dtype)
                grown[: kept.size] = kept
                self._buffer = grown
            else:
                self._buffer[: kept.size] = kept
            array.read(self._end, last, self._buffer[self._end - base : last - base])
            self._begin, self._end = base, last
        return self._buffer[begin - self._begin : end - self._begin]
