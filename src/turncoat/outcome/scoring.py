"""Scores of bulk samples, what they are conditioned on, and what they could see at all."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from turncoat.outcome.cohorts.cohort import Cohort
from turncoat.outcome.reference import PSEUDO
from turncoat.outcome.signature import Signature
from turncoat.tables import FloatArray

#: The eleven proliferation genes of the PAM50 subtype predictor (Nielsen et al. 2010, Clin
#: Cancer Res 16:5222), with the present symbols of CDCA1 (NUF2) and KNTC2 (NDC80).
PROLIFERATION: Final = (
    "BIRC5", "CCNB1", "CDC20", "CEP55", "MKI67", "NDC80", "NUF2", "PTTG1", "RRM2", "TYMS", "UBE2C",
)  # fmt: skip
#: A score of fewer genes is one gene's noise.
MIN_GENES: Final = 3
#: Share of the signature's genes that a cohort must measure.
MIN_COVERAGE: Final = 0.5
#: A patient is seen as having the state when the score lies this many standard deviations up:
#: 95 % of patients without it stay below, and 95 % of those with it above (2 × 1.645).
PATIENT_SHIFT: Final = 3.29
#: Standard normal quantiles of a two-sided 5 % test with 80 % power, added.
COHORT_SHIFT: Final = 1.959964 + 0.841621


@dataclass(frozen=True, slots=True)
class Score:
    """A signature's score in one cohort.

    Parameters
    ----------
    values
        Score per patient, mean 0 and standard deviation 1; empty when refused.
    genes
        Genes of the signature that the cohort measures, with some variation.
    n_wanted
        Genes that the signature uses.
    reason
        Why no score could be given; empty where it was.
    """

    values: FloatArray
    genes: tuple[str, ...]
    n_wanted: int
    reason: str

    @property
    def coverage(self) -> float:
        """Share of the signature's genes that were used."""
        return len(self.genes) / self.n_wanted if self.n_wanted else 0.0


def standardised(values: FloatArray) -> FloatArray:
    """Centre columns and divide by their standard deviation; constant columns become zero."""
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    # Single precision cannot tell a smaller spread from rounding.
    flat = spread <= 1e-6 * np.maximum(1.0, np.abs(values).max(axis=0))
    return np.asarray(np.where(flat, 0.0, centred / np.where(flat, 1.0, spread)), dtype=float)


def mean_score(
    cohort: Cohort, genes: tuple[str, ...], weights: FloatArray | None = None
) -> FloatArray:
    """Average standardised expression of some genes, standardised again; zeros if none vary."""
    columns = list(cohort.columns_of(genes).values())
    if not columns:
        return np.zeros(cohort.n_patients)
    expression = standardised(cohort.expression[:, columns].astype(float))
    return standardised(expression @ (np.ones(len(columns)) if weights is None else weights))


def score_cohort(
    cohort: Cohort,
    signature: Signature,
    *,
    min_genes: int = MIN_GENES,
    min_coverage: float = MIN_COVERAGE,
) -> Score:
    """Score every patient of a cohort, or say why not.

    Parameters
    ----------
    cohort
        The patients.
    signature
        The genes.
    min_genes, min_coverage
        Least number and share of the signature's genes that must be measured.

    Returns
    -------
    Score
        The score; refused with a reason where too little is measured or nothing varies.
    """
    used = signature.used
    wanted = tuple(used["gene"])
    at = cohort.columns_of(wanted)
    spread = cohort.expression[:, list(at.values())].std(axis=0)
    genes = tuple(gene for gene, sd in zip(at, spread, strict=True) if sd > 1e-6)
    nothing = np.empty(0)
    if len(genes) < min_genes:
        reason = (
            f"{len(genes)} of {len(wanted)} genes measured and varying; at least {min_genes} needed"
        )
        return Score(nothing, genes, len(wanted), reason)
    if len(genes) < min_coverage * len(wanted):
        reason = f"only {len(genes)} of {len(wanted)} genes measured (below {min_coverage:.0%})"
        return Score(nothing, genes, len(wanted), reason)
    weights = used.set_index("gene").loc[list(genes), "weight"].to_numpy(dtype=float)
    values = mean_score(cohort, genes, weights)
    if not values.any():
        return Score(nothing, genes, len(wanted), "the score is the same in every patient")
    return Score(values, genes, len(wanted), "")


@dataclass(frozen=True, slots=True)
class Sight:
    """The least frequency of a state that a cohort could see.

    Parameters
    ----------
    in_patient
        Share of a sample's transcripts at which a single patient stands out from those without.
    in_cohort
        Difference between two halves of the cohort that it would find with 80 % power.
    """

    in_patient: float
    in_cohort: float


def shift_at(genes: pd.DataFrame, frequency: FloatArray) -> FloatArray:
    """Log2 change of each used gene when the state makes up a share of a bulk sample.

    Parameters
    ----------
    genes
        Table of :data:`GENES`, used genes only.
    frequency
        Shares of the sample's transcripts that come from the state.

    Returns
    -------
    ndarray
        Shape ``(n_frequencies, n_genes)``; zero for genes that were not measured.
    """
    state = genes["state_cpm"].to_numpy() + PSEUDO
    rest = genes["background_cpm"].to_numpy() + PSEUDO
    ratio = np.nan_to_num(state / rest, nan=1.0)
    return np.asarray(np.log2(1 + frequency[:, None] * (ratio[None, :] - 1)))


def bulk_sight(cohort: Cohort, signature: Signature, score: Score) -> Sight:
    """Work out at what frequency a cohort would see a state: its bulk blindness.

    Every gene's rise at a given frequency follows from the single-cell profiles; the spread
    between patients comes from the cohort itself, so that noise, platform and all other
    biology count against the score.

    Parameters
    ----------
    cohort
        The patients.
    signature
        The genes, with expression in the state and in all other cells.
    score
        The cohort's score.

    Returns
    -------
    Sight
        Frequencies between 0 and 1; NaN where even a pure sample would not be seen.
    """
    if score.reason:
        return Sight(np.nan, np.nan)
    used = signature.used.set_index("gene", drop=False).loc[list(score.genes)]
    frequency = np.geomspace(1e-4, 1.0, 400)
    expression = cohort.expression[:, list(cohort.columns_of(score.genes).values())].astype(float)
    weights = used["weight"].to_numpy(dtype=float)
    # Genes that the state has less of cannot show that it is there.
    rise = shift_at(used, frequency) / expression.std(axis=0) @ np.maximum(weights, 0.0)
    spread = (standardised(expression) @ weights).std()
    steps = rise / spread

    def first_above(needed: float) -> float:
        seen = np.flatnonzero(steps >= needed)
        return float(frequency[seen[0]]) if seen.size else float("nan")

    return Sight(
        first_above(PATIENT_SHIFT), first_above(COHORT_SHIFT * 2 / np.sqrt(cohort.n_patients))
    )
