"""How the axis score was chosen: candidates on planted truth and under nulls of depth and cells.

    python benchmarks/axis_scores.py [studies]     about a minute for 40 studies

Gene levels are those of the built-in study's myeloid cells; donors vary; six against six. In two
of the nulls one arm has a third of the depth, or a tenth of the cells: a score must not care.
"""

import sys

import numpy as np

import turncoat as tc
from turncoat.allegiance.scores import cell_weights, control_levels
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
    mean = levels.mean(axis=0)
    free = np.setdiff1d(np.argsort(mean), excluded, assume_unique=True)
    spot = np.searchsorted(mean[free], mean[genes])
    start = np.clip(spot - 25, 0, free.size - 50)
    controls = free[start[:, None] + np.arange(50)]
    level = control_levels(levels, controls) if typical else levels[:, controls].mean(axis=2)
    return (levels[:, genes] - level).mean(axis=1)


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
        "log2(CP10k + 2), less controls": above_controls(np.log2(rates + 2), genes, every),
    }  # fmt: skip


def main() -> None:
    n_studies = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    cells = tc.ds.lung_niches()
    own = np.asarray(cells[(cells.obs["cell_type"] == "Myeloid_cells").to_numpy()].X.todense())
    base, depths = own.sum(axis=0) + 0.5, own.sum(axis=1)
    base /= base.sum()
    print("share of p <= 0.05, cells as weights (without weights)")
    for name, scene in SCENES.items():
        hits: dict[str, list[tuple[bool, bool]]] = {}
        for seed in range(n_studies):
            counts, logs, numbers, genes = draw(
                np.random.default_rng(1000 + seed), base, depths, scene
            )
            for score, values in candidates(counts, logs, genes).items():
                weighted = permute(values[:, None], UNITS, weights=cell_weights(numbers)).pvalue()[
                    0
                ]
                plain = permute(values[:, None], UNITS).pvalue()[0]
                hits.setdefault(score, []).append((weighted <= 0.05, plain <= 0.05))
        print(f"\n{name}")
        for score, found in hits.items():
            shares = np.mean(found, axis=0)
            print(f"  {score:38s} {shares[0]:.2f} ({shares[1]:.2f})")


if __name__ == "__main__":
    main()
