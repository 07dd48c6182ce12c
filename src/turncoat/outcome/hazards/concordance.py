"""How well a model orders patients, and what a score adds to the clinic's own variables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from turncoat.errors import DesignError
from turncoat.outcome.hazards.cox import fit_cox
from turncoat.outcome.hazards.risk_sets import arrange
from turncoat.tables import FloatArray, IntArray

#: A bootstrap sample whose model cannot be fitted is drawn again at most this many times.
MAX_REDRAWS: Final = 20


def concordance(
    time: FloatArray, event: FloatArray, hazard: FloatArray, strata: IntArray | None = None
) -> float:
    """Share of comparable pairs in which the patient with the higher hazard fails first.

    A pair is comparable when the earlier time is an event; equal hazards count half; a patient
    censored at the time of an event is taken to outlive it. Pairs lie within strata.

    Parameters
    ----------
    time, event
        Follow-up, and 1.0 for an event.
    hazard
        The model's linear predictor.
    strata
        Stratum of each patient; None for one.

    Returns
    -------
    float
        Harrell's C; NaN without a comparable pair.

    References
    ----------
    Harrell et al. (1982), JAMA 247:2543.

    Examples
    --------
    >>> concordance(np.array([1.0, 2.0, 3.0]), np.ones(3), np.array([3.0, 2.0, 2.0]))
    0.8333333333333334
    """
    first = event > 0
    earlier = time[first, None] < time[None, :]
    censored_then = (time[first, None] == time[None, :]) & (event[None, :] == 0)
    comparable = earlier | censored_then
    if strata is not None:
        comparable &= strata[first, None] == strata[None, :]
    n_pairs = int(comparable.sum())
    if n_pairs == 0:
        return float("nan")
    higher = hazard[first, None] > hazard[None, :]
    equal = hazard[first, None] == hazard[None, :]
    return float((higher[comparable].sum() + 0.5 * equal[comparable].sum()) / n_pairs)


@dataclass(frozen=True, slots=True)
class Gain:
    """Concordance with and without a score.

    Parameters
    ----------
    without, with_score
        Concordance of the two models in the patients they were fitted to.
    gain
        Their difference, corrected for optimism by the bootstrap.
    low, high
        95 % interval of the gain in patients left out of the bootstrap samples.
    n_boot
        Bootstrap samples that could be fitted.
    """

    without: float
    with_score: float
    gain: float
    low: float
    high: float
    n_boot: int


def concordance_gain(
    time: FloatArray,
    event: FloatArray,
    base: FloatArray,
    score: FloatArray,
    rng: np.random.Generator,
    *,
    n_boot: int = 200,
) -> Gain:
    """Measure what a score adds to the concordance of the other covariates.

    Parameters
    ----------
    time, event
        Follow-up, and 1.0 for an event.
    base
        The other covariates, shape ``(n, p)``; ``p`` may be 0 (concordance 0.5).
    score
        The score, shape ``(n,)``.
    rng
        Source of the bootstrap samples.
    n_boot
        Bootstrap samples.

    Returns
    -------
    Gain
        Apparent concordances, and the gain corrected for optimism with its interval.

    References
    ----------
    Harrell, Lee and Mark (1996), Stat Med 15:361.
    """
    full = np.column_stack([base, score])

    def hazards(rows: IntArray) -> tuple[FloatArray, FloatArray]:
        risk = arrange(time[rows], event[rows])
        with_score = full @ fit_cox(full[rows], risk).coef
        if not base.shape[1]:
            return np.zeros(time.size), with_score
        return base @ fit_cox(base[rows], risk).coef, with_score

    def gain_in(rows: IntArray, without: FloatArray, with_score: FloatArray) -> tuple[float, float]:
        seen = (time[rows], event[rows])
        return concordance(*seen, without[rows]), concordance(*seen, with_score[rows])

    everyone = np.arange(time.size)
    apparent = gain_in(everyone, *hazards(everyone))
    optimism, left_out = [], []
    for _ in range(n_boot):
        drawn = _fit_a_sample(everyone, rng, hazards)
        if drawn is None:
            continue
        rows, fitted = drawn
        inside, outside = gain_in(rows, *fitted), gain_in(everyone, *fitted)
        optimism.append((inside[1] - inside[0]) - (outside[1] - outside[0]))
        rest = np.setdiff1d(everyone, rows)
        unseen = gain_in(rest, *fitted)
        left_out.append(unseen[1] - unseen[0])
    low, high = np.nanquantile(left_out, [0.025, 0.975]) if left_out else (np.nan, np.nan)
    corrected = apparent[1] - apparent[0] - (float(np.mean(optimism)) if optimism else np.nan)
    return Gain(*apparent, corrected, float(low), float(high), len(optimism))


def _fit_a_sample(
    everyone: IntArray,
    rng: np.random.Generator,
    hazards: Callable[[IntArray], tuple[FloatArray, FloatArray]],
) -> tuple[IntArray, tuple[FloatArray, FloatArray]] | None:
    """Draw patients with replacement until both models can be fitted."""
    for _ in range(MAX_REDRAWS):
        rows = rng.choice(everyone, everyone.size)
        try:
            return rows, hazards(rows)
        except DesignError:
            continue
    return None
