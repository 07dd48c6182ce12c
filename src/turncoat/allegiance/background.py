"""Levels of genes in a unit, and what its own panel leads one to expect of them."""

from dataclasses import dataclass

import numpy as np

from turncoat.tables import FloatArray, IntArray

#: Counts per this many, the convention of the field (scanpy, Seurat).
TARGET_SUM = 10_000.0
#: Added before the logarithm; with 1, genes below one count per 10,000 weigh little.
PSEUDOCOUNT = 1.0
#: Genes of nearest level that a gene is compared with.
N_CONTROLS = 50
#: A gene is typical while the logarithm of its spread over units lies within this many robust
#: standard deviations of the median of its neighbours: 87 of 100 normal ones do.
TYPICAL = 1.5
#: A median absolute deviation of normal values, times this, is their standard deviation.
NORMAL_MAD = 1.4826


def log_rates(counts: FloatArray) -> FloatArray:
    """Turn summed counts into log2(counts per 10,000 + 1).

    Parameters
    ----------
    counts
        Shape ``(n_units, n_genes)``.

    Returns
    -------
    FloatArray
        Same shape; 0 in a unit without counts.

    Examples
    --------
    >>> log_rates(np.array([[1.0, 9_999.0]]))[0, 0]
    np.float64(1.0)
    """
    depth = counts.sum(axis=1, keepdims=True)
    rates = counts * (TARGET_SUM / np.where(depth > 0, depth, 1.0))
    levels: FloatArray = np.log2(rates + PSEUDOCOUNT)
    return levels


def control_genes(levels: FloatArray, genes: IntArray, excluded: IntArray) -> IntArray:
    """Choose for each gene the free genes whose mean level is nearest.

    The choice looks at all units together, never at their arms.

    Parameters
    ----------
    levels
        log2 levels of all genes, shape ``(n_units, n_all)``.
    genes
        Programme genes, shape ``(n_genes,)``.
    excluded
        Genes that may not be chosen: all programme genes of the population.

    Returns
    -------
    IntArray
        Shape ``(n_genes, n_controls)``; fewer than 50 where the panel is small.
    """
    mean = levels.mean(axis=0)
    free = np.setdiff1d(np.arange(mean.size), excluded)
    free = free[np.argsort(mean[free], kind="stable")]
    n_controls = min(N_CONTROLS, max(free.size // 4, 1))
    place = np.searchsorted(mean[free], mean[genes])
    start = np.clip(place - n_controls // 2, 0, max(free.size - n_controls, 0))
    nearest: IntArray = free[start[:, np.newaxis] + np.arange(n_controls)]
    return nearest


@dataclass(frozen=True, slots=True)
class Background:
    """Levels that each unit's own panel leads one to expect.

    Parameters
    ----------
    mean
        Mean level of every gene over units, shape ``(n_genes,)``.
    bends
        How a gene of its level answers a change of the library's make-up, and noise of second
        and third order, shape ``(n_genes, 3)``.
    amounts
        How much of these a unit has, shape ``(n_units, 3)``.
    """

    mean: FloatArray
    bends: FloatArray
    amounts: FloatArray

    def levels(self, genes: IntArray) -> FloatArray:
        """Levels expected of some genes: one row per unit, in the shape of ``genes``."""
        expected: FloatArray = self.mean[genes] + np.tensordot(
            self.amounts, self.bends[genes], axes=(1, -1)
        )
        return expected


def fit_background(levels: FloatArray, excluded: IntArray) -> Background:
    """Fit what depth, cells and the library's make-up do to a unit's levels.

    With x the rate per 10,000, a level is log2(x + 1). Where a unit's rates are all a little higher
    or lower, because others fill the library, it moves by x / (x + 1) times so much; where they are
    measured with noise whose moments grow with x, the logarithm bends its mean by x / (x + 1)² times the
    variance, and by x / (x + 1)³ times the third moment (the terms of its Taylor series). The three
    amounts are fitted to each unit by least squares over the panel's typical genes.

    A signal moves its target genes together. Were they in the fit, the score of a programme that never
    moved would go the other way. Such genes vary more than their neighbours; as many that vary
    less are left out with them, because spread and skewness go together where counts are few.
    Nothing here looks at arms.

    Parameters
    ----------
    levels
        log2 levels of all genes, shape ``(n_units, n_all)``.
    excluded
        Genes that may not enter the fit: all programme genes of the population.

    Returns
    -------
    Background
        Mean levels alone where no gene is left to fit.
    """
    mean = levels.mean(axis=0)
    rate = np.exp2(mean) - PSEUDOCOUNT
    above = (rate + PSEUDOCOUNT)[:, np.newaxis]
    bends = rate[:, np.newaxis] / above ** np.arange(1, 4)
    typical = _typical_genes(levels, mean, excluded)
    fit = np.linalg.pinv(bends[typical])
    return Background(mean, bends, (levels[:, typical] - mean[typical]) @ fit.T)


def _typical_genes(levels: FloatArray, mean: FloatArray, excluded: IntArray) -> IntArray:
    """Find genes with counts whose spread over units is like that of genes of their level."""
    able = mean > 0
    able[excluded] = False
    free = np.flatnonzero(able)
    free = free[np.argsort(mean[free], kind="stable")]
    spread = np.log(np.maximum(levels[:, free].std(axis=0), np.finfo(float).tiny))
    n_near = min(N_CONTROLS, max(free.size // 4, 1))
    start = np.clip(np.arange(free.size) - n_near // 2, 0, max(free.size - n_near, 0))
    near = spread[start[:, np.newaxis] + np.arange(n_near)] if free.size else np.empty((0, 1))
    middle = np.median(near, axis=1)
    usual = np.median(np.abs(near - middle[:, np.newaxis]), axis=1)
    typical: IntArray = free[np.abs(spread - middle) <= TYPICAL * NORMAL_MAD * usual]
    return typical
