"""Figures of several panels or cells: dose grids, and many states over time."""

from typing import TYPE_CHECKING

import numpy as np

from turncoat.errors import ArgumentError
from turncoat.simulate.plot import BAND, colours, new_axes
from turncoat.simulate.result import Trial
from turncoat.tables import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from turncoat.simulate.dose_grid import DoseGrid


def dose_heatmap(grid: "DoseGrid", *, ax: "Axes | None" = None) -> "Axes":
    """Draw the median change of volume for every dose and interval of one drug.

    Parameters
    ----------
    grid
        From :func:`turncoat.sim.dose_grid`.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import turncoat as tc
    >>> grid = tc.sim.dose_grid("thacker", "lgk974", doses=[1, 5], intervals=[1], n_mice=3)
    >>> len(tc.pl.dose_heatmap(grid).texts)
    2
    >>> plt.close("all")
    """
    ax = new_axes(ax, (5.2, 3.6))
    table = grid.table.pivot_table(index="dose", columns="interval", values="change", sort=True)
    strongest = max(float(np.nanmax(np.abs(table.to_numpy()))), 1e-9)
    image = ax.imshow(table, cmap="RdBu_r", vmin=-strongest, vmax=strongest, origin="lower",
                      aspect="auto")  # fmt: skip
    for (i, j), value in np.ndenumerate(table.to_numpy()):
        pale = abs(value) < 0.6 * strongest
        ax.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=8,
                color="black" if pale else "white")  # fmt: skip
    ax.set_xticks(range(table.shape[1]), [f"every {c:g} d" for c in table.columns], fontsize=8)
    ax.set_yticks(range(table.shape[0]), [f"{r:g}" for r in table.index])
    ax.set_ylabel(f"{grid.params['drug']} (mg/kg)")
    bar = ax.figure.colorbar(image, ax=ax)
    bar.set_label("log₂ volume against control, median")
    ax.set_title(
        f"Simulated: context {grid.params['context']}, {grid.params['n_mice']} mice",
        fontsize=8, loc="left", color="0.35",
    )  # fmt: skip
    return ax


SHOWN = ("volume", "stem", "nk_immature", "nk_mature", "wnt", "cd8_primary", "treg_node", "nk_node", "nk_lung")  # fmt: skip


def trajectories(
    trial: Trial, *, arms: tuple[str, ...] = (), quantities: tuple[str, ...] = SHOWN
) -> "Figure":
    """Draw many states over time, one panel each: median and the middle 80 % of mice.

    Parameters
    ----------
    trial
        From :func:`turncoat.sim.trial`.
    arms
        Arms to draw; the first four by default.
    quantities
        Curves to draw, a panel each.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    ArgumentError
        When no curve is named.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import turncoat as tc
    >>> found = tc.sim.trial("thacker", ["control", "lgk974"], n_mice=3)
    >>> len(tc.pl.trial_trajectories(found, quantities=("volume", "wnt")).axes)
    2
    >>> plt.close("all")
    """
    import matplotlib.pyplot as plt

    chosen = arms or tuple(trial.arm_names[:4])
    if not quantities:
        raise ArgumentError("'quantities' should name at least one curve.")
    columns = min(3, len(quantities))
    rows = -(-len(quantities) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.0 * columns, 1.9 * rows), layout="constrained", squeeze=False
    )
    for ax in axes.flat[len(quantities) :]:
        ax.set_visible(False)
    for ax, quantity in zip(axes.flat, quantities, strict=False):
        for arm, colour in zip(chosen, colours(len(chosen)), strict=True):
            _band(ax, trial.times, trial.curve(quantity, arm), colour, arm)
        ax.set_title(quantity.replace("_", " "), fontsize=8)
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    axes.flat[0].legend(frameon=False, fontsize=6)
    figure.suptitle(f"Simulated: context {trial.params['context']}; days", fontsize=8)
    return figure


def _band(ax: "Axes", times: FloatArray, curves: FloatArray, colour: str, label: str) -> None:
    low, middle, high = np.nanpercentile(curves, [BAND[0], 50.0, BAND[1]], axis=0)
    ax.fill_between(times, low, high, color=colour, alpha=0.12, linewidth=0)
    ax.plot(times, middle, color=colour, linewidth=1.2, label=label)
