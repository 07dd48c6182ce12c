"""Draw results/donor_statistics.json for the documentation: python benchmarks/donor_figures.py."""

import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
RESULT = HERE / "results" / "donor_statistics.json"
STATIC = HERE.parent / "docs" / "_static"
COLOURS = {
    "turncoat, permutation": "#1b6ca8", "turncoat, moderated": "#0b2e59", "turncoat, moderated (voom)": "#0b2e59",
    "pydeseq2": "#d1495b", "limma-voom": "#e8a33d", "decoupler + t": "#66a182",
    "scanpy wilcoxon on cells": "#9b5de5", "scanpy t-test on cells": "#c9a0ff",
}  # fmt: skip
CELLS = {50: "#8ab6d6", 500: "#0b2e59"}
NAMES = {"pydeseq2": "PyDESeq2", "turncoat, moderated (voom)": "turncoat, voom"}


def null_figure(parts: dict[str, dict]) -> Figure:
    ours = [
        entry for name in ("exact", "joint", "null", "organs", "other", "pool", "substates") for entry in parts.get(name, {}).get("shares", [])
        if not entry["test"].startswith("pooled by the field")
    ]  # fmt: skip
    theirs = parts.get("cells", {}).get("shares", [])
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.5, 5.2), layout="constrained", width_ratios=[2.2, 1]
    )
    names = list(dict.fromkeys(entry["test"] for entry in ours))
    for row, name in enumerate(names):
        for place, entry in enumerate(e for e in ours if e["test"] == name):
            y = row + (place - 2.5) * 0.12
            left.plot([entry["lower"], entry["upper"]], [y, y], color=CELLS[entry["n_cells"]], linewidth=1.2)  # fmt: skip
            left.plot(entry["share"], y, "o", markersize=3.2, color=CELLS[entry["n_cells"]])
    left.set_yticks(range(len(names)), names, fontsize=8)
    left.invert_yaxis()
    left.axvline(0.05, color="0.4", linewidth=0.8, linestyle="--")
    left.set(xlim=(0, 0.2), xlabel="share of p ≤ 0.05 without any effect, 95 % interval")
    left.set_title("turncoat: donors counted", fontsize=9)
    widths = {5: "5", 10: "10", 20: "20"}
    for test, marker in (("scanpy wilcoxon", "o"), ("scanpy t-test", "s")):
        for n_per_arm in widths:
            own = [e for e in theirs if e["test"] == test and e["n_per_arm"] == n_per_arm]
            if own:
                right.plot([e["n_cells"] for e in own], [e["share"] for e in own], marker=marker, color=COLOURS[f"{test} on cells"],
                           linewidth=1, label=test if n_per_arm == 5 else None)  # fmt: skip
    right.axhline(0.05, color="0.4", linewidth=0.8, linestyle="--")
    right.set(xscale="log", ylim=(0, 1), xlabel="cells a donor", ylabel="share of p < 0.05")
    right.set_xticks([50, 500], ["50", "500"])
    right.minorticks_off()
    right.set_title("scanpy: cells counted", fontsize=9)
    if theirs:
        right.legend(fontsize=8, frameon=False, loc="upper left")
    for cells, colour in CELLS.items():
        left.plot([], [], "o-", color=colour, markersize=3.2, label=f"{cells} cells a donor")
    left.legend(fontsize=8, frameon=False, loc="upper right", title="5, 10, 20 donors an arm, top down", title_fontsize=8)  # fmt: skip
    return figure


def band(axes: Axes, x: list[float], y: list[float], lower: list[float], upper: list[float], name: str) -> None:  # fmt: skip
    axes.fill_between(x, lower, upper, color=COLOURS[name], alpha=0.13, linewidth=0)
    axes.plot(x, y, color=COLOURS[name], linewidth=1.5, label=NAMES.get(name, name))


def roc_figure(parts: dict[str, dict]) -> Figure:
    panels = [
        ("power", "0.3", "100 cells a donor, shift 0.3"),
        ("rare", "0.5", "20 cells a donor, shift 0.5"),
        ("together", "0.7", "genes move together, shift 0.7"),
    ]
    panels = [panel for panel in panels if panel[0] in parts]
    figure, found = plt.subplots(
        1, len(panels), figsize=(3.5 * len(panels), 3.7), layout="constrained", sharey=True, squeeze=False
    )  # fmt: skip
    for axes, (part, effect, title) in zip(found[0], panels, strict=True):
        for name, curve in parts[part]["roc"][effect].items():
            if name in COLOURS:
                band(axes, curve["fpr"], curve["tpr"], curve["lower"], curve["upper"], name)
        axes.axvline(0.05, color="0.4", linewidth=0.8, linestyle="--")
        axes.set(xlim=(0, 0.3), ylim=(0, 1), xlabel="true false-positive rate")
        axes.set_title(title, fontsize=9)
    found[0][0].set_ylabel("planted switches found")
    found[0][-1].legend(fontsize=7.5, frameon=False, loc="lower right")
    return figure


def fdr_figure(parts: dict[str, dict]) -> Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.7), layout="constrained")
    for name, curve in parts["fdr"]["fdr"].items():
        for axes, what in ((left, "fdr"), (right, "power")):
            band(axes, curve["nominal"], curve[what], curve[f"{what}_lower"], curve[f"{what}_upper"], name)  # fmt: skip
    left.plot([0, 0.3], [0, 0.3], color="0.4", linewidth=0.8, linestyle="--")
    left.set(xlim=(0, 0.3), ylim=(0, 1), xlabel="nominal false-discovery rate", ylabel="realised")
    right.set(xlim=(0, 0.3), ylim=(0, 1.02), xlabel="nominal false-discovery rate", ylabel="planted genes found")  # fmt: skip
    right.legend(fontsize=7.5, frameon=False, loc="center right", bbox_to_anchor=(1, 0.68))
    return figure


def main() -> None:
    parts = json.loads(RESULT.read_text())["parts"]
    for name, draw, needs in (("null", null_figure, "null"), ("power", roc_figure, "power"), ("fdr", fdr_figure, "fdr")):  # fmt: skip
        if needs in parts:
            figure = draw(parts)
            figure.savefig(STATIC / f"statistics-{name}.png", dpi=110)
            plt.close(figure)


if __name__ == "__main__":
    main()
