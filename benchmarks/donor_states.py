"""Sub-states called where there are none: part ``substates`` of donor_statistics.py."""

import warnings

import anndata as ad
import harness
import numpy as np
import pandas as pd
from donor_null import GRID, cell_of_grid

import turncoat as tc

#: Studies per cell of the grid, by cells a donor, and the first seed: fixed before measuring.
STUDIES = {50: 400, 500: 200}
FIRST = 2_480_000


def lineage(seed: int, n_donors: int, n_cells: int) -> ad.AnnData:
    """One lineage of donors who differ, without any state in it."""
    rng = np.random.default_rng([seed, 13])
    base = rng.lognormal(0, 1, 300)
    counts, donors = [], []
    for donor in range(n_donors):
        own = base * np.exp(0.4 * rng.normal(size=300))
        n = max(10, round(n_cells * rng.gamma(4, 0.25)))
        depth = rng.lognormal(7, 0.6, n) * np.exp(0.3 * rng.normal())
        mean = depth[:, None] * (own / own.sum())
        counts.append(rng.poisson(mean * rng.gamma(2, 0.5, mean.shape)))
        donors += [f"d{donor:02}"] * n
    obs = pd.DataFrame({"donor": donors, "population": "NK"})
    obs["condition"] = np.where(obs["donor"] < f"d{n_donors // 2:02}", "case", "control")
    obs.index = pd.Index([f"c{i}" for i in range(len(obs))])
    var = pd.DataFrame(index=pd.Index([f"G{i}" for i in range(300)]))
    return ad.AnnData(np.vstack(counts).astype(np.float32), obs=obs, var=var)


def any_called(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    found = tc.tl.substates(lineage(seed, 2 * n_per_arm, n_cells), population="NK")
    return {"sub-states, any called": float((found.table["qvalue"] <= 0.05).any())}


def substates_part() -> dict[str, object]:
    """Sub-states called where there are none; the share of studies with any."""
    warnings.simplefilter("ignore")
    shares = [
        entry
        for n_per_arm, n_cells in GRID
        for entry in cell_of_grid(any_called, STUDIES[n_cells], FIRST, n_per_arm, n_cells)
    ]
    note = "Sub-states where there are none: one lineage, 300 genes."
    return {"bars": substates_bars(shares), "shares": shares, "notes": [note]}


def substates_bars(shares: list[dict[str, object]]) -> list[dict[str, object]]:
    total = sum(entry["n_studies"] for entry in shares)
    mean = sum(entry["share"] * entry["n_studies"] for entry in shares) / total
    many = [entry for entry in shares if entry["n_studies"] >= 20]
    worst = max(many, key=lambda entry: entry["share"])
    note = (
        f"{worst['n_per_arm']} an arm, {worst['n_cells']} cells: [{worst['lower']:.3f}, {worst['upper']:.3f}], "
        f"{worst['n_studies']} studies; all: " + ", ".join(f"{entry['share']:.2f} of {entry['n_studies']}" for entry in shares)
    )  # fmt: skip
    return [
        harness.bar("null: sub-states, share of studies with any called, over the grid", mean, unit="share",
                    limit=0.05, note=f"{total} studies"),
        harness.bar("null: sub-states, highest share of studies with any called", float(worst["share"]),
                    unit="share", limit=0.05, note=note),
    ]  # fmt: skip
