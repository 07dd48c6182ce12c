"""A tally written straight to a file is the one that AnnData would have written."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from tally.cells import KEYS, make_cells, write
from turncoat.errors import OutputError
from turncoat.study import plan_cells
from turncoat.tables import restore_table
from turncoat.tally.budget import Budget
from turncoat.tally.build import build_tally
from turncoat.tally.engine import count_plan, tally_plan, tally_plan_to_file
from turncoat.tally.filed import write_tally


def contents(path: Path) -> dict[str, Any]:
    """Everything that an HDF5 file holds, by name: values, types and attributes."""
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        attributes = {key: np.asarray(value).tolist() for key, value in item.attrs.items()}
        values: Any = None
        if isinstance(item, h5py.Dataset):
            stored = item[()]
            values = (str(item.dtype), item.shape, stored.tolist() if item.shape else stored)
        found[name] = (attributes, values)

    with h5py.File(path) as file:
        note("/", file)
        file.visititems(note)
    return found


def both(tmp_path: Path, plan: Any, **options: Any) -> tuple[Path, Path]:
    """Write a plan's tally by AnnData, and directly."""
    by_anndata = tmp_path / "by_anndata.h5ad"
    tally_plan(plan, **options).write_h5ad(by_anndata)
    return by_anndata, tally_plan_to_file(plan, tmp_path / "direct.h5ad", **options)


@pytest.mark.parametrize("n_cells", [1, 7, 300])
def test_the_file_is_what_anndata_writes(tmp_path: Path, n_cells: int) -> None:
    cells = write(make_cells(n_cells, seed=n_cells), tmp_path / "cells.h5ad")
    by_anndata, direct = both(tmp_path, plan_cells(cells, **KEYS))
    assert contents(direct) == contents(by_anndata)


def test_what_was_left_out_and_numbers_of_samples_are_in_the_file_too(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # AnnData's, of names that repeat
        cells = make_cells(200, seed=2, genes=["MT-CO1", "NCAM1", "NCAM1", "FOXP3", "GZMB"])
    cells.obs["age"] = cells.obs["donor"].map({"d0": 40.5, "d1": 71.0, "d2": 55.0})
    cells.obs.loc[cells.obs_names[:9], "population"] = np.nan
    path = write(cells, tmp_path / "cells.h5ad")
    with pytest.warns(tc.errors.DroppedDataWarning):
        plan = plan_cells(path, **KEYS, sample_columns=["age"])
    by_anndata, direct = both(tmp_path, plan)
    assert contents(direct) == contents(by_anndata)
    read = ad.read_h5ad(direct)
    assert set(restore_table(read, "cell_account", "dropped")["what"]) == {
        "cells",
        "duplicated genes",
    }
    assert set(read.obs["age"]) == {40.5, 71.0, 55.0}


def test_a_sample_sheet_and_sparse_layers_are_written_too(tmp_path: Path) -> None:
    path = write(make_cells(80, seed=4), tmp_path / "cells.h5ad")
    sheet = pd.DataFrame({"batch": pd.Categorical(["x"] * 6)}, index=[f"s{k}" for k in range(6)])
    by_anndata, direct = both(tmp_path, plan_cells(path, **KEYS, sheet=sheet))
    assert contents(direct) == contents(by_anndata)
    plan = plan_cells(path, **KEYS)
    build_tally(plan, count_plan(plan), dense_bytes=0).write_h5ad(tmp_path / "sparse.h5ad")
    write_tally(plan, count_plan(plan), tmp_path / "direct.h5ad", dense_bytes=0)
    assert contents(tmp_path / "direct.h5ad") == contents(tmp_path / "sparse.h5ad")


def test_rows_that_come_in_any_order_and_in_parts_are_written_to_their_place(
    tmp_path: Path,
) -> None:
    path = write(make_cells(300, seed=7), tmp_path / "cells.h5ad")
    plan = plan_cells(path, **KEYS)
    few = Budget(max_slots=3, values_per_block=64, dense_bytes=10**9)
    build_tally(plan, count_plan(plan), dense_bytes=10**9).write_h5ad(tmp_path / "one.h5ad")
    partial = count_plan(plan, budget=few)
    assert partial.sums.n_put_out > 10
    write_tally(plan, partial, tmp_path / "other.h5ad", dense_bytes=10**9)
    assert contents(tmp_path / "other.h5ad") == contents(tmp_path / "one.h5ad")


def test_neither_pandas_nor_anndata_is_loaded_for_it(tmp_path: Path) -> None:
    path = write(make_cells(50), tmp_path / "cells.h5ad")
    keys = {name: key for name, key in KEYS.items() if key}
    code = (
        "import sys; from turncoat.tally import tally_file\n"
        f"tally_file({str(path)!r}, {str(tmp_path / 'tally.h5ad')!r}, **{keys!r})\n"
        "print(sorted({'pandas', 'anndata', 'scipy', 'zarr'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    expected = tc.pp.tally(path, **KEYS)
    read = ad.read_h5ad(tmp_path / "tally.h5ad")
    assert all((read.layers[name] == expected.layers[name]).all() for name in expected.layers)


def test_a_place_that_cannot_be_written_to_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    path = write(make_cells(20), tmp_path / "cells.h5ad")
    with pytest.raises(OutputError, match=r"cannot be written to .*nowhere/tally.h5ad"):
        tc.pp.tally_file(path, tmp_path / "nowhere" / "tally.h5ad", **KEYS)
    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(OutputError, match=r"cannot be written to .*taken"):
        tc.pp.tally_file(path, taken, **KEYS)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["cells.h5ad", "taken"]


def test_a_resumed_tally_ends_with_the_same_file_and_no_partial(tmp_path: Path) -> None:
    path = write(make_cells(120, seed=6), tmp_path / "cells.h5ad")
    straight = tc.pp.tally_file(path, tmp_path / "straight.h5ad", **KEYS)
    asked = 0

    def stop(_: Any) -> None:
        nonlocal asked
        asked += 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tc.pp.tally_file(path, tmp_path / "x.h5ad", **KEYS, partials=tmp_path, progress=stop)
    assert asked
    assert not (tmp_path / "x.h5ad").exists()
    resumed = tc.pp.tally_file(path, tmp_path / "x.h5ad", **KEYS, partials=tmp_path)
    assert contents(resumed) == contents(straight)
    assert not (tmp_path / "tally.partial").exists()
