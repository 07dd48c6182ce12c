"""Linear models over donors whose variances learn from each other.

Many scores or genes share one design. Their residual variances are drawn towards a common
value, by as much as they agree (empirical Bayes), which buys power where donors are few. A
parametric companion of the permutation tests, in the manner of limma.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from turncoat.errors import DesignError
from turncoat.stats.estimate import Estimate
from turncoat.stats.laws import student_tail
from turncoat.stats.lowess import lowess
from turncoat.tables import FloatArray

#: Share of genes that the trend of voom sees at a time (limma's default).
VOOM_SPAN = 0.5
#: The trend of voom is kept above this share of the largest root spread.
LEAST_SPREAD = 1e-3


@dataclass(frozen=True, slots=True)
class LinearFit:
    """Weighted least squares, one model per column of values.

    Parameters
    ----------
    coefficients
        Shape ``(n_scores, n_columns)``.
    unscaled
        Standard errors without the residual deviation, same shape.
    variance
        Residual variance, shape ``(n_scores,)``.
    freedom
        Residual degrees of freedom.
    """

    coefficients: FloatArray
    unscaled: FloatArray
    variance: FloatArray
    freedom: int


@dataclass(frozen=True, slots=True)
class Moderated:
    """Moderated t-tests of one coefficient.

    Parameters
    ----------
    found
        Effect, moderated standard error, total degrees of freedom per score.
    statistic
        Moderated t per score.
    pvalue
        Two-sided p-value per score.
    prior_freedom
        How many donors' worth the common variance counts; infinite where all variances agree.
    prior_variance
        The common variance.
    """

    found: Estimate
    statistic: FloatArray
    pvalue: FloatArray
    prior_freedom: float
    prior_variance: float


def fit_linear(
    values: FloatArray, design: FloatArray, *, weights: FloatArray | None = None
) -> LinearFit:
    """Fit one weighted linear model per score.

    Parameters
    ----------
    values
        Shape ``(n_units, n_scores)``, no NaN.
    design
        Shape ``(n_units, n_columns)``, of full rank.
    weights
        Precision of each value, shape ``(n_units,)`` or ``(n_units, n_scores)``; equal by default.

    Returns
    -------
    LinearFit
        Coefficients with what their errors need.

    Raises
    ------
    DesignError
        When nothing is left to estimate the spread from, or the design has dependent columns.
    """
    n_units, n_columns = design.shape
    if n_units <= n_columns:
        raise DesignError(
            f"{n_units} donors cannot carry a model of {n_columns} columns: no spread is left. "
            "Drop covariates."
        )
    if np.linalg.matrix_rank(design) < n_columns:
        raise DesignError("Columns of the design depend on each other: see stats.design.")
    given = np.ones(n_units) if weights is None else np.asarray(weights, dtype=float)
    each = np.broadcast_to(given if given.ndim == 2 else given[:, np.newaxis], values.shape)
    normal = np.einsum("ni,nk,nj->kij", design, each, design, optimize=True)
    right = np.einsum("ni,nk,nk->ki", design, each, values, optimize=True)
    inverse = np.linalg.inv(normal)
    coefficients = np.einsum("kij,kj->ki", inverse, right)
    residual = values - design @ coefficients.T
    freedom = n_units - n_columns
    variance = (each * residual**2).sum(axis=0) / freedom
    # Rounding leaves a trace of spread in a score that has none.
    variance = np.where(np.ptp(values, axis=0) > 0, variance, 0.0)
    unscaled = np.sqrt(np.einsum("kii->ki", inverse))
    return LinearFit(coefficients, unscaled, variance, freedom)


def squeeze_variances(variance: FloatArray, freedom: float) -> tuple[float, float]:
    """Estimate the common variance and how much it counts.

    Parameters
    ----------
    variance
        Residual variances, shape ``(n_scores,)``.
    freedom
        Their degrees of freedom.

    Returns
    -------
    tuple
        Prior degrees of freedom (0 with fewer than three scores; infinite where the variances
        agree) and prior variance.

    References
    ----------
    Smyth (2004), *Statistical Applications in Genetics and Molecular Biology* 3:3.
    """
    if variance.size < 3 or not (variance > 0).any():
        return 0.0, float(variance.mean())
    kept = np.maximum(variance, 1e-5 * np.median(variance))
    logged = np.log(kept) - special.digamma(freedom / 2) + np.log(freedom / 2)
    excess = logged.var(ddof=1) - float(special.polygamma(1, freedom / 2))
    if excess <= 0:
        return float("inf"), float(kept.mean())
    prior = 2 * inverse_trigamma(excess)
    return prior, float(np.exp(logged.mean() + special.digamma(prior / 2) - np.log(prior / 2)))


def inverse_trigamma(value: float) -> float:
    """Find where the trigamma function takes a positive value.

    Examples
    --------
    >>> round(inverse_trigamma(float(special.polygamma(1, 3.0))), 9)
    3.0
    """
    # Newton on 1 / trigamma, which is nearly straight and convex: converges from below.
    x = 0.5 + 1 / value
    for _ in range(50):
        tri = float(special.polygamma(1, x))
        step = tri * (1 - tri / value) / float(special.polygamma(2, x))
        x += step
        if -step / x < 1e-12:
            break
    return x


def moderated_test(fit: LinearFit, column: int) -> Moderated:
    """Test one coefficient of every score with moderated variances.

    Parameters
    ----------
    fit
        The fitted models.
    column
        Which column of the design.

    Returns
    -------
    Moderated
        Effects, errors and p-values.

    References
    ----------
    Smyth (2004), as above; Phipson et al. (2016), *Annals of Applied Statistics* 10:946.
    """
    prior_freedom, prior_variance = squeeze_variances(fit.variance, fit.freedom)
    if np.isinf(prior_freedom):
        posterior = np.full(fit.variance.size, prior_variance)
    else:
        pooled = prior_freedom * prior_variance + fit.freedom * fit.variance
        posterior = pooled / (prior_freedom + fit.freedom)
    total = min(fit.freedom + prior_freedom, fit.freedom * fit.variance.size)
    effect = fit.coefficients[:, column]
    error = fit.unscaled[:, column] * np.sqrt(posterior)
    statistic = np.where(error > 0, effect / np.where(error > 0, error, 1), np.nan)
    pvalue = 2 * student_tail(np.abs(statistic), total)
    found = Estimate(effect, error, np.full(effect.size, total))
    return Moderated(found, statistic, pvalue, prior_freedom, prior_variance)


def voom(
    counts: FloatArray, design: FloatArray, *, library: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Turn summed counts into log2 counts per million with their precision.

    Parameters
    ----------
    counts
        Summed counts per donor, shape ``(n_units, n_genes)``.
    design
        Shape ``(n_units, n_columns)``.
    library
        What counts are set against (:func:`turncoat.stats.library.effective_library`), shape
        ``(n_units,)``; their totals by default.

    Returns
    -------
    tuple
        log2 counts per million and precision weights, both shape ``(n_units, n_genes)``.

    Raises
    ------
    DesignError
        When a donor has no counts, or the design is unusable.

    References
    ----------
    Law et al. (2014), *Genome Biology* 15:R29.
    """
    if library is None:
        library = counts.sum(axis=1)
    if (library <= 0).any():
        raise DesignError("Every donor should have counts; leave empty ones out first.")
    levels = np.log2((counts + 0.5) / (library[:, np.newaxis] + 1) * 1e6)
    fit = fit_linear(levels, design)
    shift = np.mean(np.log2(library + 1)) - np.log2(1e6)
    seen = counts.sum(axis=0) > 0
    mean = (levels.mean(axis=0) + shift)[seen]
    order = np.argsort(mean, kind="stable")
    root = np.sqrt(np.sqrt(fit.variance[seen]))[order]
    trend = lowess(mean[order], root, span=VOOM_SPAN)
    fitted = design @ fit.coefficients.T - np.log2(1e6) + np.log2(library + 1)[:, np.newaxis]
    # Where donors do not vary at all the trend is 0, and no weight is infinite.
    least = LEAST_SPREAD * float(root.max(initial=0.0)) or 1.0
    weights = 1 / np.maximum(np.interp(fitted, mean[order], trend), least) ** 4
    return levels, weights
