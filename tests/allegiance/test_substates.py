from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from turncoat.errors import (
    ArgumentError,
    CountsError,
    DesignError,
    MissingKeyError,
    TableError,
)

CONTRAST = tc.Contrast("condition", "case", "control")


def lineage(
    seed: int, share: float, *, n_donors: int = 12, n_cells: int = 60, boost: float = 1.0
) -> ad.AnnData:
    """One lineage; ``share`` of its cells have 30 genes three-fold up, ``boost`` times in cases."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0, 1, 300)
    counts, rows = [], []
    for donor in range(n_donors):
        own = base * np.exp(0.4 * rng.normal(size=300))
        case = donor < n_donors // 2
        inside = rng.random(n_cells) < share * (boost if case else 1)
        rate = np.tile(own, (n_cells, 1))
        rate[np.ix_(inside, np.arange(30))] *= 3
        rate /= rate.sum(axis=1, keepdims=True)
        depth = rng.lognormal(7, 0.6, n_cells)
        counts.append(rng.poisson(depth[:, None] * rate * rng.gamma(2, 0.5, rate.shape)))
        rows += [(f"d{donor:02}", "case" if case else "control", "NK", bool(i)) for i in inside]
    obs = pd.DataFrame(rows, columns=["donor", "condition", "population", "planted"])
    obs.index = pd.Index([f"c{i}" for i in range(len(obs))])
    var = pd.DataFrame(index=pd.Index([f"G{i}" for i in range(300)]))
    return ad.AnnData(np.vstack(counts).astype(np.float32), obs=obs, var=var)


def test_a_planted_state_is_found_by_both_halves_with_its_markers_and_its_shift() -> None:
    cells = lineage(0, 0.2, boost=2.5)
    planted = {"planted": [f"G{i}" for i in range(30)], "other": ["G200", "G201"]}
    found = tc.tl.substates(cells, CONTRAST, population="NK", known=planted)
    passed = found.table[found.table["verdict"] == "found"]
    assert {label[0] for label in passed["state"]} == {"1", "2"}
    assert set(passed["nearest"]) == {"planted"}
    assert set(passed["twin"]) == set(passed["state"])
    assert passed["confirmed"].all()
    common = found.abundance[found.abundance["state"].isin(passed["state"])]
    assert (common["shift"] > 0.3).all()
    assert (common["pvalue"] <= 0.05).all()
    assert common["statement"].str.startswith("commoner in case").all()
    best = found.markers[found.markers["state"].isin(passed["state"])]
    top = best.groupby("state")["gene"].head(5)
    assert np.mean([int(gene[1:]) < 30 for gene in top]) >= 0.8
    state = str(passed["state"].iloc[0])
    column = "first" if state.startswith("1") else "second"
    inside = (found.cells[column] == state).to_numpy()
    truth = cells.obs["planted"].to_numpy(dtype=bool)
    assert truth[inside].mean() > 2 * truth[~inside].mean()


@pytest.mark.slow
def test_without_states_hardly_any_is_called() -> None:
    pvalues, called = [], []
    for seed in range(40):
        found = tc.tl.substates(lineage(100 + seed, 0.0), population="NK")
        pvalues.append(found.params["pvalue"])
        called.append((found.table["qvalue"] <= 0.05).any())
    assert np.mean(np.array(pvalues) <= 0.05) <= 0.05
    assert np.mean(called) <= 0.05


def test_the_state_that_its_own_cells_would_swear_to_is_not_believed() -> None:
    # The usual way: cluster all cells, test the same cells and genes. Everything is "a marker".
    cells = lineage(7, 0.0)
    found = tc.tl.substates(cells, population="NK")
    inside = (found.cells["first"] == "1.1").to_numpy()
    levels = np.log1p(cells.X / cells.X.sum(axis=1, keepdims=True) * 1e4)
    difference = levels[inside].mean(axis=0) - levels[~inside].mean(axis=0)
    spread = levels.std(axis=0) * np.sqrt(1 / inside.sum() + 1 / (~inside).sum())
    assert np.mean(np.abs(difference / spread) > 1.96) > 0.1
    assert found.params["pvalue"] > 0.05


def test_the_seed_fixes_everything() -> None:
    cells = lineage(1, 0.3)
    first = tc.tl.substates(cells, population="NK", seed=3).table
    pd.testing.assert_frame_equal(first, tc.tl.substates(cells, population="NK", seed=3).table)


def test_too_few_donors_and_bad_names_are_said() -> None:
    with pytest.raises(DesignError, match="one half finds the states, the other is asked"):
        tc.tl.substates(lineage(0, 0.2, n_donors=6), population="NK")
    with pytest.raises(MissingKeyError, match=r"population 'NKK'.*Did you mean 'NK'"):
        tc.tl.substates(lineage(0, 0.2), population="NKK")
    with pytest.raises(MissingKeyError, match="no column 'person'"):
        tc.tl.substates(lineage(0, 0.2), population="NK", donor_key="person")
    with pytest.raises(ArgumentError, match="at least 2"):
        tc.tl.substates(lineage(0, 0.2), population="NK", n_states=1)
    with pytest.raises(ArgumentError, match=r"whole number; got 2\.5"):
        tc.tl.substates(lineage(0, 0.2), population="NK", n_states=2.5)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"tc\.Contrast.*got 'condition'"):
        tc.tl.substates(lineage(0, 0.2), "condition", population="NK")  # type: ignore[arg-type]
    with pytest.raises(DesignError, match=r"20 genes are seen .* 50 are needed"):
        tc.tl.substates(lineage(0, 0.2)[:, :20].copy(), population="NK")


def spoilt(how: Callable[[ad.AnnData], None]) -> ad.AnnData:
    cells = lineage(0, 0.2)
    how(cells)
    return cells


def test_matrices_that_are_no_counts_are_refused() -> None:
    def logs(cells: ad.AnnData) -> None:
        cells.X = np.log1p(cells.X)

    def missing(cells: ad.AnnData) -> None:
        cells.X[2, 3] = np.nan

    def negative(cells: ad.AnnData) -> None:
        cells.X[2, 3] = -1

    for how, said in ((logs, "holds 0.69"), (missing, "G3 holds nan"), (negative, "holds -1")):
        with pytest.raises(CountsError, match=rf"{said}.*raw counts"):
            tc.tl.substates(spoilt(how), population="NK")
    with pytest.raises(CountsError, match="no matrix X"):
        tc.tl.substates(ad.AnnData(obs=lineage(0, 0.2).obs), population="NK")


def test_cells_without_a_donor_or_a_name_of_their_own_are_refused() -> None:
    def nobody(cells: ad.AnnData) -> None:
        cells.obs["donor"] = cells.obs["donor"].where(np.arange(cells.n_obs) > 5)

    def twice(cells: ad.AnnData) -> None:
        cells.obs_names = ["c0", *cells.obs_names[:-1]]

    with pytest.raises(TableError, match="6 cells of 'NK' have no donor"):
        tc.tl.substates(spoilt(nobody), population="NK")
    with pytest.raises(TableError, match="'c0' repeats"):
        tc.tl.substates(spoilt(twice), population="NK")


def test_what_a_state_leaves_behind_is_no_state() -> None:
    # k-means cuts the remaining cells too; they differ from the rest in lacking the state.
    found = tc.tl.substates(lineage(0, 0.2, boost=2.5), population="NK").table
    left = found[(found["qvalue"] <= 0.05) & (found["verdict"] != "found")]
    assert len(left)
    assert left["reason"].str.contains("it lacks that one").all()


def test_eight_donors_are_enough_for_a_clear_state() -> None:
    found = tc.tl.substates(lineage(5, 0.25, n_donors=8), population="NK")
    assert (found.table["verdict"] == "found").any()
    assert found.params["pvalue"] == found.table["qvalue"].min()
    tested = found.table[found.table["status"] == "tested"]
    assert (tested["pvalue"] >= tested["p_floor"]).all()
    assert (tested["p_floor"] >= 1 / 2**7).all()
