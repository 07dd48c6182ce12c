"""Matrices on disk or in memory, read in blocks of rows whatever way they are stored."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from turncoat.errors import FileFormatError
from turncoat.study.sources.fast_arrays import Window, fast_array
from turncoat.study.sources.gather import GatheredRows, Stretches, Triple
from turncoat.study.sources.protocol import Block
from turncoat.tables import IntArray

logger = logging.getLogger(__name__)

#: Stored values read at a time where the layout forces us to read across rows.
VALUES_PER_READ = 1_000_000


class Matrix(Protocol):
    """Cells × genes, readable in blocks of rows."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cells and genes."""

    def blocks(self, rows_per_block: int, start: int, stop: int) -> Iterator[Block]:
        """Read rows ``start`` to ``stop`` in order."""


def checked_pointers(stored: Any, n_lines: int, n_stored: int, where: str) -> IntArray:
    """Read where each line of a sparse matrix begins, and refuse nonsense.

    Raises
    ------
    FileFormatError
        When there are too few or too many, they decrease, or they miss stored values.
    """
    pointers = np.asarray(stored[...])
    if pointers.ndim != 1 or pointers.size != n_lines + 1:
        raise FileFormatError(
            f"{where}/indptr should have {n_lines + 1} entries for the stated shape; "
            f"it has {pointers.size}. The file is damaged or was cut: make it again."
        )
    pointers = pointers.astype(np.int64)
    falling = np.flatnonzero(np.diff(pointers) < 0)
    if pointers[0] != 0 or falling.size:
        line = int(falling[0]) if falling.size else 0
        raise FileFormatError(
            f"{where}/indptr should start at 0 and never decrease; it does not at entry {line}. "
            "The file is damaged: make it again."
        )
    if pointers[-1] != n_stored:
        raise FileFormatError(
            f"{where}/indptr ends at {pointers[-1]}, but {where}/data holds {n_stored} values. "
            "The file is damaged or was cut: make it again."
        )
    return pointers


def read_stretch(stored: Any, begin: int, end: int, where: str) -> Any:
    """Read items ``begin`` to ``end``, or say which chunk of the file cannot be read.

    Raises
    ------
    FileFormatError
        When a chunk is damaged or missing: names dataset and chunk.
    """
    try:
        return np.asarray(stored[begin:end])
    except (OSError, RuntimeError, ValueError) as error:
        size = (getattr(stored, "chunks", None) or (end - begin,))[0]
        for chunk in range(begin // size, -(-end // size)):
            try:
                stored[chunk * size : (chunk + 1) * size]
            except (OSError, RuntimeError, ValueError):
                name = getattr(stored, "name", where)
                file = where.partition(":")[0] or getattr(stored.file, "filename", "")
                raise FileFormatError(
                    f"{file}: chunk {chunk} of dataset {name} (items {chunk * size} to "
                    f"{min((chunk + 1) * size, stored.shape[0]) - 1}) is damaged ({error}). "
                    "Copy or fetch the file again."
                ) from error
        raise


def check_range(indices: IntArray, n_lines: int, where: str) -> None:
    """Refuse gene or cell numbers outside the matrix.

    Raises
    ------
    FileFormatError
        When a number is negative or not below ``n_lines``.
    """
    if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= n_lines):
        bad = indices[(indices < 0) | (indices >= n_lines)][0]
        raise FileFormatError(
            f"{where}/indices holds {int(bad)}, outside 0 to {n_lines - 1}. "
            "The file is damaged or its shape is wrong: make it again."
        )


@dataclass(frozen=True, slots=True)
class CsrMatrix:
    """Rows stored one after the other: read as they are."""

    data: Any
    indices: Any
    indptr: IntArray
    shape: tuple[int, int]
    where: str

    def blocks(self, rows_per_block: int, start: int, stop: int) -> Iterator[Block]:
        """Read rows ``start`` to ``stop`` in order."""
        for first in range(start, stop, rows_per_block):
            last = min(first + rows_per_block, stop)
            begin, end = int(self.indptr[first]), int(self.indptr[last])
            indices = read_stretch(self.indices, begin, end, self.where)
            check_range(indices, self.shape[1], self.where)
            yield Block(
                start=first,
                data=read_stretch(self.data, begin, end, self.where),
                indices=indices,
                indptr=self.indptr[first : last + 1] - begin,
            )


