"""Bounds between normal and tumour cells, where there plainly are two kinds of them."""

from typing import Final

import numpy as np

from turncoat.tables import FloatArray

#: Normal and tumour cells are plainly two kinds where their medians are this many standard
#: deviations apart: on the tuning half of GSE131907, donors with tumour cells lie at 5.3 to 7.0,
#: donors (nearly) without at 3.2 to 4.4.
SEPARATED: Final = 5.0
#: Of two kinds the likelier is called when it is this many times likelier (95 to 5).
ODDS: Final = 19.0
#: Fewer tumour cells than this describe no kind.
MIN_TUMOUR: Final = 10


def separate(
    normal: FloatArray, candidates: FloatArray, bounds: tuple[float, float]
) -> tuple[float, float]:
    """Put the bounds of the call between two kinds of cells, where there plainly are two.

    Parameters
    ----------
    normal
        Agreement of the normal cells with the tumour's profile.
    candidates
        Agreement of the cells that could be malignant.
    bounds
        Quantiles of the normal cells' agreement: normal below the first, malignant above the
        second. They stay where the two kinds are less than :data:`SEPARATED` apart.

    Returns
    -------
    float, float
        Bounds between which neither kind is :data:`ODDS` times likelier, each kind taken as a
        normal distribution with its median and median absolute deviation.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> low, high = separate(rng.normal(0, 0.1, 99), rng.normal(0.8, 0.1, 99), (0.1, 0.2))
    >>> bool(0.3 < low < high < 0.5)
    True
    """
    tumour = candidates[candidates > bounds[1]]
    if tumour.size < MIN_TUMOUR:
        return bounds
    (middle, width), (peak, spread) = _middle(normal), _middle(tumour)
    if width <= 0 or spread <= 0 or peak - middle < SEPARATED * np.hypot(width, spread) / 2**0.5:
        return bounds
    grid = np.linspace(middle, peak, 501)
    odds = _log_density(grid, peak, spread) - _log_density(grid, middle, width)
    return float(grid[odds <= -np.log(ODDS)][-1]), float(grid[odds >= np.log(ODDS)][0])


def _log_density(values: FloatArray, middle: float, width: float) -> FloatArray:
    """Log density of a normal distribution, but for what all have in common."""
    density: FloatArray = -0.5 * ((values - middle) / width) ** 2 - np.log(width)
    return density


def _middle(values: FloatArray) -> tuple[float, float]:
    """Median, and the standard deviation that the median absolute deviation stands for."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))
