"""Every format yields the same cells, in blocks of any size, from any row to any row."""

import pickle
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from study.cells import GENES, KEYS, dense, make_cells
from study.formats import FORMATS, WITH_OBS
from turncoat.study import open_source, plan_cells
from turncoat.study.sources import CellSource, gather, matrix

CELLS = make_cells(37)


@pytest.fixture(scope="module", params=list(FORMATS))
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CellSource:
    write, layer = FORMATS[request.param]
    return open_source(write(CELLS, tmp_path_factory.mktemp("cells")), layer=layer)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(rows=st.integers(1, 50), start=st.integers(0, 37), length=st.integers(0, 37))
def test_blocks_are_the_cells(source: CellSource, rows: int, start: int, length: int) -> None:
    stop = min(start + length, 37)
    np.testing.assert_array_equal(dense(source, rows, start, stop), CELLS.X[start:stop])


def test_names_are_the_files(source: CellSource) -> None:
    assert source.n_cells == 37
    assert list(source.genes) == GENES
    assert list(source.read_obs([]).index) == list(CELLS.obs_names)
    assert list(source.var.columns) == ["ensembl", "kind"]
    assert source.path is not None
    assert source.name == source.path.name


def test_a_source_travels_to_another_process(source: CellSource) -> None:
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(dense(again, 10), CELLS.X)


@pytest.mark.parametrize("name", WITH_OBS)
def test_a_plan_is_the_same_from_every_format(name: str, tmp_path: Path) -> None:
    write, layer = FORMATS[name]
    expected = plan_cells(CELLS, **KEYS)
    found = plan_cells(write(CELLS, tmp_path), **KEYS, layer=layer)
    pd.testing.assert_frame_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.row_codes[0], expected.row_codes[0])
    pd.testing.assert_frame_equal(found.genes, expected.genes)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csc_matrix, sp.csr_array])
def test_memory_reads_any_matrix(form: type) -> None:
    cells = CELLS.copy()
    cells.X = form(CELLS.X)
    np.testing.assert_array_equal(dense(open_source(cells), 5), CELLS.X)
    np.testing.assert_array_equal(dense(open_source(cells[5:20]), 4), CELLS.X[5:20])


def test_a_backed_anndata_is_read_from_its_file(tmp_path: Path) -> None:
    write, _ = FORMATS["h5ad csr"]
    backed = ad.read_h5ad(write(CELLS, tmp_path), backed="r")
    opened = open_source(backed)
    np.testing.assert_array_equal(dense(opened, 5), CELLS.X)
    assert opened.path == tmp_path / "cells.h5ad"
    backed.file.close()


def test_dask_arrays_are_computed_block_by_block() -> None:
    da = pytest.importorskip("dask.array")
    cells = ad.AnnData(da.from_array(CELLS.X, chunks=(10, 7)), obs=CELLS.obs, var=CELLS.var)
    np.testing.assert_array_equal(dense(open_source(cells), 6), CELLS.X)


@pytest.mark.parametrize("in_memory", [1, 10, 50])
def test_values_stored_by_gene_pass_through_temporary_files_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(gather, "VALUES_IN_MEMORY", in_memory)
    monkeypatch.setattr(matrix, "VALUES_PER_READ", 16)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    write, _ = FORMATS["h5ad csc"]
    source = open_source(write(CELLS, tmp_path))
    np.testing.assert_array_equal(dense(source, 9), CELLS.X)
    np.testing.assert_array_equal(dense(source, 4, 11, 30), CELLS.X[11:30])
    assert list(tmp_path.glob("turncoat-rows-*"))
    del source
    assert not list(tmp_path.glob("turncoat-rows-*"))


def test_old_categories_of_anndata_are_read(tmp_path: Path) -> None:
    write, _ = FORMATS["h5ad csr"]
    path = write(CELLS, tmp_path)
    with h5py.File(path, "r+") as root:
        codes = root["obs/cell_type/codes"][...]
        names = root["obs/cell_type/categories"][...]
        del root["obs/cell_type"]
        root["obs/__categories/cell_type"] = names
        root["obs/cell_type"] = codes
        root["obs/cell_type"].attrs["categories"] = root["obs/__categories/cell_type"].ref
    found = open_source(path).read_obs(["cell_type"])["cell_type"].astype(str)
    assert list(found) == list(CELLS.obs["cell_type"].astype(str))


def test_nullable_labels_are_read(tmp_path: Path) -> None:
    cells = CELLS.copy()
    cells.obs["batch"] = pd.array([None, *range(36)], dtype="Int64")
    cells.write_h5ad(tmp_path / "cells.h5ad")
    found = open_source(tmp_path / "cells.h5ad").read_obs(["batch"])["batch"]
    assert found.isna().sum() == 1
    assert found.iloc[36] == 35
