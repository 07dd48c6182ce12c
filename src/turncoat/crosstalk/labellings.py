"""Labels of donors exchanged, and donors left out, as weights that hold for all edges."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from turncoat.crosstalk.by_unit import product
from turncoat.stats.permutation import arrangements
from turncoat.stats.units import Units
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Numbers per block, units of the larger arm times edges: the working arrays stay in the processor's
#: cache, and linear algebra wakes no further threads, whose waiting costs more than they save.
BLOCK: Final = 9_000


@dataclass(frozen=True, slots=True)
class Labellings:
    """What does not depend on the values: weights of each permutation, and without each donor."""

    permuted: FloatArray | None
    without: FloatArray | None
    floor: float

    @classmethod
    def of(cls, units: Units, n_permutations: int, *, leave_out: bool) -> "Labellings":
        """Weigh the units of every labelling once, for all edges."""
        permuted, floor = None, np.nan
        if n_permutations:
            labels, _ = arrangements(units, n_permutations=n_permutations)
            permuted, floor = contrast_weights(labels, units), units.floor(n_permutations)
        return cls(permuted, leave_one_out_weights(units) if leave_out else None, floor)

    def weakest(self, values: FloatArray, change: FloatArray) -> FloatArray:
        """Find the least change, in the direction of the whole, over leaving out each donor."""
        if self.without is None:
            return np.full(change.size, np.nan)
        rest = product(self.without, values)
        return np.asarray(np.where(change < 0, rest.max(axis=0), rest.min(axis=0)))

    def pvalues(self, values: FloatArray) -> FloatArray:
        """Compute the two-sided permutation p-value of every edge; NaN where none was asked for.

        Labels move only within pairs and blocks. The first arrangement is the observed one, so the
        p-value is never 0.
        """
        if self.permuted is None:
            return np.full(values.shape[1], np.nan)
        return _share_as_far(values, self.permuted)


def contrast_weights(labels: BoolArray, units: Units) -> FloatArray:
    """Compute the weights that turn values into a difference of arms, one row per labelling.

    Pairs count by their number, groups of single donors by the harmonic mean of their arms, as
    if half of the variance lay within donors.
    """
    weights = np.zeros(labels.shape)
    total = 0.0
    pairs = units.pairs
    if pairs.size:
        share = float(len(pairs))
        signs = np.where(labels[:, pairs[:, 0]], 1.0, -1.0) / len(pairs)
        weights[:, pairs[:, 0]] += share * signs
        weights[:, pairs[:, 1]] -= share * signs
        total += share
    for group in units.groups:
        inside = labels[:, group]
        n_case = int(units.case[group].sum())
        n_reference = group.size - n_case
        share = n_case * n_reference / group.size
        weights[:, group] = share * np.where(inside, 1 / n_case, -1 / n_reference)
        total += share
    return weights / total


def _share_as_far(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of arrangements whose difference is at least as far from zero as the first one's."""
    centred = values - values.mean(axis=0)
    statistic = np.abs(weights @ centred)
    slack = 1e-9 * np.maximum(np.abs(centred).max(axis=0), 1e-12)
    return np.asarray((statistic >= statistic[0] - slack).mean(axis=0))


def leave_one_out_weights(units: Units) -> FloatArray:
    """Compute the weights of the difference without each donor, shape ``(n_donors, n_units)``.

    NaN where an arm, or every exchange of labels, is gone with a donor.
    """
    names = np.array(units.donors)
    if units.pairing == "unpaired" and not units.stratum.any():
        return _without_each(np.argsort(names, kind="stable"), units.case)
    rows = np.zeros((len(set(units.donors)), names.size))
    for row, donor in zip(rows, sorted(set(units.donors)), strict=True):
        keep = names != donor
        case = units.case[keep]
        if min(case.sum(), (~case).sum()) == 0:
            return np.full(rows.shape, np.nan)
        rest = _without(units, keep)
        if rest.n_arrangements == 1:
            return np.full(rows.shape, np.nan)
        row[keep] = contrast_weights(rest.case[np.newaxis, :], rest)[0]
    return rows


def _without_each(order: IntArray, case: BoolArray) -> FloatArray:
    """Do the same at once for single donors of one stratum."""
    left = np.array([case.sum() - case, (~case).sum() - ~case])[:, order, np.newaxis]
    if left.min() == 0:
        return np.full((case.size, case.size), np.nan)
    rows: FloatArray = np.where(case, 1 / left[0], -1 / left[1])
    rows[np.arange(case.size), order] = 0.0
    return rows


def _without(units: Units, keep: BoolArray) -> Units:
    if units.pairing != "unpaired":
        return units.take(keep)
    # Single donors of one stratum stay what they are: nothing is to be arranged again.
    names = tuple(name for name, yes in zip(units.donors, keep, strict=True) if yes)
    return Units(names, units.case[keep], units.stratum[keep], "unpaired")
