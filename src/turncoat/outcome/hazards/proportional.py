"""Whether each hazard ratio stays the same over follow-up."""

import numpy as np

from turncoat.outcome.hazards.cox import CoxFit, moments
from turncoat.outcome.hazards.risk_sets import RiskSets
from turncoat.stats.laws import chi_square_tail
from turncoat.tables import FloatArray


def proportionality_pvalues(x: FloatArray, risk: RiskSets, fit: CoxFit) -> FloatArray:
    """Test each covariate for a hazard ratio that changes with time.

    The score test of adding the covariate times a function of time (one minus the
    Kaplan-Meier estimate just before each event) to the model.

    Parameters
    ----------
    x
        Covariates in the patients' own order, shape ``(n, p)``.
    risk
        The arrangement of the patients.
    fit
        The fitted model.

    Returns
    -------
    ndarray
        One p-value per covariate; small where proportionality fails.

    References
    ----------
    Grambsch and Therneau (1994), Biometrika 81:515.
    """
    centred = x[risk.order] - x.mean(axis=0)
    found = moments(centred, fit.coef, risk)
    clock = event_clock(risk)
    clock = clock - clock.mean()
    information = found.spread.sum(axis=0)
    cross = np.einsum("e,eab->ab", clock, found.spread)
    square = np.einsum("e,eab->ab", clock**2, found.spread)
    slope = clock @ found.residuals
    pvalues = np.empty(x.shape[1])
    for column in range(x.shape[1]):
        known = square[column, column] - cross[column] @ np.linalg.solve(information, cross[column])
        pvalues[column] = chi_square_tail(slope[column] ** 2 / known, 1)
    return pvalues


def event_clock(risk: RiskSets) -> FloatArray:
    """Time axis of the test: one minus the Kaplan-Meier estimate just before each event."""
    times = risk.time[risk.events]
    stops, n_died = np.unique(times, return_counts=True)
    n_at_risk = np.array([(risk.time >= stop).sum() for stop in stops])
    survival = np.cumprod(1 - n_died / n_at_risk)
    before = np.r_[1.0, survival[:-1]]
    return np.asarray(1 - before[np.searchsorted(stops, times)])
