from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import turncoat as tc
from allegiance.study import PROGRAMMES, planted_tally
from turncoat.allegiance.reach import Reach
from turncoat.tables import restore

PAIRED = tc.Contrast("tissue", "tumour", "normal", block="donor")


def test_reach_says_donors_floors_and_words() -> None:
    found = tc.tl.reach(planted_tally(n_donors=6), PAIRED, programmes=PROGRAMMES).table
    assert (found["n_pairs"] == 6).all()
    assert (found["p_floor"] == 1 / 64).all()
    assert (found["q_floor"] == 2 / 64).all()
    assert (found["q_together"] == 1 / 64).all()
    assert (found["anti_lone"] > found["anti_detectable"]).all()
    assert found["words"].str.contains("missed more often than one time in five").all()


def test_too_few_donors_for_a_lone_finding_are_told() -> None:
    found = tc.tl.reach(planted_tally(n_donors=5), PAIRED, programmes=PROGRAMMES).table
    assert found["words"].str.contains("only if other populations switch too").all()
    one = tc.tl.reach(planted_tally(n_donors=1), PAIRED, programmes=PROGRAMMES).table
    assert (one["status"] == "not_testable").all()
    assert one["words"].str.contains("at least 3 each are needed").all()
    assert one["anti_detectable"].isna().all()


def test_reach_does_not_see_the_effect() -> None:
    with_effect = tc.tl.reach(planted_tally(fold=3.0), PAIRED, programmes=PROGRAMMES).table
    without = tc.tl.reach(planted_tally(fold=1.0), PAIRED, programmes=PROGRAMMES).table
    ratio = with_effect["pro_detectable"] / without["pro_detectable"]
    assert ratio.between(0.5, 2).all()


def test_shifts_at_the_detectable_size_are_found_about_as_often_as_said() -> None:
    noise, hits, sizes = 0.5, [], []
    for seed in range(12):
        tally = planted_tally(n_donors=8, noise=noise, switched=(), seed=seed)
        sizes.append(tc.tl.reach(tally, PAIRED, programmes=PROGRAMMES).table["pro_detectable"][0])
        strong = planted_tally(n_donors=8, noise=noise, fold=2.5, seed=seed)
        table = tc.tl.allegiance(strong, PAIRED, programmes=PROGRAMMES).table
        hits.append(table["pvalue"][0] <= 0.05)
    assert np.median(sizes) < 1.3
    assert np.mean(hits) >= 0.8


def test_reach_survives_h5ad_and_is_drawn(tmp_path: Path) -> None:
    tally = planted_tally()
    found = tc.tl.reach(tally, PAIRED, programmes=PROGRAMMES)
    tally.write_h5ad(tmp_path / "tally.h5ad")
    back = restore(ad.read_h5ad(tmp_path / "tally.h5ad"), "reach", Reach)
    pd.testing.assert_frame_equal(back.table, found.table)
    axes = tc.pl.reach(found)
    assert "80 % power" in axes.get_xlabel()
    plt.close("all")


@pytest.mark.parametrize("key", [None, "other"])
def test_results_are_kept_where_asked(key: str | None) -> None:
    tally = planted_tally(n_donors=4)
    tc.tl.reach(tally, PAIRED, programmes=PROGRAMMES, key_added=key)
    assert ("other" in tally.uns["turncoat"]) is (key is not None)
