"""Killed, interrupted and split tallies end with the bytes of one that was left in peace."""

import hashlib
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anndata as ad
import h5py
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tally.cells import KEYS, MOMENTS, dense, make_cells, same_bits, write
from turncoat.study import plan_cells
from turncoat.tally import Checkpoint, count_plan, layout, tally_plan
from turncoat.tally.budget import Budget
from turncoat.tally.build import build_tally
from turncoat.tally.content import sample_content

SLOW_RUN = """
import sys, time
from pathlib import Path
from turncoat.study import plan_cells
from turncoat.tally import Checkpoint, count_plan
from turncoat.tally.budget import Budget
from turncoat.tally.build import build_tally
import turncoat.tally.progress
turncoat.tally.progress.REPORTS_PER_SECOND = 10**9
cells, folder, out, pause = sys.argv[1:]
keys = dict(donor_key="donor", sample_key="sample", tissue_key="tissue",
            condition_key="condition", population_key="population")
plan = plan_cells(cells, **keys)
budget = Budget(max_slots=100, values_per_block=1500, dense_bytes=10**9)
def report(progress):
    print(progress.cells_done, flush=True)
    time.sleep(float(pause))
partial = count_plan(plan, budget=budget, checkpoint=Checkpoint(Path(folder), every=0.0),
                     progress=report)
build_tally(plan, partial, dense_bytes=10**9).write_h5ad(out)
"""


def digest(tally: ad.AnnData) -> str:
    """Mark everything that was counted."""
    found = hashlib.sha256()
    for name in layout.LAYERS:
        found.update(dense(tally, name).tobytes())
    for name in MOMENTS:
        found.update(tally.var[name].to_numpy().tobytes())
    found.update(tally.obs[layout.N_CELLS].to_numpy().tobytes())
    return found.hexdigest()


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cells") / "cells.h5ad"
    return write(make_cells(4000, seed=11), path, compression="gzip")


def start(cells: Path, folder: Path, out: Path, pause: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SLOW_RUN, str(cells), str(folder), str(out), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_again_and_again_ends_with_the_same_bytes(
    cells: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder, out = tmp_path / "partials", tmp_path / "tally.h5ad"
    reached = []
    for lines in (3, 1, 4):
        run = start(cells, folder, out, 0.02)
        assert run.stdout is not None
        reached += [int(run.stdout.readline()) for _ in range(lines)]
        time.sleep(0.013)
        run.send_signal(number)
        run.communicate(timeout=60)
        assert run.returncode != 0
        assert not out.exists()
    # Each run went on from where the one before it was stopped.
    assert reached == sorted(reached)
    run = start(cells, folder, out, 0)
    said, complaint = run.communicate(timeout=60)
    assert run.returncode == 0, complaint
    assert int(said.splitlines()[0]) > reached[0]
    expected = tally_plan(plan_cells(cells, **KEYS))
    assert digest(ad.read_h5ad(out)) == digest(expected)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cuts=st.lists(st.integers(0, 4000), max_size=4),
    values_per_block=st.integers(1, 30_000),
    threads=st.integers(1, 4),
    reverse=st.booleans(),
)
def test_any_split_block_size_order_and_number_of_threads_give_the_same_bits(
    cells: Path, tmp_path: Path, cuts: list[int], values_per_block: int, threads: int, reverse: bool
) -> None:
    plan = plan_cells(cells, **KEYS)
    edges = [0, *sorted(cuts), 4000]
    spans = [(0, a, b) for a, b in itertools.pairwise(edges) if b > a]
    budget = Budget(max_slots=5, values_per_block=max(values_per_block, 300), dense_bytes=10**9)
    partials = [count_plan(plan, spans=[s], budget=budget, threads=threads) for s in spans]
    total, *others = reversed(partials) if reverse else partials
    for other in others:
        # Also after having been on disk.
        kept = tmp_path / "part"
        other.save(kept, fingerprint="here")
        again = count_plan(plan, spans=[])
        assert again.load(kept, fingerprint="here")
        total.merge(again)
    built = build_tally(plan, total, dense_bytes=10**9)
    assert same_bits(built, tally_plan(plan))


def test_ctrl_c_in_this_process_leaves_a_state_to_go_on_from(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_cells(cells, **KEYS)
    checkpoint = Checkpoint(tmp_path / "partials")
    seen: list[int] = []

    def interrupt(progress: object) -> None:
        seen.append(1)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    budget = Budget(max_slots=100, values_per_block=1500, dense_bytes=10**9)
    monkeypatch.setattr("turncoat.tally.progress.REPORTS_PER_SECOND", 10**9)
    with pytest.raises(KeyboardInterrupt):
        count_plan(plan, budget=budget, checkpoint=checkpoint, progress=interrupt)
    assert checkpoint.path.exists()
    first: list[int] = []
    again = tally_plan(plan, checkpoint=checkpoint, progress=lambda p: first.append(p.cells_done))
    assert first[0] > 0
    assert same_bits(again, tally_plan(plan))


def stop_after_two_blocks(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    """Count some blocks of a file, and leave a partial tally."""
    monkeypatch.setattr("turncoat.tally.progress.REPORTS_PER_SECOND", 10**9)
    checkpoint, seen = Checkpoint(folder, every=0.0), list[int]()

    def stop(_: object) -> None:
        seen.append(1)
        if len(seen) == 3:
            raise InterruptedError

    budget = Budget(max_slots=100, values_per_block=1500, dense_bytes=10**9)
    with pytest.raises(InterruptedError):
        count_plan(plan_cells(path, **KEYS), budget=budget, checkpoint=checkpoint, progress=stop)
    return checkpoint


def test_a_file_rewritten_in_place_to_the_same_size_and_time_is_counted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(make_cells(4000, seed=1), tmp_path / "cells.h5ad")
    other = write(make_cells(4000, seed=1), tmp_path / "other.h5ad")
    with h5py.File(other, "r+") as file:
        # The same labels and places of values, other counts: no other file is more alike.
        values = file["X/data"][:]
        file["X/data"][:] = values + 1
    checkpoint = stop_after_two_blocks(path, tmp_path / "partials", monkeypatch)
    before = path.stat()
    with path.open("r+b") as stream:
        stream.write(other.read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (before.st_size, before.st_ino) == (after.st_size, after.st_ino)
    seen: list[int] = []
    plan = plan_cells(path, **KEYS)
    found = tally_plan(plan, checkpoint=checkpoint, progress=lambda p: seen.append(p.cells_done))
    assert same_bits(found, tally_plan(plan_cells(other, **KEYS)))
    assert not same_bits(
        found, tally_plan(plan_cells(write(make_cells(4000, seed=1), other), **KEYS))
    )


@pytest.mark.filterwarnings("ignore")
def test_a_chunk_of_a_zarr_folder_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "cells.zarr"
    make_cells(4000, seed=1).write_zarr(path)
    first = sample_content(path)
    assert first == sample_content(path)
    victim = max((p for p in path.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    os.utime(victim, ns=(1, 1))
    assert sample_content(path) != first
    assert sample_content(None) == sample_content(tmp_path / "nowhere") == ""
