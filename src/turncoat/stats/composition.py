"""Shares of cells: log-ratios, and a beta-binomial model of counts that vary between donors."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from turncoat.errors import DesignError
from turncoat.stats.laws import student_quantile, student_tail
from turncoat.tables import FloatArray

#: Added to every count of a log-ratio: half a cell, as in the empirical logit (Haldane 1956).
HALF_CELL = 0.5


@dataclass(frozen=True, slots=True)
class BetaBinomial:
    """A fitted beta-binomial model of one population's counts.

    Parameters
    ----------
    coefficients
        Log-odds per column of the design.
    correlation
        How alike two cells of one sample are beyond their mean (rho); 0 is binomial.
    loglik
        Log-likelihood, binomial coefficients included.
    """

    coefficients: FloatArray
    correlation: float
    loglik: float


def log_ratios(counts: FloatArray, numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Take log2 ratios of groups of populations, half a cell added to each side.

    Parameters
    ----------
    counts
        Cells per sample and population, shape ``(n_samples, n_populations)``.
    numerator, denominator
        Which populations make each ratio's sides, 0 or 1, shape ``(n_ratios, n_populations)``.

    Returns
    -------
    FloatArray
        Shape ``(n_samples, n_ratios)``; NaN where both sides are empty.

    Examples
    --------
    >>> log_ratios(np.array([[15.5, 3.5]]), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    array([[2.]])
    """
    above, below = counts @ numerator.T, counts @ denominator.T
    ratio = np.log2((above + HALF_CELL) / (below + HALF_CELL))
    return np.where(above + below > 0, ratio, np.nan)


def centred_log_ratios(counts: FloatArray) -> FloatArray:
    """Take log2 of each share over the sample's geometric mean share, half a cell added.

    Examples
    --------
    >>> centred_log_ratios(np.array([[0.5, 3.5]]))
    array([[-1.,  1.]])
    """
    logged = np.log2(counts + HALF_CELL)
    centred: FloatArray = logged - logged.mean(axis=1, keepdims=True)
    return centred


def fit_beta_binomial(counts: FloatArray, totals: FloatArray, design: FloatArray) -> BetaBinomial:
    """Fit log-odds of a population's share, with spread between samples.

    Parameters
    ----------
    counts
        Cells of the population, shape ``(n_samples,)``.
    totals
        All cells, same shape.
    design
        Shape ``(n_samples, n_columns)``.

    Returns
    -------
    BetaBinomial
        Maximum-likelihood fit.

    Raises
    ------
    DesignError
        When a sample has no cells, or the population is all or nothing everywhere.

    References
    ----------
    Crowder (1978), *Applied Statistics* 27:34.
    """
    if (totals <= 0).any() or (counts < 0).any() or (counts > totals).any():
        raise DesignError("Every sample should have cells, and no more of a population than that.")
    if counts.sum() == 0 or (counts == totals).all():
        raise DesignError("The population is absent, or alone, in every sample.")

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        return _negative_loglik(theta, counts, totals, design)

    share = (counts.sum() + HALF_CELL) / (totals.sum() + 1)
    starts = []
    for rho in (0.01, 0.1):
        start = np.zeros(design.shape[1] + 1)
        start[0], start[-1] = special.logit(share), special.logit(rho)
        starts.append(
            optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8})
        )
    best = min(starts, key=lambda fit: float(fit.fun))
    theta = _polish(loss, np.asarray(best.x, dtype=float))
    return BetaBinomial(theta[:-1], float(special.expit(theta[-1])), -loss(theta)[0])


def _negative_loglik(
    theta: FloatArray, counts: FloatArray, totals: FloatArray, design: FloatArray
) -> tuple[float, FloatArray]:
    mean = np.clip(special.expit(design @ theta[:-1]), 1e-12, 1 - 1e-12)
    # Correlations below a millionth cannot be told from binomial counts.
    rho = float(np.clip(special.expit(theta[-1]), 1e-6, 1 - 1e-6))
    size = (1 - rho) / rho
    a, b = mean * size, (1 - mean) * size
    value = (
        special.betaln(counts + a, totals - counts + b)
        - special.betaln(a, b)
        - np.log1p(totals)
        - special.betaln(totals - counts + 1, counts + 1)
    ).sum()
    common = special.digamma(totals + size) - special.digamma(size)
    by_a = special.digamma(counts + a) - special.digamma(a) - common
    by_b = special.digamma(totals - counts + b) - special.digamma(b) - common
    by_mean = size * (by_a - by_b) * mean * (1 - mean)
    by_size = (by_a * mean + by_b * (1 - mean)).sum() * -size
    return -float(value), -np.append(design.T @ by_mean, by_size)


def _polish(loss: object, theta: FloatArray) -> FloatArray:
    # Newton steps on the exact gradient: quasi-Newton stops a few digits short.
    for _ in range(8):
        gradient = loss(theta)[1]  # type: ignore[operator]
        steps = np.eye(theta.size) * 1e-5
        hessian = np.array([(loss(theta + s)[1] - loss(theta - s)[1]) / 2e-5 for s in steps])  # type: ignore[operator]
        hessian = (hessian + hessian.T) / 2
        if np.linalg.eigvalsh(hessian)[0] <= 1e-8:
            return theta
        step = np.linalg.solve(hessian, gradient)
        if loss(theta - step)[0] > loss(theta)[0] + 1e-9:  # type: ignore[operator]
            return theta
        theta = theta - step
        if np.abs(step).max() < 1e-12:
            return theta
    return theta


def beta_binomial_pvalue(
    counts: FloatArray, totals: FloatArray, design: FloatArray, column: int
) -> tuple[float, float]:
    """Test one coefficient by the signed root of the likelihood ratio on Student's law.

    Parameters
    ----------
    counts, totals, design
        As in :func:`fit_beta_binomial`.
    column
        Which column of the design.

    Returns
    -------
    tuple
        Effect (log-odds) and two-sided p-value. Student's law with the residual degrees of
        freedom instead of the normal law: with few donors the latter rejects too often.
    """
    full = fit_beta_binomial(counts, totals, design)
    null = fit_beta_binomial(counts, totals, np.delete(design, column, axis=1))
    root = np.sqrt(max(0.0, 2 * (full.loglik - null.loglik)))
    freedom = len(counts) - design.shape[1]
    return float(full.coefficients[column]), 2 * student_tail(float(root), freedom)


def interval_of_test(effect: float, pvalue: float, freedom: int) -> tuple[float, float]:
    """Give the 95 % interval that belongs to a two-sided test on Student's law.

    Its half-width is that of an estimate whose ratio to its error gives this p-value, so that the
    interval leaves zero out exactly where the p-value is below 0.05.

    Parameters
    ----------
    effect
        The estimate, in any unit.
    pvalue
        Its two-sided p-value.
    freedom
        Degrees of freedom of that test.

    Returns
    -------
    tuple
        Lower and upper bound; NaN where the estimate is zero, which tells no error.

    References
    ----------
    Miettinen (1976), *American Journal of Epidemiology* 103:226 (test-based limits).

    Examples
    --------
    >>> low, high = interval_of_test(0.8, 0.05, 10)
    >>> round(abs(low), 9), round(high, 9)
    (0.0, 1.6)
    """
    root = -student_quantile(pvalue / 2, freedom)
    if not root > 0:
        return float("nan"), float("nan")
    reach = abs(effect) / root * student_quantile(0.975, freedom)
    return effect - reach, effect + reach
