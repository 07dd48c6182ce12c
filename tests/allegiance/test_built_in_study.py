"""The built-in study: the null of shuffled donors, and the laws on real cells."""

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import turncoat as tc
from turncoat.allegiance.lines import make_line
from turncoat.allegiance.programmes import find_programmes
from turncoat.allegiance.science import AxesPlan
from turncoat.knowledge.programmes import programmes
from turncoat.stats.units import arrange
from turncoat.tally.arms import donor_arms

CONTRASTS = (
    tc.Contrast("tissue", "tLung", "nLung", block="donor"),
    tc.Contrast("tissue", "mLN", "nLN"),
)
#: Populations of the study's states that have a programme and enough donors.
STATES = {
    "NK": "NK", "Treg": "Treg", "Alveolar_Mac": "Macrophage", "mo-Mac": "Macrophage",
    "Monocytes": "Monocyte", "CD1c+_DCs": "Dendritic", "CD163+CD14+_DCs": "Dendritic",
    "MAST": "Mast", "Exhausted_CD8+_T": "CD8 T", "Naive_CD8+_T": "CD8 T",
    "Cytotoxic_CD8+_T": "CD8 T", "CD4+_Th": "CD4 T", "Naive_CD4+_T": "CD4 T",
    "Follicular_B_cells": "B", "MALT_B_cells": "B",
}  # fmt: skip


def count(cells: ad.AnnData, threads: int = 1) -> ad.AnnData:
    return tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        tissue_key="tissue",
        population_key="population",
        threads=threads,
    )


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    cells = tc.ds.lung_niches()
    cells.obs["population"] = [STATES.get(str(state), "") for state in cells.obs["cell_state"]]
    return cells[cells.obs["population"] != ""].copy()


@pytest.fixture(scope="module")
def tally(cells: ad.AnnData) -> ad.AnnData:
    return count(cells)


def quiet(tally: ad.AnnData, contrast: tc.Contrast) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tc.tl.allegiance(tally, contrast, key_added=None).table


def test_exhausted_cd8_is_found_in_lung_tumours(tally: ad.AnnData) -> None:
    table = quiet(tally, CONTRASTS[0]).set_index("population")
    assert table.loc["CD8 T", "verdict"] == "switched"
    assert table.loc["CD8 T", "n_pairs"] == 9
    assert set(table["verdict"]) > {"switched"}


@pytest.mark.slow
@pytest.mark.parametrize("contrast", CONTRASTS, ids=["lung", "node"])
def test_shuffled_donors_are_called_no_more_often_than_said(
    tally: ad.AnnData, contrast: tc.Contrast
) -> None:
    rng = np.random.default_rng(0)
    plan = AxesPlan(0.32, 0, 999)
    table = programmes()
    pvalues: dict[str, list[float]] = {"anti": [], "pro": [], "joint": [], "both": []}
    floors = []
    for population in sorted(set(STATES.values())):
        arms = donor_arms(tally, contrast, population, "")
        axes = find_programmes(table, population, tally.var_names)
        case = arms.case
        for _ in range(200):
            shuffled = rng.permutation(case)
            # Donors are dealt out anew: which case goes with which reference is chance too.
            donors = [""] * len(case)
            for arm in (True, False):
                members = np.flatnonzero(shuffled == arm)
                for rank, member in enumerate(rng.permutation(members)):
                    donors[member] = f"d{rank}" if contrast.block else f"d{rank}{arm}"
            units = arrange(donors, shuffled, block="donor" if contrast.block else None)
            line = make_line(arms, units, axes, plan, min_donors=3, fdr=0.05)
            if line.evidence is None:
                continue
            floors.append(units.floor(999, sides=1))
            pvalues["anti"].append(line.evidence.pvalue[0])
            pvalues["pro"].append(line.evidence.pvalue[1])
            pvalues["joint"].append(line.evidence.joint)
            pvalues["both"].append(line.evidence.both)
    share = {name: np.mean(np.array(found) < 0.05) for name, found in pvalues.items()}
    assert len(floors) >= 1_000
    assert all(value <= 0.08 for value in share.values()), share
    # "Both" is an intersection: two axes must fall below 0.05 at once, so it is rare by design.
    assert all(share[name] >= 0.02 for name in ("anti", "pro", "joint")), share


def test_doubled_and_shuffled_cells_change_nothing(cells: ad.AnnData, tally: ad.AnnData) -> None:
    expected = quiet(tally, CONTRASTS[0])
    obs = pd.concat([cells.obs, cells.obs])
    obs.index = pd.Index([f"{name}-{i}" for i, name in enumerate(obs.index)])
    twice = ad.AnnData(sp.vstack([cells.X, cells.X]).tocsr(), obs=obs, var=cells.var)
    pd.testing.assert_frame_equal(quiet(count(twice), CONTRASTS[0]), expected)
    order = np.random.default_rng(0).permutation(cells.n_obs)
    for threads in (1, 2):
        shuffled = count(cells[order].copy(), threads)
        pd.testing.assert_frame_equal(quiet(shuffled, CONTRASTS[0]), expected)
