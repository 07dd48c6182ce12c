"""Sub-states: how often one is called where there is none, and how often a planted one is found.

    python benchmarks/substates.py            about ten minutes; goes on where it was stopped
    python benchmarks/substates.py --quick    twenty seconds, for continuous integration

Levels of the NK cells of the built-in study; donors differ in every gene, cells in depth. The
planted state is the SOCS3-high, immature-like one: the markers of immature NK cells and SOCS3 up
three-fold, those of mature ones down by as much.
"""

import argparse
import functools
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import harness
import numpy as np
import pandas as pd

import turncoat as tc
from turncoat.stats import Contrast
from turncoat.stats.composition import HALF_CELL
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.stats.permutation import permute
from turncoat.stats.units import arrange

#: Cells with fewer counts are not typical of current protocols.
DEPTH = (2_500.0, 0.5)
FOLD = 3.0
UP = ("SOCS3", "SELL", "XCL1", "XCL2", "IL7R", "KLRC1", "GZMK", "NCAM1", "TCF7", "CD44", "CISH")
DOWN = ("FGFBP2", "FCGR3A", "SPON2", "S1PR5", "CX3CR1", "PRF1", "GZMB", "GZMH")
#: Further genes that go with the state, as in any real one: the markers on record are a tenth of it.
N_OTHERS = 150
CONTRAST = Contrast("condition", "TNBC", "other")
#: Random arms for every study of the null, to ask for commoner states.
N_ARMS = 100
#: Fixed before measuring: first seeds, numbers of studies, and what is asked.
FIRST_NULL, FIRST_POWER = 2_610_000, 2_620_000
N_NULL, N_POWER = 60, 20
NULLS = ((12, 30), (12, 90), (24, 30), (24, 60))
PLANTED = (
    (8, 0.2, False),
    (12, 0.1, False),
    (12, 0.2, False),
    (12, 0.2, True),
    (16, 0.2, True),
    (24, 0.1, False),
    (24, 0.2, True),
    (24, 0.1, True),
)
CACHE = Path(os.environ.get("TURNCOAT_CACHE", Path(__file__).parent / ".cache"))
#: Studies kept together, so that a stopped run goes on where it was.
PIECE = 10


@functools.cache
def levels() -> pd.Series:
    """Mean levels of the NK cells of the built-in study, genes that are seen at all."""
    study = Path(tc.ds.lung_niches_study()).parent / "cells.h5ad"
    cells = ad.read_h5ad(study)
    own = cells[(cells.obs["cell_state"].astype(str) == "NK").to_numpy()]
    mean = np.asarray(own.X.sum(axis=0)).ravel() + 0.5
    level = pd.Series(mean / mean.sum(), index=own.var_names.astype(str))
    return level[(level > level.quantile(0.5)) | level.index.isin([*UP, *DOWN])]


