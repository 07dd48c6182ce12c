"""Contrasts adjusted for covariates: Freedman and Lane's permutation of residuals."""

import itertools

import numpy as np

from turncoat.stats.design import stratum_columns
from turncoat.stats.estimate import Estimate
from turncoat.stats.parts import check_values
from turncoat.stats.permutation import CHUNK, N_PERMUTATIONS, Permuted
from turncoat.stats.units import Units
from turncoat.tables import FloatArray, IntArray


def compare_adjusted(
    values: FloatArray,
    units: Units,
    covariates: FloatArray,
    *,
    weights: FloatArray | None = None,
    seed: int = 0,
    n_permutations: int = N_PERMUTATIONS,
) -> tuple[Permuted, Estimate]:
    """Test the arm beside covariates, residuals exchanged within the strata only.

    The values are explained by strata and covariates alone; what is left is exchanged between
    the units of a stratum, put back, and the full model fitted again. Sampled, so p-values are
    (b + 1) / (B + 1); with covariates no permutation test is exact.

    Parameters
    ----------
    values
        One value per unit and score, shape ``(n_units, n_scores)``, no NaN.
    units
        The donors as arranged.
    covariates
        From :func:`turncoat.stats.design.covariate_columns`, shape ``(n_units, n_columns)``.
    weights
        Relative precision of each unit, shape ``(n_units,)``; equal by default.
    seed
        Fixes the draws.
    n_permutations
        How many to draw.

    Returns
    -------
    tuple
        Permuted t statistics, and the estimate (least squares).

    References
    ----------
    Freedman and Lane (1983), *Journal of Business and Economic Statistics* 1:292; Winkler et
    al. (2014), *NeuroImage* 92:381.
    """
    check_values(values, units)
    root = np.sqrt(np.ones(len(values)) if weights is None else weights)[:, np.newaxis]
    base = np.linalg.qr(root * np.hstack([stratum_columns(units), covariates]))[0]
    scaled = root * values
    residual = scaled - base @ (base.T @ scaled)
    arm = root[:, 0] * units.case
    arm = arm - base @ (base.T @ arm)
    freedom = len(values) - base.shape[1] - 1
    orders = _orders(units, seed, n_permutations)
    statistics = np.empty((len(orders), values.shape[1]))
    step = max(1, CHUNK // values.size)
    for start in range(0, len(orders), step):
        drawn = residual[orders[start : start + step]]
        again = drawn - base @ (base.T @ drawn)
        effect = np.einsum("n,pnk->pk", arm, again) / (arm @ arm)
        left = np.maximum((again**2).sum(axis=1) - effect**2 * (arm @ arm), 0)
        least = 1e-12 * np.maximum((residual**2).mean(axis=0), np.finfo(float).tiny)
        error = np.sqrt(left / freedom / (arm @ arm) + least)
        statistics[start : start + step] = effect / error
    observed = arm @ residual / (arm @ arm)
    spread = ((residual - np.outer(arm, observed)) ** 2).sum(axis=0) / freedom
    found = Estimate(
        observed, np.sqrt(spread / (arm @ arm)), np.full(observed.size, float(freedom))
    )
    return Permuted(statistics, is_exact=False), found


def _orders(units: Units, seed: int, n_permutations: int) -> IntArray:
    # Units are put in a fixed order first, so that the order of the input does not matter.
    rank = np.array(
        sorted(range(len(units.donors)), key=lambda u: (units.donors[u], bool(units.case[u])))
    )
    rng = np.random.default_rng(
        [
            seed,
            *itertools.chain.from_iterable(
                (s.size, int(units.case[s].sum())) for s in units.strata
            ),
        ]
    )
    orders = np.tile(np.arange(len(rank)), (n_permutations + 1, 1))
    for stratum in _in_fixed_order(units, rank):
        orders[1:, stratum] = rng.permuted(np.tile(stratum, (n_permutations, 1)), axis=1)
    return orders


def _in_fixed_order(units: Units, rank: IntArray) -> list[IntArray]:
    members = [rank[np.isin(rank, stratum)] for stratum in units.strata]
    return sorted(members, key=lambda m: units.donors[m[0]])
