"""Figures of cuts: which named parts each has."""

from typing import TYPE_CHECKING

import numpy as np

from turncoat.therapy.ranking import ORDER
from turncoat.therapy.result import Therapy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def therapy(result: Therapy, *, n_rows: int = 20, ax: "Axes | None" = None) -> "Axes":
    """Draw the named parts of the first cuts, so that the order can be checked by eye.

    Parameters
    ----------
    result
        From :func:`turncoat.tl.therapy`.
    n_rows
        Cuts to draw.
    ax
        Where to draw.

    Returns
    -------
    Axes
        The figure: filled squares are 1, empty ones 0, red crosses a drug that feeds.

    Examples
    --------
    >>> turncoat.pl.therapy(result)  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt

    table = result.table.head(n_rows)
    if ax is None:
        _, ax = plt.subplots(figsize=(7.5, 0.3 * max(len(table), 1) + 1.2), layout="constrained")
    for place, (_, row) in enumerate(table.iterrows()):
        for column, part in enumerate(ORDER):
            value = float(row[part])
            if value < 0:
                ax.plot(column, place, "x", color="#cc3311", markersize=8)
            else:
                shade = str(0.95 - 0.85 * value)
                ax.scatter(
                    column, place, marker="s", s=70, color=shade, edgecolors="0.4", linewidths=0.6
                )
    labels = [f"{row['drug']} on {row['target']}, {row['level']}" for _, row in table.iterrows()]
    ax.set_yticks(np.arange(len(labels)), labels, fontsize=8)
    ax.set_xticks(np.arange(len(ORDER)), [part.removeprefix("part_") for part in ORDER])
    ax.set_xlim(-0.5, len(ORDER) - 0.5)
    ax.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax
