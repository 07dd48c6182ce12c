"""Intervals and tests from the profile of a (penalised) likelihood."""

import numpy as np
from scipy import optimize

from turncoat.outcome.hazards.cox import CoxFit, fit_cox
from turncoat.outcome.hazards.risk_sets import RiskSets
from turncoat.stats.laws import chi_square_quantile, chi_square_tail
from turncoat.tables import FloatArray


def profile_interval(
    x: FloatArray, risk: RiskSets, fit: CoxFit, column: int, *, level: float = 0.95
) -> tuple[float, float]:
    """Bound one coefficient by the profile of the penalised likelihood.

    Wald intervals mislead under separation, where the likelihood is far from symmetric.

    Parameters
    ----------
    x, risk
        As given to :func:`fit_cox`.
    fit
        The fit.
    column
        The coefficient.
    level
        Confidence level.

    Returns
    -------
    tuple
        Lower and upper bound; infinite where the likelihood never falls far enough.
    """
    threshold = chi_square_quantile(level, 1) / 2
    free = np.arange(x.shape[1]) != column

    def shortfall(value: float) -> float:
        start = fit.coef.copy()
        start[column] = value
        return (
            fit.loglik
            - fit_cox(x, risk, firth=fit.firth, start=start, free=free).loglik
            - threshold
        )

    def bound(direction: float) -> float:
        width = float(fit.se[column])
        for reach in (1.0, 2.0, 4.0, 8.0, 16.0):
            far = float(fit.coef[column]) + direction * reach * 2 * width
            if shortfall(far) > 0:
                return float(optimize.brentq(shortfall, float(fit.coef[column]), far, xtol=1e-7))
        return direction * np.inf

    return bound(-1.0), bound(1.0)


def likelihood_ratio_pvalue(x: FloatArray, risk: RiskSets, fit: CoxFit, column: int) -> float:
    """Test one coefficient against zero by the (penalised) likelihood ratio."""
    start = fit.coef.copy()
    start[column] = 0.0
    free = np.arange(x.shape[1]) != column
    null = fit_cox(x, risk, firth=fit.firth, start=start, free=free)
    return chi_square_tail(max(0.0, 2 * (fit.loglik - null.loglik)), 1)
