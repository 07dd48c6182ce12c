"""Matrices on disk or in memory, read in blocks of rows whatever way they are stored."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from turncoat.errors import FileFormatError
from turncoat.study.sources.gather import GatheredRows, Triple
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
    triples
        Starts one pass over all values: cell numbers, gene numbers, values.
    shape
        Number of cells and genes.
    where
        What messages call the matrix.
    """

    def __init__(
        self, triples: Callable[[], Iterator[Triple]], shape: tuple[int, int], where: str
    ) -> None:
        self.triples = triples
        self.shape = shape
        self.where = where
        self._lock = threading.Lock()
        self._rows: GatheredRows | None = None

    def blocks(self, rows_per_block: int, start: int, stop: int) -> Iterator[Block]:
        """Gather all rows, once, then read rows ``start`` to ``stop`` in order."""
        with self._lock:
            if self._rows is None:
                logger.info("%s is not stored row by row: putting it in that order", self.where)
                self._rows = GatheredRows(self.triples, self.shape[0])
        yield from self._rows.blocks(rows_per_block, start, stop)


def lines_of(indptr: IntArray, begin: int, end: int) -> IntArray:
    """Tell in which line (row or column) each of the stored values ``begin`` to ``end`` is."""
    first = int(np.searchsorted(indptr, begin, side="right")) - 1
    last = int(np.searchsorted(indptr, end, side="left"))
    bounds = np.clip(indptr[first : last + 1], begin, end)
    sizes: IntArray = bounds[1:] - bounds[:-1]
    return np.repeat(np.arange(first, last, dtype=np.int32), sizes)


def csc_matrix(
    data: Any, indices: Any, indptr: IntArray, shape: tuple[int, int], where: str
) -> GatheredMatrix:
    """Read columns that are stored one after the other, a stretch of values at a time."""

    def triples() -> Iterator[Triple]:
        for begin in range(0, int(indptr[-1]), VALUES_PER_READ):
            end = min(begin + VALUES_PER_READ, int(indptr[-1]))
            cells = read_stretch(indices, begin, end, where)
            check_range(cells, shape[0], where)
            genes = lines_of(indptr, begin, end)
            yield cells, genes, read_stretch(data, begin, end, where)

    return GatheredMatrix(triples, shape, where)


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
