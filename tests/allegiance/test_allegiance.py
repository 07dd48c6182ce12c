import warnings
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from allegiance.study import ANTI, GENES, PRO, PROGRAMMES, planted_cells, planted_tally
from factories import tally_from_cells
from turncoat.allegiance.result import Allegiance
from turncoat.errors import (
    ArgumentError,
    DesignError,
    DesignWarning,
    DroppedDataWarning,
    KnowledgeError,
    MissingKeyError,
    StudyError,
)
from turncoat.tables import restore

PAIRED = tc.Contrast("tissue", "tumour", "normal", block="donor")


@pytest.fixture(scope="module")
def tally() -> ad.AnnData:
    return planted_tally()


@pytest.fixture(scope="module")
def result(tally: ad.AnnData) -> Allegiance:
    return tc.tl.allegiance(tally, PAIRED, programmes=PROGRAMMES)


def row(result: Allegiance, population: str) -> dict[str, Any]:
    table = result.table
    found = table[table["population"] == population].iloc[0].to_dict()
    return {str(name): value for name, value in found.items()}


def test_the_planted_switch_is_found_and_the_other_is_loyal(result: Allegiance) -> None:
    nk, treg = row(result, "NK"), row(result, "Treg")
    assert nk["verdict"] == "switched"
    assert "lost anti-tumour duty and gained pro-tumour harm" in nk["reason"]
    assert nk["anti_shift"] < -0.5
    assert nk["pro_upper"] > nk["pro_shift"] > nk["pro_lower"] > 0.5
    assert nk["pvalue"] == nk["p_floor"] == 1 / 2**8
    assert treg["verdict"] == "loyal"
    assert treg["pvalue_loyal"] <= 0.05
    assert (result.table["n_pairs"] == 8).all()


def test_a_borderline_verdict_says_so_and_a_firm_one_does_not(result: Allegiance) -> None:
    table = result.table
    assert (table["margin"] >= 1).all()
    borderline = table["reason"].str.contains("borderline")
    assert (borderline == (table["margin"] < 2)).all()
    for noise in (0.15, 0.45, 0.6):
        other = tc.tl.allegiance(
            planted_tally(fold=1.25, noise=noise), PAIRED, programmes=PROGRAMMES, key_added=None
        ).table
        assert (other["reason"].str.contains("borderline") == (other["margin"] < 2)).all()


def test_duty_gained_is_no_switch() -> None:
    backwards = tc.Contrast("tissue", "normal", "tumour", block="donor")
    found = row(tc.tl.allegiance(planted_tally(), backwards, programmes=PROGRAMMES), "NK")
    assert found["verdict"] == "inconclusive"
    assert "moved the other way" in found["reason"]
    assert found["pvalue"] > 0.9


def test_more_cells_are_not_more_evidence(result: Allegiance) -> None:
    counts, obs = planted_cells()
    twice = tally_from_cells(np.vstack([counts, counts]), pd.concat([obs, obs]), GENES)
    again = tc.tl.allegiance(twice, PAIRED, programmes=PROGRAMMES)
    pd.testing.assert_frame_equal(again.table, result.table)
    pd.testing.assert_frame_equal(again.leave_one_out, result.leave_one_out)


def test_the_order_of_rows_does_not_matter(tally: ad.AnnData, result: Allegiance) -> None:
    order = np.random.default_rng(0).permutation(tally.n_obs)
    again = tc.tl.allegiance(tally[order].copy(), PAIRED, programmes=PROGRAMMES)
    pd.testing.assert_frame_equal(again.table, result.table)


def test_the_result_survives_h5ad(tally: ad.AnnData, result: Allegiance, tmp_path: Path) -> None:
    tally.write_h5ad(tmp_path / "tally.h5ad")
    back = restore(ad.read_h5ad(tmp_path / "tally.h5ad"), "allegiance", Allegiance)
    for name in ("table", "scores", "coverage", "leave_one_out", "genes", "dropped"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(result, name))
    assert back.params == result.params


def test_depth_of_one_arm_does_not_move_a_score() -> None:
    rng = np.random.default_rng(1)
    counts, obs = planted_cells(switched=(), n_cells=25)
    shallow = (obs["tissue"] == "tumour").to_numpy()
    counts[shallow] = rng.binomial(counts[shallow].astype(int), 0.25)
    found = tc.tl.allegiance(tally_from_cells(counts, obs, GENES), PAIRED, programmes=PROGRAMMES)
    assert (found.table["anti_shift"].abs() < 0.15).all()
    assert (found.table["pro_shift"].abs() < 0.15).all()
    assert not (found.table["verdict"] == "switched").any()


