"""Figures of virtual trials. Every figure says that its mice are simulated."""

from typing import TYPE_CHECKING

import numpy as np

from turncoat.simulate.result import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes


COLOURS = (
    "#4c566a", "#d1495b", "#1f7a8c", "#edae49", "#66a182", "#8d6a9f", "#c97b63", "#2f6fde",
    "#a3b18a", "#7a1f3d",
)  # fmt: skip
ORGAN_COLOURS = {"node": "#1f7a8c", "lung": "#edae49"}
BAND = (10.0, 90.0)
# More bands than this hide each other; then only the first arm has one.
MOST_BANDS = 4
Z95 = 1.959963984540054


def new_axes(ax: "Axes | None", size: tuple[float, float]) -> "Axes":
    """Give the axes, or make some of a size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def _signed(ax: "Axes", trial: Trial) -> None:
    ax.set_title(
        f"Simulated: context {trial.params['context']}, {trial.params['n_mice']} mice",
        fontsize=8, loc="left", color="0.35",
    )  # fmt: skip
    ax.spines[["top", "right"]].set_visible(False)


def growth(
    trial: Trial, *, quantity: str = "volume", unit: str = "mm³", ax: "Axes | None" = None
) -> "Axes":
    """Draw a quantity over time per arm: median, and the band of the middle 80 % of mice.

    Parameters
    ----------
    trial
        From :func:`turncoat.sim.trial`.
    quantity
        One of the trial's curves.
    unit
        Its unit, for the axis.
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
    >>> found = tc.sim.trial("thacker", ["control", "lgk974"], n_mice=3)
    >>> len(tc.pl.trial_growth(found).lines)
    2
    >>> plt.close("all")
    """
    ax = new_axes(ax, (6.4, 3.8))
    for arm, colour in zip(trial.arm_names, colours(len(trial.arm_names)), strict=True):
        curves = trial.curve(quantity, arm)
        low, middle, high = np.nanpercentile(curves, [BAND[0], 50.0, BAND[1]], axis=0)
        if arm == trial.arm_names[0] or len(trial.arm_names) <= MOST_BANDS:
            ax.fill_between(trial.times, low, high, color=colour, alpha=0.12, linewidth=0)
        ax.plot(
            trial.times, middle, color=colour, label=arm, linewidth=1.6,
            linestyle=stroke(trial.arm_names.index(arm)),
        )  # fmt: skip
    name = "Primary tumour" if quantity == "volume" else quantity.replace("_", " ")
    ax.set(xlabel="Day", ylabel=f"{name} ({unit})", xlim=(trial.times[0], trial.times[-1]))
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=7)
    _signed(ax, trial)
    return ax


def waterfall(trial: Trial, arm: str, *, ax: "Axes | None" = None) -> "Axes":
    """Draw each mouse's change in final volume against itself in the first arm.

    Parameters
    ----------
    trial
        From :func:`turncoat.sim.trial`.
    arm
        The arm to draw.
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
    >>> found = tc.sim.trial("thacker", ["control", "lgk974"], n_mice=3)
    >>> len(tc.pl.trial_waterfall(found, "lgk974").patches)
    3
    >>> plt.close("all")
    """
    ax = new_axes(ax, (6.4, 3.2))
    change = np.sort(trial.in_arm(arm)["change"].dropna().to_numpy(dtype=float))[::-1]
    faces = np.where(change < 0, COLOURS[2], COLOURS[1])
    ax.bar(np.arange(change.size), change, width=1.0, color=faces)
    ax.axhline(0, color="0.3", linewidth=0.8)
    share = float(np.mean(change < 0)) if change.size else float("nan")
    ax.set(
        xlabel=f"Mice, ordered; smaller tumour in {share:.0%}",
        ylabel=f"log₂ volume, {arm}\nagainst {trial.arm_names[0]}", xticks=[],
    )  # fmt: skip
    _signed(ax, trial)
    return ax


def wilson(successes: int, total: int) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a share.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(5, 10)]
    [0.237, 0.763]
    """
    if total == 0:
        return 0.0, 1.0
    share, z2 = successes / total, Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return float(centre - half), float(centre + half)


