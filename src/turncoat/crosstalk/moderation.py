"""Variances moderated over many edges, and values adjusted for covariates."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import digamma, polygamma

from turncoat.errors import DesignError
from turncoat.stats.units import Units
from turncoat.tables import FloatArray

#: Steps of Newton's method for the inverse trigamma function; it converges in five.
NEWTON_STEPS: Final = 20


def variance_prior(variance: FloatArray, freedom: FloatArray) -> tuple[float, float]:
    """Fit a scaled inverse chi-square prior to many variances.

    Parameters
    ----------
    variance
        Estimated variances, shape ``(n,)``.
    freedom
        Their degrees of freedom, same shape.

    Returns
    -------
    tuple
        Degrees of freedom of the prior (infinite when the variances agree) and its value.

    References
    ----------
    Smyth (2004), *Statistical Applications in Genetics and Molecular Biology* 3:3, section 6.2.

    Examples
    --------
    >>> variance_prior(np.array([1.0, 1.0, 1.0]), np.array([4.0, 4.0, 4.0]))[0]
    inf
    """
    positive = variance > 1e-12 * np.median(variance) if variance.size else variance > 0
    positive &= variance > 0
    if positive.sum() < 3:
        return 0.0, 1.0
    logs, half = np.log(variance[positive]), freedom[positive] / 2
    centred = logs - digamma(half) + np.log(half)
    mean = centred.mean()
    excess = ((centred - mean) ** 2).sum() / (centred.size - 1) - polygamma(1, half).mean()
    if excess <= 0:
        return float("inf"), float(np.exp(mean))
    prior = 2 * inverse_trigamma(float(excess))
    return prior, float(np.exp(mean + digamma(prior / 2) - np.log(prior / 2)))


def inverse_trigamma(value: float) -> float:
    """Solve trigamma(x) = value for x by Newton's method.

    Examples
    --------
    >>> round(inverse_trigamma(float(polygamma(1, 3.0))), 9)
    3.0
    """
    x = 0.5 + 1 / value
    for _ in range(NEWTON_STEPS):
        trigamma = float(polygamma(1, x))
        x += trigamma * (1 - trigamma / value) / float(polygamma(2, x))
    return x


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
        Shape ``(n_units, n_covariates)``; columns that do not vary are ignored.

    Returns
    -------
    tuple
        Adjusted values, and what it cost.

    Raises
    ------
    DesignError
        When the covariates leave nothing to compare.
    """
    varying = covariates[:, covariates.std(axis=0) > 0] if covariates.size else covariates
    n_covariates = varying.shape[1]
    if not n_covariates:
        return values, Lost(0, 1.0)
    strata = (units.stratum[:, np.newaxis] == np.unique(units.stratum)).astype(float)
    case = units.case.astype(float)[:, np.newaxis]
    base = strata if strata.shape[1] < units.case.size else np.ones_like(case)
    model = np.hstack([case, varying - varying.mean(axis=0), base])
    if np.linalg.matrix_rank(model) < model.shape[1] or model.shape[0] <= model.shape[1]:
        raise DesignError(
            f"The {n_covariates} covariate(s) of the contrast cannot be told apart from the arms "
            f"or the blocks with {units.case.size} units. Use fewer covariates."
        )
    coefficients = np.linalg.lstsq(model, values, rcond=None)[0]
    adjusted = values - model[:, 1 : 1 + n_covariates] @ coefficients[1 : 1 + n_covariates]
    others = np.hstack([model[:, 1:]])
    left = case - others @ np.linalg.lstsq(others, case, rcond=None)[0]
    alone = case - base @ np.linalg.lstsq(base, case, rcond=None)[0]
    return adjusted, Lost(n_covariates, float(np.sqrt((alone**2).sum() / (left**2).sum())))
