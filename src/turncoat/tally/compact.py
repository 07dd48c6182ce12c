"""All cells in memory at three bytes a value, for later passes that need no disk."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from turncoat.errors import ArgumentError
from turncoat.study import TallyPlan
from turncoat.tables import FloatArray, IntArray
from turncoat.tally import kernels
from turncoat.tally.engine import count_plan
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock
from turncoat.tally.scan import Accumulator, Stage, default_threads


@dataclass(slots=True)
class CompactCells:
    """Packed cells of one source.

    Parameters
    ----------
    n_genes
        Genes of the tally.
    target_sum
        Counts per cell after normalisation.
    blocks
        The cells, in order.
    """

    n_genes: int
    target_sum: float
    blocks: list[PackedBlock] = field(default_factory=list)

    def stages(self, block: PackedBlock) -> Iterator[Stage]:
        """Keep a copy of a block without the room to spare between its parts."""
        yield [lambda: self.blocks.append(_trimmed(block))]

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return sum(block.n_cells for block in self.blocks)

    @property
    def n_values(self) -> int:
        """Number of stored values."""
        return sum(int(block.ledger[:, units.LENGTH].sum()) for block in self.blocks)

    @property
    def n_bytes(self) -> int:
        """Memory that the cells take."""
        return sum(b.genes.nbytes + b.counts.nbytes + b.ledger.nbytes for b in self.blocks)

    def group_means(
        self,
        groups: IntArray,
        n_groups: int,
        *,
        threads: int | None = None,
        stop: int | None = None,
    ) -> FloatArray:
        """Average log-normalised values per group and gene, from memory.

        Parameters
        ----------
        groups
            Group of each cell; below 0: none. Shape ``(n_cells,)``.
        n_groups
            Number of groups.
        threads
            Threads that add; the cores at hand by default.
        stop
            Cells to take; all by default.

        Returns
        -------
        ndarray
            Shape ``(n_groups, n_genes)``; NaN for a group without cells.

        Raises
        ------
        ArgumentError
            When there is not one group per cell.
        """
        last = self.n_cells if stop is None else stop
        if groups.size != last:
            raise ArgumentError(f"'groups' should have {last} entries; it has {groups.size}.")
        n_threads = default_threads() if threads is None else threads
        chosen = np.asarray(groups, dtype=np.int64)
        # Always as many parts: what is summed first does not depend on the threads.
        sums = np.zeros((N_PARTS, n_groups, self.n_genes + 1))

        def add(part: int) -> None:
            for block in self.blocks[part::N_PARTS]:
                own = chosen[block.start : block.start + block.n_cells]
                kernels.sum_logs(
                    block.genes, block.counts, block.ledger[: own.size], own, self.target_sum,
                    sums[part], np.zeros(units.TABLE_SIZE),
                )  # fmt: skip

        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(add, range(N_PARTS)))
        n_cells = np.bincount(chosen[chosen >= 0], minlength=n_groups)[:, np.newaxis]
        with np.errstate(invalid="ignore"):
            means: FloatArray = sums.sum(axis=0)[:, :-1] / n_cells
        return means


#: Parts that a pass over compact cells is summed in.
N_PARTS = 4


def _trimmed(block: PackedBlock) -> PackedBlock:
    ledger = block.ledger.copy()
    begins, ends = ledger[:, units.BEGIN], ledger[:, units.END]
    # Cells that one job packed lie without gaps; between jobs there is room to spare.
    breaks = np.flatnonzero(begins[1:] != ends[:-1]) + 1
    firsts, lasts = np.append(0, breaks), np.append(breaks, ledger.shape[0])
    spans = [(int(begins[a]), int(ends[b - 1])) for a, b in zip(firsts, lasts, strict=True)]
    genes = np.concatenate([block.genes[a:b] for a, b in spans])
    counts = np.concatenate([block.counts[a:b] for a, b in spans])
    place = 0
    for (begin, end), first, last in zip(spans, firsts, lasts, strict=True):
        ledger[first:last, [units.BEGIN, units.END]] += place - begin
        place += end - begin
    return PackedBlock(block.start, genes, counts, ledger)


def compact_cells(plan: TallyPlan, *, threads: int | None = None) -> CompactCells:
    """Read the cells of a plan of one source into memory, three bytes a value.

    Parameters
    ----------
    plan
        Names the source and its genes.
    threads
        Threads that read; the cores at hand by default.

    Returns
    -------
    CompactCells
        The cells.

    Raises
    ------
    ArgumentError
        When the plan has several sources.
    """
    if len(plan.sources) != 1:
        raise ArgumentError(f"Compact cells are of one source; the plan has {len(plan.sources)}.")
    cells = CompactCells(plan.genes.shape[0], float(plan.meta["target_sum"]))

    def also(source: int) -> list[Accumulator]:
        del source
        return [cells]

    count_plan(plan, threads=threads, also=also)
    return cells
