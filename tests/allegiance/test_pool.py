import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import turncoat as tc
from allegiance.study import PROGRAMMES, planted_tally
from turncoat.allegiance.result import Allegiance
from turncoat.errors import ArgumentError, MissingKeyError

PAIRED = tc.Contrast("tissue", "tumour", "normal", block="donor")


@pytest.fixture(scope="module")
def results() -> dict[str, Allegiance]:
    return {f"study {seed}": result_of(seed) for seed in range(3)}


def result_of(seed: int, *, programmes: pd.DataFrame = PROGRAMMES) -> Allegiance:
    """A study with patients of its own."""
    tally = planted_tally(n_donors=5 + seed, seed=seed)
    tally.obs["donor"] = f"{seed}-" + tally.obs["donor"].astype(str)
    return tc.tl.allegiance(tally, PAIRED, programmes=programmes)


def test_three_small_studies_show_together_what_none_shows_alone(
    results: dict[str, Allegiance],
) -> None:
    table = tc.tl.pool(results).table
    rows = {(str(row["population"]), str(row["axis"])): row for row in table.to_dict("records")}
    nk = rows["NK", "pro_tumour"]
    assert nk["model"] == "random"
    assert nk["n_studies"] == 3
    assert nk["n_donors"] == 5 + 6 + 7
    assert nk["lower"] > 0.5
    assert nk["prediction_lower"] <= nk["lower"]
    assert rows["Treg", "pro_tumour"]["qvalue"] > 0.05


def test_the_fields_way_of_pooling_is_there_and_a_way_that_is_none_is_refused(
    results: dict[str, Allegiance],
) -> None:
    ours, fields = (tc.tl.pool(results, method=way) for way in ("donors", "hartung-knapp"))
    columns = ["population", "axis", "tau2", "i2", "q_pvalue"]
    pd.testing.assert_frame_equal(ours.table[columns], fields.table[columns])
    assert not np.allclose(ours.table["shift"], fields.table["shift"])
    own = ours.studies[
        (ours.studies["population"] == "NK") & (ours.studies["axis"] == "pro_tumour")
    ]
    shifts, worth = (own[name].to_numpy(dtype=float) for name in ("shift", "worth"))
    rows = ours.table.to_dict("records")
    nk = next(row for row in rows if (row["population"], row["axis"]) == ("NK", "pro_tumour"))
    assert nk["shift"] == pytest.approx(np.average(shifts, weights=np.sqrt(worth)))
    assert own["worth"].tolist() == [2.5, 3.0, 3.5]
    with pytest.raises(ArgumentError, match="donors or hartung-knapp; got 'reml'"):
        tc.tl.pool(results, method="reml")  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*donors are called the same")
def test_one_study_under_three_names_shows_nothing(results: dict[str, Allegiance]) -> None:
    one = next(iter(results.values()))
    found = tc.tl.pool({"a": one, "b": one, "c": one}).table
    assert (found["status"] == "not_testable").all()
    assert found["reason"].str.contains("one study under several names").all()
    assert found[["lower", "upper", "pvalue", "qvalue"]].isna().all(axis=None)


def test_two_studies_are_pooled_as_one_shift(results: dict[str, Allegiance]) -> None:
    two = {name: results[name] for name in list(results)[:2]}
    found = tc.tl.pool(two).table
    assert set(found["model"]) == {"fixed"}
    assert found["tau2"].isna().all()


def test_an_axis_of_one_study_is_not_pooled(results: dict[str, Allegiance]) -> None:
    names = list(results)
    missing = PROGRAMMES[PROGRAMMES["population"] == "NK"]
    with pytest.warns(UserWarning, match="Left out"):
        lone = result_of(3, programmes=missing)
    found = tc.tl.pool({names[0]: results[names[0]], "lone": lone}).table
    treg = found[found["population"] == "Treg"]
    assert (treg["status"] == "not_testable").all()
    assert treg["shift"].isna().all()


def test_forest_shows_every_study(results: dict[str, Allegiance]) -> None:
    pooled = tc.tl.pool(results)
    axes = tc.pl.forest(pooled, "NK")
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == [
        "study 0 (5 donors)",
        "study 1 (6 donors)",
        "study 2 (7 donors)",
        "pooled (random)",
    ]
    plt.close("all")
    with pytest.raises(MissingKeyError, match="Nothing was pooled for 'NKT'"):
        tc.pl.forest(pooled, "NKT")
    with pytest.raises(ArgumentError, match="at least two studies"):
        tc.tl.pool({"one": next(iter(results.values()))})
    assert np.isfinite(pooled.studies["error"]).all()
