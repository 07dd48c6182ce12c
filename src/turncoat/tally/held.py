"""Cells held back in a pass, packed: those whose name hangs on cells that are yet to come.

They are kept in memory up to a size, and in a temporary file beyond it: a tumour atlas has more
epithelial cells than memory has room for.
"""

import tempfile
import weakref
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import scipy.sparse as sp

from turncoat.errors import OutputError
from turncoat.tables import BoolArray, FloatArray, IntArray
from turncoat.tally import kernels
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock

#: Reference cells are sifted when there are this many times as many as are wanted.
SIFT_AT: Final = 2
#: Bytes that are held in memory; more go to a file.
IN_MEMORY: Final = 2**26


class HeldCells:
    """Packed cells kept by number: candidates, and the first of a queue of reference cells.

    Parameters
    ----------
    order
        Place of every cell in the queue, shape ``(n_cells,)``.
    most_reference
        How many of the queue are wanted.
    in_memory
        Bytes after which cells go to a file.
    """

    def __init__(
        self, order: FloatArray, most_reference: int, *, in_memory: int = IN_MEMORY
    ) -> None:
        self._order, self._most_reference = order, most_reference
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=in_memory, prefix="turncoat-held-"
        )
        weakref.finalize(self, self._file.close)
        self._end = 0
        self._width: np.dtype[Any] = np.dtype(np.uint16)
        # Of each cell: number, where its values are, its line of the ledger, whether a candidate.
        self._numbers: list[IntArray] = []
        self._places: list[IntArray] = []
        self._lines: list[IntArray] = []
        self._waiting: list[BoolArray] = []
        self._queue: FloatArray = np.empty(0)
        self._last = np.inf

    @property
    def candidates(self) -> IntArray:
        """Numbers of the candidates that were held back, ascending."""
        own = [n[c] for n, c in zip(self._numbers, self._waiting, strict=True)]
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *own]))

    @property
    def n_reference(self) -> int:
        """How many cells of the queue are held."""
        return int(sum((~waiting).sum() for waiting in self._waiting))

    def hold(
        self, block: PackedBlock, before: int, candidate: BoolArray, other: BoolArray
    ) -> IntArray:
        """Keep what is wanted of a block; gives the candidates of it, which are held back.

        Parameters
        ----------
        block
            The cells.
        before
            Number, over all sources, of the first.
        candidate, other
            Which cells are what, shape ``(n_cells,)``.
        """
        place_in_queue = self._order[before : before + other.size]
        near = other & (place_in_queue < self._last)
        cells = np.flatnonzero(candidate | near)
        if cells.size:
            self._write(block, before, cells, candidate[cells])
            self._sift(place_in_queue[near])
        return np.flatnonzero(candidate)

    def _write(self, block: PackedBlock, before: int, cells: IntArray, waiting: BoolArray) -> None:
        lines = block.ledger[cells]
        self._width = block.genes.dtype
        sizes = (lines[:, units.END] - lines[:, units.BEGIN]) * (self._width.itemsize + 1)
        try:
            self._file.seek(self._end)
            for begin, end in lines[:, [units.BEGIN, units.END]].tolist():
                self._file.write(block.genes[begin:end].data)
                self._file.write(block.counts[begin:end].data)
        except OSError as error:
            raise OutputError(
                f"Epithelial cells that do not fit in memory cannot be put in "
                f"{Path(tempfile.gettempdir())}: {error}. Free space there, or set TMPDIR to a "
                "larger disk."
            ) from error
        self._numbers.append(before + cells)
        self._places.append(self._end + np.cumsum(sizes) - sizes)
        self._lines.append(lines)
        self._waiting.append(waiting)
        self._end += int(sizes.sum())

    def _sift(self, places: FloatArray) -> None:
        """Move up the end of the queue: what is behind it is not wanted any more."""
        self._queue = np.append(self._queue, places)
        if self._queue.size > SIFT_AT * self._most_reference:
            self._queue = np.sort(self._queue)[: self._most_reference]
            self._last = float(self._queue[-1])

    def block(self, numbers: IntArray) -> PackedBlock:
        """Put held cells together, in the order of ``numbers``."""
        known = np.concatenate([np.empty(0, dtype=np.int64), *self._numbers])
        order = np.argsort(known, kind="stable")
        at = order[np.searchsorted(known[order], numbers)] if numbers.size else order[:0]
        ledger = np.concatenate([np.empty((0, units.N_LEDGER), np.int64), *self._lines])[at]
        places = np.concatenate([np.empty(0, dtype=np.int64), *self._places])[at]
        sizes = ledger[:, units.END] - ledger[:, units.BEGIN]
        ledger[:, units.END] = np.cumsum(sizes)
        ledger[:, units.BEGIN] = ledger[:, units.END] - sizes
        genes = np.empty(int(sizes.sum()), dtype=self._width)
        counts = np.empty(genes.size, dtype=np.uint8)
        spans = ledger[:, [units.BEGIN, units.END]].tolist()
        for place, (begin, end) in zip(places.tolist(), spans, strict=True):
            self._file.seek(place)
            values = self._file.read((end - begin) * self._width.itemsize)
            genes[begin:end] = np.frombuffer(values, dtype=self._width)
            counts[begin:end] = np.frombuffer(self._file.read(end - begin), dtype=np.uint8)
        return PackedBlock(0, genes, counts, ledger)


def unpack_cells(block: PackedBlock, n_genes: int) -> sp.csr_matrix:
    """Give packed cells as counts, shape ``(n_cells, n_genes)``, without the dustbin.

    Parameters
    ----------
    block
        The cells.
    n_genes
        Genes; the number after the last is the dustbin.
    """
    # One more than there are values: where the last one is written and not kept.
    size = int(block.ledger[:, units.LENGTH].sum()) + 1
    data, indices = np.empty(size), np.empty(size, dtype=np.int32)
    indptr = np.zeros(block.n_cells + 1, dtype=np.int64)
    kernels.unpack_cells(block.genes, block.counts, block.ledger, n_genes, data, indices, indptr)
    end = int(indptr[-1])
    # SciPy wants both of one kind, and the smaller where it does.
    pointers = indptr.astype(np.int32) if end < 2**31 else indptr
    return sp.csr_matrix((data[:end], indices[:end], pointers), (block.n_cells, n_genes))
