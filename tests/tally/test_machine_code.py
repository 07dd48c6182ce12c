"""Code that is kept runs without numba, gives what numba gives, and is not trusted blindly."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import turncoat as tc
from tally.cells_for_kernels import Drawn, drawn_cells
from turncoat import machine_code
from turncoat.kernel import Kernel, kernel
from turncoat.tally.kernels import adding, cells, units

TALLY = """
import sys
import anndata as ad, numpy as np, pandas as pd
from turncoat.tally import tally
cells = ad.AnnData(
    np.eye(3, dtype=np.float32) * 300,
    obs=pd.DataFrame({"who": ["a", "b", "b"]}, index=["x", "y", "z"]),
    var=pd.DataFrame(index=["NCAM1", "FOXP3", "CD4"]),
)
counted = tally(cells, donor_key="who", sample_key="who")
print(counted.layers["counts"].tolist(), "numba" in sys.modules)
"""


NAMING = """
import sys, warnings
warnings.simplefilter("ignore")
import turncoat as tc
from turncoat.cells import Annotator, marker_set
from turncoat.study import plan_cells
from turncoat.tally.annotated import annotate_and_tally
plan = plan_cells(sys.argv[1], donor_key="donor", sample_key="sample")
made = annotate_and_tally(plan, Annotator.load(sys.argv[2]), marker_set())
print(made.malignancy is not None, *sorted({"numba", "scipy.stats"} & set(sys.modules)))
"""


def run_tally() -> str:
    done = subprocess.run([sys.executable, "-c", TALLY], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_naming_does_without_numba_once_its_kernels_are_compiled(tmp_path: Path) -> None:
    cells = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=100, n_genes=2200, seed=3)
    cells.X = sp.csr_matrix(cells.X)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    names = cells.obs["population"].astype(str).replace({"Tumour": "Epithelial"})
    cells.obs["population"] = names
    tc.pp.train_annotator(cells, label_key="population").save(tmp_path / "model.npz")
    command = [sys.executable, "-c", NAMING, str(tmp_path / "cells.h5ad")]
    for _ in range(2):
        done = subprocess.run(
            [*command, str(tmp_path / "model.npz")], capture_output=True, text=True, check=True
        )
    assert done.stdout.split() == ["True"]


def total_reference(values: Any) -> int:
    return int(values.sum())


@kernel(reference=total_reference, ahead=True)
def total(values: Any) -> int:
    found: Any = np.int64(0)
    for value in values:
        found += value
    summed: int = found
    return summed


def doubled_reference(values: Any) -> int:
    return int(2 * values.sum())


@kernel(reference=doubled_reference, ahead=True)
def doubled(values: Any) -> int:
    # Another shape is a function of numba's library.
    found: Any = np.int64(0)
    for value in values.reshape(-1):
        found += 2 * value
    summed: int = found
    return summed


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for kept code."""
    monkeypatch.setattr(machine_code, "_folders", lambda _: [tmp_path])
    return tmp_path


def fresh(one: Kernel[..., Any]) -> Kernel[..., Any]:
    return Kernel(one.plain, one.reference, ahead=True)


def test_a_tally_does_without_numba_once_its_kernels_are_compiled() -> None:
    run_tally()
    assert run_tally() == "[[300.0, 0.0, 0.0], [0.0, 300.0, 300.0]] False"


@settings(deadline=None, max_examples=40)
@given(drawn_cells(), st.floats(1.0, 1e6))
def test_kept_code_gives_the_bytes_that_numba_gives(drawn: Drawn, target: float) -> None:
    found = []
    for pack, add in ((cells.pack_cells, adding.add_cells), (COMPILED_PACK, COMPILED_ADD)):
        (genes, counts), scratch = drawn.room(), drawn.scratch()
        ledger = np.zeros((drawn.n_cells, units.N_LEDGER), dtype=np.int64)
        said = pack(
            drawn.data,
            drawn.indices,
            drawn.indptr,
            drawn.columns,
            genes,
            counts,
            1,
            ledger,
            scratch,
        )
        sums = np.zeros((1, units.N_SUMS * (drawn.n_genes + 1)), dtype=np.int64)
        if said[0] == units.SOUND:
            order = np.arange(drawn.n_cells)
            table = np.zeros((2, units.TABLE_SIZE), dtype=np.int64)
            add(genes, counts, ledger, order, order * 0, target, sums, table)
        found.append((tuple(map(int, said)), ledger, sums))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])
    np.testing.assert_array_equal(found[0][2], found[1][2])


COMPILED_PACK, COMPILED_ADD = cells.pack_cells.compiled, adding.add_cells.compiled


def test_code_is_kept_once_and_read_again(elsewhere: Path) -> None:
    values = np.arange(5)
    assert fresh(total)(values) == 10
    (kept,) = elsewhere.glob("total-*.code")
    again = fresh(total)
    assert again(values) == 10
    assert isinstance(next(iter(again._codes.values())), machine_code.Code)
    assert fresh(total)(values.astype(np.int32)) == 10
    assert len(list(elsewhere.glob("*.code"))) == 2
    assert kept.exists()


@pytest.mark.parametrize("damage", [slice(0, 5), slice(30, 33), slice(200, 201), slice(-1, None)])
def test_damaged_code_is_made_again(elsewhere: Path, damage: slice) -> None:
    assert fresh(total)(np.arange(5)) == 10
    (kept,) = elsewhere.glob("total-*.code")
    whole = kept.read_bytes()
    broken = bytearray(whole)
    broken[damage] = bytes(len(broken[damage]))
    kept.write_bytes(bytes(broken))
    assert fresh(total)(np.arange(5)) == 10
    assert machine_code.load(Path(__file__), "total", ["int64[1]"]) is not None
    kept.write_bytes(whole[: len(whole) // 2])
    assert fresh(total)(np.arange(5)) == 10


def test_a_kernel_that_needs_numba_at_run_time_is_not_kept(elsewhere: Path) -> None:
    values = np.arange(5)
    assert fresh(doubled)(values) == 20
    assert not list(elsewhere.glob("*.code"))


def test_arguments_that_code_does_not_take_go_through_numba(elsewhere: Path) -> None:
    assert fresh(total)(np.arange(10)[::2]) == 20
    assert not list(elsewhere.glob("*.code"))
    assert machine_code.kinds_of([True]) is None
    assert machine_code.kinds_of([None]) is None
    kinds = ("int64", "float64", "uint8[2]")
    assert machine_code.kinds_of([1, 0.5, np.zeros((2, 2), np.uint8)]) == kinds


def test_a_folder_that_cannot_be_written_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(machine_code, "_folders", lambda _: [blocked])
    assert fresh(total)(np.arange(5)) == 10
