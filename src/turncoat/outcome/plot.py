"""Figures of an outcome: forest, survival curves, and the claim among random signatures."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, did_you_mean
from turncoat.outcome.asking import ALL
from turncoat.outcome.hazards.kaplan_meier import Z95
from turncoat.outcome.result import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"low": "#4477aa", "middle": "0.6", "high": "#cc3311"}


def _signature(result: Outcome, signature: str | None) -> str:
    names = [str(name) for name in dict.fromkeys(result.table["signature"])]
    if signature is None:
        return names[0]
    if signature not in names:
        raise ArgumentError(
            f"No signature '{signature}' was asked. {did_you_mean(signature, names)}"
        )
    return signature


def outcome_forest(
    result: Outcome, *, signature: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw a signature's hazard ratio in every cohort and subtype, and pooled.

    Parameters
    ----------
    result
        From :func:`turncoat.tl.outcome`.
    signature
        Which one; the first by default.
    ax
        Where to draw.

    Returns
    -------
    Axes
        The figure: squares are cohorts, diamonds pooled; the shaded band holds hazard ratios
        too small to matter.

    Examples
    --------
    >>> turncoat.pl.outcome_forest(result)  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt

    name = _signature(result, signature)
    rows = _forest_rows(result, name)
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 0.32 * len(rows) + 1.2), layout="constrained")
    reach = float(result.params["smallest_hr"])
    ax.axvspan(1 / reach, reach, color="0.93", zorder=0)
    ax.axvline(1, color="0.6", linewidth=0.8, zorder=1)
    for place, row in enumerate(rows):
        if np.isfinite(row["hr"]):
            pooled = row["kind"] == "pooled"
            colour = "#cc3311" if pooled else "#222222"
            ax.plot(
                [row["low"], row["high"]],
                [place, place],
                color=colour,
                linewidth=1.6 if pooled else 1,
            )
            ax.plot(
                row["hr"],
                place,
                "D" if pooled else "s",
                color=colour,
                markersize=7 if pooled else 5,
            )
        else:
            ax.text(1, place, "not tested", ha="center", va="center", fontsize=7, color="0.4")
    ax.set_yticks(range(len(rows)), [row["label"] for row in rows])
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set_xlim(0.2, 5)
    ax.set_xticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"])
    ax.minorticks_off()
    ax.set_xlabel("Hazard ratio per standard deviation, adjusted (95 % interval)")
    ax.set_title(name, loc="left", fontsize=10)
    return ax


def _forest_rows(result: Outcome, name: str) -> list[dict[str, Any]]:
    effects = result.effects[
        (result.effects["signature"] == name) & (result.effects["model"] == "adjusted")
    ]
    pooled = result.table[result.table["signature"] == name]
    rows: list[dict[str, Any]] = []
    for _, total in pooled.iterrows():
        for _, row in effects[effects["stratum"] == total["stratum"]].iterrows():
            label = f"{row['cohort']}, {row['n_events']} events"
            rows.append({"kind": "cohort", "label": label, **_interval(row)})
        label = f"{total['stratum']}: {total['verdict']}"
        rows.append({"kind": "pooled", "label": label, **_interval(total)})
    return rows


def _interval(row: "pd.Series[Any]") -> dict[str, Any]:
    return {name: row[name] for name in ("hr", "low", "high")}


def outcome_curves(
    result: Outcome,
    *,
    cohort: str | None = None,
    signature: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw survival by thirds of a score, with numbers at risk below.

    Parameters
    ----------
    result
        From :func:`turncoat.tl.outcome`.
    cohort, signature
        Which; the first scored ones by default.
    ax
        Where to draw.

    Returns
    -------
    Axes
        The figure. The thirds are a picture: the test is that of the continuous score.

    Examples
    --------
    >>> turncoat.pl.outcome_curves(result)  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt

    name, chosen, rows = _curve_rows(result, signature, cohort)
    if ax is None:
        _, ax = plt.subplots(figsize=(5.2, 4), layout="constrained")
    longest = float(rows["time"].max())
    ticks = np.arange(0, longest + 1, 24 if longest > 60 else 12)
    for line, third in enumerate(("high", "middle", "low")):
        curve = rows[rows["third"] == third]
        time = np.r_[0, curve["time"]]
        ax.step(
            time,
            np.r_[1, curve["survival"]],
            where="post",
            color=COLOURS[third],
            label=f"{third} third",
        )
        for tick in ticks:
            text = str(_at_risk(curve, float(tick)))
            ax.text(
                tick, -0.24 - 0.07 * line, text, ha="center", va="center", fontsize=8,
                color=COLOURS[third], transform=ax.get_xaxis_transform(),
            )  # fmt: skip
    ax.text(
        0,
        -0.175,
        "at risk",
        fontsize=8,
        ha="center",
        va="center",
        transform=ax.get_xaxis_transform(),
    )
    of_cohort = (result.sight["signature"] == name) & (result.sight["cohort"] == chosen)
    endpoint = result.sight.loc[of_cohort, "endpoint"].iloc[0]
    ax.set(xlim=(0, longest), ylim=(0, 1.02), ylabel=str(endpoint).capitalize(), xticks=ticks)
    ax.set_xlabel("Months", labelpad=54)
    ax.set_title(f"{name}, {chosen}", loc="left", fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="lower left")
    return ax


def _curve_rows(
    result: Outcome, signature: str | None, cohort: str | None
) -> tuple[str, str, pd.DataFrame]:
    name = _signature(result, signature)
    of_name = result.curves[result.curves["signature"] == name]
    scored = [str(each) for each in dict.fromkeys(of_name["cohort"])]
    if not scored or (cohort is not None and cohort not in scored):
        raise ArgumentError(
            f"'{name}' has no score in {cohort or 'any cohort'}. Scored in: {scored}."
        )
    chosen = scored[0] if cohort is None else cohort
    return name, chosen, of_name[of_name["cohort"] == chosen]


def _at_risk(curve: pd.DataFrame, at: float) -> int:
    later = curve[curve["time"] >= at]
    return int(later["n_at_risk"].iloc[0]) if len(later) else 0


def outcome_random(
    result: Outcome, *, signature: str | None = None, stratum: str = ALL, ax: "Axes | None" = None
) -> "Axes":
    """Draw where the claim stands among random signatures of like size and expression.

    Parameters
    ----------
    result
        From :func:`turncoat.tl.outcome`.
    signature, stratum
        Which; the first signature in all patients by default.
    ax
        Where to draw.

    Returns
    -------
    Axes
        The figure.

    Examples
    --------
    >>> turncoat.pl.outcome_random(result)  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt

    name = _signature(result, signature)
    of_name = (result.random["signature"] == name) & (result.random["stratum"] == stratum)
    drawn = result.random[of_name]
    if len(drawn) < 2:
        raise ArgumentError(f"No random signatures were drawn for '{name}' in '{stratum}'.")
    if ax is None:
        _, ax = plt.subplots(figsize=(5, 2.8), layout="constrained")
    values = drawn.loc[drawn["draw"] >= 0, "z"].to_numpy()
    claim = float(drawn.loc[drawn["draw"] < 0, "z"].iloc[0])
    share = float((np.abs(values) > Z95).mean())
    ax.hist(values, bins=40, color="0.75")
    ax.axvline(claim, color="#cc3311", linewidth=2, label="the claim")
    for edge in (-Z95, Z95):
        ax.axvline(edge, color="0.3", linestyle=":", linewidth=1)
    ax.set_xlabel(f"z over cohorts; {share:.0%} of random signatures lie outside ±1.96")
    ax.set_ylabel("Random signatures")
    ax.set_title(f"{name}, {stratum}", loc="left", fontsize=10)
    ax.legend(frameon=False, fontsize=8)
    return ax
