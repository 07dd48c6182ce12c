"""The size of a difference between arms, with its interval."""

from dataclasses import dataclass

import numpy as np

from turncoat.stats.laws import student_quantile
from turncoat.stats.parts import Parts, check_values
from turncoat.stats.units import Units
from turncoat.tables import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Estimate:
    """Difference of means, case minus reference, per score.

    Parameters
    ----------
    effect
        Shape ``(n_scores,)``, in the scores' unit.
    error
        Standard error, same shape; NaN where the spread cannot be estimated.
    freedom
        Degrees of freedom (Welch–Satterthwaite), same shape.
    """

    effect: FloatArray
    error: FloatArray
    freedom: FloatArray

    def interval(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Bounds of the confidence interval at ``level``."""
        with np.errstate(invalid="ignore"):
            reach = student_quantile(0.5 + level / 2, self.freedom) * self.error
        return self.effect - reach, self.effect + reach


def estimate(values: FloatArray, units: Units, *, weights: FloatArray | None = None) -> Estimate:
    """Estimate the difference of means with its standard error.

    Pairs enter by their differences, single donors by a Welch comparison; the two are combined
    by their information.

    Parameters
    ----------
    values
        One value per unit and score, shape ``(n_units, n_scores)``, no NaN.
    units
        The donors as arranged.
    weights
        Relative precision of each unit, shape ``(n_units,)``; equal by default.

    Returns
    -------
    Estimate
        Effect, standard error and degrees of freedom per score.

    Raises
    ------
    DesignError
        When a value is missing or no two units can be compared.

    References
    ----------
    Welch (1947), *Biometrika* 34:28. Bell and McCaffrey (2002), *Survey Methodology* 28:169
    (variance and degrees of freedom where weights are not inverse variances).

    Examples
    --------
    >>> from turncoat.stats.units import arrange
    >>> units = arrange(list("abcd"), [True, True, False, False])
    >>> found = estimate(np.array([[3.0], [5.0], [1.0], [1.0]]), units)
    >>> float(found.effect[0]), float(found.error[0])
    (3.0, 1.0)
    """
    check_values(values, units)
    parts = Parts.of(values, units, weights)
    terms: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    information = np.zeros(values.shape[1])
    if units.pairs.size:
        size, effect, _ = parts.paired(units.case[np.newaxis, :])
        share = size * parts.pair_information
        terms.append((share, effect[0], _pair_variance(parts, effect[0])))
        information += share
    for group in units.groups:
        terms.append(_of_group(parts, group))
        information += terms[-1][0]
    return _combine(terms, information)


def _of_group(parts: Parts, group: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compare the arms of a group: information, difference, and its variance with its freedom."""
    case = parts.units.case[group]
    if min(int(case.sum()), int((~case).sum())) < 2:
        sizes, effects, spread = parts.grouped(parts.units.case[np.newaxis, :], group)
        share = np.broadcast_to(sizes[0], effects[0].shape)
        return share, effects[0], _of_few(spread[0], case.size)
    arms = [
        _arm_moments(parts.values[group[arm]], parts.weights[group[arm]]) for arm in (case, ~case)
    ]
    (w1, m1, v1, f1), (w0, m0, v0, f0) = arms
    effect, variance = m1 - m0, v1 + v0
    below = v1**2 / f1 + v0**2 / f0
    freedom = np.where(below > 0, variance**2 / np.where(below > 0, below, 1), case.size - 2.0)
    information = np.full(effect.size, w1 * w0 / (w1 + w0))
    return information, effect, np.stack([variance, freedom])


def compared_donors(n_case: FloatArray, n_reference: FloatArray) -> FloatArray:
    """Count donors by what they are worth to a comparison: case × reference / (case + reference).

    The variance of a difference of means is inverse to it where donors vary alike.

    Examples
    --------
    >>> compared_donors(np.array([5.0, 2.0]), np.array([5.0, 20.0]))
    array([2.5       , 1.81818182])
    """
    worth: FloatArray = n_case * n_reference / (n_case + n_reference)
    return worth


def _pair_variance(parts: Parts, effect: FloatArray) -> FloatArray:
    pairs, weight = parts.units.pairs, parts.pair_weights()[:, np.newaxis]
    n = len(pairs)
    if n < 2:
        return np.full((2, effect.size), [[np.nan], [0.0]])
    residual = parts.values[pairs[:, 0]] - parts.values[pairs[:, 1]] - effect
    spread = (weight**2 * residual**2).sum(axis=0) / weight.sum() ** 2 * n / (n - 1)
    return np.stack([spread, np.full(effect.size, n - 1.0)])


def _of_few(spread: FloatArray, n: int) -> FloatArray:
    """Give variance and freedom where an arm of one unit borrows the other's spread."""
    if n < 3:
        return np.stack([np.full(spread.size, np.nan), np.zeros(spread.size)])
    return np.stack([spread, np.full(spread.size, n - 2.0)])


def _arm_moments(
    values: FloatArray, weights: FloatArray
) -> tuple[float, FloatArray, FloatArray, float]:
    """Weight, mean, variance of the mean whatever the units' own variances; and its freedom.

    Weights by cells are no inverse variances: units differ by more than their cells tell. Taken as
    such they understate the error. Each unit's own deviation speaks for it instead (Bell and
    McCaffrey), with the degrees of freedom that this has where units vary alike; equal weights
    give the ordinary variance and n - 1.
    """
    total = float(weights.sum())
    share = weights / total
    factor = share**2 / (1 - share)
    mean: FloatArray = share @ values
    variance: FloatArray = factor @ (values - mean) ** 2
    if (weights == weights[0]).all():
        return total, mean, variance, weights.size - 1.0
    kernel = (
        np.diag(factor)
        - np.outer(factor, share)
        - np.outer(share, factor)
        + factor.sum() * np.outer(share, share)
    )
    return total, mean, variance, float(np.trace(kernel) ** 2 / (kernel**2).sum())


def _combine(
    terms: list[tuple[FloatArray, FloatArray, FloatArray]], information: FloatArray
) -> Estimate:
    # A part too small to know its own spread (one pair beside many donors) gives way.
    usable = [term for term in terms if np.isfinite(term[2][0]).all()]
    if not usable:
        lone = np.sum([share * value for share, value, _ in terms], axis=0) / information
        nothing = np.full(information.size, np.nan)
        return Estimate(lone, nothing, nothing)
    total = np.sum([share for share, _, _ in usable], axis=0)
    effect = np.sum([share * value for share, value, _ in usable], axis=0) / total
    pieces = [(share / total) ** 2 * spread[0] for share, _, spread in usable]
    variance = np.sum(pieces, axis=0)
    below = np.sum(
        [piece**2 / spread[1] for piece, (_, _, spread) in zip(pieces, usable, strict=True)], axis=0
    )
    least = np.min([spread[1] for _, _, spread in usable], axis=0)
    freedom = np.where(below > 0, variance**2 / np.where(below > 0, below, 1), least)
    return Estimate(effect, np.sqrt(variance), freedom)