def test_a_verdict_that_hangs_on_a_donor_names_the_donor() -> None:
    found = tc.tl.allegiance(planted_tally(n_donors=6), PAIRED, programmes=PROGRAMMES)
    # With 6 pairs the smallest p is 1/64; with 5 it is 1/32, which two tests double.
    assert row(found, "NK")["verdict"] == "switched"
    assert row(found, "NK")["hangs_on"] == "d0, d1, d2, d3, d4, d5"
    left = found.leave_one_out.query("population == 'NK'")
    assert (left["pvalue"] == 1 / 32).all()
    assert (left["verdict"] == "inconclusive").all()


def test_genes_show_what_the_score_is_made_of(result: Allegiance) -> None:
    genes = result.genes.query("population == 'NK'").set_index("gene")
    assert set(genes.index) == {*ANTI, *PRO}
    assert (genes.loc[ANTI, "shift"] < 0).all()
    assert (genes.loc[PRO, "pvalue_without"] <= 0.05).all()
    score = (genes["weight"] * genes["shift"]).groupby(genes["axis"]).sum()
    assert score["anti_tumour"] == pytest.approx(row(result, "NK")["anti_shift"])


def test_half_a_programme_is_refused_and_reported(tally: ad.AnnData) -> None:
    missing = PROGRAMMES.assign(
        gene=[g if g not in ANTI[:5] else f"{g}x" for g in PROGRAMMES["gene"]]
    )
    found = tc.tl.allegiance(tally, PAIRED, programmes=missing, key_added=None)
    nk = row(found, "NK")
    assert nk["verdict"] == "switched"
    assert "3 of 8 genes of the anti_tumour programme" in nk["reason"]
    assert np.isnan(nk["anti_shift"])
    assert np.isnan(nk["pvalue_both"])
    first = (found.coverage["population"] == "NK") & (found.coverage["axis"] == "anti_tumour")
    coverage = found.coverage[first].iloc[0].to_dict()
    assert coverage["coverage"] == 3 / 8
    assert not coverage["is_scored"]
    assert coverage["missing"] == "DUTY0x, DUTY1x, DUTY2x, DUTY3x, DUTY4x"
    gone = PROGRAMMES.assign(
        gene=[f"{g}x" if i % 3 else g for i, g in enumerate(PROGRAMMES["gene"])]
    )
    with pytest.warns(DesignWarning, match="No population can be tested"):
        nothing = tc.tl.allegiance(tally, PAIRED, programmes=gone, key_added=None)
    assert (nothing.table["status"] == "abstained").all()
    assert (nothing.table["verdict"] == "not testable").all()
    assert nothing.scores.empty


def test_one_donor_is_described_and_not_tested() -> None:
    with pytest.warns(DesignWarning, match="only describes"):
        found = tc.tl.allegiance(planted_tally(n_donors=1), PAIRED, programmes=PROGRAMMES)
    nk = row(found, "NK")
    assert nk["status"] == "not_testable"
    assert nk["anti_shift"] < 0
    assert np.isnan(nk["pvalue"])
    assert np.isnan(nk["anti_lower"])


def test_three_pairs_cannot_pass_the_rate_and_say_so() -> None:
    with pytest.warns(DesignWarning):
        found = tc.tl.allegiance(planted_tally(n_donors=3), PAIRED, programmes=PROGRAMMES)
    assert "no p-value can fall below 0.125" in row(found, "NK")["reason"]


def test_constant_scores_and_empty_arms_are_said(tally: ad.AnnData) -> None:
    flat = tally.copy()
    flat.layers["counts"] = np.ones(flat.shape)
    with pytest.warns(DesignWarning):
        found = tc.tl.allegiance(flat, PAIRED, programmes=PROGRAMMES)
    assert (found.table["reason"] == "the scores are the same in all donors").all()
    half = tally[~((tally.obs["tissue"] == "tumour") & (tally.obs["population"] == "NK"))].copy()
    with pytest.warns(DroppedDataWarning, match="NK"):
        found = tc.tl.allegiance(half, PAIRED, programmes=PROGRAMMES)
    assert row(found, "NK")["status"] == "not_testable"
    assert "0 donors in the case arm and" in row(found, "NK")["reason"]
    assert "population NK" in list(found.dropped["what"])