def colonisation(trial: Trial, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of mice with a colony of 1000 cells or more, per organ and arm.

    Parameters
    ----------
    trial
        From :func:`turncoat.sim.trial`.
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
    >>> found = tc.sim.trial("thacker", ["control", "lgk974"], n_mice=3)
    >>> len(tc.pl.trial_colonisation(found).patches)
    4
    >>> plt.close("all")
    """
    ax = new_axes(ax, (1.2 + 0.9 * len(trial.arm_names), 3.4))
    places = np.arange(len(trial.arm_names))
    for shift, (organ, colour) in zip((-0.2, 0.2), ORGAN_COLOURS.items(), strict=True):
        counts = [trial.in_arm(arm)[f"{organ}_colonies"].dropna() for arm in trial.arm_names]
        with_any, total = [int((c > 0).sum()) for c in counts], [len(c) for c in counts]
        share = np.array([a / max(n, 1) for a, n in zip(with_any, total, strict=True)])
        ends = np.array([wilson(a, n) for a, n in zip(with_any, total, strict=True)])
        error = np.clip(np.abs(ends.T - share), 0.0, None)
        ax.bar(places + shift, share, 0.38, color=colour, label=organ, yerr=error,
               error_kw={"elinewidth": 1, "ecolor": "0.2"})  # fmt: skip
    ax.set_xticks(places, [name.replace(" ", "\n") for name in trial.arm_names], fontsize=8)
    ax.set(ylabel="Mice with ≥ 1 colony", ylim=(0, 1.18))
    ax.set_yticks(np.linspace(0.0, 1.0, 6))
    ax.legend(frameon=False, fontsize=8, loc="upper center", ncols=2)
    _signed(ax, trial)
    return ax


def survival(trial: Trial, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of mice below the end-point size (Kaplan and Meier).

    Parameters
    ----------
    trial
        From :func:`turncoat.sim.trial`.
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
    >>> found = tc.sim.trial("thacker", ["control", "lgk974"], n_mice=3)
    >>> len(tc.pl.trial_survival(found).lines)
    2
    >>> plt.close("all")
    """
    from lifelines import KaplanMeierFitter

    ax = new_axes(ax, (6.4, 3.6))
    for arm, colour in zip(trial.arm_names, colours(len(trial.arm_names)), strict=True):
        rows = trial.in_arm(arm)
        rows = rows[rows["status"] == "done"]
        fitted = KaplanMeierFitter().fit(rows["endpoint_day"], rows["endpoint_reached"])
        line, ends = fitted.survival_function_, fitted.confidence_interval_
        days = line.index.to_numpy(dtype=float)
        ax.step(days, line.iloc[:, 0], where="post", color=colour, label=arm, linewidth=1.6,
                linestyle=stroke(trial.arm_names.index(arm)))  # fmt: skip
        if arm == trial.arm_names[0] or len(trial.arm_names) <= MOST_BANDS:
            ax.fill_between(days, ends.iloc[:, 0], ends.iloc[:, 1], step="post", color=colour,
                            alpha=0.12, linewidth=0)  # fmt: skip
    size = trial.params["endpoint"]
    ax.set(xlabel="Day", ylabel=f"Mice with primary < {size:g} mm³", ylim=(0, 1.02),
           xlim=(0, trial.times[-1]))  # fmt: skip
    ax.legend(frameon=False, fontsize=7)
    _signed(ax, trial)
    return ax


def colours(n: int) -> list[str]:
    """Give a colour per arm."""
    return [COLOURS[k % len(COLOURS)] for k in range(n)]


def stroke(k: int) -> str:
    """Give a line style per arm: colours alone do not tell more than a few apart."""
    return "-" if k < len(COLOURS) // 2 else "--"
