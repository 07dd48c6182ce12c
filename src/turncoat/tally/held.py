"""Cells held back in a pass, packed: those whose name hangs on cells that are yet to come."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from turncoat.tables import BoolArray, FloatArray, IntArray
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock

#: Reference cells are sifted when there are this many times as many as are wanted.
SIFT_AT = 2


@dataclass(frozen=True, slots=True)
class HeldCell:
    """One packed cell: its values, then its large counts; its line of the ledger."""

    genes: IntArray
    counts: IntArray
    line: IntArray


@dataclass(slots=True)
class HeldCells:
    """Packed cells kept by number: candidates, and the first of a queue of reference cells.

    Parameters
    ----------
    order
        Place of every cell in the queue, shape ``(n_cells,)``.
    most_candidates, most_reference
        How many to keep. Beyond the first, :attr:`crowded` is set and none is kept.
    """

    order: FloatArray
    most_candidates: int
    most_reference: int
    candidates: dict[int, HeldCell] = field(default_factory=dict)
    reference: dict[int, HeldCell] = field(default_factory=dict)
    crowded: bool = False
    _last: float = np.inf

    def hold(
        self, block: PackedBlock, before: int, candidate: BoolArray, other: BoolArray
    ) -> IntArray:
        """Keep what is wanted of a block; gives the candidates of it that are held back.

        Parameters
        ----------
        block
            The cells.
        before
            Number, over all sources, of the first.
        candidate, other
            Which cells are what, shape ``(n_cells,)``.
        """
        for cell in np.flatnonzero(other & (self.order[before : before + other.size] < self._last)):
            self.reference[before + int(cell)] = _take(block, int(cell))
        if len(self.reference) > SIFT_AT * self.most_reference:
            self._sift()
        mine = np.flatnonzero(candidate)
        if self.crowded or len(self.candidates) + mine.size > self.most_candidates:
            self.crowded |= mine.size > 0
            return mine[:0]
        for cell in mine:
            self.candidates[before + int(cell)] = _take(block, int(cell))
        return mine

    def _sift(self) -> None:
        numbers = np.fromiter(self.reference, dtype=np.int64, count=len(self.reference))
        kept = numbers[np.argsort(self.order[numbers], kind="stable")[: self.most_reference]]
        self._last = float(self.order[kept[-1]])
        self.reference = {int(number): self.reference[int(number)] for number in kept}

    def block(self, numbers: IntArray) -> PackedBlock:
        """Put held cells together, in the order of ``numbers``."""
        cells = [self.candidates.get(k) or self.reference[k] for k in numbers.tolist()]
        ledger = np.array([cell.line for cell in cells]).reshape(-1, units.N_LEDGER)
        ends = np.cumsum([cell.genes.size for cell in cells], dtype=np.int64)
        ledger[:, units.END] = ends
        ledger[:, units.BEGIN] = ends - [cell.genes.size for cell in cells]
        genes = np.concatenate([cell.genes for cell in cells] or [np.empty(0, np.uint16)])
        counts = np.concatenate([cell.counts for cell in cells] or [np.empty(0, np.uint8)])
        return PackedBlock(0, genes, counts, ledger)


def _take(block: PackedBlock, cell: int) -> HeldCell:
    line = block.ledger[cell]
    span = slice(int(line[units.BEGIN]), int(line[units.END]))
    return HeldCell(block.genes[span].copy(), block.counts[span].copy(), line.copy())


def unpack_cells(block: PackedBlock, n_genes: int) -> sp.csr_matrix:
    """Give packed cells as counts, shape ``(n_cells, n_genes)``, without the dustbin.

    Parameters
    ----------
    block
        The cells.
    n_genes
        Genes; the number after the last is the dustbin.
    """
    lengths = block.ledger[:, units.LENGTH]
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    begins = np.repeat(block.ledger[:, units.BEGIN] - indptr[:-1], lengths)
    places = begins + np.arange(indptr[-1])
    genes, counts = block.genes[places].astype(np.int32), block.counts[places].astype(np.float64)
    for entry, tail in _large(block, counts, indptr):
        low, third, high = block.genes[tail], block.counts[tail], block.genes[tail + 1]
        counts[entry] = int(low) | int(third) << 16 | int(high) << 24
    kept = genes < n_genes
    cells = np.repeat(np.arange(block.n_cells), lengths)[kept]
    shape = (block.n_cells, n_genes)
    unpacked: sp.csr_matrix = sp.coo_matrix(
        (counts[kept], (cells.astype(np.int32), genes[kept])), shape
    ).tocsr()
    return unpacked


def _large(block: PackedBlock, counts: FloatArray, indptr: IntArray) -> Iterator[tuple[int, int]]:
    """Give every count that did not fit, and where its value is."""
    entries = np.flatnonzero(counts == units.ESCAPE)
    cell = np.searchsorted(indptr, entries, side="right") - 1
    nth = np.arange(entries.size) - np.searchsorted(cell, cell)
    tails = block.ledger[cell, units.BEGIN] + block.ledger[cell, units.LENGTH] + 2 * nth
    yield from zip(entries.tolist(), tails.tolist(), strict=True)
