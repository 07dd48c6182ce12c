"""Exact and sampled permutation tests of a contrast, many scores at once.

The statistic is a studentised difference of means, so that unequal spread of the arms does not
pass for a shift. The first arrangement is always the observed one: enumerated, p-values
are exact; sampled, they are (b + 1) / (B + 1). Neither is ever 0.
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from turncoat.stats.parts import Parts, check_values
from turncoat.stats.units import Units
from turncoat.tables import BoolArray, FloatArray

#: Enumerate up to this many arrangements (14 pairs, 8 against 8 donors): milliseconds.
MAX_EXACT = 20_000
#: Arrangements drawn otherwise: p = 0.05 then has a standard error of 0.002.
N_PERMUTATIONS = 9_999
#: Numbers per working array: small enough to stay in the processor's cache.
CHUNK = 200_000


@dataclass(frozen=True, slots=True)
class Permuted:
    """Statistics under every arrangement that was looked at; row 0 is the observed one.

    Parameters
    ----------
    statistics
        Shape ``(n_arrangements, n_scores)``, signed.
    is_exact
        Whether all arrangements were enumerated.
    """

    statistics: FloatArray
    is_exact: bool

    def pvalue(self) -> FloatArray:
        """Two-sided p-value per score."""
        return share_as_extreme(np.abs(self.statistics))

    def pvalue_greater(self) -> FloatArray:
        """p-value per score against "case is not above reference"."""
        return share_as_extreme(self.statistics)

    def pvalue_less(self) -> FloatArray:
        """p-value per score against "case is not below reference"."""
        return share_as_extreme(-self.statistics)


def share_as_extreme(statistics: FloatArray) -> FloatArray:
    """Share of arrangements at least as extreme as the first, per column."""
    # Arrangements tied with the observed one may differ from it in the last bits.
    slack = 1e-9 * np.maximum(1.0, np.abs(statistics[0]))
    share: FloatArray = (statistics >= statistics[0] - slack).mean(axis=0)
    return share


def arrangements(
    units: Units, *, seed: int = 0, n_permutations: int = N_PERMUTATIONS
) -> tuple[BoolArray, bool]:
    """List the ways to label the units, the observed one first.

    Parameters
    ----------
    units
        The donors as arranged.
    seed
        Where there are too many to enumerate: fixes the draws, whatever the order of units.
    n_permutations
        How many to draw then.

    Returns
    -------
    tuple
        Case labels, shape ``(n_arrangements, n_units)``, and whether all are listed.

    Examples
    --------
    >>> from turncoat.stats.units import arrange
    >>> four = arrange(["a", "b", "c", "d"], [True, True, False, False])
    >>> labels, is_exact = arrangements(four)
    >>> labels.shape, is_exact
    ((6, 4), True)
    """
    ordered = [s[np.argsort(~units.case[s], kind="stable")] for s in units.strata]
    pattern = tuple((s.size, int(units.case[s].sum())) for s in ordered)
    is_exact = units.n_arrangements <= MAX_EXACT
    listed = _enumerate(pattern) if is_exact else _draw(pattern, seed, n_permutations)
    labels = np.empty_like(listed)
    labels[:, np.concatenate(ordered)] = listed
    return labels, is_exact


# Donors of one study fall into few patterns; leaving out each donor in turn repeats them.
@functools.lru_cache(maxsize=32)
def _enumerate(pattern: tuple[tuple[int, int], ...]) -> BoolArray:
    listed = np.zeros((1, 0), dtype=bool)
    for size, k in pattern:
        chosen = list(itertools.combinations(range(size), k))
        labels = np.zeros((len(chosen), size), dtype=bool)
        labels[np.repeat(np.arange(len(chosen)), k), np.array(chosen, dtype=int).ravel()] = True
        repeated = np.repeat(listed, len(chosen), axis=0)
        listed = np.hstack([repeated, np.tile(labels, (len(listed), 1))])
    return listed


@functools.lru_cache(maxsize=32)
def _draw(pattern: tuple[tuple[int, int], ...], seed: int, n_permutations: int) -> BoolArray:
    rng = np.random.default_rng([seed, *itertools.chain.from_iterable(pattern)])
    drawn = []
    for size, k in pattern:
        labels = np.tile(np.arange(size) < k, (n_permutations + 1, 1))
        labels[1:] = rng.permuted(labels[1:], axis=1)
        drawn.append(labels)
    return np.hstack(drawn)


def permute(
    values: FloatArray,
    units: Units,
    *,
    weights: FloatArray | None = None,
    seed: int = 0,
    n_permutations: int = N_PERMUTATIONS,
) -> Permuted:
    """Compute the studentised difference under every arrangement of the labels.

    Parameters
    ----------
    values
        One value per unit and score, shape ``(n_units, n_scores)``, no NaN.
    units
        The donors as arranged.
    weights
        Relative precision of each unit, shape ``(n_units,)``; equal by default. It travels
        with the unit, so the test stays exact.
    seed
        Fixes the draws where there are too many arrangements to enumerate.
    n_permutations
        How many arrangements to draw then.

    Returns
    -------
    Permuted
        The statistics, one row per arrangement.

    Raises
    ------
    DesignError
        When a value is missing or the labels cannot be exchanged.

    References
    ----------
    Janssen (1997), *Statistics & Probability Letters* 36:9; Chung and Romano (2013), *Annals
    of Statistics* 41:484 (studentised permutation). Phipson and Smyth (2010), *Statistical
    Applications in Genetics and Molecular Biology* 9:39 (p-values that are never 0).

    Examples
    --------
    >>> from turncoat.stats.units import arrange
    >>> units = arrange(list("abcd") * 2, [True] * 4 + [False] * 4, block="donor")
    >>> shifts = np.array([[1.0], [2.0], [3.0], [4.0], [0.0], [0.0], [0.0], [0.0]])
    >>> permute(shifts, units).pvalue()
    array([0.125])
    """
    check_values(values, units)
    labels, is_exact = arrangements(units, seed=seed, n_permutations=n_permutations)
    statistics = np.empty((labels.shape[0], values.shape[1]))
    step = max(1, CHUNK // labels.shape[0])
    for start in range(0, values.shape[1], step):
        some = values[:, start : start + step]
        numerator, variance = Parts.of(some, units, weights).moments(labels)
        # A spread of exactly 0 would divide by 0; this keeps the order of the statistics.
        least = 1e-12 * np.maximum(some.var(axis=0), np.finfo(float).tiny)
        statistics[:, start : start + step] = numerator / np.sqrt(variance + least)
    return Permuted(statistics, is_exact)
