"""One Cox model per score, for thousands of scores: the loop behind the random-signature null."""

from typing import Final

import numpy as np

from turncoat.kernel import kernel
from turncoat.outcome.hazards.cox import fit_cox, moments
from turncoat.outcome.hazards.risk_sets import arrange
from turncoat.tables import FloatArray, IntArray

MAX_STEPS: Final = 40
TOLERANCE: Final = 1e-9
#: A coefficient beyond this, in any unit, is a separation.
OUT_OF_REACH: Final = 50.0


def slope_and_information_reference(
    x: FloatArray, coef: FloatArray, time: FloatArray, event: FloatArray, strata: IntArray
) -> FloatArray:
    """Sum each event's residual and risk-set covariance."""
    risk = arrange(time, event, strata)
    found = moments(x[risk.order], coef, risk)
    return np.column_stack([found.spread.sum(axis=0), found.residuals.sum(axis=0)])


@kernel(reference=slope_and_information_reference)
def slope_and_information(  # noqa: C901, PLR0912  (one loop: calls would cost more than the sums)
    x: FloatArray, coef: FloatArray, time: FloatArray, event: FloatArray, strata: IntArray
) -> FloatArray:
    """Information, and the slope as its last column; rows sorted by stratum, then time."""
    n, p = x.shape
    found = np.zeros((p, p + 1))
    linear = np.zeros(n)
    for a in range(p):
        linear += x[:, a] * coef[a]
    weight = np.exp(linear - linear.max())
    # Moments of (1, x): over those at risk, and over those who die at this time.
    z, at_risk, dying = np.ones(p + 1), np.zeros((p + 1, p + 1)), np.zeros((p + 1, p + 1))
    n_dying = 0
    for row in range(n - 1, -1, -1):
        z[1:] = x[row]
        for a in range(p + 1):
            for b in range(a + 1):
                at_risk[a, b] += weight[row] * z[a] * z[b]
                if event[row] > 0:
                    dying[a, b] += weight[row] * z[a] * z[b]
        if event[row] > 0:
            n_dying += 1
            found[:, p] += x[row]
        new_stratum = row == 0 or strata[row - 1] != strata[row]
        if not new_stratum and time[row - 1] == time[row]:
            continue
        for k in range(n_dying):
            left = at_risk - dying * (k / n_dying)
            left /= left[0, 0]
            for a in range(p):
                found[a, p] -= left[a + 1, 0]
                for b in range(a + 1):
                    found[a, b] += left[a + 1, b + 1] - left[a + 1, 0] * left[b + 1, 0]
        dying[:], n_dying = 0.0, 0
        if new_stratum:
            at_risk[:] = 0.0
    for a in range(p):
        for b in range(a):
            found[b, a] = found[a, b]
    return found


def hazards_of_scores_reference(
    scores: FloatArray, base: FloatArray, time: FloatArray, event: FloatArray, strata: IntArray
) -> FloatArray:
    """Fit each score beside the base covariates with the plain Cox model."""
    found = np.full((scores.shape[1], 2), np.nan)
    risk = arrange(time, event, strata)
    for column in range(scores.shape[1]):
        fit = fit_cox(np.column_stack([base, scores[:, column]]), risk)
        if fit.converged:
            found[column] = fit.coef[-1], fit.se[-1]
    return found


@kernel(reference=hazards_of_scores_reference)
def hazards_of_scores(
    scores: FloatArray, base: FloatArray, time: FloatArray, event: FloatArray, strata: IntArray
) -> FloatArray:
    """Log hazard ratio and standard error of each score; rows sorted by stratum, then time."""
    n, m = scores.shape
    p = base.shape[1] + 1
    found = np.full((m, 2), np.nan)
    x = np.zeros((n, p))
    x[:, : p - 1] = base
    for column in range(m):
        x[:, p - 1] = scores[:, column]
        coef = np.zeros(p)
        for _ in range(MAX_STEPS):
            sums = slope_and_information(x, coef, time, event, strata)
            information = np.ascontiguousarray(sums[:, :p])
            step = np.linalg.solve(information, np.ascontiguousarray(sums[:, p]))
            longest = np.abs(step).max()
            if not np.isfinite(longest) or np.abs(coef).max() > OUT_OF_REACH:
                break
            coef += step / max(1.0, longest)
            if longest < TOLERANCE:
                found[column, 0] = coef[p - 1]
                found[column, 1] = np.sqrt(np.linalg.inv(information)[p - 1, p - 1])
                break
    return found
