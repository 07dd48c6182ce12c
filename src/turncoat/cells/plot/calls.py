"""Figures of what the cells were called: composition, confidence, abstentions, markers."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from turncoat.cells.markers import marker_set
from turncoat.cells.result import UNASSIGNED, Annotation

if TYPE_CHECKING:
    import anndata as ad

    from turncoat.tables import FloatArray


def _counted(result: Annotation) -> pd.DataFrame:
    """Cells of a sample: one that was left out is in none."""
    return result.cells[result.cells["sample"] != ""]


def composition(result: Annotation, *, ax: Axes | None = None) -> Axes:
    """Draw each sample's cells by population, those left unassigned in grey.

    Parameters
    ----------
    result
        What :func:`turncoat.pp.annotate` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on.

    Examples
    --------
    >>> turncoat.pl.composition(result)  # doctest: +SKIP
    """
    cells = _counted(result)
    table = pd.crosstab(cells["sample"], cells["population"], normalize="index")
    order = [name for name in table.sum().sort_values(ascending=False).index if name != UNASSIGNED]
    if ax is None:
        # Few samples need the room of the legend beside them.
        height = max(0.16 * len(table) + 1.2, 0.17 * table.shape[1] + 0.5)
        _, ax = plt.subplots(figsize=(8, height), layout="constrained")
    # Without the two greys: grey is for cells left unassigned.
    hues = np.delete(np.arange(20), [14, 15])
    colours = plt.get_cmap("tab20")(hues[np.arange(len(order)) % hues.size])
    left = np.zeros(len(table))
    place = np.arange(len(table))
    for name, colour in [*zip(order, colours, strict=True), (UNASSIGNED, "0.8")]:
        if name in table:
            ax.barh(place, table[name], left=left, color=colour, label=name, height=0.9)
            left += table[name].to_numpy()
    ax.set(
        xlabel="Share of the sample's cells",
        xlim=(0, 1),
        yticks=place,
        ylim=(-0.6, len(table) - 0.4),
    )
    ax.set_yticklabels(table.index, fontsize=6)
    ax.legend(bbox_to_anchor=(1.01, 1), loc="upper left", fontsize=7, frameon=False)
    return ax


def confidence(result: Annotation, *, ax: Axes | None = None) -> Axes:
    """Draw how sure the calls are, and where the line to abstention lies.

    Parameters
    ----------
    result
        What :func:`turncoat.pp.annotate` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on.

    Examples
    --------
    >>> turncoat.pl.confidence(result)  # doctest: +SKIP
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
    cells = _counted(result)
    called = cells["population"] != UNASSIGNED
    values = cells["confidence"]
    bins = np.linspace(0, 1, 41).tolist()
    ax.hist(values[called], bins=bins, color="tab:blue", label="called")
    least = float(result.params["confidence"])
    ax.hist(values[~called], bins=bins, color="0.7", label="left unassigned")
    # Sure of what they are, but not of whether they are malignant.
    between = ~called & (values >= least)
    if between.any():
        ax.hist(values[between], bins=bins, color="0.45", label="malignant or not: uncertain")
    ax.axvline(least, color="black", linewidth=0.8)
    ax.set(xlabel="Confidence", ylabel="Cells", yscale="log")
    ax.legend(frameon=False, fontsize=8)
    return ax


def abstentions(result: Annotation, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each sample's cells that were left unassigned.

    Parameters
    ----------
    result
        What :func:`turncoat.pp.annotate` found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on.

    Examples
    --------
    >>> turncoat.pl.abstentions(result)  # doctest: +SKIP
    """
    table = result.samples.sort_values("sample", ascending=False)
    if ax is None:
        _, ax = plt.subplots(figsize=(5, 0.16 * len(table) + 1.0), layout="constrained")
    place = np.arange(len(table))
    share = (table["n_unassigned"] / table["n_cells"].clip(lower=1)).to_numpy()
    ax.barh(place, share, color="0.6", height=0.8)
    ax.set(xlabel="Share left unassigned", yticks=place, ylim=(-0.7, len(table) - 0.3))
    ax.set_xlim(0, max(0.05, float(share.max(initial=0)) * 1.1))
    ax.set_yticklabels(table["sample"], fontsize=6)
    return ax


def marker_dots(tally: "ad.AnnData", *, per_population: int = 3, ax: Axes | None = None) -> Axes:
    """Draw how many cells of each called population show its markers, and how strongly.

    Parameters
    ----------
    tally
        Cells counted by sample and population.
    per_population
        Markers drawn of each: those in the most of its cells.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on: the area of a dot is the share of cells, its colour the mean level.

    Examples
    --------
    >>> turncoat.pl.marker_dots(tally)  # doctest: +SKIP
    """
    names, genes, share, level = _dots(tally, per_population)
    if ax is None:
        size = (0.17 * len(genes) + 2.2, 0.2 * len(names) + 1.4)
        _, ax = plt.subplots(figsize=size, layout="constrained")
    row, column = np.nonzero(share >= 0.01)
    drawn = ax.scatter(
        column, row, s=60 * share[row, column], c=level[row, column], cmap="viridis_r", linewidths=0
    )
    ax.set(xticks=np.arange(len(genes)), yticks=np.arange(len(names)))
    ax.set(xlim=(-0.7, len(genes) - 0.3), ylim=(len(names) - 0.4, -0.6))
    ax.set_xticklabels(genes, rotation=90, fontsize=6)
    ax.set_yticklabels(names, fontsize=7)
    ax.figure.colorbar(drawn, ax=ax, label="Mean log level", shrink=0.7, pad=0.01)
    for share_shown in (0.25, 0.5, 1.0):
        ax.scatter([], [], s=60 * share_shown, color="0.5", label=f"{share_shown:.0%}")
    ax.legend(
        title="Cells", loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, fontsize=6, frameon=False
    )
    return ax


def _dots(
    tally: "ad.AnnData", per_population: int
) -> tuple[list[str], list[str], "FloatArray", "FloatArray"]:
    population = tally.obs["population"].astype(str).to_numpy()
    names = sorted(set(population))
    member = np.array([population == name for name in names], dtype=float)
    n_cells = np.maximum(member @ tally.obs["n_cells"].to_numpy(dtype=float), 1)[:, np.newaxis]
    markers = marker_set(str(tally.uns["turncoat"]["tally"]["species"]))
    known = {
        node.name: node.positive
        for level in ("lineage", "population")
        for node in markers.at(level)
    }
    known["Malignant"] = known.get("Epithelial", ())
    wanted = list(dict.fromkeys(gene for name in names for gene in known.get(name, ())))
    wanted = [gene for gene in wanted if gene in tally.var_names]
    columns = tally.var_names.get_indexer(pd.Index(wanted))
    share = np.asarray(member @ tally.layers["detected"][:, columns]) / n_cells
    level = np.asarray(member @ tally.layers["logsum"][:, columns]) / n_cells
    chosen: list[int] = []
    for row, name in enumerate(names):
        own = [k for k, gene in enumerate(wanted) if gene in known.get(name, ())]
        best = sorted(own, key=lambda k: -share[row, k])[:per_population]
        chosen += [k for k in best if k not in chosen]
    return names, [wanted[k] for k in chosen], share[:, chosen], level[:, chosen]
