from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from factories import tally_from_cells
from turncoat.errors import ArgumentError, MissingKeyError, StudyError
from turncoat.niche.result import Niche
from turncoat.niche.science import Plan, change_of_changes
from turncoat.tables import restore

ORGANS = {"node": "healthy node", "lung": "healthy lung"}
TISSUES = [*ORGANS, *ORGANS.values()]


def study(n_donors: int = 8, seed: int = 0, *, shared: bool = True) -> ad.AnnData:
    """Donors with both organs, involved and healthy; more Treg in the involved node."""
    rng = np.random.default_rng(seed)
    rows = []
    for donor in range(n_donors):
        for tissue in TISSUES:
            name = f"d{donor}" if shared else f"d{donor}{tissue.split()[-1]}"
            share = rng.dirichlet([20, 20, 60]) * ([4, 1, 1] if tissue == "node" else [1, 1, 1])
            cells = rng.multinomial(300, share / share.sum())
            for population, n in zip(("Treg", "NK", "B"), cells, strict=True):
                rows += [(name, f"{name}{tissue}", tissue, "c", population)] * int(n)
    obs = pd.DataFrame(rows, columns=["donor", "sample", "tissue", "condition", "population"])
    return tally_from_cells(np.ones((len(obs), 2)), obs, ["A", "B"])


def scores(
    tally: ad.AnnData, seed: int = 1, *, bright: float = 0.0, switch: float = 0.0
) -> pd.DataFrame:
    """NK duty is ``bright`` lower in every node, and ``switch`` lower in the involved one."""
    rng = np.random.default_rng(seed)
    rows = []
    donors = sorted(
        set(zip(tally.obs["donor"].astype(str), tally.obs["tissue"].astype(str), strict=True))
    )
    for population in ("NK", "Treg"):
        for axis in ("anti_tumour", "pro_tumour"):
            own = dict(zip(sorted({d for d, _ in donors}), rng.normal(0, 0.5, 99), strict=False))
            for donor, tissue in donors:
                duty = population == "NK" and axis == "anti_tumour"
                shift = -bright * ("node" in tissue) - switch * (tissue == "node")
                value = own[donor] + rng.normal(0, 0.2) + (shift if duty else 0)
                rows.append((population, population, axis, donor, tissue, 20, 0.5, value))
    columns = ["population", "programme", "axis", "donor", "tissue", "n_cells", "weight", "score"]
    return pd.DataFrame(rows, columns=columns)


def pick(table: pd.DataFrame, **wanted: str) -> dict[str, object]:
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return {str(name): value for name, value in table.iloc[0].to_dict().items()}


NK_DUTY = {"population": "NK", "kind": "anti_tumour"}


def test_bright_nk_in_every_node_is_the_organ_not_a_switch() -> None:
    tally = study()
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally, bright=1.5))
    assert pick(found.organs, **NK_DUTY)["verdict"] == "baseline"
    change = pick(found.changes, organ="node", **NK_DUTY)
    assert change["qvalue"] > 0.05  # type: ignore[operator]
    assert change["within"] == "within patients"


def test_a_change_on_top_of_the_baseline_is_the_organs_own() -> None:
    tally = study()
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally, bright=1.5, switch=1.0))
    row = pick(found.organs, **NK_DUTY)
    assert row["verdict"] == "own change"
    assert row["lower"] < -1.0 < row["upper"]  # type: ignore[operator]
    assert row["raw"] == pytest.approx(-2.5, abs=0.3)
    assert row["resting"] == pytest.approx(-1.5, abs=0.3)


def test_openness_rises_where_its_parts_do_and_names_them() -> None:
    tally = study()
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally, switch=1.0)).openness
    node = pick(found, organ="node", part="openness")
    assert node["shift"] > 0.5  # type: ignore[operator]
    assert node["pvalue"] <= 0.05  # type: ignore[operator]
    assert pick(found, organ="node", part="Treg/NK ratio")["shift"] == pytest.approx(2, abs=0.7)
    assert pick(found, organ="node", part="Loss of NK duty")["shift"] > 0.5  # type: ignore[operator]
    assert pick(found, organ="lung", part="openness")["pvalue"] > 0.05  # type: ignore[operator]


