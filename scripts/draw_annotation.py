"""Draw the figures of docs/rooms/cells.md from what the benchmark measured.

    python scripts/draw_annotation.py

Reads benchmarks/results/annotate.json and writes docs/_static/cells-*.png. With umap-learn installed,
``--umap`` draws the built-in study as a UMAP too (a minute).
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "docs" / "_static"
#: Calls in the order of the lineages.
ORDER = (
    "Epithelial", "Malignant", "Fibroblast", "Pericyte", "Endothelial", "T", "CD4 T", "CD8 T",
    "Treg", "Gamma-delta T", "NK", "ILC", "B", "Plasma", "Myeloid", "Monocyte", "Macrophage",
    "cDC1", "cDC2", "mregDC", "pDC", "Mast", "Neutrophil", "Progenitor", "unassigned",
)  # fmt: skip


def main() -> None:
    stored = json.loads((ROOT / "benchmarks/results/annotate.json").read_text("utf-8"))
    tables = {
        name: table for part in stored["parts"].values() for name, table in part["tables"].items()
    }
    confusion(tables["confusion, GSE131907"], "GSE131907, held-out donors", (7.2, 8.2), "lung")
    confusion(tables["confusion, CID4465"], "CID4465", (6.4, 3.4), "breast")
    confusion(tables["confusion, pbmc68k_reduced"], "pbmc68k_reduced", (6.0, 3.6), "blood")
    reliability(tables)
    abstentions(tables["abstained by sample, GSE131907"])
    if "--umap" in sys.argv:
        picture()


def picture() -> None:
    """The built-in study as a UMAP, by what its cells were called."""
    import turncoat as tc

    cells = tc.ds.lung_niches()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = tc.pp.annotate(cells, sample_key="sample", donor_key="donor")
        save(tc.pl.umap(found, cells, max_cells=5_000).figure, "cells-umap")


def confusion(table: dict[str, dict[str, int]], title: str, size: Any, name: str) -> None:
    """Share of each label's cells by call; numbers are cells."""
    calls = [who for who in ORDER if any(who in row for row in table.values())]
    first = {kind: max(row, key=lambda who: row[who]) for kind, row in table.items()}
    kinds = sorted(table, key=lambda kind: (calls.index(first[kind]), kind))
    counts = np.array([[table[kind].get(who, 0) for who in calls] for kind in kinds])
    shares = counts / counts.sum(axis=1, keepdims=True)
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), n in np.ndenumerate(counts):
        if n:
            ink = "white" if shares[row, column] > 0.5 else "0.2"
            ax.text(column, row, str(n), ha="center", va="center", fontsize=6.5, color=ink)
    ax.set_xticks(range(len(calls)), calls, rotation=60, ha="right", fontsize=8)
    ax.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds], fontsize=8)
    ax.set(xlabel="Called", ylabel="Label")
    ax.set_title(f"{title}: cells by label and call", fontsize=9)
    figure.colorbar(image, ax=ax, shrink=0.6, label="Share of the label's cells")
    save(figure, f"cells-confusion-{name}")


def reliability(tables: dict[str, Any]) -> None:
    """Share of right calls against stated confidence; the size of a dot is its number of cells."""
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.5), layout="constrained", sharey=True)
    for ax, level in zip(axes, ("lineage", "population"), strict=True):
        ax.plot([0.6, 1], [0.6, 1], color="0.6", linewidth=0.8, zorder=0)
        for share, colour in ((1, "tab:blue"), (0.5, "tab:orange")):
            rows = np.array(tables[f"reliability, {level}, counts kept {share:g}"])
            error = np.sqrt(rows[:, 1] * (1 - rows[:, 1]) / rows[:, 2])
            label = "all counts" if share == 1 else "half of the counts"
            ax.errorbar(rows[:, 0], rows[:, 1], yerr=error, color=colour, linewidth=0.8, fmt="none")
            ax.scatter(
                rows[:, 0], rows[:, 1], s=8 + 3 * np.sqrt(rows[:, 2]), color=colour, label=label,
                alpha=0.8,
            )  # fmt: skip
        ax.set(xlabel=f"Stated confidence in the {level}", xlim=(0.65, 1.03), ylim=(-0.05, 1.05))
    axes[0].set_ylabel("Share of calls that agree with the label")
    axes[0].legend(loc="lower right", fontsize=8, frameon=False)
    save(figure, "cells-reliability")


def abstentions(table: dict[str, list[float]]) -> None:
    """Share of each sample's cells left unassigned."""
    names = sorted(table, key=lambda name: -table[name][1])
    sizes = np.array([table[name][0] for name in names])
    shares = np.array([table[name][1] for name in names])
    figure, ax = plt.subplots(figsize=(7.2, 2.8), layout="constrained")
    ax.bar(range(len(names)), 100 * shares, color="0.5")
    ax.set_xticks(range(len(names)), names, rotation=75, ha="right", fontsize=7)
    for place, n in enumerate(sizes):
        ax.text(place, 100 * shares[place] + 0.15, f"{n:.0f}", ha="center", fontsize=6)
    ax.margins(y=0.12)
    ax.set(ylabel="Unassigned cells (%)", xlabel="Sample of a held-out donor; number: its cells")
    save(figure, "cells-abstentions")


def save(figure: Any, name: str) -> None:
    """Write a small PNG."""
    path = STATIC / f"{name}.png"
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
    print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
