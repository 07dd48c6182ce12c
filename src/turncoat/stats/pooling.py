"""Effects of several studies put together, with how much they disagree."""

from dataclasses import dataclass

import numpy as np

from turncoat.errors import ArgumentError
from turncoat.stats.laws import chi_square_tail, student_quantile, student_tail
from turncoat.tables import FloatArray

#: An error this much smaller than the mean comes of rounding.
ROUNDING = 1e-12
ONE_STUDY = "A random-effects mean needs at least two studies; got one."


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


def pool_same(
    effects: FloatArray, errors: FloatArray, freedom: FloatArray, donors: FloatArray
) -> Pooled:
    """Pool effects that are taken to be one and the same, knowing that errors are estimates.

    A study whose few donors happen to agree looks sure of itself: weights by estimated errors
    follow such luck, and with two studies of five against five donors a z-test of them rejects
    0.11 at a nominal 0.05. Here the donors weigh, and Student's law knows how well errors are known.

    Parameters
    ----------
    effects, errors
        As in :func:`pool_fixed`.
    freedom
        Degrees of freedom of the standard errors, same shape.
    donors
        Donors of each study (:func:`turncoat.stats.estimate.compared_donors`), same shape.

    Returns
    -------
    Pooled
        The mean weighted by donors; Welch and Satterthwaite's degrees of freedom.

    Raises
    ------
    ArgumentError
        As in :func:`pool_fixed`, and where degrees of freedom or donors are not positive.

    References
    ----------
    Welch (1947), *Biometrika* 34:28. Satterthwaite (1946), *Biometrics Bulletin* 2:110.
    """
    _check(effects, errors)
    _check_weights(effects, donors, "donors")
    _check_weights(effects, freedom, "degrees of freedom")
    share = donors / donors.sum()
    parts = (share * errors) ** 2
    error, known = float(np.sqrt(parts.sum())), float(parts.sum() ** 2 / (parts**2 / freedom).sum())
    heterogeneity = _heterogeneity(effects, 1 / errors**2)
    nothing = (float("nan"), float("nan"))
    mean = float(share @ effects)
    return _pooled(mean, error, known, 0.0, heterogeneity, effects.size, nothing)


def pool_donors(effects: FloatArray, errors: FloatArray, donors: FloatArray) -> Pooled:
    """Pool effects that differ between studies, weighing each by the root of its donors.

    Weights made of estimated errors, and of an estimated spread between studies, depend on the
    luck of few donors, and no law of Hartung and Knapp's statistic takes that into account: with
    four studies of five against five donors it rejects 0.06 to 0.07, more where sizes differ.
    Weights known beforehand have no luck. Those by donors are best where studies agree, equal ones
    where they differ; the root lies between. The error comes from how far the effects lie apart,
    on Student's law with as many degrees of freedom as studies less one.

    Parameters
    ----------
    effects, errors
        As in :func:`pool_fixed`; the errors tell the spread between studies (``tau2``) only.
    donors
        Donors of each study (:func:`turncoat.stats.estimate.compared_donors`), same shape.

    Returns
    -------
    Pooled
        The mean effect; DerSimonian and Laird's variance between studies.

    Raises
    ------
    ArgumentError
        With fewer than two studies, as in :func:`pool_fixed`, and where donors are not positive.

    References
    ----------
    Bakirov and Székely (2006), *Journal of Mathematical Sciences* 139:6497 and Ibragimov and Müller
    (2010), *Journal of Business & Economic Statistics* 28:453 (Student's test of few estimates of
    unlike precision). Bell and McCaffrey (2002), *Survey Methodology* 28:169 (the variance).

    Examples
    --------
    >>> found = pool_donors(np.array([0.2, 0.4, 0.3]), np.array([0.1, 0.1, 0.1]), np.full(3, 5.0))
    >>> round(found.effect, 3), round(found.error, 4), found.freedom
    (0.3, 0.0577, 2.0)
    """
    _check(effects, errors)
    _check_weights(effects, donors, "donors")
    if effects.size < 2:
        raise ArgumentError(ONE_STUDY)
    share = np.sqrt(donors) / np.sqrt(donors).sum()
    mean = float(share @ effects)
    error = float(np.sqrt(share**2 / (1 - share) @ (effects - mean) ** 2))
    heterogeneity = _heterogeneity(effects, 1 / errors**2)
    tau2, freedom = _spread_between(effects, errors, heterogeneity[0]), effects.size - 1.0
    edges = _prediction(mean, error, tau2, freedom)
    return _pooled(mean, error, freedom, tau2, heterogeneity, effects.size, edges)


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
        raise ArgumentError(ONE_STUDY)
    heterogeneity = _heterogeneity(effects, 1 / errors**2)
    tau2 = _spread_between(effects, errors, heterogeneity[0])
    total = 1 / (errors**2 + tau2)
    mean = float((total * effects).sum() / total.sum())
    error = float(1 / np.sqrt(total.sum()))
    freedom = float("inf")
    if knapp:
        ratio = float((total * (effects - mean) ** 2).sum() / (n - 1))
        error *= float(np.sqrt(max(ratio, 1.0) if guard else ratio))
        freedom = n - 1.0
    edges = _prediction(mean, error, tau2, freedom)
    return _pooled(mean, error, freedom, tau2, heterogeneity, n, edges)


def _prediction(mean: float, error: float, tau2: float, freedom: float) -> tuple[float, float]:
    """Bounds of the 95 % interval in which a further study's effect lies."""
    reach = _quantile(freedom) * float(np.sqrt(error**2 + tau2))
    return mean - reach, mean + reach


def _spread_between(effects: FloatArray, errors: FloatArray, q: float) -> float:
    weights = 1 / errors**2
    excess = (q - (effects.size - 1)) / (weights.sum() - (weights**2).sum() / weights.sum())
    # The moment estimate may be negative; there is no negative spread between studies.
    return max(0.0, float(excess))


def _check_weights(effects: FloatArray, weights: FloatArray, what: str) -> None:
    if weights.shape != effects.shape or not (np.isfinite(weights) & (weights > 0)).all():
        raise ArgumentError(
            f"Give one positive number of {what} per study; got {weights.tolist()}."
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
    return q, chi_square_tail(q, freedom), i2


def _quantile(freedom: float) -> float:
    return student_quantile(0.975, freedom)


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
    # Effects that are the same to the last digit are no evidence that nothing varies.
    error = error if error > ROUNDING * abs(mean) else float("nan")
    reach = _quantile(freedom) * error
    pvalue = 2 * student_tail(abs(mean) / error, freedom)
    return Pooled(
        mean, error, freedom, mean - reach, mean + reach, pvalue, tau2, i2, q, q_pvalue,
        *prediction, n,
    )  # fmt: skip