def test_organs_of_different_patients_are_not_compared_as_seen() -> None:
    tally = study(shared=False)
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally, bright=1.5))
    row = pick(found.organs, **NK_DUTY)
    assert "organ and patient cannot be told apart" in row["raw_reason"]  # type: ignore[operator]
    assert np.isnan(row["raw"])  # type: ignore[call-overload]
    # Each organ's change is still its own patients'.
    assert row["status"] == "tested"
    assert row["verdict"] == "cannot tell"


def test_organ_and_batch_that_coincide_are_refused() -> None:
    tally = study()
    tally.obs["run"] = ["new" if t == "node" else "old" for t in tally.obs["tissue"]]
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally), batch_key="run")
    row = pick(found.changes, organ="node", **NK_DUTY)
    assert row["status"] == "not_testable"
    assert "node was measured in new, healthy node in old" in row["reason"]  # type: ignore[operator]
    assert pick(found.changes, organ="lung", **NK_DUTY)["status"] == "tested"


def test_batches_that_decide_a_difference_of_changes_are_refused_and_others_cancel() -> None:
    tally = study()
    own = scores(tally, bright=1.5, switch=1.0)
    runs = {tissue: f"run {place}" for place, tissue in enumerate(TISSUES)}
    for layout, told in (
        (runs, "organ and batch cannot be told apart"),
        ({tissue: "node" in tissue for tissue in TISSUES}, ""),
        ({tissue: "healthy" in tissue for tissue in TISSUES}, ""),
    ):
        tally.obs["run"] = [str(layout[tissue]) for tissue in tally.obs["tissue"].astype(str)]
        found = tc.tl.niche(tally, ORGANS, scores=own, batch_key="run", n_permutations=199)
        row = pick(found.organs, **NK_DUTY)
        assert told in str(row["reason"])
        assert row["status"] == ("not_testable" if told else "tested")


def test_a_missing_batch_is_unknown_and_not_a_batch_of_its_own() -> None:
    tally = study()
    tissues = tally.obs["tissue"].astype(str)
    tally.obs["run"] = ["new" if t == "node" else "old" for t in tissues]
    tally.obs.loc[[name for name, t in tissues.items() if t == "node"][:3], "run"] = None
    tally.obs.loc[[name for name, t in tissues.items() if t == "healthy node"][:3], "run"] = None
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally), batch_key="run")
    assert "node was measured in new" in str(pick(found.changes, organ="node", **NK_DUTY)["reason"])


def test_make_up_of_subsampled_studies_is_left_out() -> None:
    tally = study()
    tally.uns["turncoat"]["tally"]["study_kind"] = "subsampled"
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally))
    shares = found.changes[found.changes["kind"].isin(["ratio", "centred"])]
    assert (shares["status"] == "abstained").all()
    assert shares["shift"].isna().all()
    assert "Treg/NK ratio" not in set(found.openness["part"])


def test_few_donors_and_bad_questions(tmp_path: Path) -> None:
    tally = study(2)
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally))
    assert (found.changes["status"] == "not_testable").all()
    assert found.changes["pvalue"].isna().all()
    with pytest.raises(StudyError, match=r"'nod' does not occur.*Did you mean 'node'"):
        tc.tl.niche(tally, {"nod": "lung"}, scores=scores(tally))
    with pytest.raises(ArgumentError, match="its own baseline"):
        tc.tl.niche(tally, {"node": "node"}, scores=scores(tally))
    with pytest.raises(ArgumentError, match="at least one organ"):
        tc.tl.niche(tally, {}, scores=scores(tally))
    with pytest.raises(MissingKeyError, match="no column 'rum'"):
        tc.tl.niche(tally, ORGANS, scores=scores(tally), batch_key="rum")
    tally.write_h5ad(tmp_path / "t.h5ad")
    back = restore(ad.read_h5ad(tmp_path / "t.h5ad"), "niche", Niche)
    pd.testing.assert_frame_equal(back.organs, found.organs)


