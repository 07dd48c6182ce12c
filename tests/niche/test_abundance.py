from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from factories import tally_from_cells
from turncoat.errors import ArgumentError, DesignError, DesignWarning, MissingKeyError, StudyError
from turncoat.niche.result import Abundance
from turncoat.tables import restore

UNPAIRED = tc.Contrast("condition", "ill", "well")


def counted(
    n_donors: int = 12, *, boost: float = 1.0, seed: int = 0, paired: bool = False
) -> ad.AnnData:
    """Donors whose Treg share is multiplied by ``boost`` when ill; donors vary."""
    rng = np.random.default_rng(seed)
    rows = []
    for donor in range(n_donors):
        base = rng.dirichlet(np.array([8.0, 8, 30, 54]))
        for arm in ("ill", "well"):
            if not paired and (arm == "ill") != (donor < n_donors / 2):
                continue
            share = base * np.array([boost if arm == "ill" else 1.0, 1, 1, 1])
            cells = rng.multinomial(rng.integers(100, 400), share / share.sum())
            for name, n in zip(("Treg", "NK cells", "B", "Tumour"), cells, strict=True):
                rows += [(f"d{donor}", f"d{donor}{arm}", "node", arm, name)] * int(n)
    obs = pd.DataFrame(rows, columns=["donor", "sample", "tissue", "condition", "population"])
    return tally_from_cells(np.ones((len(obs), 3)), obs, ["A", "B", "C"])


def row(found: Abundance, quantity: str) -> dict[str, Any]:
    first = found.table[found.table["quantity"] == quantity].iloc[0].to_dict()
    return {str(name): value for name, value in first.items()}


def test_a_planted_ratio_is_found_and_the_rest_is_quiet() -> None:
    found = tc.tl.abundance(counted(boost=4.0), UNPAIRED)
    ratio = row(found, "Treg/NK")
    assert ratio["kind"] == "ratio"
    assert ratio["lower"] < 2.0 < ratio["upper"]
    assert ratio["qvalue"] == ratio["pvalue"]
    assert ratio["pvalue"] <= 0.01
    assert row(found, "B")["pvalue"] > 0.05
    treg = row(found, "Treg")
    assert treg["odds"] > 0.7
    assert treg["odds_lower"] < treg["odds"] < treg["odds_upper"]
    tested = found.table.dropna(subset=["odds_pvalue"])
    apart = (tested["odds_lower"] > 0) | (tested["odds_upper"] < 0)
    assert (apart == (tested["odds_pvalue"] < 0.05)).all()
    assert np.isnan(row(found, "Treg/NK")["odds"])


def test_pairs_are_used_as_pairs() -> None:
    paired = tc.Contrast("condition", "ill", "well", block="donor")
    found = tc.tl.abundance(counted(8, boost=2.0, paired=True), paired)
    assert row(found, "Treg/NK")["p_floor"] == 2 / 2**8
    assert row(found, "Treg/NK")["pvalue"] <= 0.05


def test_null_composition_is_called_no_more_often_than_said() -> None:
    pvalues = [
        tc.tl.abundance(counted(10, seed=seed), UNPAIRED, key_added=None).table
        for seed in range(40)
    ]
    every = pd.concat(pvalues)
    assert np.mean(every["pvalue"] <= 0.05) <= 0.09


def with_columns(tally: ad.AnnData, **columns: Any) -> ad.AnnData:
    """Add sample-sheet columns: a value per donor, or a function of the donor's number."""
    number = tally.obs["donor"].astype(str).str[1:].astype(int)
    for name, value in columns.items():
        tally.obs[name] = [value(n) for n in number]
    return tally


def adjusted_for(*names: str, block: str | None = None) -> tc.Contrast:
    return tc.Contrast("condition", "ill", "well", block=block, covariates=names)


def test_a_covariate_that_makes_the_shift_takes_it_away() -> None:
    # Treg rise with age, and the ill are older: adjusted for age, nothing is left.
    rng = np.random.default_rng(3)
    rows = []
    for donor in range(20):
        age = 40 + 2 * donor + float(rng.normal())
        weight = np.array([0.05 * 2 ** ((age - 60) / 10), 0.1, 0.3, 0.5])
        cells = rng.multinomial(2000, weight / weight.sum())
        arm = "ill" if (donor % 20 >= 8 and donor not in (9, 11)) or donor == 3 else "well"
        for name, n in zip(("Treg", "NK cells", "B", "Tumour"), cells, strict=True):
            rows += [(f"d{donor}", f"d{donor}", "node", arm, name, age)] * int(n)
    names = ["donor", "sample", "tissue", "condition", "population", "age"]
    obs = pd.DataFrame(rows, columns=names)
    tally = tally_from_cells(np.ones((len(obs), 3)), obs.drop(columns="age"), ["A", "B", "C"])
    tally.obs["age"] = tally.obs["donor"].map(obs.groupby("donor")["age"].first()).astype(float)
    crude = row(tc.tl.abundance(tally, UNPAIRED), "Treg/NK")
    adjusted = row(tc.tl.abundance(tally, adjusted_for("age")), "Treg/NK")
    assert crude["pvalue"] <= 0.01
    assert crude["shift"] > 1
    assert adjusted["pvalue"] > 0.05
    assert adjusted["lower"] < 0 < adjusted["upper"]
    assert abs(row(tc.tl.abundance(tally, adjusted_for("age")), "Treg")["odds"]) < 0.3


