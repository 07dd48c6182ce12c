"""Figures of an annotation: composition, confidence, markers, the genome of each donor."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from turncoat.cells.malignancy import Malignancy
from turncoat.cells.result import UNASSIGNED, Annotation


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
    table = pd.crosstab(result.cells["sample"], result.cells["population"], normalize="index")
    order = [name for name in table.sum().sort_values(ascending=False).index if name != UNASSIGNED]
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 0.16 * len(table) + 1.2), layout="constrained")
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
    called = result.cells["population"] != UNASSIGNED
    values = result.cells["confidence"]
    bins = np.linspace(0, 1, 41).tolist()
    ax.hist(values[called], bins=bins, color="tab:blue", label="called")
    ax.hist(values[~called], bins=bins, color="0.7", label="left unassigned")
    ax.axvline(float(result.params["confidence"]), color="black", linewidth=0.8)
    ax.set(xlabel="Confidence", ylabel="Cells", yscale="log")
    ax.legend(frameon=False, fontsize=8)
    return ax


def genome(result: Malignancy, *, ax: Axes | None = None) -> Axes:
    """Draw gains (red) and losses (blue) of each donor's tumour cells by chromosome arm.

    Parameters
    ----------
    result
        What the malignant call found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on.

    Examples
    --------
    >>> turncoat.pl.genome(result)  # doctest: +SKIP
    """
    table = result.arms.pivot_table(index="donor", columns="arm", values="shift", sort=False)
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 0.28 * len(table) + 1.2), layout="constrained")
    bound = float(np.nanmax(np.abs(table.to_numpy()))) if table.size else 1.0
    image = ax.imshow(table, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto")
    ax.set(xticks=np.arange(table.shape[1]), yticks=np.arange(len(table)))
    ax.set_xticklabels(table.columns, rotation=90, fontsize=6)
    ax.set_yticklabels(table.index, fontsize=7)
    ax.figure.colorbar(image, ax=ax, label="Mean shift (log)", shrink=0.8)
    return ax
