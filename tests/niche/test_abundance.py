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
    assert row(found, "Treg")["odds"] > 0.7
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
    with pytest.raises(DesignError, match="no covariates"):
        tc.tl.abundance(tally, tc.Contrast("condition", "ill", "well", covariates=("tissue",)))


def test_every_donors_ratio_has_its_interval_and_the_result_survives(tmp_path: Path) -> None:
    tally = counted()
    found = tc.tl.abundance(tally, UNPAIRED)
    assert (found.ratios["lower"] < found.ratios["value"]).all()
    assert found.composition.groupby("donor")["share"].sum().round(9).eq(1).all()
    tally.write_h5ad(tmp_path / "t.h5ad")
    back = restore(ad.read_h5ad(tmp_path / "t.h5ad"), "abundance", Abundance)
    pd.testing.assert_frame_equal(back.table, found.table)
