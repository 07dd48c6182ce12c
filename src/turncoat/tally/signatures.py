"""Scores of gene sets for every cell, worked out in the pass that makes the tally.

The score is the t-statistic of the slope when a cell's log-normalised values over all genes are
regressed on a set's weights: the univariate linear model (ULM) of decoupler. It needs no dense
matrix: four sums per cell give it in closed form.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from turncoat.errors import ArgumentError, MissingKeyError, did_you_mean
from turncoat.study import TallyPlan
from turncoat.tables import FloatArray, IntArray
from turncoat.tally import kernels
from turncoat.tally.budget import Budget
from turncoat.tally.engine import count_plan
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock
from turncoat.tally.progress import Report
from turncoat.tally.scan import Accumulator, Job, Stage, default_threads

if TYPE_CHECKING:
    import anndata as ad


class Signatures:
    """Gene sets with weights, by gene, ready for the kernel.

    Parameters
    ----------
    plan
        Names the genes.
    sets
        Weight of each gene, by set.
    """

    def __init__(self, plan: TallyPlan, sets: Mapping[str, Mapping[str, float]]) -> None:
        self.names = list(sets)
        self.n_genes = plan.genes.shape[0]
        place = {str(gene): number for number, gene in enumerate(plan.genes.index)}
        triples = []
        for number, (name, members) in enumerate(sets.items()):
            known = [(place[g], number, float(w)) for g, w in members.items() if g in place and w]
            if not known:
                first = next(iter(members), "")
                raise MissingKeyError(
                    f"No gene of the set '{name}' is among the {self.n_genes} genes of the cells. "
                    f"{did_you_mean(first, list(place)[:1000])}"
                )
            triples += known
        triples.sort()
        genes = np.array([gene for gene, _, _ in triples], dtype=np.int64)
        self.sets: IntArray = np.array([number for _, number, _ in triples], dtype=np.int64)
        self.weights: FloatArray = np.array([weight for _, _, weight in triples])
        self.pointers: IntArray = np.searchsorted(genes, np.arange(self.n_genes + 2))
        self.used: IntArray = (np.diff(self.pointers) > 0).astype(np.uint8)
        self.used[-1] = 1
        self.sums: FloatArray = _sums(self.sets, self.weights, len(sets))
        self.squares: FloatArray = _sums(self.sets, self.weights**2, len(sets))


def _sums(sets: IntArray, values: FloatArray, n_sets: int) -> FloatArray:
    return np.bincount(sets, values, n_sets).astype(np.float64)


class SignatureScores:
    """Scores the packed cells of one source."""

    def __init__(
        self, signatures: Signatures, n_cells: int, *, target_sum: float, n_jobs: int
    ) -> None:
        self._signatures, self._target_sum, self._n_jobs = signatures, target_sum, n_jobs
        shape = (n_cells, len(signatures.names))
        self.scores: FloatArray = np.full(shape, np.nan, dtype=np.float32)

    def stages(self, block: PackedBlock) -> Iterator[Stage]:
        """Score the cells of a block, shared out among jobs."""
        edges = np.linspace(0, block.n_cells, self._n_jobs + 1).astype(int).tolist()
        pairs = itertools.pairwise(edges)
        yield [self._job(block, first, last) for first, last in pairs if last > first]

    def _job(self, block: PackedBlock, first: int, last: int) -> Job:
        known = self._signatures

        def score() -> None:
            projected = np.zeros((last - first, 2 + len(known.names)))
            kernels.project_cells(
                block.genes, block.counts, block.ledger[first:last], self._target_sum,
                known.pointers, known.sets, known.weights, projected, known.used,
                np.zeros((2, units.TABLE_SIZE + 1), dtype=np.int64),
                np.zeros(kernels.STRETCH + 1, dtype=np.int64),
            )  # fmt: skip
            own = self.scores[block.start + first : block.start + last]
            kernels.relate_cells(projected, known.n_genes, known.sums, known.squares, own)

        return score


def tally_and_score(
    plan: TallyPlan,
    sets: Mapping[str, Mapping[str, float]],
    *,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
) -> "tuple[ad.AnnData, tuple[FloatArray, ...]]":
    """Count every cell of a plan and score gene sets in the same pass.

    Parameters
    ----------
    plan
        What goes where.
    sets
        Weight of each gene, by set; genes that the cells lack are passed over.
    threads, memory_limit, progress
        As in :func:`turncoat.tally.tally_plan`.

    Returns
    -------
    tuple
        The tally; and per source the t-statistic of each cell and set, shape
        ``(n_cells, n_sets)``, NaN for cells without counts.

    Raises
    ------
    ArgumentError
        Without sets.
    MissingKeyError
        When no gene of a set is known.

    References
    ----------
    Badia-i-Mompel et al. (2022), *Bioinformatics Advances* 2:vbac016 (decoupler).
    """
    from turncoat.tally.build import build_tally

    if not sets:
        raise ArgumentError("'sets' is empty: give at least one set of genes.")
    signatures = Signatures(plan, sets)
    n_threads = default_threads() if threads is None else threads
    scorers = [
        SignatureScores(
            signatures, s.n_cells, target_sum=float(plan.meta["target_sum"]), n_jobs=n_threads
        )
        for s in plan.sources
    ]
    budget = Budget.of(memory_limit, n_genes=plan.genes.shape[0])

    def also(source: int) -> list[Accumulator]:
        return [scorers[source]]

    partial = count_plan(plan, budget=budget, threads=threads, progress=progress, also=also)
    tally = build_tally(plan, partial, dense_bytes=budget.dense_bytes)
    return tally, tuple(scorer.scores for scorer in scorers)
