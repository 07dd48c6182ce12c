"""Make the table and the figures of docs/rooms/crosstalk.md from the built-in study.

Usage: python scripts/crosstalk_page.py   (half a minute; prints the rows for the page)
"""

import tomllib
import warnings
from pathlib import Path

import matplotlib.pyplot as plt

import turncoat as tc

STATIC = Path(__file__).parent.parent / "docs" / "_static"
SENDERS = ["Treg", "NK", "Macrophage", "Malignant"]
CONTRASTS = {
    "tumour vs normal lung": tc.Contrast("tissue", "tLung", "nLung", block="donor"),
    "involved vs normal node": tc.Contrast("tissue", "mLN", "nLN"),
}


def main() -> None:
    warnings.simplefilter("ignore")
    cells = tc.ds.lung_niches()
    study = tomllib.loads(tc.ds.lung_niches_study().read_text(encoding="utf-8"))
    labels = study["cells"]["label_map"]
    cells.obs["population"] = [
        labels.get(name, name) for name in cells.obs["cell_state"].astype(str)
    ]
    tally = tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        tissue_key="tissue",
        population_key="population",
    )
    tally.uns["turncoat"]["tally"]["study_kind"] = study["study"]["kind"]
    for name, contrast in CONTRASTS.items():
        found = tc.tl.crosstalk(tally, contrast, senders=SENDERS, key_added=None)
        inside = found.table[found.table["receiver"].isin(SENDERS)]
        print(f"\n## {name}: {len(found.table)} edges, {len(inside)} among the four")
        print(found.table.groupby(["sender", "verdict"]).size().unstack(fill_value=0))
        changed = inside[inside["verdict"].isin(["gained", "lost", "opposed"])]
        shown = changed if len(changed) else inside
        columns = ["sender", "ligand", "receptor", "receiver", "change", "qvalue", "permutation_pvalue",
                   "n_case", "n_reference", "verdict", "heard"]  # fmt: skip
        print(shown[columns].head(15).round(4).to_string(index=False))
        print(found.dropped.to_string(index=False))
        if (found.table["status"] == "tested").any():
            ax = tc.pl.crosstalk(found, n_edges=15)
            ax.figure.savefig(STATIC / "crosstalk-lung.png", dpi=90)
            ax = tc.pl.crosstalk_map(found)
            ax.figure.savefig(STATIC / "crosstalk-lung-map.png", dpi=90)
    missing = found.missing
    print(len(missing), "pairs not measurable;", missing["genes"].str.contains("PORCN").sum())
    usable = found.coverage[~found.coverage["response"].str.endswith("(SecAct)")]
    print(usable.to_string(index=False))
    cells = tc.ds.planted(n_donors=8, n_controls=8, cells_per_donor=1_500, n_genes=1_500, seed=4)
    tally = tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        condition_key="condition",
        population_key="population",
    )
    found = tc.tl.crosstalk(tally, tc.Contrast("condition", "case", "control"), senders="all")
    heard = found.table[(found.table["heard"] == "heard") & (found.table["rank"] <= 200)]
    if len(heard):
        clearest = heard.sort_values("response_pvalue")["rank"].iloc[0]
        ax = tc.pl.crosstalk_donors(found, rank=int(clearest))
        ax.figure.savefig(STATIC / "crosstalk-planted-donors.png", dpi=90)
    plt.close("all")


if __name__ == "__main__":
    main()
