"""Figures of copy number: by chromosome arm, and cell by cell."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from turncoat.cells.malignancy import Malignancy

#: Order of the cells of a donor in the picture of their genomes, top to bottom.
KINDS = ("malignant", "uncertain", "normal", "reference")


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


def genome_cells(result: Malignancy, *, donor: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw cells of one donor along the genome, tumour above reference, to check the call by eye.

    Parameters
    ----------
    result
        What the malignant call found.
    donor
        Whose cells; by default the donor with the most malignant ones.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on: a row a cell, red gained, blue lost.

    Examples
    --------
    >>> turncoat.pl.genome_cells(result)  # doctest: +SKIP
    """
    if donor is None:
        donor = str(result.donors.sort_values("n_malignant")["donor"].iloc[-1])
    shown = result.shown
    rows = np.concatenate(
        [
            np.flatnonzero(
                (shown["kind"] == kind) & ((shown["donor"] == donor) | (kind == KINDS[3]))
            )
            for kind in KINDS
        ]
    )
    kinds = shown["kind"].to_numpy()[rows]
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 0.03 * rows.size + 1.4), layout="constrained")
    values = result.profiles[rows]
    bound = max(float(np.quantile(np.abs(values), 0.99)), 1e-6) if values.size else 1.0
    image = ax.imshow(
        values, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto", interpolation="none"
    )
    chromosome = result.bins["chromosome"].to_numpy()
    begins = np.flatnonzero(np.r_[True, chromosome[1:] != chromosome[:-1]])
    for begin in begins[1:]:
        ax.axvline(begin - 0.5, color="0.3", linewidth=0.4)
    middles = (begins + np.r_[begins[1:], chromosome.size]) / 2 - 0.5
    ax.set_xticks(middles, chromosome[begins], fontsize=6)
    groups = [(kind, np.flatnonzero(kinds == kind)) for kind in KINDS if (kinds == kind).any()]
    for _, own in groups[1:]:
        ax.axhline(own[0] - 0.5, color="black", linewidth=0.6)
    ax.set_yticks([own.mean() for _, own in groups], [f"{k} ({own.size})" for k, own in groups])
    ax.tick_params(length=0, labelsize=6)
    ax.set(xlabel="Chromosome", title=f"{donor}")
    ax.figure.colorbar(image, ax=ax, label="Shift (log)", shrink=0.8)
    return ax
