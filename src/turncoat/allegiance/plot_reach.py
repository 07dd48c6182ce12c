"""The figure of what a design can show, before any result."""

from typing import TYPE_CHECKING

import numpy as np

from turncoat.allegiance.plot import AXIS_COLOURS, NAMES, TITLE, row_labels
from turncoat.allegiance.plot_text import folded, room_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from turncoat.allegiance.reach import Reach


def reach(result: "Reach", *, ax: "Axes | None" = None) -> "Axes":
    """Draw the smallest shifts that a design would find, per population.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.reach` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        Circles: duty, squares: harm, found four times out of five; grey: the band within which
        a population counts as unmoved. Populations that cannot be tested say so.

    Examples
    --------
    >>> turncoat.pl.reach(tc.tl.reach(tally, contrast))  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt

    table = result.table.iloc[::-1]
    labels = row_labels(table)
    if ax is None:
        size = (6.0 + room_for(labels), 0.4 * len(table) + 1.4)
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    ax.axvspan(0, float(result.params["band"]), color="0.93", zorder=0)
    place = np.arange(len(table))
    for prefix, marker in (("anti", "o"), ("pro", "s")):
        values = table[f"{prefix}_detectable"]
        ax.scatter(
            values, place, marker=marker, color=AXIS_COLOURS[prefix], label=NAMES[prefix], zorder=3
        )
    for spot, status in enumerate(table["status"]):
        if status != "tested":
            ax.text(0.02, spot, "not testable", va="center", color="0.45", fontsize=8)
    ax.set_yticks(place, labels)
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(left=0)
    ax.set_xlabel("Smallest shift found with 80 % power (log2)")
    ax.set_title(folded(str(result.params["contrast"]), TITLE))
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
