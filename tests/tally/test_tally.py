"""The tally of real and drawn files: against an oracle, and the laws it keeps."""

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import turncoat as tc
from tally.cells import GENES, KEYS, close_to_oracle, dense, make_cells, oracle, same_bits, write
from turncoat.errors import ArgumentError, CountsError, DroppedDataWarning
from turncoat.tables import restore
from turncoat.tally import CellAccount, Progress, layout
from turncoat.tally.account import ACCOUNT_KEY


def test_a_tally_is_what_pandas_makes_of_the_cells(tmp_path: Path) -> None:
    cells = make_cells(200)
    from_file = tc.pp.tally(write(cells, tmp_path / "cells.h5ad"), **KEYS)
    close_to_oracle(from_file, oracle(cells))
    assert same_bits(from_file, tc.pp.tally(cells, **KEYS))
    assert list(from_file.obs.columns[:6]) == list(layout.OBS_COLUMNS)
    assert set(layout.META_FIELDS) <= set(from_file.uns["turncoat"][layout.META_KEY])


def test_cells_chosen_by_kind_can_be_declared() -> None:
    counted = tc.pp.tally(make_cells(50), **KEYS, study_kind="subsampled")
    assert counted.uns["turncoat"][layout.META_KEY]["study_kind"] == "subsampled"
    with pytest.raises(ArgumentError, match="study_kind"):
        tc.pp.tally(make_cells(50), **KEYS, study_kind="chosen")  # type: ignore[arg-type]


def test_gene_moments_are_those_of_the_cells() -> None:
    cells = make_cells(100)
    counted = tc.pp.tally(cells, **KEYS)
    counts = np.asarray(cells.X.todense(), dtype=float)
    library = counts.sum(axis=1, keepdims=True)
    logs = np.log1p(counts / np.where(library > 0, library, 1) * layout.TARGET_SUM)
    genes = counted.var.loc[cells.var_names]
    np.testing.assert_allclose(genes["mean"], counts.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(genes["log_mean"], logs.mean(axis=0), rtol=1e-8)
    np.testing.assert_allclose(genes["log_variance"], logs.var(axis=0), rtol=1e-6)


def test_quality_per_sample_is_that_of_its_cells() -> None:
    cells = make_cells(150)
    counted = tc.pp.tally(cells, **KEYS)
    account = restore(counted, ACCOUNT_KEY, CellAccount)
    counts = np.asarray(cells.X.todense(), dtype=float)
    for _, row in account.quality.iterrows():
        mine = counts[(cells.obs["sample"] == row["sample"]).to_numpy()]
        library = mine.sum(axis=1)
        mito = mine[:, GENES.index("MT-CO1")][library > 0] / library[library > 0]
        assert row["n_cells"] == mine.shape[0]
        assert row["n_empty"] == (library == 0).sum()
        assert row["median_counts"] == np.median(library)
        assert row["median_genes"] == np.median((mine > 0).sum(axis=1))
        assert row["median_mito"] == pytest.approx(np.median(mito))
        assert row["high_mito"] == pytest.approx((mito > 0.2).mean())


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 1000),
    threads=st.integers(1, 3),
    memory=st.sampled_from([2**26, 2**28]),
    n_files=st.integers(1, 3),
)
def test_order_split_threads_and_memory_do_not_change_a_bit(
    tmp_path: Path, seed: int, threads: int, memory: int, n_files: int
) -> None:
    cells = make_cells(40, seed=seed)
    once = tc.pp.tally(cells, **KEYS, threads=1)
    rng = np.random.default_rng(seed)
    parts = np.array_split(rng.permutation(cells.n_obs), n_files)
    split = [cells[np.array(part)].copy() for part in parts]
    again = tc.pp.tally(split, **KEYS, threads=threads, memory_limit=memory)
    assert same_bits(once, again)


def test_genes_named_twice_are_summed_before_the_logarithm() -> None:
    cells = make_cells(30, genes=["NCAM1", "FOXP3", "CD3E", "GZMB"])
    names = ["NCAM1", "FOXP3", "NCAM1", "GZMB"]
    doubled = cells.copy()
    doubled.var_names = names
    with pytest.warns(DroppedDataWarning):
        counted = tc.pp.tally(doubled, **KEYS)
    counts = np.asarray(cells.X.todense())
    merged = ad.AnnData(
        np.stack([counts[:, 0] + counts[:, 2], counts[:, 1], counts[:, 3]], axis=1), obs=cells.obs
    )
    merged.var_names = ["NCAM1", "FOXP3", "GZMB"]
    assert same_bits(counted, tc.pp.tally(merged, **KEYS)[:, counted.var_names])


@pytest.mark.parametrize(("value", "what"), [(-1, "Negative"), (0.5, "ractional"), (np.nan, "NaN")])
def test_a_value_that_is_no_count_is_named_wherever_it_is(value: float, what: str) -> None:
    # Far from the cells that are looked at before work starts: the kernel has to find it.
    cells = make_cells(3000)
    matrix = cells.X.tolil()
    matrix[900, 3] = value
    cells.X = matrix.tocsr()
    with pytest.raises(CountsError, match=rf"cell 900, gene {GENES[3]}") as caught:
        tc.pp.tally(cells, **KEYS)
    assert what in str(caught.value)


@pytest.mark.parametrize("arguments", [{"threads": 0}, {"memory_limit": 1000}])
def test_senseless_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        tc.pp.tally(make_cells(10), **KEYS, **arguments)


def test_progress_ends_with_all_cells() -> None:
    seen: list[Progress] = []
    tc.pp.tally(make_cells(50), **KEYS, progress=seen.append)
    assert (seen[-1].cells_done, seen[-1].cells_total, seen[-1].seconds_left) == (50, 50, 0.0)


@pytest.mark.shared
def test_real_cells() -> None:
    beside = Path(__file__).parents[3] / "shared" / "data"
    path = beside / "gse131907_luad_subset.h5ad"
    if not path.exists():
        pytest.skip("the real data are not beside the checkout")
    keys = {**KEYS, "donor_key": "sample", "tissue_key": "sample_origin", "condition_key": None}
    counted = tc.pp.tally(path, **{**keys, "population_key": "cell_type"})
    cells = ad.read_h5ad(path)
    assert int(counted.obs["n_cells"].sum()) == cells.n_obs
    assert dense(counted, "counts").sum() == cells.X.sum(dtype=np.float64)
    assert dense(counted, "detected").sum() == cells.X.count_nonzero()
