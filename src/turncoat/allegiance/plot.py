"""Figures of allegiance: verdicts, the donors behind each, and the map of both axes."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from turncoat.allegiance.plot_text import folded, label_points, room_for
from turncoat.allegiance.programmes import ANTI, PRO
from turncoat.allegiance.result import Allegiance
from turncoat.errors import MissingKeyError, did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colour-blind safe (Okabe and Ito 2008); the same everywhere in this room.
COLOURS = {
    "switched": "#D55E00",
    "loyal": "#0072B2",
    "inconclusive": "#8A8A8A",
    "not testable": "#C9C9C9",
}
AXIS_COLOURS = {"anti": "#0072B2", "pro": "#D55E00"}
CASE, REFERENCE = "#D55E00", "#56B4E9"
#: Letters of a line of a row's name, of an arm's, of a title.
ROW, ARM, TITLE = 30, 10, 48
NAMES = {"anti": "anti-tumour duty", "pro": "pro-tumour harm"}


def row_labels(table: pd.DataFrame) -> list[str]:
    """Name the rows of a table: the population, and the tissue where there are several."""
    several = len(set(table["tissue"])) > 1
    return [
        folded(f"{population} ({tissue})" if several and tissue else str(population), ROW)
        for population, tissue in zip(table["population"], table["tissue"], strict=True)
    ]


def allegiance(result: Allegiance, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the shift of both axes per population, with intervals, coloured by verdict.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.allegiance` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        Circles are anti-tumour shifts, squares pro-tumour ones; the grey band is the one
        within which a population counts as unmoved.

    Examples
    --------
    >>> turncoat.pl.allegiance(result)  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D

    order = {verdict: place for place, verdict in enumerate(COLOURS)}
    table = result.table.sort_values(
        ["verdict", "population", "tissue"],
        key=lambda values: values.map(order) if values.name == "verdict" else values,
    ).iloc[::-1]
    labels = row_labels(table)
    if ax is None:
        size = (6.4 + room_for(labels), 0.42 * len(table) + 1.6)
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    band = float(result.params["band"])
    ax.axvspan(-band, band, color="0.93", zorder=0)
    ax.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    colours = [COLOURS[verdict] for verdict in table["verdict"]]
    for prefix, marker, offset in (("anti", "o", 0.16), ("pro", "s", -0.16)):
        place = np.arange(len(table)) + offset
        bounds = (table[f"{prefix}_lower"], table[f"{prefix}_upper"])
        ax.hlines(place, *bounds, colors=colours, linewidth=1.4)
        ax.scatter(table[f"{prefix}_shift"], place, marker=marker, c=colours, s=28, zorder=3)
    ax.set_yticks(np.arange(len(table)), labels)
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlabel("Shift, case − reference (log2, 95 % interval)")
    ax.set_title(folded(result.params["contrast"], TITLE))
    shown = [verdict for verdict in COLOURS if verdict in set(table["verdict"])]
    handles = [Line2D([], [], marker="o", ls="", color=COLOURS[v], label=v) for v in shown]
    handles += [
        Line2D([], [], marker=m, ls="", color="0.3", mfc="none", label=name)
        for m, name in (("o", NAMES["anti"]), ("s", NAMES["pro"]))
    ]
    ax.legend(handles=handles, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def allegiance_donors(
    result: Allegiance, population: str, *, tissue: str = "", ax: "Axes | None" = None
) -> "Axes":
    """Draw one population's donors on both axes, pairs joined.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.allegiance` found.
    population
        The population.
    tissue
        The tissue, where there are several.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        Points are donors, sized by their weight; lines join the arms of a donor.

    Raises
    ------
    MissingKeyError
        When the population has no scores.

    Examples
    --------
    >>> turncoat.pl.allegiance_donors(result, "NK")  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt

    scores = _scores_of(result, population, tissue)
    if ax is None:
        ax = plt.subplots(figsize=(4.6, 3.4), layout="constrained")[1]
    arms = (result.params["reference"], result.params["case"])
    spots = []
    for axis_place, (axis, prefix) in enumerate(((ANTI, "anti"), (PRO, "pro"))):
        own = scores[scores["axis"] == axis]
        for arm_place, (arm, colour) in enumerate(zip(arms, (REFERENCE, CASE), strict=True)):
            x = 3 * axis_place + arm_place
            spots.append((x, arm))
            part = own[own["arm"] == arm]
            ax.scatter(
                np.full(len(part), x),
                part["score"],
                s=12 + 60 * part["weight"],
                color=colour,
                edgecolor="white",
                linewidth=0.6,
                zorder=3,
            )
        for _, pair in own.groupby("donor"):
            if len(pair) == 2:
                ends = pair.set_index("arm")["score"].reindex(list(arms))
                ax.plot([3 * axis_place, 3 * axis_place + 1], ends, color="0.75", lw=0.9, zorder=1)
        ax.text(
            3 * axis_place + 0.5,
            1.02,
            NAMES[prefix],
            transform=ax.get_xaxis_transform(),
            ha="center",
        )
    ax.set_xticks([x for x, _ in spots], [folded(name, ARM, lines=3) for _, name in spots])
    ax.set_xlim(-0.7, 4.7)
    ax.set_ylabel("Score (log2 above expected)")
    ax.set_title(folded(f"{population}{f' ({tissue})' if tissue else ''}", TITLE), pad=20)
    return ax


