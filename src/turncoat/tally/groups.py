"""Group sums, detections, logs and quality of cells: the accumulator behind the tally."""

from collections.abc import Iterator

import numpy as np

from turncoat.study import CellSource
from turncoat.study.genes import are_genes
from turncoat.study.sources.annotation import features_of
from turncoat.tables import IntArray
from turncoat.tally import kernels
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock
from turncoat.tally.partial import PartialTally, Piece
from turncoat.tally.scan import Job, Stage

#: Prefixes of genes encoded in the mitochondrion, in capitals.
MITO_PREFIXES = ("MT-", "MT.")

#: Cells of one row added at a time when their counts are so large that a packed sum could overflow.
CELLS_PER_ROUND = 500


def describe_columns(source: CellSource, gene_codes: IntArray, genes: list[str]) -> IntArray:
    """Give each column of a file its gene and what is known of it, as bits.

    Columns that are no genes (antibodies, guides) are not part of the library size; genes that
    the tally leaves out are, so that a cell's normalisation does not hang on the genes kept.
    """
    features = features_of(source)
    kept = gene_codes >= 0
    columns = np.where(kept, gene_codes, len(genes)).astype(np.int32)
    counted = are_genes(features.kinds) | kept
    columns[counted] |= units.IN_LIBRARY
    mito_genes = np.array([*(_is_mitochondrial(gene) for gene in genes), False], dtype=bool)
    stored = [_is_mitochondrial(str(name)) for name in features.names.tolist()]
    mito = np.array(stored, dtype=bool) | mito_genes[gene_codes]
    columns[mito & counted] |= units.MITOCHONDRIAL
    uses = np.bincount(gene_codes[kept], minlength=1)
    columns[kept] |= np.where(uses[gene_codes[kept]] > 1, units.SHARED_GENE, 0).astype(np.int32)
    return columns


def _is_mitochondrial(name: str) -> bool:
    return name[:3].upper() in MITO_PREFIXES


class GroupSums:
    """Adds the packed cells of a piece of one source to a partial tally."""

    def __init__(
        self,
        row_codes: IntArray,
        piece: Piece,
        partial: PartialTally,
        *,
        target_sum: float,
        n_jobs: int,
    ) -> None:
        self._rows, self._piece, self._partial = row_codes, piece, partial
        self._target_sum, self._n_jobs = target_sum, n_jobs

    def stages(self, block: PackedBlock) -> Iterator[Stage]:
        """Add the cells, and keep what was measured of each."""
        stop = block.start + block.n_cells
        yield from self.adding(block, self._rows[block.start : stop])
        at = block.start - self._piece.first
        measures = (units.LIBRARY, units.DETECTED, units.MITO)
        self._piece.measures[at : at + block.n_cells] = block.ledger[:, measures]

    def adding(self, block: PackedBlock, rows: IntArray) -> Iterator[Stage]:
        """Add cells, a row's all at once: what is fetched of its sums serves many cells."""
        order = np.argsort(rows, kind="stable")
        order = order[np.searchsorted(rows[order], 0) :]
        for some in self._rounds(block, rows, order):
            yield self._add(block, rows[some], some)
        self._partial.n_cells += np.bincount(rows[rows >= 0], minlength=self._partial.n_cells.size)

    def _rounds(self, block: PackedBlock, rows: IntArray, order: IntArray) -> Iterator[IntArray]:
        """Split cells, sorted by row, so that the rows of a round have room and cannot overflow."""
        if not order.size:
            return
        own = rows[order]
        begins = np.flatnonzero(np.diff(own, prepend=-1))
        ends = np.append(begins[1:], order.size)
        heavy = _largest_sums(block, order, begins) > units.COUNT_MASK
        n_slots = self._partial.sums.n_slots
        light = np.flatnonzero(~heavy)
        for some in np.split(light, np.arange(n_slots, light.size, n_slots)):
            if some.size:
                parts = [order[begins[k] : ends[k]] for k in some.tolist()]
                yield np.concatenate(parts)
        for k in np.flatnonzero(heavy).tolist():
            cells = order[begins[k] : ends[k]]
            yield from np.split(cells, np.arange(CELLS_PER_ROUND, cells.size, CELLS_PER_ROUND))

    def _add(self, block: PackedBlock, rows: IntArray, cells: IntArray) -> Stage:
        """Share cells, sorted by row, out to jobs: each row belongs to one of them."""
        begins = np.flatnonzero(np.diff(rows, prepend=-1))
        sizes = np.diff(begins, append=rows.size)
        largest = _largest_sums(block, cells, begins)
        slots = np.repeat(self._partial.sums.slots(rows[begins], largest, sizes), sizes)
        work = np.cumsum(block.ledger[cells, units.LENGTH] + 16)
        aims = work[-1] * np.arange(1, self._n_jobs) / self._n_jobs
        cuts = begins[np.searchsorted(begins, np.searchsorted(work, aims), side="right") - 1]
        shares = zip(np.split(cells, cuts), np.split(slots, cuts), strict=True)
        return [self._sum(block, share, own) for share, own in shares if share.size]

    def _sum(self, block: PackedBlock, cells: IntArray, slots: IntArray) -> Job:
        dense = self._partial.sums.dense
        flat = dense.reshape(dense.shape[0], -1)

        def add() -> None:
            kernels.add_cells(
                block.genes, block.counts, block.ledger, cells, slots, self._target_sum, flat,
                np.zeros((2, units.TABLE_SIZE), dtype=np.int64),
            )  # fmt: skip

        return add


def _largest_sums(block: PackedBlock, order: IntArray, begins: IntArray) -> IntArray:
    """Bound the counts of any one gene that the cells of each row bring."""
    library = np.minimum(block.ledger[order, units.LIBRARY], units.LARGEST_COUNT)
    largest: IntArray = np.add.reduceat(library, begins)
    return largest
