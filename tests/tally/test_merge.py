"""Tallies made apart add up to the tally of all cells, or are refused with the reason."""

import pickle
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import turncoat as tc
from tally.cells import GENES, KEYS, dense, make_cells, same_bits
from turncoat.errors import ArgumentError, DesignWarning, DroppedDataWarning, StudyError, TableError
from turncoat.tables import restore
from turncoat.tally import CellAccount, layout, merge_tallies
from turncoat.tally.account import ACCOUNT_KEY

CELLS = make_cells(240, seed=3)


def tally_of(cells: ad.AnnData, **options: Any) -> ad.AnnData:
    return tc.pp.tally(cells.copy(), **KEYS, **options)


def meta_of(tally: ad.AnnData) -> dict[str, Any]:
    meta: dict[str, Any] = tally.uns["turncoat"][layout.META_KEY]
    return meta


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_split_merged_in_any_order_is_the_whole_to_the_last_bit(data: st.DataObject) -> None:
    n_parts = data.draw(st.integers(1, 5))
    part = np.array(data.draw(st.lists(st.integers(0, n_parts - 1), min_size=240, max_size=240)))
    tallies = [tally_of(CELLS[part == p]) for p in np.unique(part)]
    merged = merge_tallies(data.draw(st.permutations(tallies)))
    whole = tally_of(CELLS)
    assert same_bits(merged, whole)
    assert meta_of(merged) == meta_of(whole)
    pd.testing.assert_frame_equal(merged.obs, whole.obs, check_categorical=False)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(range(3)), min_size=3, max_size=3), st.randoms())
def test_merging_pairwise_in_any_tree_is_merging_at_once(where: list[int], rng: Any) -> None:
    parts = [tally_of(CELLS[i::4]) for i in range(4)]
    rng.shuffle(parts)
    at_once = merge_tallies(parts)
    for _ in range(3):
        one, other = parts.pop(where[0] % len(parts)), parts.pop(0)
        parts.append(merge_tallies([one, other]))
    assert same_bits(parts[0], at_once)


def test_sparse_and_dense_tallies_merge_alike(tmp_path: Path) -> None:
    from scipy import sparse

    parts = [tally_of(CELLS[::2]), tally_of(CELLS[1::2])]
    thin = [part.copy() for part in parts]
    for name in layout.LAYERS:
        thin[0].layers[name] = sparse.csr_matrix(thin[0].layers[name])
    assert same_bits(merge_tallies(thin), merge_tallies(parts))


def test_a_merged_tally_survives_h5ad_and_merges_on(tmp_path: Path) -> None:
    half, rest = tally_of(CELLS[:120]), tally_of(CELLS[120:])
    merged = merge_tallies([half, rest])
    merged.write_h5ad(tmp_path / "merged.h5ad")
    read = ad.read_h5ad(tmp_path / "merged.h5ad")
    more = make_cells(50, seed=9)
    assert same_bits(merge_tallies([read, tally_of(more)]), merge_tallies([merged, tally_of(more)]))


def test_different_genes_are_unioned_as_one_tally_of_all_files_does() -> None:
    one, two = CELLS[:120], make_cells(100, seed=5, genes=[*GENES[3:], "CD4", "IL10"])
    two.obs_names = [f"other{i}" for i in range(two.n_obs)]
    from turncoat.study.labels import CellKeys
    from turncoat.study.plan import PlanOptions, plan_sources
    from turncoat.study.sources import open_sources

    keys = CellKeys("donor", "sample", "tissue", "condition", "population")
    with pytest.warns(DroppedDataWarning, match="counted as zero there"):
        plan = plan_sources(open_sources([one.copy(), two]), keys, PlanOptions("union"))
    whole = tc.pp.tally_plan(plan)
    merged = merge_tallies([tally_of(one), tally_of(two)])
    assert same_bits(merged, whole)
    dropped = restore(merged, ACCOUNT_KEY, CellAccount).dropped
    assert sorted(dropped["n"]) == [2, 3]


def test_an_alias_is_the_same_gene_by_its_id() -> None:
    one, two = tally_of(CELLS[:120]), tally_of(CELLS[120:])
    expected = merge_tallies([one, two])
    old = two.copy()
    old.var_names = ["CD56" if name == "NCAM1" else name for name in old.var_names]
    merged = merge_tallies([old, one])
    assert set(merged.var_names) == set(GENES)
    assert same_bits(merged[:, expected.var_names].copy(), expected)


def test_quality_follows_the_samples() -> None:
    by_sample = [CELLS[CELLS.obs["sample"] == s] for s in sorted(set(CELLS.obs["sample"]))]
    merged = merge_tallies([tally_of(part) for part in by_sample])
    expected = restore(tally_of(CELLS), ACCOUNT_KEY, CellAccount).quality
    pd.testing.assert_frame_equal(restore(merged, ACCOUNT_KEY, CellAccount).quality, expected)
    halves = merge_tallies([tally_of(CELLS[::2]), tally_of(CELLS[1::2])])
    found = restore(halves, ACCOUNT_KEY, CellAccount).quality
    assert list(found["n_cells"]) == list(expected["n_cells"])
    np.testing.assert_allclose(found["high_mito"], expected["high_mito"])
    assert found["median_genes"].isna().all()


