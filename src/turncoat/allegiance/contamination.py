"""Counts that came from other cells: how many, and what is left without them.

Ambient RNA and doublets give every population some of its neighbours' transcripts. In a
tumour the neighbours are tumour cells, and a polluted population looks as if it had turned. The
share is read off genes that the contaminating cells express and the population does not; that
share of the contaminating profile of the same samples is then taken off.
"""

from dataclasses import dataclass

import numpy as np

from turncoat.tables import FloatArray, IntArray

#: A marker stands at least this much higher in the contaminating cells than in the population;
#: pollution of p leaves a ratio of 1 / p, so anything above a tenth goes unseen.
MIN_RATIO = 10.0
#: and is expressed there at this level at least, counts per 10,000.
MIN_LEVEL = 1.0
#: Markers used at most; the share is their ratio of sums, which needs tens, not hundreds.
N_MARKERS = 50
#: A switch that would not hold with nothing taken off, or with twice the estimated share, says so. The
#: estimate is good to a fifth on planted studies; a profile that is not quite that of the
#: contaminating cells is the larger doubt, and has no error of its own.
DOUBTS = (0.0, 2.0)
#: With fewer the share is not told and nothing is taken off.
MIN_MARKERS = 5


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Counts without contamination.

    Parameters
    ----------
    counts
        What is left, shape ``(n_units, n_genes)``.
    share
        Share of each unit's counts taken off, shape ``(n_units,)``.
    n_markers
        Genes that told it; 0 where it could not be told.
    """

    counts: FloatArray
    share: FloatArray
    n_markers: int


def take_off(counts: FloatArray, beside: FloatArray, *, times: float = 1.0) -> Cleaned:
    """Estimate and take off the share of counts that came from contaminating cells.

    Parameters
    ----------
    counts
        Summed counts of the population, shape ``(n_units, n_genes)``.
    beside
        Summed counts of the contaminating cells in the same samples, same shape; zeros where
        a sample has none, in which case their mean profile over all samples stands in.
    times
        How many times the estimated share is taken off.

    Returns
    -------
    Cleaned
        The counts as they are where too few genes tell the two apart.

    References
    ----------
    Young and Behjati (2020), *GigaScience* 9:giaa151 (the idea of telling ambient RNA by genes
    that cells cannot express).

    Examples
    --------
    >>> cells, tumour = np.array([[90.0, 10.0, 0.0]]), np.array([[10.0, 0.0, 990.0]])
    >>> take_off(cells, tumour).share
    array([0.])
    """
    nothing = Cleaned(counts, np.zeros(len(counts)), 0)
    if beside.sum() == 0 or counts.sum() == 0:
        return nothing
    own = _rates(counts.sum(axis=0, keepdims=True))[0]
    foreign = _rates(beside.sum(axis=0, keepdims=True))[0]
    profile = np.where(beside.sum(axis=1, keepdims=True) > 0, _rates(beside), foreign)
    markers = _markers(own, foreign)
    if markers.size < MIN_MARKERS:
        return nothing
    depth = counts.sum(axis=1)
    expected = depth * profile[:, markers].sum(axis=1)
    seen = counts[:, markers].sum(axis=1)
    share = np.where(expected > 0, seen / np.where(expected > 0, expected, 1), 0.0)
    share = np.minimum(share, 1 / MIN_RATIO * 2)
    left = np.maximum(counts - (times * share * depth)[:, np.newaxis] * profile, 0.0)
    return Cleaned(left, share, int(markers.size))


def _rates(counts: FloatArray) -> FloatArray:
    depth = counts.sum(axis=1, keepdims=True)
    rates: FloatArray = counts / np.where(depth > 0, depth, 1.0)
    return rates


def _markers(own: FloatArray, foreign: FloatArray) -> IntArray:
    ratio = foreign / np.maximum(own, 1e-12)
    able = np.flatnonzero((ratio >= MIN_RATIO) & (foreign * 10_000 >= MIN_LEVEL))
    return able[np.argsort(-ratio[able], kind="stable")][:N_MARKERS]
