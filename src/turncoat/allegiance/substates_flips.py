"""The test of a state: genes that did not make it should follow it in donor after donor.

Counts are compared as counts. On a log scale a gene's mean bends with depth, and each gene bends in
its own way: states that differ in depth then have "markers" that come back in every donor. Here a
donor's difference is Σ_inside y · N_outside / N - Σ_outside y · N_inside / N, with N the counts of
the free genes: its mean is exactly 0 whatever the depths, as long as a gene's share of the counts
does not go with the state.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turncoat.allegiance.halves import MIN_CELLS
from turncoat.stats.permutation import MAX_EXACT, N_PERMUTATIONS, share_as_extreme
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Cells are compared within thirds of their donor's depth: shares of ambient RNA follow depth.
N_STRATA = 3
#: A gene's weight is drawn to 0 by as much as this variance in counts says; on tuning studies 8
#: and 30 found the same.
PRIOR = 8.0
#: Donors of each half that must have cells of both kinds, and donors in all: with fewer than
#: seven no p-value, doubled for two halves, falls below 0.05.
MIN_EACH = 3
MIN_ALL = 7


@dataclass(frozen=True, slots=True)
class Shifts:
    """How far every free gene goes with a state, donor by donor.

    Parameters
    ----------
    counts
        State minus rest in counts, shape ``(n_donors, n_genes)``; 0 for a donor without cells of
        both kinds.
    variance
        Sampling variance of each, same shape.
    """

    counts: FloatArray
    variance: FloatArray

    @property
    def speaks(self) -> BoolArray:
        """Donors with cells of both kinds."""
        return np.asarray(self.variance.sum(axis=1) > 0)


def depth_strata(depth: FloatArray, donors: IntArray) -> IntArray:
    """Cut each donor's cells into parts of like depth, equally many cells each.

    Examples
    --------
    >>> depth_strata(np.array([5.0, 9.0, 1.0, 7.0, 2.0]), np.array([0, 0, 0, 1, 1]))
    array([1, 2, 0, 1, 0])
    """
    strata = np.zeros(len(depth), dtype=np.int64)
    for donor in np.unique(donors):
        own = np.flatnonzero(donors == donor)
        ordered = own[np.argsort(depth[own], kind="stable")]
        strata[ordered] = np.arange(own.size) * N_STRATA // own.size
    return strata


def shifts(counts: FloatArray, inside: BoolArray, donors: IntArray, strata: IntArray) -> Shifts:
    """Compare counts inside and outside a state within donors and strata of depth.

    Parameters
    ----------
    counts
        Counts of the genes that did not make the state, shape ``(n_cells, n_genes)``.
    inside
        Cells of the state.
    donors
        Donor number of each cell.
    strata
        From :func:`depth_strata`, of a depth that these genes have no part in.
    """
    n_donors = int(donors.max()) + 1
    found = np.zeros((n_donors, counts.shape[1]))
    variance = np.zeros_like(found)
    depth = counts.sum(axis=1, dtype=float)
    for donor in range(n_donors):
        own = donors == donor
        if min((own & inside).sum(), (own & ~inside).sum()) < MIN_CELLS:
            continue
        for stratum in range(N_STRATA):
            cells = np.flatnonzero(own & (strata == stratum))
            within = inside[cells]
            parts = depth[cells][within].sum(), depth[cells][~within].sum()
            if min(parts) == 0:
                continue
            total = sum(parts)
            weights = np.where(within, parts[1], -parts[0]) / total
            some = counts[cells].astype(float)
            left = some - np.outer(depth[cells], some.sum(axis=0) / total)
            found[donor] += weights @ some
            variance[donor] += weights**2 @ left**2
    return Shifts(found, variance)


def flips(n_donors: int) -> FloatArray:
    """List signs for every donor, the observed ones first: all there are, or as many as drawn.

    The first donor keeps its sign: to turn all donors at once changes nothing.

    Examples
    --------
    >>> flips(2)
    array([[ 1.,  1.],
           [ 1., -1.]])
    """
    free = max(n_donors - 1, 0)
    if 2**free <= MAX_EXACT:
        turned = np.arange(2**free)[:, np.newaxis] >> np.arange(free) & 1
    else:
        turned = np.random.default_rng(n_donors).integers(0, 2, (N_PERMUTATIONS + 1, free))
        turned[0] = 0
    return np.column_stack([np.ones(len(turned)), 1.0 - 2.0 * turned])


def smallest_pvalue(one: Shifts) -> float:
    """Give the smallest p-value that a state's donors can reach: donors without it have no sign.

    Examples
    --------
    >>> smallest_pvalue(Shifts(np.ones((8, 2)), np.ones((8, 2))))
    0.0078125
    """
    n_speaking, free = int(one.speaks.sum()), len(one.counts) - 1
    drawn = 0.0 if 2**free <= MAX_EXACT else 1 / (N_PERMUTATIONS + 1)
    return max(drawn, 0.5 ** max(n_speaking - 1, 0))


def ask_states(each: Sequence[Shifts], trains: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Ask whether what the donors who made the states learnt holds in the others.

    A gene's weight is its summed shift over the donors who made the states, over its variance; the
    statistic is the weighted shift of the others, in units of its own spread. Where no state is, a
    donor's shifts are as likely turned round, all genes and states at once; so the signs
    of all donors are flipped, weights are learnt anew each time, and the share of flips
    that do as well is exact. The second p-value counts flips whose best state does as well.

    Parameters
    ----------
    each
        Shifts for every state of one half.
    trains
        Donors who made the states, shape ``(n_donors,)``.

    Returns
    -------
    tuple
        p-value of every state, and p-value adjusted for the states of this half (Westfall and
        Young 1993); NaN where too few donors have cells of both kinds.
    """
    tested = [
        state
        for state, one in enumerate(each)
        if one.speaks.sum() >= MIN_ALL
        and min(one.speaks[trains].sum(), one.speaks[~trains].sum()) >= MIN_EACH
    ]
    alone = np.full(len(each), np.nan)
    adjusted = alone.copy()
    if not tested:
        return alone, adjusted
    signs = flips(len(trains))
    statistics = np.column_stack([_statistics(each[state], trains, signs) for state in tested])
    alone[tested] = share_as_extreme(statistics)
    best = statistics.max(axis=1)
    for place, state in enumerate(tested):
        against = best.copy()
        against[0] = statistics[0, place]
        adjusted[state] = share_as_extreme(against[:, np.newaxis])[0]
    return alone, adjusted


def _statistics(one: Shifts, trains: BoolArray, signs: FloatArray) -> FloatArray:
    """Compute the statistic under every flip, by way of donors × donors tables."""
    shrunk = 1.0 / (one.variance[trains].sum(axis=0) + PRIOR)
    made, held_out = one.counts[trains], one.counts[~trains]
    across = (made * shrunk) @ held_out.T
    spread = (made * (shrunk**2 * one.variance[~trains].sum(axis=0))) @ made.T
    top = ((signs[:, trains] @ across) * signs[:, ~trains]).sum(axis=1)
    below = ((signs[:, trains] @ spread) * signs[:, trains]).sum(axis=1)
    least = 1e-12 * max(float(np.trace(spread)), float(np.finfo(float).tiny))
    statistics: FloatArray = top / np.sqrt(below + least)
    return statistics
