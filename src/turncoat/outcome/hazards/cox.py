"""Cox's proportional hazards model: Efron's ties, strata, and Firth's penalty when events are few.

The penalty keeps estimates finite where a score separates the patients with events from the
others, and takes away the first-order bias of maximum likelihood with few events.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from turncoat.errors import DesignError
from turncoat.outcome.hazards.risk_sets import RiskSets
from turncoat.tables import BoolArray, FloatArray

MAX_STEPS: Final = 60
#: The penalised curvature, which is costly, is worked out anew after so many steps, or while
#: steps are longer than this.
CURVATURE_EVERY: Final = 6
NEAR: Final = 0.05
#: Step of the numerical curvature of the penalised likelihood, in standard deviations.
NUDGE: Final = 1e-4
#: Newton's steps end when none moves a coefficient by more than this.
TOLERANCE: Final = 1e-9
#: A coefficient per standard deviation beyond this is a separation, not an effect (a hazard
#: ratio of 22,000 per standard deviation).
SEPARATION: Final = 10.0
#: Longest Newton step in any coefficient, beyond doubling it.
LONGEST_STEP: Final = 2.0


@dataclass(frozen=True, slots=True)
class Moments:
    """Log-likelihood at some coefficients, with what each event adds to its derivatives.

    Parameters
    ----------
    loglik
        Log partial likelihood.
    residuals
        Schoenfeld residuals, shape ``(n_events, n_covariates)``.
    spread
        Covariance of the covariates over each event's risk set.
    """

    loglik: float
    residuals: FloatArray
    spread: FloatArray


@dataclass(frozen=True, slots=True)
class CoxFit:
    """A fitted Cox model.

    Parameters
    ----------
    coef, covariance
        Log hazard ratios and their covariance.
    loglik
        Log partial likelihood, with the penalty when ``firth``.
    information
        Observed information at the estimate.
    converged
        Whether the estimate is a finite maximum. False means separation.
    firth
        Whether Firth's penalty was used.
    """

    coef: FloatArray
    covariance: FloatArray
    loglik: float
    information: FloatArray
    converged: bool
    firth: bool

    @property
    def se(self) -> FloatArray:
        """Standard errors of the log hazard ratios."""
        return np.sqrt(np.diag(self.covariance))


def _risk_sums(values: FloatArray, risk: RiskSets) -> FloatArray:
    """Sum over each event's risk set, less Efron's share of the tied events.

    Sums run from the longest follow-up back: differences of running totals would lose every
    digit where a few patients carry all the weight.
    """
    shape = (-1,) + (1,) * (values.ndim - 1)
    later = np.empty_like(values)
    for begin, end in risk.bounds:
        later[begin:end] = np.cumsum(values[begin:end][::-1], axis=0)[::-1]
    tied = np.add.reduceat(values * risk.event.reshape(shape), risk.begins, axis=0)
    return np.asarray(later[risk.first] - risk.fraction.reshape(shape) * tied[risk.group])


def moments(x: FloatArray, coef: FloatArray, risk: RiskSets) -> Moments:
    """Evaluate the partial likelihood and what each event adds to its derivatives.

    Parameters
    ----------
    x
        Covariates in the order of ``risk.order``, shape ``(n, p)``.
    coef
        Log hazard ratios.
    risk
        The arrangement of the patients.

    Returns
    -------
    Moments
        Log-likelihood, residuals and risk-set covariances.
    """
    linear = x @ coef
    weight = np.exp(linear - linear.max())
    total = _risk_sums(weight, risk)
    mean = _risk_sums(weight[:, None] * x, risk) / total[:, None]
    square = _risk_sums(weight[:, None, None] * x[:, :, None] * x[:, None, :], risk)
    spread = square / total[:, None, None] - mean[:, :, None] * mean[:, None, :]
    at = risk.events
    loglik = float(np.sum(linear[at] - linear.max() - np.log(total)))
    return Moments(loglik, x[at] - mean, spread)


def _penalty_slope(
    x: FloatArray, coef: FloatArray, risk: RiskSets, inverse: FloatArray
) -> FloatArray:
    """Slope of half the log determinant of the information: third moments of the risk sets."""
    linear = x @ coef
    weight = np.exp(linear - linear.max())
    total = _risk_sums(weight, risk)
    mean = _risk_sums(weight[:, None] * x, risk) / total[:, None]
    # Quadratic form of each patient in the inverse information, then its third moment with x.
    form = np.einsum("ia,ab,ib->i", x, inverse, x)
    cross = x @ inverse
    m_form = _risk_sums(weight * form, risk) / total
    m_form_x = _risk_sums((weight * form)[:, None] * x, risk) / total[:, None]
    m_xx = _risk_sums(weight[:, None, None] * x[:, :, None] * x[:, None, :], risk)
    m_xx = m_xx / total[:, None, None]
    m_cross = _risk_sums(weight[:, None] * cross, risk) / total[:, None]
    form_of_mean = np.einsum("ea,ab,eb->e", mean, inverse, mean)
    # E[(x-m)'A(x-m)(x-m)] written out in raw moments.
    third = (
        m_form_x
        - 2 * np.einsum("ea,eab->eb", m_cross, m_xx)
        - m_form[:, None] * mean
        + 2 * np.einsum("e,ea->ea", form_of_mean, mean)
    )
    return np.asarray(0.5 * third.sum(axis=0))


def _penalised(
    x: FloatArray, coef: FloatArray, risk: RiskSets, *, firth: bool
) -> tuple[float, FloatArray, FloatArray]:
    """Log-likelihood, its slope and the information, with Firth's penalty if asked."""
    found = moments(x, coef, risk)
    information = found.spread.sum(axis=0)
    loglik, slope = found.loglik, found.residuals.sum(axis=0)
    if firth:
        sign, logdet = np.linalg.slogdet(information)
        if sign <= 0:
            return -np.inf, slope, information
        loglik += 0.5 * float(logdet)
        slope = slope + _penalty_slope(x, coef, risk, np.linalg.inv(information))
    return loglik, slope, information


