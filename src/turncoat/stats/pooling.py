"""Effects of several studies put together, with how much they disagree."""

from dataclasses import dataclass

import numpy as np
from scipy import stats as distributions

from turncoat.errors import ArgumentError
from turncoat.tables import FloatArray


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled effect.

    Parameters
    ----------
    effect, error, freedom
        Mean effect, standard error, degrees of freedom (infinite for the normal law).
    low, high
        95 % interval of the mean effect.
    pvalue
        Two-sided.
    tau2
        Variance between studies, never below 0.
    i2
        Share of the spread beyond chance, per cent.
    q, q_pvalue
        Cochran's statistic of heterogeneity and its p-value.
    prediction_low, prediction_high
        Where the effect of a further study should lie, 95 %; NaN for a fixed effect.
    n_studies
        Studies pooled.
    """

    effect: float
    error: float
    freedom: float
    low: float
    high: float
    pvalue: float
    tau2: float
    i2: float
    q: float
    q_pvalue: float
    prediction_low: float
    prediction_high: float
    n_studies: int


def pool_fixed(effects: FloatArray, errors: FloatArray) -> Pooled:
    """Pool effects that are taken to be one and the same.

    Parameters
    ----------
    effects
        One effect per study, shape ``(n_studies,)``.
    errors
        Their standard errors, same shape.

    Returns
    -------
    Pooled
        Weighted mean by inverse variance, with Cochran's test.

    Raises
    ------
    ArgumentError
        When an effect is missing or a standard error is not positive.

    Examples
    --------
    >>> pool_fixed(np.array([0.2, 0.4]), np.array([0.1, 0.1])).effect
    0.30000000000000004
    """
    _check(effects, errors)
    weights = 1 / errors**2
    mean = float((weights * effects).sum() / weights.sum())
    error = float(1 / np.sqrt(weights.sum()))
    q, q_pvalue, i2 = _heterogeneity(effects, weights)
    nothing = (float("nan"), float("nan"))
    return _pooled(mean, error, float("inf"), 0.0, (q, q_pvalue, i2), effects.size, nothing)


def pool_random(
    effects: FloatArray, errors: FloatArray, *, knapp: bool = True, guard: bool = True
) -> Pooled:
    """Pool effects that differ between studies.

    Parameters
    ----------
    effects
        One effect per study, shape ``(n_studies,)``.
    errors
        Their standard errors, same shape.
    knapp
        Hartung and Knapp's standard error with Student's law: honest with few studies.
    guard
        Keep that standard error from falling below the ordinary one, as it does where a few
        studies agree by luck.

    Returns
    -------
    Pooled
        The mean effect; DerSimonian and Laird's variance between studies.

    Raises
    ------
    ArgumentError
        With fewer than two studies, or as in :func:`pool_fixed`.

    References
    ----------
    DerSimonian and Laird (1986), *Controlled Clinical Trials* 7:177. Hartung and Knapp (2001),
    *Statistics in Medicine* 20:3875. Röver et al. (2015), *BMC Medical Research Methodology*
    15:99 (the guard).
    """
    _check(effects, errors)
    n = effects.size
    if n < 2:
        raise ArgumentError("A random-effects mean needs at least two studies; got one.")
    weights = 1 / errors**2
    q, q_pvalue, i2 = _heterogeneity(effects, weights)
    # The moment estimate may be negative; there is no negative spread between studies.
    excess = (q - (n - 1)) / (weights.sum() - (weights**2).sum() / weights.sum())
    tau2 = max(0.0, float(excess))
    total = 1 / (errors**2 + tau2)
    mean = float((total * effects).sum() / total.sum())
    error = float(1 / np.sqrt(total.sum()))
    freedom = float("inf")
    if knapp:
        ratio = float((total * (effects - mean) ** 2).sum() / (n - 1))
        error *= float(np.sqrt(max(ratio, 1.0) if guard else ratio))
        freedom = n - 1.0
    reach = _quantile(freedom) * np.sqrt(error**2 + tau2)
    return _pooled(
        mean, error, freedom, tau2, (q, q_pvalue, i2), n, (mean - float(reach), mean + float(reach))
    )


def _check(effects: FloatArray, errors: FloatArray) -> None:
    if effects.shape != errors.shape or effects.size == 0:
        raise ArgumentError("Give one standard error per effect, and at least one effect.")
    if not np.isfinite(effects).all() or not (np.isfinite(errors) & (errors > 0)).all():
        raise ArgumentError(
            "Effects should be numbers and standard errors positive numbers: leave studies "
            "without an estimate out first."
        )


def _heterogeneity(effects: FloatArray, weights: FloatArray) -> tuple[float, float, float]:
    mean = (weights * effects).sum() / weights.sum()
    q = float((weights * (effects - mean) ** 2).sum())
    freedom = effects.size - 1
    if freedom == 0:
        return 0.0, float("nan"), 0.0
    i2 = max(0.0, 100 * (q - freedom) / q) if q > 0 else 0.0
    return q, float(distributions.chi2.sf(q, freedom)), i2


def _quantile(freedom: float) -> float:
    return float(distributions.t.ppf(0.975, freedom))


def _pooled(
    mean: float,
    error: float,
    freedom: float,
    tau2: float,
    heterogeneity: tuple[float, float, float],
    n: int,
    prediction: tuple[float, float],
) -> Pooled:
    q, q_pvalue, i2 = heterogeneity
    reach = _quantile(freedom) * error
    pvalue = (
        float(2 * distributions.t.sf(abs(mean) / error, freedom)) if error > 0 else float("nan")
    )
    return Pooled(
        mean, error, freedom, mean - reach, mean + reach, pvalue, tau2, i2, q, q_pvalue,
        *prediction, n,
    )  # fmt: skip
