"""Verdicts against planted truth, with depth, purity and covariates in the way."""

from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from turncoat.allegiance.assemble import verdict_table
from turncoat.allegiance.contamination import take_off
from turncoat.allegiance.gather import Knowledge, Limits, gather
from turncoat.allegiance.moderation import Moderation
from turncoat.allegiance.science import AxesPlan
from turncoat.errors import DroppedDataWarning, MissingKeyError
from turncoat.tables import FloatArray

CONTRAST = tc.Contrast("condition", "case", "control")


def planted(**chosen: float) -> tuple[ad.AnnData, pd.DataFrame]:
    sizes = {"n_donors": 8, "n_controls": 8, "cells_per_donor": 500, "n_genes": 1_500}
    cells = tc.ds.planted(**{**sizes, **chosen})  # type: ignore[arg-type]
    tally = tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        tissue_key="tissue",
        condition_key="condition",
        population_key="population",
    )
    genes = tc.ds.planted_truth(cells).programmes
    sides = np.where(genes["side"].str.startswith("anti"), "anti_tumour", "pro_tumour")
    return tally, genes.assign(axis=sides, weight=1.0).drop(columns="side")


@pytest.fixture(scope="module")
def study() -> tuple[ad.AnnData, pd.DataFrame]:
    return planted()


def verdicts(tally: ad.AnnData, genes: pd.DataFrame, **chosen: object) -> pd.DataFrame:
    with pytest.warns(DroppedDataWarning):
        found = tc.tl.allegiance(tally, CONTRAST, programmes=genes, key_added=None, **chosen)  # type: ignore[arg-type]
    return found.table.set_index("population")


def polluted(tally: ad.AnnData, share: float, seed: int = 0) -> ad.AnnData:
    """Give every population of the case samples some of their tumour cells' RNA."""
    rng = np.random.default_rng(seed)
    out = tally.copy()
    counts: FloatArray = out.layers["counts"]
    population = out.obs["population"].astype(str).to_numpy()
    sample = out.obs["sample"].astype(str).to_numpy()
    for row in np.flatnonzero((out.obs["condition"] == "case") & (population != "Tumour")):
        source = counts[(sample == sample[row]) & (population == "Tumour")].sum(axis=0)
        depth = counts[row].sum() * share / (1 - share)
        counts[row] += rng.poisson(depth * source / source.sum())
    return out


def test_planted_switches_are_found_and_the_rest_is_not(
    study: tuple[ad.AnnData, pd.DataFrame],
) -> None:
    table = verdicts(*study)
    changed = {"NK", "Macrophage", "CD8 T", "Treg"}
    called = set(table.index[table["verdict"] == "switched"])
    assert called <= changed
    assert len(called) >= 3
    assert not set(table.index[table["verdict"] == "loyal"]) & changed


def test_tumour_rna_in_case_samples_changes_no_verdict(
    study: tuple[ad.AnnData, pd.DataFrame],
) -> None:
    tally, genes = study
    # Genes that the tumour cells express: pollution moves them, and they would make a switch.
    tumour = tally.layers["counts"][(tally.obs["population"] == "Tumour").to_numpy()].sum(axis=0)
    quiet = tally.layers["counts"][(tally.obs["population"] == "DC").to_numpy()].sum(axis=0)
    worst = np.argsort(-(tumour / tumour.sum() - 3 * quiet / quiet.sum()))[:8].tolist()
    swapped = genes[(genes["population"] != "DC") | (genes["axis"] != "pro_tumour")]
    added = pd.DataFrame(
        {"population": "DC", "gene": tally.var_names[worst], "axis": "pro_tumour", "weight": 1.0}
    )
    genes = pd.concat([swapped, added], ignore_index=True)
    clean = verdicts(tally, genes)
    dirty = polluted(tally, 0.05)
    raw = verdicts(dirty, genes, contaminants=())
    assert raw.loc["DC", "verdict"] == "switched"
    cleaned = verdicts(dirty, genes)
    assert (cleaned["verdict"] == clean["verdict"]).all()
    before, after, uncorrected = (t["pro_shift"].to_dict()["DC"] for t in (clean, cleaned, raw))
    assert abs(after - before) < 0.3 * abs(uncorrected - before)


def test_a_switch_that_rests_on_what_is_taken_off_says_so(
    study: tuple[ad.AnnData, pd.DataFrame],
) -> None:
    tally, genes = study
    plan = AxesPlan(0.3, 0, 999)
    gathered = gather(tally, CONTRAST, Knowledge(genes), plan, Limits(1, 3, 0.05))
    sure = next(line for line in gathered.lines if line.arms.population == "NK")
    assert sure.evidence is not None
    # Nothing taken off, and twice the estimate.
    assert len(sure.also) == 2
    assert sure.doubtful <= 0.05
    shaken = replace(sure, also=(replace(sure, evidence=replace(sure.evidence, joint=0.2)),))
    words = "; it depends on how much contamination is taken off"
    for line, told in ((sure, False), (shaken, True)):
        table, _ = verdict_table([line], plan, Moderation(None, False), min_donors=3, fdr=0.05)
        assert table["verdict"].item() == "switched"
        assert table["pvalue"].item() == sure.evidence.joint
        assert str(table["reason"].item()).endswith(words) == told


def test_the_share_of_contamination_is_told(study: tuple[ad.AnnData, pd.DataFrame]) -> None:
    tally, genes = study
    with pytest.warns(DroppedDataWarning):
        found = tc.tl.allegiance(polluted(tally, 0.05), CONTRAST, programmes=genes).contamination
    share = found.groupby("arm")["share"].median()
    assert share["case"] - share["control"] == pytest.approx(0.05, abs=0.01)
    with pytest.raises(MissingKeyError, match=r"no population 'Tumor' .*Did you mean 'Tumour'"):
        tc.tl.allegiance(tally, CONTRAST, programmes=genes, contaminants=["Tumor"])


def test_too_few_markers_take_nothing_off() -> None:
    counts = np.full((3, 4), 10.0)
    left = take_off(counts, counts)
    np.testing.assert_array_equal(left.counts, counts)
    assert left.n_markers == 0


def test_covariates_are_adjusted_for_and_confounding_is_a_reason(
    study: tuple[ad.AnnData, pd.DataFrame],
) -> None:
    tally, genes = study
    tally = tally.copy()
    number = {donor: i for i, donor in enumerate(sorted(set(tally.obs["donor"].astype(str))))}
    tally.obs["age"] = [50.0 + number[str(donor)] % 5 for donor in tally.obs["donor"]]
    tally.obs["centre"] = tally.obs["condition"].astype(str).to_numpy()
    adjusted = tc.Contrast("condition", "case", "control", covariates=("age",))
    with pytest.warns(DroppedDataWarning):
        found = tc.tl.allegiance(tally, adjusted, programmes=genes, key_added=None)
    table = found.table.set_index("population")
    assert table.loc["NK", "verdict"] == "switched"
    assert not table["is_exact"].any()
    confounded = tc.Contrast("condition", "case", "control", covariates=("centre",))
    with pytest.warns(UserWarning, match="No population can be tested"):
        found = tc.tl.allegiance(tally, confounded, programmes=genes, key_added=None)
    assert all("say the same" in reason for reason in found.table["reason"])
    assert found.table["pvalue"].isna().all()
    tally.obs.loc[tally.obs["donor"] == min(number), "age"] = np.nan
    with pytest.warns(UserWarning, match="No population"):
        found = tc.tl.allegiance(tally, adjusted, programmes=genes, key_added=None)
    assert all("'age' is missing" in reason for reason in found.table["reason"])
