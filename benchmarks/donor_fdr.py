"""Realised against nominal false-discovery rate, gene by gene: part ``fdr`` of donor_statistics.py.

Six against six donors, 100 cells a donor, 12 of 300 genes doubled. All methods get the same cells; those that see
donors get their sums.
"""

import harness
import numpy as np
from donor_null import donors_of, peer_run
from donor_study import N_PROGRAMME, pseudobulk, study

from turncoat.allegiance.background import log_rates
from turncoat.stats.compare import compare
from turncoat.stats.moderated import fit_linear, moderated_test, voom
from turncoat.stats.multiplicity import benjamini_hochberg

FIRST, LAST, EFFECT = 700_000, 700_100, 1.0
RATES = np.round(np.linspace(0.01, 0.3, 30), 2)


def ours(seed: int) -> dict[str, np.ndarray]:
    data = study(seed, n_per_arm=6, n_cells=100, effect=EFFECT)
    data["n_cells"] = np.bincount(data["donor"]).astype(float)
    data["sums"] = counts = pseudobulk(data)
    design = np.column_stack([np.ones(12), data["arm"]])
    values, weights = voom(counts, design)
    return {
        "turncoat, permutation": compare(log_rates(counts), donors_of(data))[0].pvalue(),
        "turncoat, moderated (voom)": moderated_test(
            fit_linear(values, design, weights=weights), 1
        ).pvalue,
    }


def outcome(pvalues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False among the called, and found among the planted, at every nominal rate."""
    called = benjamini_hochberg(pvalues)[np.newaxis] <= RATES[:, np.newaxis]
    false = called[:, N_PROGRAMME:].sum(axis=1)
    return false / np.maximum(called.sum(axis=1), 1), called[:, :N_PROGRAMME].mean(axis=1)


def fdr_part() -> dict[str, object]:
    found: dict[str, list[np.ndarray]] = {}
    for seed in range(FIRST, LAST):
        for name, pvalues in ours(seed).items():
            found.setdefault(name, []).append(pvalues)
    said = peer_run("genes", FIRST, LAST, 100, EFFECT) or {}
    for name, rows in said.items():
        found[name] = [np.nan_to_num(np.array(row, dtype=float), nan=1.0) for row in rows]
    rng = np.random.default_rng(0)
    curves, bars = {}, []
    for name, rows in found.items():
        false, true = (np.array(each) for each in zip(*(outcome(row) for row in rows), strict=True))
        again = rng.integers(len(rows), size=(1_000, len(rows)))
        curves[name] = {"nominal": RATES.tolist()}
        for what, values in (("fdr", false), ("power", true)):
            lower, upper = np.quantile(values[again].mean(axis=1), [0.025, 0.975], axis=0)
            curves[name] |= {
                what: np.round(values.mean(axis=0), 4).tolist(),
                f"{what}_lower": np.round(lower, 4).tolist(), f"{what}_upper": np.round(upper, 4).tolist(),
            }  # fmt: skip
        at = int(np.flatnonzero(RATES == 0.05)[0])
        realised = curves[name]["fdr"][at]
        note = f"[{curves[name]['fdr_lower'][at]:.3f}, {curves[name]['fdr_upper'][at]:.3f}]; planted genes found {curves[name]['power'][at]:.2f}"
        limit = 0.05 if name.startswith("turncoat") else None
        bars.append(harness.bar(f"genes: realised false-discovery rate at a nominal 0.05, {name}", realised,
                                unit="share", limit=limit, note=note))  # fmt: skip
    note = f"{LAST - FIRST} studies, 6 vs 6 donors, 100 cells a donor, 12 of 300 genes doubled; seeds {FIRST} to {LAST - 1}."
    return {"bars": bars, "fdr": curves, "seeds": [FIRST, LAST], "notes": [note]}
