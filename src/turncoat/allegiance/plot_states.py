"""The figure of the states within a population."""

from typing import TYPE_CHECKING

import numpy as np

from turncoat.allegiance.plot import AXIS_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from turncoat.allegiance.substates_result import Substates

#: The two axes, a little apart so that their intervals do not cover each other.
AXES = (("duty", "anti", "o", 0.14), ("harm", "pro", "s", -0.14))


def substates(result: "Substates", *, ax: "Axes | None" = None) -> "Axes":
    """Draw duty and harm of every state that was found, against the rest of its population.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.substates` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        Circles: duty, squares: harm, with 95 % intervals over donors; filled where the state's
        side could be shown. A state without a score says so.

    Examples
    --------
    >>> turncoat.pl.substates(tc.tl.substates(cells, population="NK"))  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt

    table = result.table[result.table["verdict"] == "found"]
    table = table.merge(result.sides.drop(columns=["status", "reason", "qvalue", "pvalue"]))
    table = table.iloc[::-1].reset_index(drop=True)
    if ax is None:
        size = (6.5, 0.5 * max(len(table), 1) + 1.5)
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    ax.axvline(0, color="0.7", linewidth=0.8, zorder=0)
    place = np.arange(len(table))
    for name, prefix, marker, apart in AXES:
        values = table[name].to_numpy(dtype=float)
        low, high = table[f"{name}_lower"], table[f"{name}_upper"]
        colour = AXIS_COLOURS[prefix]
        ax.hlines(place + apart, low, high, color=colour, linewidth=1.2)
        faces = [colour if side != "not shown" else "white" for side in table["side"]]
        ax.scatter(
            values, place + apart, marker=marker, c=faces, edgecolors=colour, label=name, zorder=3
        )
    for spot, value in enumerate(table["duty"].isna() & table["harm"].isna()):
        if value:
            ax.text(0.02, spot, "no score", va="center", color="0.45", fontsize=8)
    ax.set_yticks(place, [_label(*row) for row in table[["state", "kind"]].itertuples(index=False)])
    ax.set_ylim(-0.6, max(len(table) - 0.4, 0.6))
    ax.set(
        xlabel="State minus the rest of its population (log2)",
        title=str(result.params["population"]),
    )
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def _label(state: str, kind: str) -> str:
    return f"{state}\n{kind.removeprefix('known: ').replace('like another population', 'like')}"
