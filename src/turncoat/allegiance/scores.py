"""One number per donor and axis: how far a programme stands above comparable genes.

A score is the weighted mean over the programme's genes of log2(CP10k + 1) of the summed counts,
less the same mean over control genes of like expression. Depth and the number of cells bend
log rates of weak genes; they bend those of the controls alike, and the difference cancels it.
Control genes that answer a signal would move the score of a programme that does not: those that
vary over donors unlike genes of their level are left out.
How this score was chosen among others: see the room's page in the documentation.
"""

from dataclasses import dataclass

import numpy as np

from turncoat.allegiance.programmes import Programme
from turncoat.tables import FloatArray, IntArray

#: Counts per this many, the convention of the field (scanpy, Seurat).
TARGET_SUM = 10_000.0
#: Added before the logarithm; with 1, genes below one count per 10,000 weigh little.
PSEUDOCOUNT = 1.0
#: Control genes per programme gene: enough that their own noise does not matter.
N_CONTROLS = 50
#: A control is typical while the logarithm of its spread over units lies within this many robust
#: standard deviations of the median of its neighbours: 87 of 100 normal ones do.
TYPICAL = 1.5
#: A median absolute deviation of normal values, times this, is their standard deviation.
NORMAL_MAD = 1.4826
#: Sets of control genes drawn to learn how far a score of so many genes at such levels varies.
N_MATCHED = 100


@dataclass(frozen=True, slots=True)
class GeneLevels:
    """Levels of an axis' genes over those of their controls.

    Parameters
    ----------
    levels
        log2 levels, control mean subtracted, shape ``(n_units, n_genes)``.
    weights
        Signed weights of the genes, shape ``(n_genes,)``, absolute values adding up to 1.
    """

    levels: FloatArray
    weights: FloatArray

    @property
    def scores(self) -> FloatArray:
        """The axis score of each unit, shape ``(n_units,)``, in log2 units."""
        score: FloatArray = self.levels @ self.weights
        return score

    def scores_without(self) -> FloatArray:
        """Scores with each gene left out in turn, shape ``(n_units, n_genes)``."""
        share = np.abs(self.weights)
        parts = self.levels * self.weights
        rest: FloatArray = (parts.sum(axis=1, keepdims=True) - parts) / (1 - share)
        return rest


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
    """Choose for each gene the control genes whose mean level is nearest.

    The choice looks at all units together, never at their arms.

    Parameters
    ----------
    levels
        log2 levels of all genes, shape ``(n_units, n_all)``.
    genes
        Programme genes, shape ``(n_genes,)``.
    excluded
        Genes that may not serve as controls: all programme genes of the population.

    Returns
    -------
    IntArray
        Control genes, shape ``(n_genes, n_controls)``; fewer than 50 where the panel is small.
    """
    mean = levels.mean(axis=0)
    free = np.setdiff1d(np.arange(mean.size), excluded)
    free = free[np.argsort(mean[free], kind="stable")]
    n_controls = min(N_CONTROLS, max(free.size // 4, 1))
    place = np.searchsorted(mean[free], mean[genes])
    start = np.clip(place - n_controls // 2, 0, max(free.size - n_controls, 0))
    nearest: IntArray = free[start[:, np.newaxis] + np.arange(n_controls)]
    return nearest


def control_levels(levels: FloatArray, controls: IntArray) -> FloatArray:
    """Average each gene's controls, those that vary over units as genes of their level do.

    A signal moves its target genes together. Where some of them are controls, their mean moves, and
    the score of a programme that never moved goes the other way. Such genes vary more than their
    neighbours; as many that vary less are left out with them, because spread and skewness go
    together where counts are few. The choice looks at all units together, never at their arms.

    Parameters
    ----------
    levels
        log2 levels of all genes, shape ``(n_units, n_all)``.
    controls
        Control genes of each gene, shape ``(n_genes, n_controls)``.

    Returns
    -------
    FloatArray
        Shape ``(n_units, n_genes)``.
    """
    spread = np.log(np.maximum(levels.std(axis=0), np.finfo(float).tiny))[controls]
    away = np.abs(spread - np.median(spread, axis=1, keepdims=True))
    typical = away <= TYPICAL * NORMAL_MAD * np.median(away, axis=1, keepdims=True)
    means: FloatArray = (levels[:, controls] * typical).sum(axis=2) / typical.sum(axis=1)
    return means


def gene_levels(levels: FloatArray, axis: Programme, excluded: IntArray) -> GeneLevels:
    """Set the genes of an axis against their controls.

    Parameters
    ----------
    levels
        log2 levels of all genes, shape ``(n_units, n_all)``.
    axis
        The measured genes of the axis.
    excluded
        Genes that may not serve as controls.

    Returns
    -------
    GeneLevels
        What the score is made of.

    References
    ----------
    Tirosh et al. (2016), *Science* 352:189 (control genes of like expression).
    """
    controls = control_genes(levels, axis.genes, excluded)
    above = levels[:, axis.genes] - control_levels(levels, controls)
    return GeneLevels(above, axis.weights / np.abs(axis.weights).sum())


def cell_weights(n_cells: FloatArray) -> FloatArray:
    """Weigh units by their cells: n / (n + median n).

    A unit of few cells counts less, one of very many hardly more than a typical one. The
    weights do not change when every cell is doubled.

    Parameters
    ----------
    n_cells
        Cells per unit, shape ``(n_units,)``.

    Returns
    -------
    FloatArray
        Weights between 0 and 1.

    Examples
    --------
    >>> cell_weights(np.array([5.0, 20.0, 80.0]))
    array([0.2, 0.5, 0.8])
    """
    weights: FloatArray = n_cells / (n_cells + np.median(n_cells))
    return weights


def matched_scores(levels: FloatArray, axis: Programme, excluded: IntArray) -> FloatArray:
    """Score sets of genes that are like a programme's in number, level and weight, and no more.

    Each gene is replaced by one of its controls, a hundred times. The draws are the same in
    every call.

    Parameters
    ----------
    levels
        log2 levels of all genes, shape ``(n_units, n_all)``.
    axis
        The measured genes of the axis.
    excluded
        Genes that may not serve as controls.

    Returns
    -------
    FloatArray
        Shape ``(n_units, 100)``.
    """
    nearest = control_genes(levels, axis.genes, excluded)
    rng = np.random.default_rng(axis.genes.size)
    drawn = rng.integers(nearest.shape[1], size=(N_MATCHED, axis.genes.size))
    chosen = nearest[np.arange(axis.genes.size), drawn]
    weights = axis.weights / np.abs(axis.weights).sum()
    base = control_levels(levels, nearest) @ weights
    scores: FloatArray = levels[:, chosen] @ weights - base[:, np.newaxis]
    return scores
