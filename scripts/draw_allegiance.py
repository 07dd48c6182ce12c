"""Draw the figures of the rooms' pages: python scripts/draw_allegiance.py"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")

import turncoat as tc

if TYPE_CHECKING:
    import anndata as ad
    from matplotlib.axes import Axes

FOLDER = Path(__file__).parent.parent / "docs" / "_static"
STATES = {
    "NK": "NK", "Treg": "Treg", "Alveolar_Mac": "Macrophage", "mo-Mac": "Macrophage",
    "Monocytes": "Monocyte", "CD1c+_DCs": "cDC2", "CD141+_DCs": "cDC1", "MAST": "Mast",
    "Exhausted_CD8+_T": "CD8 T", "Naive_CD8+_T": "CD8 T", "Cytotoxic_CD8+_T": "CD8 T",
    "CD4+_Th": "CD4 T", "Naive_CD4+_T": "CD4 T", "Exhausted_Tfh": "CD4 T",
    "Follicular_B_cells": "B", "MALT_B_cells": "B", "Malignant_cells": "Malignant",
    "tS1": "Malignant", "tS2": "Malignant",
}  # fmt: skip


#: Planted studies, each with its own patients; the first is drawn by itself.
SEEDS = (41, 42, 43, 44)
CONDITION = tc.Contrast("condition", "case", "control")


PLANTED = {"allegiance-planted", "abundance-planted", "allegiance-pooled-forest"}


def planted(seed: int) -> "ad.AnnData":
    """The tally of a planted study: eight patients, eight controls."""
    cells = tc.ds.planted(n_donors=8, n_controls=8, cells_per_donor=500, n_genes=1_500, seed=seed)
    for name in ("donor", "sample"):
        cells.obs[name] = f"{seed}-" + cells.obs[name].astype(str)
    keys = {f"{k}_key": k for k in ("donor", "sample", "tissue", "condition", "population")}
    return tc.pp.tally(cells, **keys)


def draw_planted() -> "dict[str, Axes]":
    """What was planted, as found in one study and over four."""
    tallies = {f"study {number}": planted(seed) for number, seed in enumerate(SEEDS, start=1)}
    results = {name: tc.tl.allegiance(tally, CONDITION) for name, tally in tallies.items()}
    pooled = tc.tl.pool(results)
    shares = tc.tl.abundance(tallies["study 1"], CONDITION, ratios=["Treg/NK"])
    return {
        "allegiance-planted": tc.pl.allegiance(results["study 1"]),
        "abundance-planted": tc.pl.abundance(shares),
        "allegiance-pooled-forest": tc.pl.forest(pooled, "Macrophage", axis="pro_tumour"),
    }


def main() -> None:
    warnings.simplefilter("ignore")
    cells = tc.ds.lung_niches()
    cells.obs["population"] = [STATES.get(str(state), "other") for state in cells.obs["cell_state"]]
    keys = {f"{key}_key": key for key in ("donor", "sample", "tissue", "population")}
    # Its cells were subsampled per state: what they are made of is not asked.
    tally = tc.pp.tally(cells, **keys, study_kind="subsampled")
    contrast = tc.Contrast("tissue", "tLung", "nLung", block="donor")
    result = tc.tl.allegiance(tally, contrast)
    scores = tc.tl.axis_scores(tally).table
    organs = tc.tl.niche(tally, {"tLung": "nLung", "mLN": "nLN"}, scores=scores)
    drawn = {
        "allegiance-verdicts": tc.pl.allegiance(result),
        "allegiance-map": tc.pl.allegiance_map(result),
        "allegiance-reach": tc.pl.reach(tc.tl.reach(tally, contrast)),
        "niche-openness": tc.pl.niche(organs),
        **draw_planted(),
    }
    for name, axes in drawn.items():
        if name in PLANTED:
            axes.figure.suptitle(
                "Planted: simulated donors", fontsize=9, color="0.35", x=0.01, ha="left"
            )
        axes.figure.savefig(FOLDER / f"{name}.png", dpi=110)


if __name__ == "__main__":
    main()
