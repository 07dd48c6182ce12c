"""Random signatures: what any set of genes of the same size and expression would have shown.

In breast cancer most random signatures are associated with outcome (Venet, Dumont and Detours
2011, PLoS Comput Biol 7:e1002240), so a claim must beat them, not just zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from turncoat.outcome.cohorts.cohort import Cohort
from turncoat.outcome.hazards.kernels import hazards_of_scores
from turncoat.outcome.models import Model
from turncoat.outcome.scoring import standardised
from turncoat.tables import FloatArray, IntArray

#: A gene is replaced by one of this many that are nearest to it in expression.
NEAREST: Final = 200


@dataclass(frozen=True, slots=True)
class GenePool:
    """All genes of several cohorts, with where and how strongly they are measured.

    Parameters
    ----------
    genes
        Every gene that some cohort measures.
    measured
        Which cohort measures which gene, shape ``(n_genes, n_cohorts)``.
    column
        Its column there; -1 where not measured.
    level
        Mean percentile of expression over the cohorts that measure it (of its spread, for log
        ratios, whose level says nothing).
    """

    genes: tuple[str, ...]
    measured: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]"
    column: IntArray
    level: FloatArray


def gene_pool(cohorts: Sequence[Cohort]) -> GenePool:
    """Gather the genes of some cohorts."""
    genes = sorted({gene for cohort in cohorts for gene in cohort.genes})
    row = {gene: at for at, gene in enumerate(genes)}
    column = np.full((len(genes), len(cohorts)), -1, dtype=np.int64)
    level = np.full((len(genes), len(cohorts)), np.nan)
    for k, cohort in enumerate(cohorts):
        at = np.array([row[gene] for gene in cohort.genes])
        column[at, k] = np.arange(at.size)
        spread = cohort.expression.std(axis=0)
        strength = cohort.expression.mean(axis=0) if cohort.measures_levels else spread
        rank = np.empty(at.size)
        rank[np.argsort(strength, kind="stable")] = np.arange(at.size) / at.size
        level[at, k] = rank
    return GenePool(tuple(genes), column >= 0, column, np.nanmean(level, axis=1))


def draw_signatures(
    pool: GenePool, genes: Sequence[str], n_random: int, rng: np.random.Generator
) -> IntArray:
    """Replace each gene by a random one of like expression, measured in the same cohorts.

    Parameters
    ----------
    pool
        The genes to draw from.
    genes
        The signature's genes; none of them is drawn.
    n_random
        Signatures to draw.
    rng
        Source of the draws.

    Returns
    -------
    ndarray
        Rows of the pool, shape ``(n_random, n_genes)``; a gene may rarely occur twice.
    """
    row = {gene: at for at, gene in enumerate(pool.genes)}
    own = np.zeros(len(pool.genes), dtype=bool)
    own[[row[gene] for gene in genes]] = True
    drawn = np.empty((n_random, len(genes)), dtype=np.int64)
    for k, gene in enumerate(genes):
        same = (pool.measured == pool.measured[row[gene]]).all(axis=1) & ~own
        candidates = np.flatnonzero(same)
        distance = np.abs(pool.level[candidates] - pool.level[row[gene]])
        nearest = candidates[np.argsort(distance, kind="stable")[:NEAREST]]
        drawn[:, k] = rng.choice(nearest, n_random)
    return drawn


def random_scores(
    cohort: Cohort,
    columns: IntArray,
    weights: FloatArray,
    rows: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
) -> FloatArray:
    """Score some patients with many signatures at once.

    Parameters
    ----------
    cohort
        The patients.
    columns
        Column of each signature's genes, shape ``(n_signatures, n_genes)``; -1 for none.
    weights
        Weight of each place in the signature.
    rows
        Patients to score.

    Returns
    -------
    ndarray
        Standardised scores, shape ``(n_patients, n_signatures)``.
    """
    needed, place = np.unique(columns[columns >= 0], return_inverse=True)
    expression = standardised(cohort.expression[:, needed].astype(float))[rows]
    expression = np.column_stack([expression, np.zeros(len(expression))])
    at = np.full(columns.shape, needed.size)
    at[columns >= 0] = place
    scores = np.zeros((len(expression), len(columns)))
    for k, weight in enumerate(weights):
        scores += weight * expression[:, at[:, k]]
    return standardised(scores)


def random_hazards(model: Model, scores: FloatArray) -> FloatArray:
    """Put many scores through one model: log hazard ratios and their errors."""
    patients = model.patients
    order = np.lexsort((patients.time, model.strata))
    return hazards_of_scores(
        np.ascontiguousarray(scores[order]),
        np.ascontiguousarray(standardised(patients.covariates[order])),
        patients.time[order],
        patients.event[order],
        model.strata[order],
    )


def joint_z(hazards: Sequence[FloatArray]) -> FloatArray:
    """Weigh the cohorts' effects of each score by their precision, as one z-value.

    Parameters
    ----------
    hazards
        Per cohort, effects and errors of the same scores, shape ``(n_scores, 2)``.

    Returns
    -------
    ndarray
        One z per score; cohorts in which a score could not be fitted are left out.
    """
    stacked = np.stack(hazards)
    precision = 1 / stacked[..., 1] ** 2
    known = np.isfinite(stacked[..., 0]) & np.isfinite(precision)
    precision = np.where(known, precision, 0.0)
    total = precision.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (precision * np.where(known, stacked[..., 0], 0.0)).sum(axis=0) / np.sqrt(total)
    return np.asarray(np.where(total > 0, z, np.nan))


def random_pvalue(observed: float, drawn: FloatArray) -> float:
    """Share of random signatures at least as far from zero, the claim counted among them."""
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(observed) or known.size == 0:
        return float("nan")
    return float((1 + (np.abs(known) >= abs(observed)).sum()) / (1 + known.size))