class GatheredMatrix:
    """Values in any order: put in the order of rows at the first reading, then read like CSR.

    Parameters
    ----------
    stretches
        Opens the values; called once, at the first reading.
    shape
        Number of cells and genes.
    where
        What messages call the matrix.
    """

    def __init__(
        self, stretches: Callable[[], Stretches], shape: tuple[int, int], where: str
    ) -> None:
        self.stretches = stretches
        self.shape = shape
        self.where = where
        self._lock = threading.Lock()
        self._rows: GatheredRows | None = None

    def rows(self, n_threads: int | None = None) -> GatheredRows:
        """Gather all rows, once, on some threads (the cores at hand by default)."""
        with self._lock:
            if self._rows is None:
                logger.info("%s is not stored row by row: putting it in that order", self.where)
                threads = cores() if n_threads is None else n_threads
                self._rows = GatheredRows(self.stretches(), self.shape, n_threads=threads)
        return self._rows

    def blocks(self, rows_per_block: int, start: int, stop: int) -> Iterator[Block]:
        """Gather all rows, once, then read rows ``start`` to ``stop`` in order."""
        yield from self.rows().blocks(rows_per_block, start, stop)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def lines_of(indptr: IntArray, begin: int, end: int) -> IntArray:
    """Tell in which line (row or column) each of the stored values ``begin`` to ``end`` is."""
    first = int(np.searchsorted(indptr, begin, side="right")) - 1
    last = int(np.searchsorted(indptr, end, side="left"))
    bounds = np.clip(indptr[first : last + 1], begin, end)
    sizes: IntArray = bounds[1:] - bounds[:-1]
    return np.repeat(np.arange(first, last, dtype=np.int32), sizes)


class Columns:
    """Columns stored one after the other, read a stretch of whole chunks at a time."""

    def __init__(
        self, data: Any, indices: Any, indptr: IntArray, shape: tuple[int, int], where: str
    ) -> None:
        path, name = file_of(data), where.rpartition(": ")[2]
        self.dtype: np.dtype[Any] = np.dtype(data.dtype)
        self._data = fast_array(data, path, f"{name}/data")
        self._indices = fast_array(indices, path, f"{name}/indices")
        self._indptr, self._n_cells, self._where = indptr, shape[0], where
        size = int(indptr[-1])
        chunk = max(self._data.chunk, self._indices.chunk)
        step = max(1, VALUES_PER_READ // chunk) * chunk
        self._edges = [*range(0, size, step), size]

    def __len__(self) -> int:
        """Count the stretches."""
        return len(self._edges) - 1

    def cells(self, number: int) -> IntArray:
        """Read the cell numbers of a stretch."""
        begin, end = self._edges[number : number + 2]
        cells: IntArray = Window(self._indices, np.dtype(np.int32)).move(begin, end)
        check_range(cells, self._n_cells, self._where)
        return cells

    def values(self, number: int) -> Triple:
        """Read a stretch."""
        begin, end = self._edges[number : number + 2]
        values = Window(self._data, self.dtype).move(begin, end)
        return self.cells(number), lines_of(self._indptr, begin, end), values


def file_of(array: Any) -> Path | None:
    """Name the HDF5 file of a dataset that nobody writes to; None for any other array."""
    file = getattr(array, "file", None)
    return Path(file.filename) if file is not None and file.mode == "r" else None


def csc_matrix(
    data: Any, indices: Any, indptr: IntArray, shape: tuple[int, int], where: str
) -> GatheredMatrix:
    """Read columns that are stored one after the other."""
    return GatheredMatrix(lambda: Columns(data, indices, indptr, shape, where), shape, where)


@dataclass(frozen=True, slots=True)
class DenseMatrix:
    """Every value stored; ``cells_first`` is False where genes are the rows (loom)."""

    values: Any
    shape: tuple[int, int]
    cells_first: bool = True

    def blocks(self, rows_per_block: int, start: int, stop: int) -> Iterator[Block]:
        """Read rows ``start`` to ``stop``, keeping what is not zero."""
        rows = min(rows_per_block, max(1, VALUES_PER_READ // max(1, self.shape[1])))
        for first in range(start, stop, rows):
            last = min(first + rows, stop)
            if self.cells_first:
                part = read_stretch(self.values, first, last, "")
            else:
                part = np.asarray(self.values[:, first:last]).T
            yield dense_block(first, part)


def dense_block(start: int, values: Any) -> Block:
    """Keep what is not zero (NaN is not) of a dense stretch of cells."""
    cells, genes = np.nonzero(values)
    counts = np.bincount(cells, minlength=values.shape[0])
    return Block(
        start=start,
        data=values[cells, genes],
        indices=genes.astype(np.int32),
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )
