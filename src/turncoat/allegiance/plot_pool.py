"""The forest of several studies."""

from typing import TYPE_CHECKING

import numpy as np

from turncoat.allegiance.plot import AXIS_COLOURS, NAMES, ROW
from turncoat.allegiance.plot_text import folded, room_for
from turncoat.allegiance.pool import PooledAllegiance
from turncoat.errors import MissingKeyError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def forest(
    result: PooledAllegiance,
    population: str,
    *,
    axis: str = "pro_tumour",
    tissue: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw one population's shift in every study, and the pooled one below.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.pool` found.
    population
        The population.
    axis
        ``anti_tumour`` or ``pro_tumour``.
    tissue
        Which, where the studies were compared within several; the first by default.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        Squares are studies, sized by precision; the diamond is the pooled shift, the thin line
        through it where a further study should lie.

    Raises
    ------
    MissingKeyError
        When the population was not pooled on this axis.

    Examples
    --------
    >>> turncoat.pl.forest(result, "NK")  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt

    pooled = _of(result.table, population, axis, tissue)
    if pooled.empty:
        hint = did_you_mean(population, set(result.table["population"]))
        raise MissingKeyError(f"Nothing was pooled for '{population}', axis '{axis}'. {hint}")
    row = pooled.iloc[0]
    own = _of(result.studies, population, axis, str(row["tissue"]))
    if own.empty:
        raise MissingKeyError(f"No study could test '{population}' on the axis '{axis}'.")
    labels = [
        folded(f"{name} ({n} donors)", ROW)
        for name, n in zip(own["study"], own["n_donors"], strict=True)
    ]
    if ax is None:
        size = (5.2 + room_for(labels), 0.4 * len(own) + 1.7)
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    colour = AXIS_COLOURS[axis.split("_")[0]]
    place = np.arange(len(own), 0, -1)
    ax.axvline(0, color="0.6", lw=0.8, zorder=0)
    ax.hlines(place, own["lower"], own["upper"], colors="0.4")
    size_of = 20 + 80 * (own["error"].min() / own["error"]) ** 2
    ax.scatter(own["shift"], place, s=size_of, marker="s", color="0.4", zorder=3)
    if row["status"] == "tested":
        ax.hlines(0, row["prediction_lower"], row["prediction_upper"], colors=colour, lw=0.8)
        spots = (row["lower"], row["shift"], row["upper"], row["shift"])
        ax.fill(spots, (0, 0.22, 0, -0.22), color=colour, zorder=3)
    ax.set_yticks([*place, 0], [*labels, f"pooled ({row['model'] or 'not pooled'})"])
    ax.set_xlabel("Shift, case − reference (log2, 95 % interval)")
    where = f" in {row['tissue']}" if row["tissue"] else ""
    differ = f"; I² = {row['i2']:.0f} %" if row["status"] == "tested" else ""
    subject = folded(f"{population}{where}", ROW)
    ax.set_title(f"{subject}\n{NAMES[axis.split('_')[0]]}{differ}", loc="left", fontsize=10)
    ax.set_ylim(-0.6, len(own) + 0.6)
    return ax


def _of(table: "pd.DataFrame", population: str, axis: str, tissue: str | None) -> "pd.DataFrame":
    own = table[(table["population"] == population) & (table["axis"] == axis)]
    return own if tissue is None else own[own["tissue"] == tissue]
