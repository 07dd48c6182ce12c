"""Calling cells block by block, alone or in the same pass as the tally."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.kernels import linear_scores, pick_columns
from turncoat.cells.model import TARGET_SUM, Annotator
from turncoat.errors import DroppedDataWarning, warn
from turncoat.study import Block, TallyPlan
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
    """Names the cells of one source, from their scores on the model and counts of its markers.

    Parameters
    ----------
    annotator
        The model.
    n_cells
        Cells of the source.
    genes
        Genes of the plan.
    """

    def __init__(self, annotator: Annotator, n_cells: int, genes: pd.Index) -> None:
        self._annotator = annotator
        self.reader = annotator.prepare(genes)
        markers = list(dict.fromkeys(g for model in annotator.states for g in model.genes))
        self.n_markers = len(markers)
        at = {gene: column for column, gene in enumerate(markers)}
        self._columns = [np.array([at[g] for g in model.genes]) for model in annotator.states]
        #: Per gene of the plan: its line of the weights, its column among the markers; -1: none.
        self.slots: IntArray = np.full((len(genes) + 1, 2), -1, dtype=np.int32)
        self.slots[:-1, 0] = self.reader.slots
        found = genes.get_indexer(pd.Index(markers)) if markers else np.empty(0, dtype=np.int64)
        self.slots[found[found >= 0], 1] = np.flatnonzero(found >= 0)
        self._capped = self._note_capped()
        #: Per gene: whether it has either, as bytes.
        self.used: IntArray = np.asarray((self.slots >= 0).any(axis=1), dtype=np.uint8)
        self.calls = Calls(
            names=self.reader.names,
            lineages=self.reader.lineages,
            states=("", *(name for model in annotator.states for name in model.names)),
            population=np.zeros(n_cells, dtype=np.int16),
            guess=np.zeros(n_cells, dtype=np.int16),
            lineage=np.zeros(n_cells, dtype=np.int16),
            state=np.zeros(n_cells, dtype=np.int16),
            confidence=np.zeros(n_cells, dtype=np.float32),
            lineage_confidence=np.zeros(n_cells, dtype=np.float32),
            depth=np.zeros(n_cells),
        )

    def _note_capped(self) -> IntArray:
        """Have the counts of genes with a ceiling picked too; give their columns."""
        capped = self.reader.capped
        if capped is None:
            return np.empty(0, dtype=np.int64)
        gene_of = np.full(self.reader.n_measured, -1, dtype=np.int64)
        measured = np.flatnonzero(self.reader.slots >= 0)
        gene_of[self.reader.slots[measured]] = measured
        genes = gene_of[capped.features]
        new = genes[self.slots[genes, 1] < 0]
        self.slots[new, 1] = self.n_markers + np.arange(new.size)
        self.n_markers += new.size
        columns: IntArray = self.slots[genes, 1].astype(np.int64)
        return columns

    def name(self, start: int, scores: FloatArray, picked: FloatArray, depth: FloatArray) -> None:
        """Name consecutive cells.

        Parameters
        ----------
        start
            Number of the first.
        scores
            Linear scores of the classes, shape ``(n_cells, n_classes)``.
        picked
            Counts of the markers, shape ``(n_cells, n_markers)``.
        depth
            Counts of each cell over all genes.
        """
        if self.reader.capped is not None:
            self.reader.capped.take_off(scores, picked[:, self._capped], depth)
        called = self.reader.codes(self.reader.soften(scores), depth)
        rows = slice(start, start + depth.size)
        calls = self.calls
        calls.population[rows], calls.guess[rows] = called.population, called.guess
        calls.lineage[rows] = called.lineage
        calls.confidence[rows] = called.confidence
        calls.lineage_confidence[rows] = called.lineage_confidence
        calls.depth[rows] = depth
        for model, columns in zip(self._annotator.states, self._columns, strict=True):
            mine = np.flatnonzero(called.population == calls.names.index(model.population))
            if mine.size:
                found, _ = model.call(picked[np.ix_(mine, columns)], np.maximum(depth[mine], 1))
                calls.state[start + mine] = pd.Index(calls.states).get_indexer(pd.Index(found))

    def take(self, block: Block, codes: IntArray) -> None:
        """Name the cells of a block whose columns are the genes ``codes`` of the plan."""
        arrays = (block.data.astype(np.float64, copy=False), block.indices, block.indptr)
        feature, marker = (np.where(codes >= 0, own[codes], -1) for own in self.slots.T)
        scores = np.empty((block.n_cells, self.reader.offset.size))
        depth, picked = np.empty(block.n_cells), np.empty((block.n_cells, self.n_markers))
        raw = self.reader
        linear_scores(*arrays, feature, raw.weights, raw.offset, TARGET_SUM, scores, depth)
        pick_columns(*arrays, marker, picked)
        self.name(block.start, scores, picked, depth)


def call_cells(plan: TallyPlan, annotator: Annotator) -> list[Calls]:
    """Name every cell of a plan in one pass over its files, in bounded memory."""
    found = []
    for source, codes in zip(plan.sources, plan.gene_codes, strict=True):
        caller = Caller(annotator, source.n_cells, plan.genes.index)
        for block in source.blocks(ROWS_PER_BLOCK):
            caller.take(block, codes)
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
