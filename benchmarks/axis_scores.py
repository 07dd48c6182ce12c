"""How the axis score was chosen: candidates on planted truth and under nulls of depth and cells.

    python benchmarks/axis_scores.py [studies]     two minutes for 100 studies

Gene levels are those of the built-in study's myeloid cells; donors vary; six against six. In two
of the nulls one arm has a third of the depth, or a tenth of the cells: a score must not care.
"""

import sys

import numpy as np

import turncoat as tc
from turncoat.allegiance.background import fit_background, log_rates
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.scores import cell_weights, even_cells, gene_levels, matched_scores
from turncoat.stats.permutation import permute
from turncoat.stats.units import arrange

CASE = np.repeat([False, True], 6)
UNITS = arrange([f"d{i}" for i in range(12)], CASE)
SCENES = {
    "null": (0.0, 1.0, None, 12),
    "null, depth 0.3": (0.0, 0.3, None, 12),
    "null, 5 vs 50 cells": (0.0, 1.0, (50, 5), 12),
    "null, both": (0.0, 0.3, (50, 5), 12),
    "all genes up": (0.8, 1.0, None, 12),
    "half of the genes up": (1.2, 1.0, None, 6),
}


def draw(rng: np.random.Generator, base: np.ndarray, depths: np.ndarray, scene: tuple) -> tuple:
    effect, depth, cells, n_up = scene
    able = np.flatnonzero(base * 1e4 > 0.3)
    genes = rng.choice(able, 24, replace=False)
    counts, logs, numbers = [], [], []
    for case in CASE:
        rate = base * np.exp(0.5 * rng.normal(size=base.size))
        rate[genes[:n_up]] *= 2.0 ** (effect * case)
        rate /= rate.sum()
        n = cells[int(case)] if cells else max(1, int(rng.negative_binomial(2, 2 / 22)))
        own = rng.choice(depths, n) * np.exp(0.3 * rng.normal()) * (depth if case else 1.0)
        mean = own[:, None] * rate
        drawn = rng.poisson(mean * rng.gamma(2.0, 0.5, mean.shape))
        total = np.maximum(drawn.sum(axis=1, keepdims=True), 1)
        counts.append(drawn.sum(axis=0))
        logs.append(np.log1p(drawn / total * 1e4).mean(axis=0))
        numbers.append(n)
    return np.array(counts, float), np.array(logs), np.array(numbers, float), genes


def above_controls(
    levels: np.ndarray, genes: np.ndarray, excluded: np.ndarray, *, typical: bool = False
) -> np.ndarray:
    """Mean level above that of the 50 genes of nearest mean, or of those that vary alike."""
    mean = levels.mean(axis=0)
    free = np.setdiff1d(np.argsort(mean), excluded, assume_unique=True)
    spot = np.searchsorted(mean[free], mean[genes])
    start = np.clip(spot - 25, 0, free.size - 50)
    controls = free[start[:, None] + np.arange(50)]
    kept = np.ones(controls.shape, bool)
    if typical:
        spread = np.log(np.maximum(levels.std(axis=0), 1e-300))[controls]
        away = np.abs(spread - np.median(spread, axis=1, keepdims=True))
        kept = away <= 1.5 * 1.4826 * np.median(away, axis=1, keepdims=True)
    level = (levels[:, controls] * kept).sum(axis=2) / kept.sum(axis=1)
    return (levels[:, genes] - level).mean(axis=1)


def above_fit(levels: np.ndarray, genes: np.ndarray, excluded: np.ndarray) -> np.ndarray:
    axis = Programme("p", "pro_tumour", genes, np.ones(genes.size), ())
    return gene_levels(levels, axis, fit_background(levels, excluded)).scores


def learnt_weights(
    counts: np.ndarray, genes: np.ndarray, excluded: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
    levels, axis = log_rates(counts), Programme("p", "pro_tumour", genes, np.ones(genes.size), ())
    matched = matched_scores(levels, axis, excluded, fit_background(levels, excluded))
    return cell_weights(numbers, even_cells(matched, numbers, UNITS.strata))


def candidates(counts: np.ndarray, logs: np.ndarray, every: np.ndarray) -> dict[str, np.ndarray]:
    genes = every[:12]
    library = counts.sum(axis=1, keepdims=True)
    rates = counts / library * 1e4
    cpm = np.log2((counts + 0.5) / (library + 1) * 1e6)
    relative = rates[:, genes] / rates[:, genes].mean(axis=0)
    return {
        "mean of log1p cells": logs[:, genes].mean(axis=1),
        "mean of log1p cells, less controls": above_controls(logs, genes, every),
        "log2 CPM of sums": cpm[:, genes].mean(axis=1),
        "log2 CPM of sums, standardised": ((cpm - cpm.mean(axis=0)) / cpm.std(axis=0))[:, genes].mean(axis=1),
        "mean of relative rates": relative.mean(axis=1),
        "log2(CP10k + 1) of sums": np.log2(rates + 1)[:, genes].mean(axis=1),
        "log2(CP10k + 0.3), less controls": above_controls(np.log2(rates + 0.3), genes, every),
        "log2(CP10k + 1), less controls": above_controls(np.log2(rates + 1), genes, every),
        "log2(CP10k + 1), less typical controls": above_controls(np.log2(rates + 1), genes, every, typical=True),
        "log2(CP10k + 1), less fitted": above_fit(np.log2(rates + 1), genes, every),
        "log2(CP10k + 2), less controls": above_controls(np.log2(rates + 2), genes, every),
    }  # fmt: skip


def main() -> None:
    n_studies = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    cells = tc.ds.lung_niches()
    own = np.asarray(cells[(cells.obs["cell_type"] == "Myeloid_cells").to_numpy()].X.todense())
    base, depths = own.sum(axis=0) + 0.5, own.sum(axis=1)
    base /= base.sum()
    print("share of p <= 0.05: weights by cells as learnt, n / (n + median n), none")
    for name, scene in SCENES.items():
        hits: dict[str, list[tuple[bool, ...]]] = {}
        for seed in range(n_studies):
            counts, logs, numbers, genes = draw(
                np.random.default_rng(1000 + seed), base, depths, scene
            )
            learnt = learnt_weights(counts, genes[:12], genes, numbers)
            for score, values in candidates(counts, logs, genes).items():
                found = (
                    permute(values[:, None], UNITS, weights=weights).pvalue()[0]
                    for weights in (learnt, cell_weights(numbers), None)
                )
                hits.setdefault(score, []).append(tuple(p <= 0.05 for p in found))
        print(f"\n{name}")
        for score, found in hits.items():
            shares = np.mean(found, axis=0)
            print(f"  {score:42s} " + " ".join(f"{share:.2f}" for share in shares))


if __name__ == "__main__":
    main()