def test_sites_keep_patients_of_one_name_apart() -> None:
    here, there = tally_of(CELLS), tally_of(make_cells(90, seed=8))
    merged = merge_tallies([here, there], sites=["here", "there"])
    assert merged.n_obs == here.n_obs + there.n_obs
    assert set(merged.obs["site"]) == {"here", "there"}
    assert "here:d0" in set(merged.obs["donor"])
    assert "here:s0|NK" in merged.obs_names
    quality = restore(merged, ACCOUNT_KEY, CellAccount).quality
    assert set(quality["sample"]) == set(merged.obs["sample"])


@pytest.mark.parametrize("sites", [["one"], ["one", "one"], "ab"])
def test_sites_must_name_each_tally(sites: Any) -> None:
    with pytest.raises(ArgumentError, match="'sites' should name each of the 2 tallies once"):
        merge_tallies([tally_of(CELLS[:100]), tally_of(CELLS[100:])], sites=sites)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("target_sum", 1e6, "target_sum is 10000.0 and 1000000.0; their logarithms"),
        ("species", "mouse", "genes of different species"),
        ("schema_version", 2, "lay a tally out differently"),
        ("knowledge", "gene_ids other", "different versions of the bundled table"),
        ("gene_ids", "ensembl", "named in different ways"),
    ],
)
def test_tallies_that_do_not_fit_are_refused_with_the_reason(
    field: str, value: object, message: str
) -> None:
    one, two = tally_of(CELLS[:100]), tally_of(CELLS[100:])
    meta_of(two)[field] = value
    with pytest.raises(TableError, match=f"Tallies 1 and 2 do not fit together: .*{message}"):
        merge_tallies([one, two])


def test_what_is_no_tally_is_refused() -> None:
    with pytest.raises(ArgumentError, match="'tallies' is empty"):
        merge_tallies([])
    with pytest.raises(TableError, match="Number 2 of 'tallies' is no tally"):
        merge_tallies([tally_of(CELLS), CELLS])


def test_the_same_cells_twice_are_refused() -> None:
    tally = tally_of(CELLS)
    shuffled = tally[::-1, ::-1].copy()
    with pytest.raises(StudyError, match="Tallies 1 and 2 hold the same cells"):
        merge_tallies([tally, shuffled])


def test_a_sample_described_in_two_ways_is_refused() -> None:
    one, two = tally_of(CELLS[:120]), tally_of(CELLS[120:])
    two.obs["donor"] = "someone else"
    with pytest.raises(
        StudyError, match=r"disagree on sample 's0': its donor is 'd0' and 'someone"
    ):
        merge_tallies([one, two])


def test_kinds_of_study_merge_to_the_stricter_with_a_warning() -> None:
    one, two = tally_of(CELLS[:120]), tally_of(CELLS[120:])
    meta_of(two)["study_kind"] = "sorted"
    meta_of(two)["synthetic"] = "made for a test"
    with pytest.warns(DesignWarning, match="the whole counts as sorted"):
        merged = merge_tallies([one, two])
    assert meta_of(merged)["study_kind"] == "sorted"
    assert meta_of(merged)["synthetic"] == "made for a test"


def test_the_disclosure_guard_takes_out_small_rows_and_what_gives_them_away() -> None:
    whole = tally_of(CELLS)
    sizes = whole.obs[layout.N_CELLS].to_numpy()
    limit = int(np.sort(sizes)[3])
    with pytest.warns(DroppedDataWarning, match=f"rows of fewer than {limit} cells, held back"):
        shared = merge_tallies([whole], min_cells=limit)
    assert (shared.obs[layout.N_CELLS] >= limit).all()
    assert meta_of(shared)["n_cells"] == shared.obs[layout.N_CELLS].sum()
    counts = dense(shared, layout.COUNTS).sum(axis=0)
    np.testing.assert_allclose(shared.var["mean"] * meta_of(shared)["n_cells"], counts)
    account = restore(shared, ACCOUNT_KEY, CellAccount)
    hidden = set(whole.obs.loc[sizes < limit, "sample"])
    assert not hidden & set(account.quality["sample"])
    assert list(account.dropped["n"]) == [(sizes < limit).sum()]
    # Nothing of the hidden rows is anywhere in the shared tally.
    names = set(whole.obs_names[sizes < limit])
    assert not any(name.encode() in pickle.dumps(shared.uns) for name in names)
    with pytest.raises(ArgumentError, match="nothing could be shared"):
        merge_tallies([whole], min_cells=10_000)
    with pytest.raises(ArgumentError, match="'min_cells' should be at least 1"):
        merge_tallies([whole], min_cells=0)


def test_the_guard_is_off_unless_asked_for() -> None:
    assert merge_tallies([tally_of(CELLS)]).n_obs == tally_of(CELLS).n_obs