def test_a_shift_is_found_beside_a_covariate_and_within_batches() -> None:
    tally = with_columns(counted(16, boost=4.0), age=lambda n: 50.0 + n % 5, batch=lambda n: n % 2)
    found = row(tc.tl.abundance(tally, adjusted_for("age")), "Treg/NK")
    assert found["pvalue"] <= 0.01
    assert found["lower"] < 2.0 < found["upper"]
    blocked = row(tc.tl.abundance(tally, adjusted_for(block="batch")), "Treg/NK")
    assert blocked["pvalue"] <= 0.01
    assert np.isnan(row(tc.tl.abundance(tally, adjusted_for(block="batch")), "Treg")["odds"])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (lambda n: np.nan if n == 2 else 50.0 + n % 3, "'age' is missing for d2"),
        (lambda n: 1.0 if n < 6 else 0.0, "'age' and the contrast say the same"),
        (lambda n: "a" if n < 6 else "b", "'age=b' and the contrast say the same"),
        (lambda n: np.inf if n == 2 else 50.0 + n % 3, "not finite"),
    ],
    ids=["NaN", "confounded", "confounded levels", "infinite"],
)
def test_a_covariate_that_cannot_be_used_is_a_status_with_its_reason(
    value: Any, reason: str
) -> None:
    tally = with_columns(counted(), age=value)
    found = tc.tl.abundance(tally, adjusted_for("age")).table
    assert (found["status"] == "not_testable").all()
    assert found["reason"].str.contains(reason, regex=False).all()
    assert found[["shift", "pvalue", "qvalue"]].isna().all(axis=None)


def test_a_constant_covariate_changes_nothing_and_is_named() -> None:
    tally = with_columns(counted(boost=4.0), age=lambda _: 60.0)
    plain = tc.tl.abundance(tally, UNPAIRED).table
    found = tc.tl.abundance(tally, adjusted_for("age")).table
    assert (found["reason"] == "not adjusted for age: the same in all donors").all()
    pd.testing.assert_series_equal(found["pvalue"], plain["pvalue"])


def test_a_covariate_with_two_values_in_one_donor_is_refused() -> None:
    tally = counted(paired=True)
    tally.obs["age"] = np.arange(tally.n_obs, dtype=float)
    with pytest.raises(DesignError, match="several values of 'age' within one arm"):
        tc.tl.abundance(tally, adjusted_for("age", block="donor"))


def test_a_missing_block_is_said() -> None:
    tally = with_columns(counted(), batch=lambda n: None if n == 3 else f"b{n % 2}")
    with pytest.raises(DesignError, match="block 'batch' is missing for d3"):
        tc.tl.abundance(tally, adjusted_for(block="batch"))


@pytest.mark.parametrize("kind", ["subsampled", "sorted"])
def test_sorted_and_subsampled_studies_are_refused(kind: str) -> None:
    tally = counted()
    tally.uns["turncoat"]["tally"]["study_kind"] = kind
    with pytest.warns(DesignWarning, match=f"cells as {kind}"):
        found = tc.tl.abundance(tally, UNPAIRED)
    assert (found.table["status"] == "abstained").all()
    assert found.table[["shift", "pvalue", "qvalue"]].isna().all(axis=None)
    assert found.composition.empty


def test_few_donors_and_empty_sides_are_said() -> None:
    few = tc.tl.abundance(counted(4), UNPAIRED)
    assert (few.table["status"] == "not_testable").all()
    assert "at least 3 needed" in row(few, "B")["reason"]
    tally = counted()
    without = tally[~tally.obs["population"].isin(["Treg", "NK cells"])].copy()
    with pytest.raises(MissingKeyError, match="no population 'Treg'"):
        tc.tl.abundance(without, UNPAIRED, ratios=["Treg/NK"])
    assert "ratio" not in set(tc.tl.abundance(without, UNPAIRED).table["kind"])


def test_bad_questions_get_clear_answers() -> None:
    tally = counted()
    with pytest.raises(ArgumentError, match="'A/B'"):
        tc.tl.abundance(tally, UNPAIRED, ratios=["Treg"])
    with pytest.raises(ArgumentError, match="both sides"):
        tc.tl.abundance(tally, UNPAIRED, ratios=["Treg + B/NK + B"])
    with pytest.raises(StudyError, match="does not occur"):
        tc.tl.abundance(tally, tc.Contrast("condition", "sick", "well"))
    with pytest.raises(MissingKeyError, match="no column 'age'"):
        tc.tl.abundance(tally, adjusted_for("age"))


def test_every_donors_ratio_has_its_interval_and_the_result_survives(tmp_path: Path) -> None:
    tally = counted()
    found = tc.tl.abundance(tally, UNPAIRED)
    assert (found.ratios["lower"] < found.ratios["value"]).all()
    assert found.composition.groupby("donor")["share"].sum().round(9).eq(1).all()
    tally.write_h5ad(tmp_path / "t.h5ad")
    back = restore(ad.read_h5ad(tmp_path / "t.h5ad"), "abundance", Abundance)
    pd.testing.assert_frame_equal(back.table, found.table)