def test_unknown_populations_are_listed_not_scored(tally: ad.AnnData) -> None:
    named = tally.copy()
    named.obs["population"] = named.obs["population"].astype(str).replace({"Treg": "Hepatocyte"})
    with pytest.warns(DroppedDataWarning, match="Hepatocyte"):
        found = tc.tl.allegiance(named, PAIRED, programmes=PROGRAMMES)
    assert list(found.table["population"]) == ["NK"]
    matched = tc.tl.allegiance(named, PAIRED, programmes=PROGRAMMES, matches={"Hepatocyte": "Treg"})
    assert list(matched.table["programme"]) == ["Treg", "NK"]
    with pytest.raises(MissingKeyError, match="no programme 'Tregg'"):
        tc.tl.allegiance(named, PAIRED, programmes=PROGRAMMES, matches={"Hepatocyte": "Tregg"})


def test_labels_are_matched_as_people_write_them(tally: ad.AnnData) -> None:
    named = tally.copy()
    named.obs["population"] = (
        named.obs["population"].astype(str).replace({"Treg": "Tregs", "NK": "NK_cells"})
    )
    found = tc.tl.allegiance(named, PAIRED, programmes=PROGRAMMES)
    assert list(found.table["programme"]) == ["NK", "Treg"]


def test_conditions_are_compared_within_each_tissue() -> None:
    counts, obs = planted_cells(n_donors=10, switched=())
    ill = obs["donor"].isin([f"d{i}" for i in range(5)])
    obs["condition"] = np.where(ill, "ill", "well")
    found = tc.tl.allegiance(
        tally_from_cells(counts, obs, GENES),
        tc.Contrast("condition", "ill", "well"),
        programmes=PROGRAMMES,
    )
    assert len(found.table) == 4
    assert set(found.table["tissue"]) == {"tumour", "normal"}


def test_bad_questions_get_clear_answers(tally: ad.AnnData) -> None:
    with pytest.raises(DesignError, match=r"both arms of an unpaired contrast.*block='donor'"):
        tc.tl.allegiance(tally, tc.Contrast("tissue", "tumour", "normal"), programmes=PROGRAMMES)
    with pytest.raises(StudyError, match=r"'tumor' does not occur.*Did you mean 'tumour'"):
        tc.tl.allegiance(tally, tc.Contrast("tissue", "tumor", "normal"), programmes=PROGRAMMES)
    with pytest.raises(MissingKeyError, match=r"no column 'tisue'.*Did you mean 'tissue'"):
        tc.tl.allegiance(tally, tc.Contrast("tisue", "tumour", "normal"), programmes=PROGRAMMES)
    with pytest.raises(KnowledgeError, match="no gene in common"):
        tc.tl.allegiance(tally, PAIRED, programmes=PROGRAMMES.assign(gene=PROGRAMMES["gene"] + "q"))
    with pytest.raises(KnowledgeError, match=r"missing: .'weight'"):
        tc.tl.allegiance(tally, PAIRED, programmes=PROGRAMMES.drop(columns="weight"))
    with pytest.raises(KnowledgeError, match="found 'sideways'"):
        tc.tl.allegiance(tally, PAIRED, programmes=PROGRAMMES.assign(axis="sideways"))
    with pytest.raises(KnowledgeError, match="no row for the species"):
        tc.tl.allegiance(tally, PAIRED, programmes=PROGRAMMES.assign(species="mouse"))
    with pytest.raises(KnowledgeError, match="other than 0"):
        tc.tl.allegiance(tally, PAIRED, programmes=PROGRAMMES.assign(weight=np.nan))
    for bad in ({"fdr": 0.0}, {"min_donors": 1}, {"band": -1.0}, {"n_permutations": 5}):
        with pytest.raises(ArgumentError, match=next(iter(bad))):
            tc.tl.allegiance(tally, PAIRED, programmes=PROGRAMMES, **bad)


def test_labels_shuffled_within_donors_call_nothing_too_often() -> None:
    tally = planted_tally(n_donors=8, switched=(), n_cells=12, noise=0.5)
    rng = np.random.default_rng(0)
    pvalues = []
    for _ in range(25):
        shuffled = tally.copy()
        flip = {f"d{i}": bool(rng.integers(2)) for i in range(8)}
        swap = {"tumour": "normal", "normal": "tumour"}
        shuffled.obs["tissue"] = [
            swap[tissue] if flip[donor] else tissue
            for tissue, donor in zip(shuffled.obs["tissue"], shuffled.obs["donor"], strict=True)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = tc.tl.allegiance(shuffled, PAIRED, programmes=PROGRAMMES, key_added=None)
        pvalues += list(found.table["pvalue"])
    assert np.mean(np.array(pvalues) < 0.05) <= 0.14
