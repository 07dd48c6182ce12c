"""Calling cells block by block, alone or in the same pass as the tally."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.kernels import pick_columns
from turncoat.cells.model import Annotator
from turncoat.cells.result import UNASSIGNED
from turncoat.errors import DroppedDataWarning, warn
from turncoat.study import Block, CellSource, TallyPlan
from turncoat.tables import FloatArray, IntArray

#: Rows read at a time: some MiB.
ROWS_PER_BLOCK = 4096
#: Stretches of consecutive cells that a sample of a large file is drawn from.
N_STRETCHES = 64


def draw_cells(plan: TallyPlan, *, n_cells: int) -> sp.csr_matrix:
    """Read cells to learn from: all, or evenly spaced stretches of a large study.

    Parameters
    ----------
    plan
        The cells and their genes.
    n_cells
        How many to draw at most, over all files in proportion to their size.

    Returns
    -------
    csr_matrix
        Counts, shape ``(n_drawn, n_genes of the plan)``.
    """
    total = sum(source.n_cells for source in plan.sources)
    parts = []
    for source, codes in zip(plan.sources, plan.gene_codes, strict=True):
        want = source.n_cells if total <= n_cells else int(n_cells * source.n_cells / total)
        for start, stop in _stretches(source.n_cells, want):
            for block in source.blocks(ROWS_PER_BLOCK, start=start, stop=stop):
                parts.append(to_plan_genes(block, codes, len(plan.genes)))  # noqa: PERF401
    drawn: sp.csr_matrix = sp.vstack(parts, format="csr")
    return drawn


def _stretches(n_rows: int, want: int) -> list[tuple[int, int]]:
    if want >= n_rows:
        return [(0, n_rows)]
    n_parts = min(N_STRETCHES, max(want, 1))
    length = max(want // n_parts, 1)
    starts = np.linspace(0, n_rows - length, n_parts).astype(int)
    return [(int(start), int(start) + length) for start in starts]


def to_plan_genes(block: Block, codes: IntArray, n_genes: int) -> sp.csr_matrix:
    """Give a block the plan's genes as columns; columns of one gene are added up."""
    column = codes[block.indices]
    kept = column >= 0
    row = np.repeat(np.arange(block.n_cells), np.diff(block.indptr))
    counts = sp.coo_matrix(
        (block.data[kept].astype(np.float64), (row[kept], column[kept])),
        shape=(block.n_cells, n_genes),
    )
    return counts.tocsr()


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of the cells of one source, as codes into names.

    Parameters
    ----------
    names
        Populations, then ``unassigned``.
    population, guess
        Shape ``(n_cells,)``, codes into ``names``.
    lineage
        Codes into ``lineages``.
    """

    names: tuple[str, ...]
    lineages: tuple[str, ...]
    states: tuple[str, ...]
    population: IntArray
    guess: IntArray
    lineage: IntArray
    state: IntArray
    confidence: FloatArray
    lineage_confidence: FloatArray
    depth: FloatArray


class Caller:
    """Calls the cells of one source; also an accumulator of the tally's pass."""

    def __init__(
        self, annotator: Annotator, source: CellSource, codes: IntArray, genes: pd.Index
    ) -> None:
        self._annotator = annotator
        self._reader = annotator.prepare(genes)
        slots = self._reader.slots
        self._slots = np.where(codes >= 0, slots[np.maximum(codes, 0)], -1)
        self._state_slots = [self._find(model.genes, codes, genes) for model in annotator.states]
        coarse = ("T", "Myeloid", UNASSIGNED)
        names = dict.fromkeys([*annotator.populations, *coarse])
        n = source.n_cells
        states = [name for model in annotator.states for name in model.names]
        self.calls = Calls(
            names=tuple(names),
            lineages=(*dict.fromkeys(annotator.lineages), UNASSIGNED),
            states=("", *states),
            population=np.zeros(n, dtype=np.int32),
            guess=np.zeros(n, dtype=np.int32),
            lineage=np.zeros(n, dtype=np.int32),
            state=np.zeros(n, dtype=np.int32),
            confidence=np.zeros(n, dtype=np.float32),
            lineage_confidence=np.zeros(n, dtype=np.float32),
            depth=np.zeros(n),
        )

    @staticmethod
    def _find(wanted: Sequence[str], codes: IntArray, genes: pd.Index) -> IntArray:
        of_gene = np.full(len(genes), -1, dtype=np.int64)
        at = genes.get_indexer(pd.Index(list(wanted)))
        of_gene[at[at >= 0]] = np.flatnonzero(at >= 0)
        return np.where(codes >= 0, of_gene[np.maximum(codes, 0)], -1)

    def take(self, block: Block) -> None:
        """Call the cells of a block."""
        data = block.data.astype(np.float64, copy=False)
        arrays = (data, block.indices, block.indptr)
        raw = self._reader
        probabilities, depth = raw.probabilities_with(self._slots, *arrays)
        called = raw.call(probabilities, depth)
        rows = slice(block.start, block.start + block.n_cells)
        calls = self.calls
        calls.population[rows] = pd.Index(calls.names).get_indexer(pd.Index(called["population"]))
        calls.guess[rows] = pd.Index(calls.names).get_indexer(pd.Index(called["guess"]))
        calls.lineage[rows] = pd.Index(calls.lineages).get_indexer(pd.Index(called["lineage"]))
        calls.confidence[rows] = called["confidence"]
        calls.lineage_confidence[rows] = called["lineage_confidence"]
        calls.depth[rows] = depth
        for model, slots in zip(self._annotator.states, self._state_slots, strict=True):
            mine = np.flatnonzero(called["population"] == model.population)
            if mine.size:
                picked = np.zeros((block.n_cells, len(model.genes)))
                pick_columns(*arrays, slots, picked)
                found, _ = model.call(picked[mine], np.maximum(depth[mine], 1))
                calls.state[block.start + mine] = pd.Index(calls.states).get_indexer(
                    pd.Index(found)
                )

    def jobs(self, block: Block) -> list[object]:
        """Call the block now, before the tally counts it; no job is left."""
        self.take(block)
        return []


def call_cells(plan: TallyPlan, annotator: Annotator) -> list[Calls]:
    """Call every cell of a plan in one pass over its files, in bounded memory."""
    found = []
    for source, codes in zip(plan.sources, plan.gene_codes, strict=True):
        caller = Caller(annotator, source, codes, plan.genes.index)
        for block in source.blocks(ROWS_PER_BLOCK):
            caller.take(block)
        found.append(caller.calls)
    return found


def say_untold(untold: Sequence[str], n_genes: int) -> None:
    """Warn of populations that a panel cannot tell."""
    if untold:
        warn(
            f"These {n_genes:,} genes measure too few markers of {', '.join(untold)}: no cell is "
            "called so, and cells that are may be left unassigned.",
            DroppedDataWarning,
        )
