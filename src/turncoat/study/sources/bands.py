"""Dense matrices on disk, read in bands of cells made of whole chunks, by any thread."""

import os
import threading
import weakref
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from turncoat.errors import FileFormatError
from turncoat.study.sources.fast_codecs import decode, decoders
from turncoat.study.sources.matrix import DenseMatrix, file_of, read_stretch
from turncoat.study.sources.zarr_chunks import zarr_chunks
from turncoat.tables import IntArray

#: Values of a band at most; a matrix in larger ones is left to its library.
MOST_VALUES = 2**25
#: Values of a band where the layout does not say how many rows go together.
USUAL_VALUES = 2**21


class Grid(Protocol):
    """A two-dimensional array in chunks that any thread can decode."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: "np.dtype[Any]"

    @property
    def fill(self) -> Any:
        """Value of what was never written."""

    def chunk(self, *place: int) -> Any:
        """Decode the chunk at a place of the grid; None where none was written."""


class Hdf5Grid:
    """Chunks of a two-dimensional dataset, found once and read straight from the file."""

    def __init__(self, dataset: Any, path: Path, where: str, chain: list[Any]) -> None:
        self.shape, self.chunks, self.dtype = dataset.shape, dataset.chunks, dataset.dtype
        self.fill: Any = dataset.fillvalue
        self._name, self._path, self._chain = where, path, chain
        grid = tuple(-(-s // c) for s, c in zip(self.shape, self.chunks, strict=True))
        # Offset, bytes, skipped filters.
        self._table: IntArray = np.zeros((*grid, 3), dtype=np.int64)
        dataset.id.chunk_iter(self._note)
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def _note(self, chunk: Any) -> None:
        place = tuple(o // c for o, c in zip(chunk.chunk_offset, self.chunks, strict=True))
        if all(p < n for p, n in zip(place, self._table.shape, strict=False)):
            self._table[place] = chunk.byte_offset, chunk.size, chunk.filter_mask

    def chunk(self, *place: int) -> Any:
        """Decode one chunk.

        Raises
        ------
        FileFormatError
            When it is damaged: names dataset and chunk.
        """
        offset, size, skipped = (int(n) for n in self._table[place])
        if not size:
            return None
        n_bytes = int(np.prod(self.chunks)) * self.dtype.itemsize
        try:
            stored = np.frombuffer(os.pread(self._file, size, offset), dtype=np.uint8)
            if stored.size != size:
                raise ValueError("the file ends before it")
            plain = decode(stored, self._chain, skipped, n_bytes)
            if len(plain) != n_bytes:
                raise ValueError(f"it holds {len(plain)} bytes instead of {n_bytes}")
        # Each library has an error class of its own; all of them mean a damaged chunk.
        except Exception as error:
            number = int(np.ravel_multi_index(place, self._table.shape[:-1]))
            begins = [p * c for p, c in zip(place, self.chunks, strict=True)]
            raise FileFormatError(
                f"{self._path}: chunk {number} of {self._name} (from row {begins[0]}, column "
                f"{begins[1]}) is damaged: {str(error) or type(error).__name__}. Make or fetch the file "
                "again."
            ) from error
        return np.frombuffer(plain, dtype=self.dtype).reshape(self.chunks)


class Bands:
    """A dense matrix in bands of cells.

    Parameters
    ----------
    grid
        Its chunks.
    cells_first
        Whether cells are the rows.
    """

    def __init__(self, grid: Grid, *, cells_first: bool) -> None:
        self._grid, self._cells_first, self.dtype = grid, cells_first, grid.dtype
        shape, chunks = (t if cells_first else t[::-1] for t in (grid.shape, grid.chunks))
        self.n_cells, self.n_genes = int(shape[0]), int(shape[1])
        #: Cells in a band.
        self.height = int(chunks[0])
        self._width = int(chunks[1])

    def read(self, number: int, out: Any) -> None:
        """Decode band ``number`` into ``out``, shape ``(cells of the band, n_genes)``."""
        for column in range(-(-self.n_genes // self._width)):
            begin = column * self._width
            target = out[:, begin : begin + self._width]
            place = (number, column) if self._cells_first else (column, number)
            plain = self._grid.chunk(*place)
            if plain is None:
                target[:] = self._grid.fill
            else:
                whole = plain if self._cells_first else plain.T
                target[:] = whole[: target.shape[0], : target.shape[1]]


class SlicedBands:
    """A dense matrix read through its library: one thread at a time reads, all others decode."""

    def __init__(self, matrix: DenseMatrix, where: str) -> None:
        self._values, self._cells_first, self._where = matrix.values, matrix.cells_first, where
        self.n_cells, self.n_genes = matrix.shape
        self.dtype: np.dtype[Any] = np.dtype(matrix.values.dtype)
        chunks = getattr(matrix.values, "chunks", None)
        usual = max(1, USUAL_VALUES // max(1, self.n_genes))
        self.height = int(chunks[0 if matrix.cells_first else 1]) if chunks else usual
        self._lock = threading.Lock()

    def read(self, number: int, out: Any) -> None:
        """Read band ``number`` into ``out``."""
        first = number * self.height
        last = first + out.shape[0]
        with self._lock:
            if self._cells_first:
                out[:] = read_stretch(self._values, first, last, self._where)
            else:
                out[:] = np.asarray(self._values[:, first:last]).T


def bands_of(matrix: DenseMatrix, where: str) -> Bands | SlicedBands | None:
    """Choose how to read a dense matrix on disk in bands.

    Parameters
    ----------
    matrix
        The matrix.
    where
        Its name, for messages.

    Returns
    -------
    Bands or SlicedBands or None
        None when a band would be too large, or the matrix is not on disk.
    """
    if not hasattr(matrix.values, "chunks") or hasattr(matrix.values, "dask"):
        return None
    grid = _grid(matrix.values, where)
    bands = (
        SlicedBands(matrix, where) if grid is None else Bands(grid, cells_first=matrix.cells_first)
    )
    return bands if bands.height * bands.n_genes <= MOST_VALUES else None


def _grid(array: Any, where: str) -> Grid | None:
    import h5py

    if not isinstance(array, h5py.Dataset):
        return zarr_chunks(array, where) if hasattr(array, "metadata") else None
    path = file_of(array)
    plain = array.dtype.kind in "iufb" and not array.is_virtual and not array.external
    if path is None or not plain or array.chunks is None or not hasattr(os, "pread"):
        return None
    listed = array.id.get_create_plist()
    filters = [listed.get_filter(k)[0] for k in range(listed.get_nfilters())]
    chain = decoders(filters, array.dtype.itemsize)
    return None if chain is None else Hdf5Grid(array, path, where, chain)
