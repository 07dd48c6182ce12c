"""``turncoat annotate`` goes on where a killed or interrupted one was."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import scipy.sparse as sp

import turncoat as tc
from turncoat.cells import annotate_study
from turncoat.study import load_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning"),
]

STUDY = """[study]
name = "made"
[cells]
files = ["cells.h5ad"]
donor = "donor"
sample = "sample"
condition = "condition"
[annotation]
annotator = "model.npz"
"""
# The command, in small blocks, written down after each, with a pause at each to be killed in.
SLOW = """
import contextlib, functools, sys, time
import turncoat.tally, turncoat.tally.progress
from turncoat.tally.budget import Budget
turncoat.tally.progress.REPORTS_PER_SECOND = 10**9
few = Budget(max_slots=100, values_per_block=20_000, dense_bytes=10**9)
Budget.of = classmethod(lambda cls, limit, *, n_genes: few)
turncoat.tally.Checkpoint = functools.partial(turncoat.tally.Checkpoint, every=0.0)
import turncoat.cli.annotate as command
from turncoat.cli.entry import main
study, out, pause = sys.argv[1:]
class Slow:
    def begin(self, stage, title): pass
    def end(self, stage, seconds, outcome): pass
    def advance(self, done, total, note=""):
        print(int(done), flush=True)
        time.sleep(float(pause))
command.shown = lambda: contextlib.nullcontext(Slow())
main(["annotate", study, "--out", out, "--threads", "1"])
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    cells = tc.ds.planted(n_donors=3, n_controls=3, cells_per_donor=200, n_genes=2200, seed=3)
    cells.X = sp.csr_matrix(cells.X)
    named = cells.obs["population"].astype(str).replace({"Tumour": "Epithelial"})
    cells.obs["population"] = named
    tc.pp.train_annotator(cells, label_key="population").save(folder / "model.npz")
    del cells.obs["population"]
    cells.write_h5ad(folder / "cells.h5ad")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder / "study.toml"


def start(study: Path, out: Path, pause: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SLOW, str(study), str(out), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop_after(run: "subprocess.Popen[str]", lines: int, how: signal.Signals) -> list[int]:
    """Stop a run after some lines of progress; gives the cells done at each."""
    assert run.stdout is not None
    reached = [int(run.stdout.readline()) for _ in range(lines)]
    time.sleep(0.013)
    run.send_signal(how)
    return reached


def test_a_command_that_is_killed_and_interrupted_ends_with_the_same_labels(
    study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "labels.parquet"
    killed = start(study, out, 0.02)
    first = stop_after(killed, 3, signal.SIGKILL)
    killed.communicate(timeout=60)
    interrupted = start(study, out, 0.02)
    second = stop_after(interrupted, 2, signal.SIGINT)
    _, told = interrupted.communicate(timeout=60)
    assert interrupted.returncode == 130
    assert "the same command goes on from there" in told
    assert second[0] >= first[-1]
    assert not out.exists()
    last = start(study, out, 0)
    said, complaint = last.communicate(timeout=120)
    assert last.returncode == 0, complaint
    assert int(said.splitlines()[0]) > second[0]
    found, _ = annotate_study(load_study(study))
    pd.testing.assert_frame_equal(pd.read_parquet(out), found.cells, check_exact=True)
    # Nothing but the labels is left.
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_two_commands_do_not_write_the_same_labels(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.parquet"
    one = start(study, out, 0.2)
    assert one.stdout is not None
    one.stdout.readline()
    other = start(study, out, 0)
    _, told = other.communicate(timeout=60)
    one.kill()
    one.communicate(timeout=60)
    assert other.returncode == 2
    assert "in use by another run" in told