def test_null_organs_are_called_no_more_often_than_said() -> None:
    tally = study(6)
    pvalues = []
    for seed in range(30):
        found = tc.tl.niche(tally, ORGANS, scores=scores(tally, seed=seed), key_added=None)
        pvalues += list(found.organs.loc[found.organs["kind"].str.endswith("tumour"), "pvalue"])
    assert np.mean(np.array(pvalues) <= 0.05) <= 0.1


def given_by(patterns: dict[str, int], seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Donors who gave some of two organs' tissues: a letter each, healthy ones in lower case."""
    rng = np.random.default_rng(seed)
    rows = []
    for pattern, n_donors in patterns.items():
        for donor in range(n_donors):
            own = rng.normal()
            rows += [
                (f"{pattern}{donor}", tissue, own + rng.normal(0, 0.7) + shift * (tissue == "N"), 0.5, "")
                for tissue in pattern
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=["donor", "tissue", "value", "weight", "batch"])


ORGAN_PAIRS = (("N", "n"), ("L", "l"))
PLAN = Plan(3, 99, 0)


@pytest.mark.slow
@pytest.mark.parametrize("patterns", [{"NnL": 4, "Nnl": 4, "nLl": 4}, {"Nl": 6, "nL": 6}])
def test_donors_of_some_tissues_are_taken_with_what_they_gave_together(
    patterns: dict[str, int],
) -> None:
    rejected, alone, n_studies = 0, 0, 250
    for seed in range(n_studies):
        table = given_by(patterns, seed)
        found = change_of_changes(table, *ORGAN_PAIRS, PLAN)
        assert (found.status, found.within, found.n_donors) == ("tested", "both", 12)
        rejected += found.pvalue <= 0.05
        # As if every tissue came from donors of its own.
        apart = table.assign(donor=table["donor"] + table["tissue"])
        alone += change_of_changes(apart, *ORGAN_PAIRS, PLAN).pvalue <= 0.05
    # 0.05 with a standard error of 0.014.
    assert 0.01 <= rejected / n_studies <= 0.1
    assert not 0.015 <= alone / n_studies <= 0.085
    low, high = change_of_changes(given_by(patterns, 0, 3.0), *ORGAN_PAIRS, PLAN).interval()
    assert low < 3.0 < high


def test_a_baseline_of_both_organs_cancels() -> None:
    table = given_by({"Nn": 4, "Ln": 4, "NL": 4}, 1, 2.0)
    found = change_of_changes(table, ("N", "n"), ("L", "n"), PLAN)
    assert found.within == "both"
    low, high = found.interval()
    assert low < 2.0 < high
    # What healthy tissue says matters only through its donors' other tissues.
    higher = table.assign(value=table["value"] + 5.0 * (table["tissue"] == "n"))
    assert change_of_changes(higher, ("N", "n"), ("L", "n"), PLAN).shift == pytest.approx(found.shift)  # fmt: skip


def test_rows_say_how_small_a_pvalue_their_design_allows() -> None:
    tally = study(6)
    found = tc.tl.niche(tally, ORGANS, scores=scores(tally))
    assert found.changes["p_floor"].tolist() == pytest.approx([2 / 2**6] * len(found.changes))
    assert (found.changes["pvalue"] >= found.changes["p_floor"] - 1e-12).all()
    assert (found.openness["p_floor"] > 0).all()
    apart = study(6, shared=False)
    between = tc.tl.niche(apart, ORGANS, scores=scores(apart)).organs
    assert between["p_floor"].isna().all()
    assert (between["pvalue"] > 0).all()


def test_scores_of_real_cells_feed_the_niche() -> None:
    cells = tc.ds.planted(
        n_donors=6, n_controls=0, tissues=("tumour", "normal"), cells_per_donor=300, n_genes=1_000
    )
    tally = tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        tissue_key="tissue",
        condition_key="condition",
        population_key="population",
    )
    table = tc.tl.axis_scores(tally).table
    found = tc.tl.niche(tally, {"tumour": "normal"}, scores=table)
    assert (found.changes["within"] == "within patients").sum() > 10
    assert "openness" in set(found.openness["part"])
