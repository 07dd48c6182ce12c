"""Draw the figures of the rooms' pages: python scripts/draw_allegiance.py"""

import warnings
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import turncoat as tc

FOLDER = Path(__file__).parent.parent / "docs" / "_static"
STATES = {
    "NK": "NK", "Treg": "Treg", "Alveolar_Mac": "Macrophage", "mo-Mac": "Macrophage",
    "Monocytes": "Monocyte", "CD1c+_DCs": "cDC2", "CD141+_DCs": "cDC1", "MAST": "Mast",
    "Exhausted_CD8+_T": "CD8 T", "Naive_CD8+_T": "CD8 T", "Cytotoxic_CD8+_T": "CD8 T",
    "CD4+_Th": "CD4 T", "Naive_CD4+_T": "CD4 T", "Exhausted_Tfh": "CD4 T",
    "Follicular_B_cells": "B", "MALT_B_cells": "B", "Malignant_cells": "Malignant",
    "tS1": "Malignant", "tS2": "Malignant",
}  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    cells = tc.ds.lung_niches()
    cells.obs["population"] = [STATES.get(str(state), "other") for state in cells.obs["cell_state"]]
    keys = {f"{key}_key": key for key in ("donor", "sample", "tissue", "population")}
    tally = tc.pp.tally(cells, **keys)
    contrast = tc.Contrast("tissue", "tLung", "nLung", block="donor")
    result = tc.tl.allegiance(tally, contrast)
    scores = tc.tl.axis_scores(tally).table
    organs = tc.tl.niche(tally, {"tLung": "nLung", "mLN": "nLN"}, scores=scores)
    drawn = {
        "allegiance-verdicts": tc.pl.allegiance(result),
        "allegiance-map": tc.pl.allegiance_map(result),
        "allegiance-reach": tc.pl.reach(tc.tl.reach(tally, contrast)),
        "niche-openness": tc.pl.niche(organs),
    }
    for name, axes in drawn.items():
        axes.figure.savefig(FOLDER / f"{name}.png", dpi=110)


if __name__ == "__main__":
    main()