def population(seed: int, base: pd.Series, *, n_donors: int, n_cells: int, share: float,
               only: bool = False) -> ad.AnnData:  # fmt: skip
    """One population; ``share`` of its cells are of the planted state, in every donor or one arm."""
    rng = np.random.default_rng(seed)
    genes = base.index
    fold = np.ones(len(genes))
    fold[genes.isin(UP)], fold[genes.isin(DOWN)] = FOLD, 1 / FOLD
    fold[rng.choice(len(genes), N_OTHERS, replace=False)] = FOLD
    blocks, rows = [], []
    for donor in range(n_donors):
        own = base.to_numpy() * np.exp(0.5 * rng.normal(size=len(genes)))
        case = donor % 2 == 0
        n = int(rng.integers(n_cells // 2, 3 * n_cells // 2))
        inside = rng.random(n) < share * (case or not only)
        rate = np.where(inside[:, None], own * fold, own)
        rate = rate / rate.sum(axis=1, keepdims=True)
        depth = rng.lognormal(np.log(DEPTH[0]) + 0.3 * rng.normal(), DEPTH[1], n)
        noise = rng.gamma(4, 0.25, rate.shape)
        blocks.append(rng.poisson(depth[:, None] * rate * noise).astype(np.float32))
        rows += [(f"d{donor:02}", "TNBC" if case else "other", "NK", bool(i)) for i in inside]
    obs = pd.DataFrame(rows, columns=["donor", "condition", "population", "planted"])
    obs.index = pd.Index([f"c{i}" for i in range(len(obs))])
    return ad.AnnData(np.vstack(blocks), obs=obs, var=pd.DataFrame(index=genes))


def kept(
    study: Callable[..., dict[str, float]], first: int, n: int, *about: object
) -> pd.DataFrame:
    """Answers of studies ``first`` to ``first + n - 1``, kept piece by piece."""
    rows = []
    for start in range(first, first + n, PIECE):
        seeds = range(start, min(start + PIECE, first + n))
        name = "-".join(str(part) for part in ("states", study.__name__, start, len(seeds), *about))
        file = CACHE / f"{name}.json"
        if not file.exists():
            some = [study(seed, *about) for seed in seeds]
            CACHE.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(some))
        rows += json.loads(file.read_text())
    return pd.DataFrame(rows)


def null(seed: int, n_donors: int, n_cells: int) -> dict[str, float]:
    """A study without states: is anything called?"""
    cells = population(seed, levels(), n_donors=n_donors, n_cells=n_cells, share=0.0)
    found = tc.tl.substates(cells, CONTRAST, population="NK", known={})
    return {
        "any state, p <= 0.05": float(found.params["pvalue"] <= 0.05),
        "a state called": float((found.table["verdict"] == "found").any()),
        "a side called": float((found.sides["qvalue"] <= 0.05).any()),
        "commoner called": commoner(found, cells.obs, np.random.default_rng(seed)),
    }


def commoner(found: object, obs: pd.DataFrame, rng: np.random.Generator) -> float:
    """Share of random arms in which some state is called commoner.

    States know nothing of the arms, so those of one study answer to as many arms as are drawn.
    The arms of the study itself are tried first, and must give the p-values of the package.
    """
    table = found.cells.set_index("cell").loc[obs.index]  # type: ignore[attr-defined]
    donors, number = np.unique(obs["donor"], return_inverse=True)
    cells = np.bincount(number).astype(float)
    inside = [
        np.bincount(number, weights=(table[half] == state).to_numpy(dtype=float))
        for half in ("first", "second")
        for state in sorted(set(table[half].dropna()))
    ]
    odds = (np.array(inside) + HALF_CELL) / (cells - np.array(inside) + HALF_CELL)
    values = np.log2(odds).T
    case = (obs.groupby("donor")["condition"].first().loc[donors] == CONTRAST.case).to_numpy()
    own = permute(values, arrange(list(donors), case)).pvalue()
    np.testing.assert_allclose(own, found.abundance["pvalue"])  # type: ignore[attr-defined]
    called = []
    for seed in range(N_ARMS):
        units = arrange(list(donors), rng.permutation(case))
        pvalue = permute(values, units, seed=seed, n_permutations=999).pvalue()
        called.append((benjamini_hochberg(pvalue) <= 0.05).any())
    return float(np.mean(called))


def power(seed: int, n_donors: int, share: float, only: bool) -> dict[str, float]:
    """A study with the planted state: is it called, by one half and by both?"""
    cells = population(seed, levels(), n_donors=n_donors, n_cells=60, share=share, only=only)
    found = tc.tl.substates(cells, CONTRAST, population="NK")
    called = found.table[found.table["verdict"] == "found"]
    right = {state for state in called["state"] if _is_planted(found, state, cells)}
    table = called[called["state"].isin(right)]
    own = found.sides[found.sides["state"].isin(right)]
    words = found.abundance[found.abundance["state"].isin(right)]["statement"]
    return {
        "found": float(bool(right)),
        "found by both halves": float(table["confirmed"].any()),
        "something else called": float(len(right) < len(called)),
        "called pro-tumour": float((own["side"] == "pro-tumour").any()),
        "likened to immature NK": float(table["kind"].str.contains("immature").any()),
        "said to be commoner in TNBC": float(words.str.contains("TNBC: |commoner in TNBC").any()),
    }


def _is_planted(found: object, state: str, cells: ad.AnnData) -> bool:
    """Whether a state is the planted one: at least twice as rich in its cells as the rest."""
    table = found.cells.set_index("cell").loc[cells.obs_names]  # type: ignore[attr-defined]
    inside = (table["first" if state.startswith("1") else "second"] == state).to_numpy()
    truth = cells.obs["planted"].to_numpy(dtype=bool)
    return bool(truth[inside].mean() > 2 * truth[~inside].mean())


def asked_of(what: str) -> str:
    if what.startswith("commoner"):
        return f"{N_ARMS} random arms for the states of every study; an exact test: the true share is at most 0.05"
    return "the limit allows no sampling noise"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    n_null, n_power = (6, 3) if quick else (N_NULL, N_POWER)
    nulls = {
        f"{d} donors x {c} cells": kept(null, FIRST_NULL, n_null, d, c).mean() for d, c in NULLS
    }
    powers = {
        f"{d} donors, {share:.0%} of the cells, {'in one arm only' if only else 'in all'}": kept(
            power, FIRST_POWER, n_power, d, share, only
        ).mean()
        for d, share, only in PLANTED
    }
    bars = []
    for what in next(iter(nulls.values())).index:
        shares = {name: cell[what] for name, cell in nulls.items()}
        note = "; ".join(f"{name}: {share:.2f}" for name, share in shares.items())
        worst = float(max(shares.values()))
        bars.append(
            harness.bar(
                f"null, {what}: highest share of {n_null} studies",
                worst,
                unit="share",
                limit=0.05,
                note=f"{note}; {asked_of(what)}",
            )
        )
        pooled = float(np.mean(list(shares.values())))
        bars.append(harness.bar(f"null, {what}: over the grid", pooled, unit="share", limit=0.05,
                                note=f"{n_null * len(NULLS)} studies, seeds from {FIRST_NULL}"))  # fmt: skip
    for name, found in powers.items():
        for what, share in found.items():
            asked = name.startswith("24 donors, 20") and what == "found"
            bars.append(harness.bar(f"planted SOCS3-high state, {name}: {what}", float(share), unit="share",
                                    limit=0.8 if asked else None, at_least=asked,
                                    note=f"{n_power} studies of 60 cells per donor, seeds from {FIRST_POWER}"))  # fmt: skip
    harness.write_results(
        "substates",
        bars,
        title="New states within a population",
        packages=harness.versions("turncoat", "numpy", "scipy"),
        notes=[
            "Measured in pieces, about ten minutes of CPU in all; seeds fixed before measuring."
        ],
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
