"""Group sums, detections, logs and quality of cells: the accumulator behind the tally."""

import threading

import numpy as np

from turncoat.errors import CountsError, FileFormatError
from turncoat.study import Block, CellSource, TallyPlan
from turncoat.study.counts import advice, describe_wrong
from turncoat.study.genes import GENE_KINDS
from turncoat.tables import FloatArray, IntArray
from turncoat.tally import kernels
from turncoat.tally.kernels import IN_LIBRARY, MITOCHONDRIAL, SHARED_GENE
from turncoat.tally.partial import PartialTally
from turncoat.tally.scan import Job

#: Prefixes of genes encoded in the mitochondrion, in capitals.
MITO_PREFIXES = ("MT-", "MT.")


def column_kinds(source: CellSource, gene_codes: IntArray, genes: "list[str]") -> IntArray:
    """Describe each column of a file as bits: counted, mitochondrial, sharing its gene.

    Columns that are no genes (antibodies, guides) are not part of the library size; genes that
    the tally leaves out are, so that a cell's normalisation does not hang on the genes kept.
    """
    kinds = np.zeros(gene_codes.size, dtype=np.int64)
    counted = source.var["kind"].isin(GENE_KINDS).to_numpy() | (gene_codes >= 0)
    kinds[counted] |= IN_LIBRARY
    names = [genes[code] if code >= 0 else "" for code in gene_codes.tolist()]
    own = [str(name) for name in source.genes]
    mito = [
        name.upper().startswith(MITO_PREFIXES) or other.upper().startswith(MITO_PREFIXES)
        for name, other in zip(names, own, strict=True)
    ]
    kinds[np.array(mito, dtype=bool) & counted] |= MITOCHONDRIAL
    kept = gene_codes >= 0
    uses = np.bincount(gene_codes[kept], minlength=1)
    kinds[kept] |= np.where(uses[gene_codes[kept]] > 1, SHARED_GENE, 0)
    return kinds


def kernel_arrays(block: Block) -> tuple[FloatArray, IntArray, IntArray]:
    """Give a block the few types that kernels are compiled for, without losing a digit."""
    data = block.data
    if data.dtype.kind not in "fiub":
        raise CountsError(f"The matrix holds {data.dtype}, expected numbers: give raw counts.")
    if data.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        exact = data.dtype.itemsize <= 2
        data = data.astype(np.float32 if exact else np.float64)
    indices = block.indices
    if indices.dtype != np.dtype(np.int32):
        # An index beyond 2**31 must not wrap round into the matrix.
        indices = np.clip(indices, -1, 2**31 - 1).astype(np.int32)
    return data, indices, np.ascontiguousarray(block.indptr, dtype=np.int64)


class GroupSums:
    """Adds the cells of one source of a plan to a partial tally."""

    def __init__(
        self, plan: TallyPlan, number: int, partial: PartialTally, *, target_sum: float, n_jobs: int
    ) -> None:
        self._source = plan.sources[number]
        self._rows = plan.row_codes[number]
        self._columns = np.ascontiguousarray(plan.gene_codes[number], dtype=np.int64)
        self._kinds = column_kinds(self._source, self._columns, [str(g) for g in plan.genes.index])
        self._partial = partial
        self._measures = partial.measures[number]
        self._target_sum = target_sum
        self._n_jobs = n_jobs
        # Scratch and squares belong to one job at a time; the lock guards the last addition.
        n_genes = partial.squares.size
        self._squares = np.zeros((n_jobs, n_genes), np.int64)
        self._scratch = np.zeros((n_jobs, n_genes + self._columns.size), np.int64)
        self._adding = threading.Lock()

    def jobs(self, block: Block) -> list[Job]:
        """Share the cells of a block out to jobs, each row of the tally to one of them."""
        rows = self._rows[block.start : block.start + block.n_cells]
        order = np.argsort(rows, kind="stable")
        order = order[np.searchsorted(rows[order], 0) :]
        counts = np.bincount(rows[order], minlength=1)
        self._partial.n_cells[: counts.size] += counts
        present = np.flatnonzero(counts)
        arrays = kernel_arrays(block)
        if present.size > self._partial.sums.n_slots:
            return [lambda: self._in_rounds(block, arrays, rows, order, present)]
        slots = self._slots(rows, present)
        return [
            self._job(block, arrays, part, slots, number)
            for number, part in enumerate(self._shares(arrays[2], order, rows))
        ]

    def _slots(self, rows: IntArray, present: IntArray) -> IntArray:
        place_of = np.full(int(present[-1]) + 1 if present.size else 1, -1, dtype=np.int64)
        place_of[present] = self._partial.sums.slots(present)
        known = (rows >= 0) & (rows < place_of.size)
        return np.where(known, place_of[np.where(known, rows, 0)], -1)

    def _shares(self, indptr: IntArray, order: IntArray, rows: IntArray) -> list[IntArray]:
        """Cut the cells, sorted by row, into shares of like size at borders between rows."""
        if not order.size:
            return []
        sorted_rows = rows[order]
        # A cell costs something even when it is empty.
        work = np.cumsum(np.diff(indptr)[order] + 16)
        aims = work[-1] * np.arange(1, self._n_jobs) / self._n_jobs
        cuts = np.searchsorted(sorted_rows, sorted_rows[np.searchsorted(work, aims)])
        return [share for share in np.split(order, np.unique(cuts)) if share.size]

    def _job(
        self,
        block: Block,
        arrays: tuple[FloatArray, IntArray, IntArray],
        cells: IntArray,
        slots: IntArray,
        number: int,
    ) -> Job:
        def count() -> None:
            measures = self._measures[block.start : block.start + block.n_cells]
            problem, cell, place = kernels.tally_cells(
                *arrays, cells, slots, self._columns, self._kinds, self._target_sum,
                self._partial.sums.dense, self._squares[number], measures, self._scratch[number],
            )  # fmt: skip
            if problem:
                raise self._complaint(problem, block, int(cell), int(place))

        return count

    def _in_rounds(
        self,
        block: Block,
        arrays: tuple[FloatArray, IntArray, IntArray],
        rows: IntArray,
        order: IntArray,
        present: IntArray,
    ) -> None:
        """Count a block that has more rows than there is room for, a few rows at a time."""
        size = self._partial.sums.n_slots
        for first in range(0, present.size, size):
            some = present[first : first + size]
            cells = order[np.isin(rows[order], some)]
            self._job(block, arrays, cells, self._slots(rows, some), 0)()

    def finish(self) -> None:
        """Add what each job kept to itself."""
        with self._adding:
            self._partial.squares += self._squares.sum(axis=0)
            self._squares[:] = 0

    def _complaint(
        self, problem: int, block: Block, cell: int, place: int
    ) -> CountsError | FileFormatError:
        if problem == kernels.OUT_OF_RANGE:
            return FileFormatError(
                f"{self._source.name}: cell {block.start + cell} has a value for gene number "
                f"{int(block.indices[place])}, but there are {self._columns.size} genes. "
                "The file is damaged or its shape is wrong: make it again."
            )
        return CountsError(describe_wrong(self._source, block, place) + advice(self._source))
