"""One number per donor and axis: how far a programme stands above comparable genes.

A score is the weighted mean over the programme's genes of log2(CP10k + 1) of the summed counts,
less what the donor's other genes lead one to expect at these levels. Depth, the number of cells and
the make-up of the library bend the levels of all genes by a law with three numbers a donor; they are
fitted to the panel, and what they explain is taken off.
Genes that answer a signal would move the score of a programme that does not: those that
vary over donors unlike genes of their level do not enter the fit.
How this score was chosen among others: see the room's page in the documentation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turncoat.allegiance.background import Background, control_genes
from turncoat.allegiance.programmes import Programme
from turncoat.tables import FloatArray, IntArray

#: With fewer units nothing tells how much of their spread is counting.
MIN_UNITS_FOR_CELLS = 6
#: Counting is taken for at most this many times the donors' spread at the median number of cells.
MOST_EVEN = 4.0
#: Sets of control genes drawn to learn how far a score of so many genes at such levels varies.
N_MATCHED = 100


@dataclass(frozen=True, slots=True)
class GeneLevels:
    """Levels of an axis' genes above what was expected of them.

    Parameters
    ----------
    levels
        log2 levels less the expected ones, shape ``(n_units, n_genes)``.
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


def gene_levels(levels: FloatArray, axis: Programme, background: Background) -> GeneLevels:
    """Set the genes of an axis against what the rest of the panel leads one to expect.

    Parameters
    ----------
    levels
        log2 levels of all genes, shape ``(n_units, n_all)``.
    axis
        The measured genes of the axis.
    background
        Fitted to the same levels.

    Returns
    -------
    GeneLevels
        What the score is made of.

    References
    ----------
    Tirosh et al. (2016), *Science* 352:189 (scores above genes of like expression).
    """
    above = levels[:, axis.genes] - background.levels(axis.genes)
    return GeneLevels(above, axis.weights / np.abs(axis.weights).sum())


def even_cells(matched: FloatArray, n_cells: FloatArray, strata: Sequence[IntArray]) -> float:
    """Find the number of cells at which a score varies as much by counting as it does by donor.

    A score's variance is taken to be a + b / cells, and the answer is b / a. Both are fitted to squared
    distances from the mean of each stratum (what sets whole strata apart, such as the donor of a
    pair, never enters a comparison), by scores of genes that are in no programme. Arms are not looked at.

    Parameters
    ----------
    matched
        Scores of many sets of genes, shape ``(n_units, n_sets)``.
    n_cells
        Cells per unit, shape ``(n_units,)``.
    strata
        Units among which labels may be exchanged.

    Returns
    -------
    float
        At least 0, at most four times the median number of cells; the median where fewer
        than six units, or scores without any spread, cannot tell.
    """
    middle = float(np.median(n_cells))
    rows, squares = [], []
    for units in strata:
        few, size = middle / n_cells[units], units.size
        away = matched[units] - matched[units].mean(axis=0)
        squares.append((away**2).mean(axis=1))
        # What is expected of a distance from a mean that holds the unit itself.
        expected = (1 - 2 / size) * few + few.sum() / size**2
        rows.append(np.stack([np.full(size, 1 - 1 / size), expected], axis=1))
    design, seen = np.concatenate(rows), np.concatenate(squares)
    if (design[:, 0] > 0).sum() < MIN_UNITS_FOR_CELLS or seen.mean() < np.finfo(float).eps:
        return middle
    donors, cells = _not_negative(design, seen)
    # Squares scatter in proportion to their size: once more, with weights that say so.
    size = np.maximum(design @ (donors, cells), seen.mean() * np.finfo(float).eps)
    donors, cells = _not_negative(design / size[:, np.newaxis], seen / size)
    return middle * (min(cells / donors, MOST_EVEN) if donors > 0 else MOST_EVEN)


def _not_negative(design: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Fit two amounts by least squares, neither below 0."""
    first, second = np.linalg.lstsq(design, values, rcond=None)[0]
    alone = design.T @ values / (design**2).sum(axis=0)
    if first < 0:
        return 0.0, float(max(alone[1], 0.0))
    if second < 0:
        return float(max(alone[0], 0.0)), 0.0
    return float(first), float(second)


def cell_weights(n_cells: FloatArray, even: float | None = None) -> FloatArray:
    """Weigh units by their cells: n / (n + even).

    A unit of few cells counts less, one of very many hardly more than a typical one. The
    weights do not change when every cell is doubled.

    Parameters
    ----------
    n_cells
        Cells per unit, shape ``(n_units,)``.
    even
        Cells at which counting adds as much noise as donors do; the median number for None.

    Returns
    -------
    FloatArray
        Weights between 0 and 1.

    Examples
    --------
    >>> cell_weights(np.array([5.0, 20.0, 80.0]))
    array([0.2, 0.5, 0.8])
    """
    middle = float(np.median(n_cells)) if even is None else even
    weights: FloatArray = n_cells / (n_cells + middle)
    return weights


def matched_scores(
    levels: FloatArray, axis: Programme, excluded: IntArray, background: Background
) -> FloatArray:
    """Score sets of genes that are like a programme's in number, level and weight, and no more.

    Each gene is replaced by one of its neighbours in level, a hundred times. The draws are the
    same in every call.

    Parameters
    ----------
    levels
        log2 levels of all genes, shape ``(n_units, n_all)``.
    axis
        The measured genes of the axis.
    excluded
        Genes that may not take their place.
    background
        Fitted to the same levels.

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
    scores: FloatArray = (levels[:, chosen] - background.levels(chosen)) @ weights
    return scores