def allegiance_map(result: Allegiance, *, ax: "Axes | None" = None) -> "Axes":
    """Draw duty against harm: each population's change and those of its paired donors.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.allegiance` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        Large points are populations, coloured by verdict; small points joined to them are their
        paired donors. The lower right quarter is where populations that switched sides go. Where
        names would cover each other, those of inconclusive ones are left out first.

    Examples
    --------
    >>> turncoat.pl.allegiance_map(result)  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt
    from matplotlib.patches import Rectangle

    if ax is None:
        ax = plt.subplots(figsize=(5.4, 4.6), layout="constrained")[1]
    table = result.table.dropna(subset=["anti_shift", "pro_shift"])
    band = float(result.params["band"])
    ax.axhline(0, color="0.8", lw=0.8, zorder=0)
    ax.axvline(0, color="0.8", lw=0.8, zorder=0)
    ax.add_patch(Rectangle((-band, -band), 2 * band, 2 * band, color="0.93", zorder=0))
    names: list[tuple[int, str, float, float]] = []
    for name, (_, row) in zip(row_labels(table), table.iterrows(), strict=True):
        colour = COLOURS[str(row["verdict"])]
        for donor_shift in _pair_shifts(result, str(row["population"]), str(row["tissue"])):
            ax.plot(*donor_shift, marker=".", ms=4, color=colour, alpha=0.35, zorder=1)
            ax.plot([row["pro_shift"], donor_shift[0]], [row["anti_shift"], donor_shift[1]],
                    color=colour, lw=0.4, alpha=0.35, zorder=1)  # fmt: skip
        ax.plot(row["pro_shift"], row["anti_shift"], "o", color=colour, ms=7, zorder=3)
        rank, name = list(COLOURS).index(str(row["verdict"])), folded(name, ROW, lines=1)
        names.append((rank, name, float(row["pro_shift"]), float(row["anti_shift"])))
    ax.set_xlabel("Change of pro-tumour harm (log2)")
    ax.set_ylabel("Change of anti-tumour duty (log2)")
    ax.text(0.98, 0.02, "lost duty, gained harm", transform=ax.transAxes, ha="right", color="0.45",
            fontsize=8)  # fmt: skip
    ax.set_title(folded(result.params["contrast"], TITLE))
    label_points(ax, [name[1:] for name in sorted(names)])
    return ax


def _scores_of(result: Allegiance, population: str, tissue: str) -> pd.DataFrame:
    scores = result.scores
    own = scores[(scores["population"] == population) & (scores["tissue"] == tissue)]
    if own.empty:
        hint = did_you_mean(population, set(scores["population"]))
        raise MissingKeyError(f"No scores for population '{population}', tissue '{tissue}'. {hint}")
    return own


def _pair_shifts(result: Allegiance, population: str, tissue: str) -> list[tuple[float, float]]:
    own = _scores_of(result, population, tissue)
    wide = own.pivot_table(index=["donor", "arm"], columns="axis", values="score")
    if not {ANTI, PRO} <= set(wide.columns):
        return []
    shifts = []
    for donor in wide.index.get_level_values(0).unique():
        arms = wide.loc[donor]
        if len(arms) == 2:
            change = arms.loc[result.params["case"]] - arms.loc[result.params["reference"]]
            shifts.append((float(change[PRO]), float(change[ANTI])))
    return shifts


def allegiance_panels(result: Allegiance, *, columns: int = 3) -> "Axes":
    """Draw every scored population's donors, one panel each, pairs joined.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.allegiance` found.
    columns
        Panels side by side.

    Returns
    -------
    Axes
        The first panel; its figure holds all.

    Raises
    ------
    MissingKeyError
        When no population has scores.

    Examples
    --------
    >>> turncoat.pl.allegiance_panels(result)  # doctest: +SKIP
    """
    from matplotlib import pyplot as plt

    rows = result.scores[["population", "tissue"]].drop_duplicates()
    if rows.empty:
        raise MissingKeyError("No population has scores, so there are no donors to draw.")
    n_rows = -(-len(rows) // columns)
    figure, panels = plt.subplots(
        n_rows, columns, figsize=(3.1 * columns, 2.5 * n_rows), layout="constrained", squeeze=False
    )
    for panel in panels.flat[len(rows) :]:
        panel.set_visible(False)
    for panel, (population, tissue) in zip(
        panels.flat, rows.itertuples(index=False, name=None), strict=False
    ):
        allegiance_donors(result, str(population), tissue=str(tissue), ax=panel)
        panel.set_ylabel("")
        panel.set_title(folded(panel.get_title(), ROW), pad=18, fontsize=9)
        panel.tick_params(labelsize=7)
    figure.supylabel("Score (log2 above expected)", fontsize=9)
    first: Axes = panels.flat[0]
    return first
