"""A killed pass that names the cells it counts ends with the bytes of one left in peace."""

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import turncoat as tc
from tally.cells import dense
from turncoat.cells import Annotator, marker_set
from turncoat.study import plan_cells
from turncoat.tally import Checkpoint, layout
from turncoat.tally.annotated import Annotated, annotate_and_tally
from turncoat.tally.fitness import quality_of_plan
from turncoat.tally.held import HeldCells
from turncoat.tally.measuring import MEASURES_NAME
from turncoat.tally.naming import HELD_NAME, NAMES_NAME

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")

KEYS: dict[str, Any] = {"donor_key": "donor", "sample_key": "sample", "condition_key": "condition"}
SLOW_RUN = """
import sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from turncoat.cells import Annotator, marker_set
from turncoat.study import plan_cells
from turncoat.tally import Checkpoint
from turncoat.tally.annotated import annotate_and_tally
from turncoat.tally.budget import Budget
from turncoat.tally.measuring import Measuring
import turncoat.tally.progress
turncoat.tally.progress.REPORTS_PER_SECOND = 10**9
few = Budget(max_slots=100, values_per_block=20_000, dense_bytes=10**9)
Budget.of = classmethod(lambda cls, limit, *, n_genes: few)
a, b, model, folder, out, pause = sys.argv[1:]
plan = plan_cells([a, b], donor_key="donor", sample_key="sample", condition_key="condition")
def report(progress):
    print(progress.cells_done, flush=True)
    time.sleep(float(pause))
measuring = Measuring(plan)
made = annotate_and_tally(plan, Annotator.load(model), marker_set(), progress=report,
                          checkpoint=Checkpoint(Path(folder), every=0.0), measuring=measuring)
measuring.judge().cells.to_parquet(out + ".quality.parquet")
made.annotation.cells.to_parquet(out + ".parquet")
made.malignancy.cells.to_parquet(out + ".malignant.parquet")
made.tally.write_h5ad(out)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("named")
    cells = tc.ds.planted(n_donors=3, n_controls=3, cells_per_donor=200, n_genes=2200, seed=3)
    cells.X = sp.csr_matrix(cells.X)
    cells[:500].write_h5ad(folder / "a.h5ad")
    cells[500:].write_h5ad(folder / "b.h5ad")
    named = cells.obs["population"].astype(str).replace({"Tumour": "Epithelial"})
    cells.obs["population"] = named
    tc.pp.train_annotator(cells, label_key="population").save(folder / "model.npz")
    return folder


def digest(tally: ad.AnnData) -> str:
    found = hashlib.sha256(" ".join(tally.obs_names).encode())
    for name in layout.LAYERS:
        found.update(dense(tally, name).tobytes())
    found.update(tally.obs[layout.N_CELLS].to_numpy().tobytes())
    return found.hexdigest()


def name_and_count(folder: Path, kept: Path | None = None) -> Annotated:
    plan = plan_cells([folder / "a.h5ad", folder / "b.h5ad"], **KEYS)
    return annotate_and_tally(
        plan,
        Annotator.load(folder / "model.npz"),
        marker_set(),
        checkpoint=None if kept is None else Checkpoint(kept, every=0.0),
    )


@pytest.mark.slow
def test_a_naming_that_is_killed_again_and_again_ends_with_the_same_bytes(
    folder: Path, tmp_path: Path
) -> None:
    kept, out = tmp_path / "kept", tmp_path / "tally.h5ad"

    def start(pause: float) -> "subprocess.Popen[str]":
        files = [folder / "a.h5ad", folder / "b.h5ad", folder / "model.npz", kept, out]
        command = [sys.executable, "-c", SLOW_RUN, *map(str, files), str(pause)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    reached = []
    for lines in (3, 1, 4):
        run = start(0.02)
        assert run.stdout is not None
        reached += [int(run.stdout.readline()) for _ in range(lines)]
        time.sleep(0.013)
        run.send_signal(signal.SIGKILL)
        run.communicate(timeout=60)
        assert not out.exists()
    assert reached == sorted(reached)
    run = start(0)
    said, complaint = run.communicate(timeout=120)
    assert run.returncode == 0, complaint
    assert int(said.splitlines()[0]) > reached[0]
    expected = name_and_count(folder)
    assert digest(ad.read_h5ad(out)) == digest(expected.tally)
    labels = pd.read_parquet(f"{out}.parquet")
    pd.testing.assert_frame_equal(labels, expected.annotation.cells, check_exact=True)
    assert expected.malignancy is not None
    calls = pd.read_parquet(f"{out}.malignant.parquet")
    pd.testing.assert_frame_equal(calls, expected.malignancy.cells)
    measured = quality_of_plan(plan_cells([folder / "a.h5ad", folder / "b.h5ad"], **KEYS))
    pd.testing.assert_frame_equal(pd.read_parquet(f"{out}.quality.parquet"), measured.cells)
    # Of the killed runs nothing but the measures is left behind, for who saves what they tell.
    assert [path.name for path in kept.iterdir()] == [MEASURES_NAME]


class StoppedError(Exception):
    """Stands for a kill in the middle."""


@pytest.mark.parametrize("damage", ["names", "held", "sums"])
def test_what_cannot_be_taken_up_is_begun_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    from turncoat.tally import annotated

    def stop(*_: object, **__: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(annotated, "split_malignant", stop)
        with pytest.raises(StoppedError):
            name_and_count(folder, tmp_path)
    assert {NAMES_NAME, HELD_NAME} <= {path.name for path in tmp_path.iterdir()}
    if damage == "names":
        (tmp_path / NAMES_NAME).write_bytes(b"no zip")
    elif damage == "held":
        (tmp_path / HELD_NAME).write_bytes(b"")
    elif damage == "sums":
        (tmp_path / "tally.partial").unlink()
    again = name_and_count(folder, tmp_path)
    assert digest(again.tally) == digest(name_and_count(folder).tally)


def test_cells_after_those_in_the_sums_are_forgotten(tmp_path: Path) -> None:
    from turncoat.tally.kernels import units
    from turncoat.tally.packed import PackedBlock

    order = np.random.default_rng(0).random(40)
    path = tmp_path / "held"
    held = HeldCells(order, 50, path=path)
    block = PackedBlock(
        0, np.arange(20, dtype=np.uint16), np.ones(20, np.uint8), np.zeros((20, 7), np.int64)
    )
    block.ledger[:, units.BEGIN] = np.arange(20)
    block.ledger[:, units.END] = np.arange(20) + 1
    block.ledger[:, units.LENGTH] = 1
    some = np.arange(20) % 2 == 0
    for before in (0, 20):
        held.hold(block, before, some, ~some)
    again = HeldCells(order, 50, path=path)
    assert again.take_up(held.state())
    again.forget(np.array([0, 20, 40]), np.array([20, 25]))
    assert again.candidates.tolist() == [*range(0, 20, 2), 20, 22, 24]
    assert again.block(np.array([24, 3])).genes.tolist() == [4, 3]
    assert again.n_reference == 12
