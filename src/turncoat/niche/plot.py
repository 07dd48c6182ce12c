"""Figures of the niche room: ratios and shares between donors, organs side by side."""

from typing import TYPE_CHECKING

import numpy as np

from turncoat.niche.result import Abundance, Niche

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colour-blind safe (Okabe and Ito 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def abundance(result: Abundance, *, ax: "Axes | None" = None) -> "Axes":
    """Draw every log-ratio's shift with its interval, named ratios first.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.abundance` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        Orange: named ratios, blue: populations; filled where the p-value is at most 0.05. Quantities
        that could not be tested are named without a point.

    Examples
    --------
    >>> turncoat.pl.abundance(result)  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D

    table = result.table.iloc[::-1]
    if ax is None:
        size = (5.4, 0.3 * max(len(table), 1) + 1.4)
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    place = np.arange(len(table))
    colours = [COLOURS[1] if kind == "ratio" else COLOURS[0] for kind in table["kind"]]
    faces = [
        colour if p <= 0.05 else "white" for colour, p in zip(colours, table["pvalue"], strict=True)
    ]
    ax.axvline(0, color="0.6", lw=0.8, zorder=0)
    ax.hlines(place, table["lower"], table["upper"], colors=colours)
    ax.scatter(table["shift"], place, c=faces, edgecolors=colours, zorder=3)
    names = table["quantity"] + table["tissue"].map(lambda tissue: f" ({tissue})" if tissue else "")
    for spot, status in enumerate(table["status"]):
        if status != "tested":
            ax.text(0.01, spot, status.replace("_", " "), va="center", color="0.45", fontsize=8,
                    transform=ax.get_yaxis_transform())  # fmt: skip
    ax.set_yticks(place, list(names))
    ax.set_ylim(-0.6, max(len(table), 1) - 0.4)
    ax.set(xlabel="Shift, case − reference (log2, 95 % interval)", title=result.params["contrast"])
    handles = [
        Line2D([], [], marker="o", ls="", color="0.3", mfc=face, label=label)
        for face, label in (("0.3", "p ≤ 0.05"), ("white", "p > 0.05"))
    ]
    ax.legend(handles=handles, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def niche(result: Niche, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the openness of each organ against its baseline, part by part.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.niche` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        One colour per organ; to the right of zero the organ is more open than its baseline.
        Parts that could not be tested are absent.

    Examples
    --------
    >>> turncoat.pl.niche(result)  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt

    table = result.openness[result.openness["status"] == "tested"]
    parts = list(dict.fromkeys(result.openness["part"]))[::-1]
    organs = list(result.params["organs"])
    if ax is None:
        size = (6.0, 0.45 * len(parts) + 1.5)
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    ax.axvline(0, color="0.6", lw=0.8, zorder=0)
    for rank, organ in enumerate(organs):
        own = table[table["organ"] == organ]
        offset = 0.25 * (rank - (len(organs) - 1) / 2)
        place = np.array([parts.index(part) for part in own["part"]], dtype=float) - offset
        colour = COLOURS[rank % len(COLOURS)]
        label = f"{organ} against {result.params['organs'][organ]}"
        ax.hlines(place, own["lower"], own["upper"], colors=colour)
        ax.scatter(own["shift"], place, color=colour, label=label, zorder=3)
    ax.set_yticks(range(len(parts)), parts)
    ax.set_ylim(-0.6, len(parts) - 0.4)
    ax.set_xlabel("Change towards openness (parts: log2; openness: spreads of donors)")
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