def fit_cox(
    x: FloatArray,
    risk: RiskSets,
    *,
    firth: bool = False,
    start: FloatArray | None = None,
    free: BoolArray | None = None,
) -> CoxFit:
    """Fit a Cox model by Newton's method with step halving.

    Parameters
    ----------
    x
        Covariates in the patients' own order, shape ``(n, p)``, no NaN.
    risk
        The arrangement of the patients.
    firth
        Use Firth's penalised likelihood.
    start
        Coefficients to begin with; zeros by default.
    free
        Which coefficients may move (the others stay at ``start``); all by default.

    Returns
    -------
    CoxFit
        The fit. Without a finite maximum, ``converged`` is False and nothing is made up.

    Raises
    ------
    DesignError
        When covariates are constant or linearly dependent.

    References
    ----------
    Efron (1977), JASA 72:557. Heinze and Schemper (2001), Biometrics 57:114.
    """
    centred = x[risk.order] - x.mean(axis=0)
    if np.linalg.matrix_rank(centred) < x.shape[1]:
        raise DesignError("Covariates of the Cox model are constant or repeat each other.")
    moving = np.ones(x.shape[1], dtype=bool) if free is None else free
    coef = np.zeros(x.shape[1]) if start is None else start.astype(float)
    loglik, slope, information = _penalised(centred, coef, risk, firth=firth)
    converged = False
    curvature, longest = information, np.inf
    for round_ in range(MAX_STEPS):
        if not firth:
            curvature = information
        elif round_ % CURVATURE_EVERY == 0 or longest > NEAR:
            curvature = _penalised_curvature(centred, coef, risk, information)
        step = _newton_step(slope, curvature, moving, LONGEST_STEP + float(np.abs(coef).max()))
        if step is None:
            break
        coef, loglik, slope, information, moved = _climb(
            centred, coef, step, loglik, risk, firth=firth
        )
        reach = np.abs(coef[moving] * centred.std(axis=0)[moving]).max(initial=0.0)
        if reach > SEPARATION and not firth:
            break
        longest = float(np.abs(moved).max(initial=0.0))
        if longest < TOLERANCE:
            converged = True
            break
    covariance = np.linalg.pinv(information)
    return CoxFit(coef, covariance, loglik, information, converged, firth)


def _penalised_curvature(
    x: FloatArray, coef: FloatArray, risk: RiskSets, information: FloatArray
) -> FloatArray:
    """Curvature of the penalised likelihood by central differences of its slope.

    The information alone is not enough: under separation it is so much smaller than the true
    curvature that Newton's method oscillates for ever.
    """
    columns = []
    for column, spread in enumerate(x.std(axis=0)):
        nudge = np.zeros(coef.size)
        nudge[column] = NUDGE / spread
        above = _penalised(x, coef + nudge, risk, firth=True)[1]
        below = _penalised(x, coef - nudge, risk, firth=True)[1]
        columns.append((below - above) / (2 * NUDGE / spread))
    curvature = np.column_stack(columns)
    curvature = (curvature + curvature.T) / 2
    downhill = np.isfinite(curvature).all() and bool((np.linalg.eigvalsh(curvature) > 0).all())
    return curvature if downhill else information


def _newton_step(
    slope: FloatArray, information: FloatArray, moving: BoolArray, reach: float
) -> FloatArray | None:
    step = np.zeros(slope.size)
    try:
        step[moving] = np.linalg.solve(information[np.ix_(moving, moving)], slope[moving])
    except np.linalg.LinAlgError:
        return None
    longest = np.abs(step).max(initial=0.0)
    return step * min(1.0, reach / longest) if longest > 0 else step


def _climb(
    x: FloatArray, coef: FloatArray, step: FloatArray, loglik: float, risk: RiskSets, *, firth: bool
) -> tuple[FloatArray, float, FloatArray, FloatArray, FloatArray]:
    """Take the step, halved until the likelihood does not fall."""
    for halving in range(20):
        moved = step / 2**halving
        new, slope, information = _penalised(x, coef + moved, risk, firth=firth)
        if new >= loglik - 1e-10 * abs(loglik):
            break
    return coef + moved, new, slope, information, moved
