"""Does an edge differ between the arms? Donors are the unit, many edges at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtr, stdtrit

from turncoat.crosstalk.labellings import BLOCK, Labellings
from turncoat.crosstalk.moderation import adjust, variance_priors
from turncoat.stats.contrast import Contrast
from turncoat.stats.design import is_estimable
from turncoat.stats.estimate import estimate
from turncoat.stats.laws import never_zero
from turncoat.stats.units import Units, arrange
from turncoat.tables import BoolArray, FloatArray, IntArray

#: A prior with so many degrees of freedom is as good as certain.
MAX_PRIOR_FREEDOM: Final = 1e6
LEVEL: Final = 0.95
#: Edges that share one prior of the variance: enough to fit its two numbers well, and at most
#: so many levels per kind.
GROUP: Final = 60
MAX_BINS: Final = 4


@dataclass(frozen=True, slots=True)
class Differences:
    """Case minus reference for every edge, as arrays over edges; NaN where not tested.

    Parameters
    ----------
    change, lower, upper
        Difference of means and its 95 % interval.
    pvalue
        Two-sided p-value of the moderated t-test.
    permutation
        Two-sided permutation p-value, exact where all arrangements were listed.
    floor
        Smallest permutation p-value that the donors at hand allow.
    n_case, n_reference
        Units that enter.
    weakest
        The change with one donor left out that is nearest to 0 or beyond it, in the direction of
        ``change``: its sign differs from that of ``change`` when the finding hangs on one donor.
    """

    change: FloatArray
    lower: FloatArray
    upper: FloatArray
    pvalue: FloatArray
    permutation: FloatArray
    floor: FloatArray
    n_case: IntArray
    n_reference: IntArray
    weakest: FloatArray

    @classmethod
    def none(cls, n_edges: int) -> "Differences":
        """Nothing tested yet."""
        change, lower, upper, pvalue, permutation, floor, weakest = np.full((7, n_edges), np.nan)
        n_case, n_reference = np.zeros((2, n_edges), dtype=np.int64)
        return cls(change, lower, upper, pvalue, permutation, floor, n_case, n_reference, weakest)


def compare(
    values: FloatArray,
    units: Units,
    covariates: FloatArray,
    *,
    min_donors: int,
    n_permutations: int,
    alike: IntArray | None = None,
    leave_out: bool = True,
) -> Differences:
    """Compare the arms edge by edge, leaving out the units in which an edge is not measured.

    Pairs, partial pairs and blocks enter as in the rest of the house; variances are moderated
    over edges, since a handful of donors knows its own spread badly (Smyth 2004).

    Parameters
    ----------
    values
        One value per unit and edge, NaN where not measured, shape ``(n_units, n_edges)``.
    units
        The donors as arranged.
    covariates
        Columns to adjust for, shape ``(n_units, n_covariates)``.
    min_donors
        Units that each arm must have.
    n_permutations
        Arrangements drawn where they are too many to list; 0 for no permutation test.
    alike
        Kind of each edge, shape ``(n_edges,)``: a population of few cells is noisier than one of
        many, so spreads are shared only among edges of one kind and a similar level.

    leave_out
        Whether to ask for the weakest change over leaving out each donor.

    Returns
    -------
    Differences
        NaN where there are too few donors.

    References
    ----------
    Smyth (2004), *Statistical Applications in Genetics and Molecular Biology* 3:3 (moderated t);
    Freedman and Lane (1983), *Journal of Business and Economic Statistics* 1:292 (covariates).

    Examples
    --------
    >>> from turncoat.stats.units import arrange
    >>> units = arrange(list("abcdef"), [True] * 3 + [False] * 3)
    >>> values = np.array([[3.0], [4.0], [5.0], [1.0], [2.0], [0.0]])
    >>> found = compare(values, units, np.empty((6, 0)), min_donors=3, n_permutations=0)
    >>> float(found.change[0])
    3.0
    """
    found = Differences.none(values.shape[1])
    error, freedom, scale = (np.full(values.shape[1], np.nan) for _ in range(3))
    for keep, edges in same_units(values):
        if not _enough(units, keep, min_donors):
            continue
        mine = units.take(keep)
        if covariates.shape[1] and not is_estimable(mine, covariates[keep]):
            continue
        labellings = Labellings.of(mine, n_permutations, leave_out=leave_out)
        found.n_case[edges], found.n_reference[edges] = mine.n_case, mine.n_reference
        scale[edges] = 1 / mine.n_case + 1 / mine.n_reference
        # So many edges at a time that what is computed of them stays in the processor's cache.
        size = max(BLOCK // max(mine.n_case, mine.n_reference), 1)
        for some in np.split(edges, range(size, edges.size, size)):
            adjusted, lost = adjust(values[np.ix_(keep, some)], mine, covariates[keep])
            outcome = estimate(adjusted, mine)
            found.change[some] = outcome.effect
            error[some] = outcome.error * lost.inflation
            freedom[some] = outcome.freedom - lost.freedom
            found.weakest[some] = labellings.weakest(adjusted, outcome.effect)
            found.permutation[some] = labellings.pvalues(adjusted)
            found.floor[some] = labellings.floor
    kinds = np.zeros(values.shape[1], dtype=np.int64) if alike is None else alike
    _moderate(found, (error, freedom, scale), levels_alike(values, kinds))
    return found


def _enough(units: Units, keep: BoolArray, min_donors: int) -> bool:
    case = units.case[keep]
    if min(case.sum(), (~case).sum()) < min_donors:
        return False
    return units.take(keep).n_arrangements > 1


def same_units(values: FloatArray) -> Iterator[tuple[BoolArray, IntArray]]:
    """Group edges that are measured in the same units.

    Yields
    ------
    tuple
        Units kept, shape ``(n_units,)``, and the numbers of the edges.
    """
    if not values.shape[1]:
        return
    known = np.isfinite(values)
    packed = np.ascontiguousarray(np.packbits(known, axis=0).T)
    keys = packed.view([("", packed.dtype)] * packed.shape[1]).ravel()
    _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    for number, edges in enumerate(np.split(order, ends[:-1])):
        yield known[:, first[number]], edges


def levels_alike(values: FloatArray, kinds: IntArray) -> IntArray:
    """Split each kind of edge by its mean level into groups of at least :data:`GROUP`."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    order = np.lexsort((mean, kinds))
    _, ordered = np.unique(kinds[order], return_inverse=True)
    size = np.bincount(ordered)
    place = np.arange(order.size) - np.concatenate([[0], np.cumsum(size)[:-1]])[ordered]
    bins = np.clip(size // GROUP, 1, MAX_BINS)[ordered]
    codes = np.empty(order.size, dtype=np.int64)
    codes[order] = ordered * MAX_BINS + place * bins // size[ordered]
    return codes


def _moderate(
    found: Differences, spread: tuple[FloatArray, FloatArray, FloatArray], groups: IntArray
) -> None:
    usable = np.isfinite(spread[0]) & (spread[1] >= 1)
    if not usable.any():
        return
    error, freedom, scale = (values[usable] for values in spread)
    _, group = np.unique(groups[usable], return_inverse=True)
    variance = error**2 / scale
    prior_freedom, prior = (values[group] for values in variance_priors(variance, freedom, group))
    certain = np.minimum(prior_freedom, MAX_PRIOR_FREEDOM)
    pooled = (certain * prior + freedom * variance) / (certain + freedom)
    # Moderation lends precision from other edges, at most what all of them have together.
    total = np.minimum(certain + freedom, np.bincount(group, weights=freedom)[group])
    standard = np.sqrt(pooled * scale)
    change = found.change[usable]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(standard > 0, change / standard, np.nan)
    found.pvalue[usable] = never_zero(2 * stdtr(total, -np.abs(statistic)))
    distinct, same = np.unique(total, return_inverse=True)
    reach = stdtrit(distinct, 0.5 + LEVEL / 2)[same] * standard
    found.lower[usable] = change - reach
    found.upper[usable] = change + reach


def arm_means(values: FloatArray, case: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Average the measured units of each arm, NaN for none."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    means = []
    for arm in (case, ~case):
        number = known[arm].sum(axis=0)
        means.append(np.where(number > 0, filled[arm].sum(axis=0) / np.maximum(number, 1), np.nan))
    return means[0], means[1]


def units_of(contrast: Contrast, donors: list[str], case: BoolArray, block: list[str]) -> Units:
    """Arrange the units of a contrast."""
    if contrast.block is None:
        return arrange(donors, case)
    return arrange(donors, case, block="donor" if contrast.block == "donor" else block)
