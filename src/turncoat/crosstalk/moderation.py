"""Variances moderated over many edges, and values adjusted for covariates."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import digamma, polygamma, zeta

from turncoat.stats.units import Units
from turncoat.tables import FloatArray, IntArray

#: Steps of Newton's method for the inverse trigamma function; it converges in five.
NEWTON_STEPS: Final = 20
#: Relative step below which it has converged.
SETTLED: Final = 1e-12
#: Variances that tell something of how variances vary.
ENOUGH: Final = 3


def variance_priors(
    variance: FloatArray, freedom: FloatArray, group: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Fit a scaled inverse chi-square prior to the variances of each group.

    Parameters
    ----------
    variance
        Estimated variances, shape ``(n,)``.
    freedom
        Their degrees of freedom, same shape.
    group
        Group of each, numbered from 0 without gaps, same shape.

    Returns
    -------
    tuple
        Degrees of freedom of each group's prior (infinite when its variances agree, 0 with fewer
        than three of them) and its value, shape ``(n_groups,)``.

    References
    ----------
    Smyth (2004), *Statistical Applications in Genetics and Molecular Biology* 3:3, section 6.2.

    Examples
    --------
    >>> variance_priors(np.ones(3), np.full(3, 4.0), np.zeros(3, dtype=np.int64))[0]
    array([inf])
    """
    n_groups = int(group.max(initial=-1)) + 1
    # zeta(2, x) is the trigamma function.
    positive = (variance > 1e-12 * group_medians(variance, group)[group]) & (variance > 0)
    owner, half = group[positive], freedom[positive] / 2
    number = np.bincount(owner, minlength=n_groups)
    centred = np.log(variance[positive]) - digamma(half) + np.log(half)
    mean = _group_sums(centred, owner, n_groups) / np.maximum(number, 1)
    spread = _group_sums((centred - mean[owner]) ** 2, owner, n_groups)
    expected = _group_sums(zeta(2.0, half), owner, n_groups) / np.maximum(number, 1)
    excess = spread / np.maximum(number - 1, 1) - expected
    prior_freedom, prior = np.full(n_groups, np.inf), np.exp(mean)
    wide = (excess > 0) & (number >= ENOUGH)
    prior_freedom[wide] = 2 * inverse_trigamma(excess[wide])
    prior[wide] *= np.exp(digamma(prior_freedom[wide] / 2) - np.log(prior_freedom[wide] / 2))
    few = number < ENOUGH
    prior_freedom[few], prior[few] = 0.0, 1.0
    return prior_freedom, prior


def group_medians(values: FloatArray, group: IntArray) -> FloatArray:
    """Median of each group; groups are numbered from 0 without gaps."""
    order = np.lexsort((values, group))
    size = np.bincount(group)
    first = np.cumsum(size) - size
    ordered = values[order]
    return np.asarray((ordered[first + (size - 1) // 2] + ordered[first + size // 2]) / 2)


def _group_sums(values: FloatArray, group: IntArray, n_groups: int) -> FloatArray:
    return np.asarray(np.bincount(group, weights=values, minlength=n_groups), dtype=np.float64)


def inverse_trigamma(value: FloatArray) -> FloatArray:
    """Solve trigamma(x) = value for x by Newton's method.

    Examples
    --------
    >>> float(inverse_trigamma(polygamma(1, np.array([3.0]))).round(9)[0])
    3.0
    """
    x = 0.5 + 1 / value
    for _ in range(NEWTON_STEPS):
        trigamma = polygamma(1, x)
        step = trigamma * (1 - trigamma / value) / polygamma(2, x)
        x = x + step
        if not (np.abs(step) > SETTLED * x).any():
            break
    return np.asarray(x)


@dataclass(frozen=True, slots=True)
class Lost:
    """What adjusting costs: degrees of freedom, and precision of the difference."""

    freedom: int
    inflation: float


def adjust(values: FloatArray, units: Units, covariates: FloatArray) -> tuple[FloatArray, Lost]:
    """Take the covariates' share off the values, with the arms in the model.

    Parameters
    ----------
    values
        Shape ``(n_units, n_edges)``, no NaN.
    units
        The donors as arranged.
    covariates
        Shape ``(n_units, n_covariates)``; columns that do not vary are ignored. With strata they
        should leave the arm to be told (:func:`turncoat.stats.design.is_estimable`).

    Returns
    -------
    tuple
        Adjusted values, and what it cost. Columns that say what others say cost nothing more.
    """
    varying = covariates[:, covariates.std(axis=0) > 0] if covariates.size else covariates
    n_columns = varying.shape[1]
    if not n_columns:
        return values, Lost(0, 1.0)
    strata = (units.stratum[:, np.newaxis] == np.unique(units.stratum)).astype(float)
    case = units.case.astype(float)[:, np.newaxis]
    base = strata if strata.shape[1] < units.case.size else np.ones_like(case)
    model = np.hstack([case, varying - varying.mean(axis=0), base])
    coefficients = np.linalg.lstsq(model, values, rcond=None)[0]
    adjusted = values - model[:, 1 : 1 + n_columns] @ coefficients[1 : 1 + n_columns]
    others = model[:, 1:]
    freedom = int(np.linalg.matrix_rank(others) - np.linalg.matrix_rank(base))
    left = case - others @ np.linalg.lstsq(others, case, rcond=None)[0]
    alone = case - base @ np.linalg.lstsq(base, case, rcond=None)[0]
    return adjusted, Lost(freedom, float(np.sqrt((alone**2).sum() / (left**2).sum())))
