"""Sub-states called where there are none: part ``substates`` of donor_statistics.py."""

import json
import time
import warnings

import anndata as ad
import harness
import numpy as np
import pandas as pd
from donor_null import CACHE, GRID, summed

import turncoat as tc

#: Studies per cell of the grid, by cells a donor (cut for time before any of them was looked at), and the first seed, fixed
#: beforehand.
STUDIES = {50: 300, 500: 60}
FIRST = 2_600_000
#: Studies whose answers are kept together, so that a long part can be measured piece by piece.
PIECE = 20


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


def asked(seed: int, n_per_arm: int, n_cells: int) -> dict[str, object]:
    found = tc.tl.substates(lineage(seed, 2 * n_per_arm, n_cells), population="NK").table
    pvalues = found["pvalue"].dropna()
    return {
        "called": bool((found["qvalue"] <= 0.05).any()),
        "tested": len(pvalues),
        "low": int((pvalues <= 0.05).sum()),
    }


def piece(start: int, n_per_arm: int, n_cells: int) -> list[dict[str, object]]:
    """Answers of some studies, kept."""
    kept = CACHE / f"substates-{start}-{PIECE}-{n_per_arm}-{n_cells}.json"
    if not kept.exists():
        began = time.process_time()
        some = [asked(seed, n_per_arm, n_cells) for seed in range(start, start + PIECE)]
        each = (time.process_time() - began) / PIECE
        CACHE.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([one | {"cpu_s": each} for one in some]))
    return json.loads(kept.read_text())


def cell(n_per_arm: int, n_cells: int) -> dict[str, object]:
    """Studies of one cell of the grid, with any state called; and single p-values at 0.05."""
    starts = range(FIRST, FIRST + STUDIES[n_cells], PIECE)
    studies = [one for start in starts for one in piece(start, n_per_arm, n_cells)]
    called = np.array([one["called"] for one in studies], dtype=float)
    about = summed(called, test="sub-states, any called", n_per_arm=n_per_arm, n_cells=n_cells)
    print(n_per_arm, n_cells, f"{about['share']:.4f}", flush=True)
    return about | {
        "seeds": f"{FIRST} to {FIRST + STUDIES[n_cells] - 1}",
        "cpu_s": round(sum(one["cpu_s"] for one in studies), 1),
        "tested": sum(one["tested"] for one in studies),
        "low": sum(one["low"] for one in studies),
    }


def substates_part() -> dict[str, object]:
    """Sub-states called where there are none; the share of studies with any."""
    warnings.simplefilter("ignore")
    shares = [cell(n_per_arm, n_cells) for n_per_arm, n_cells in GRID]
    cpu = sum(entry["cpu_s"] for entry in shares)
    note = f"Sub-states where there are none: one lineage, 300 genes; in pieces, {cpu:.0f} s of CPU in all."
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
    tested, low = (sum(entry[name] for entry in shares) for name in ("tested", "low"))
    single = ", ".join(f"{entry['low'] / max(entry['tested'], 1):.3f}" for entry in shares)
    return [
        harness.bar("null: sub-states, share of single p <= 0.05 over the grid", low / tested, unit="share",
                    limit=None, note=f"{tested:,} states; by cell of the grid: {single}"),
        harness.bar("null: sub-states, share of studies with any called, over the grid", mean, unit="share",
                    limit=0.05, note=f"{total} studies, seeds from {FIRST}"),
        harness.bar("null: sub-states, highest share of studies with any called", float(worst["share"]),
                    unit="share", limit=0.05, note=note),
    ]  # fmt: skip
