"""A run resumes, does only what changed, and never leaves half a file."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.fakes import STAGES, FakeStudy, Sums, write_cells
from turncoat.errors import (
    ArgumentError,
    FileFormatError,
    MissingFileError,
    MissingKeyError,
    OutputError,
    TableError,
)
from turncoat.files import UNFINISHED, make_folder, whole_file
from turncoat.pipeline import Run, Stage
from turncoat.pipeline.closing import with_report
from turncoat.pipeline.stage import in_order, up_to
from turncoat.pipeline.whole import run_stages

ANY: Any = None


class Listener:
    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def begin(self, stage: str, title: str) -> None: ...

    def advance(self, done: float, total: float, note: str = "") -> None: ...

    def end(self, stage: str, seconds: float, outcome: str) -> None:  # noqa: ARG002
        self.outcomes[stage] = outcome


@pytest.fixture
def study(tmp_path: Path) -> FakeStudy:
    write_cells(tmp_path / "cells.txt")
    return FakeStudy(tmp_path / "cells.txt")


def do(
    study: Any,
    out: Path,
    stages: Sequence[Stage] = STAGES,
    *,
    fresh: bool = False,
    seed: int = 0,
) -> tuple[Run, dict[str, str]]:
    listener = Listener()
    run = run_stages(study, with_report(stages), out=out, progress=listener, fresh=fresh, seed=seed)
    return run, listener.outcomes


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if ".turncoat" not in path.parts and path.suffix != ".h5ad"
    }


def test_the_run_directory_is_as_the_architecture_says(study: Any, tmp_path: Path) -> None:
    run, outcomes = do(study, tmp_path / "out")
    visible = sorted(path.name for path in run.directory.iterdir() if path.name[0] != ".")
    assert visible == [
        "claims.json", "findings", "plain.html", "provenance.json", "report.html", "tally.h5ad",
    ]  # fmt: skip
    assert outcomes == dict.fromkeys(["tally", "sums", "shifted", "report"], "done")
    assert (run.directory / "findings" / "sums.lung.table.parquet").is_file()


def test_a_second_run_keeps_everything(study: Any, tmp_path: Path) -> None:
    do(study, tmp_path / "out")
    before = contents(tmp_path / "out")
    _, outcomes = do(study, tmp_path / "out")
    assert set(outcomes.values()) == {"kept"}
    assert contents(tmp_path / "out") == before
    _, outcomes = do(study, tmp_path / "out", fresh=True)
    assert set(outcomes.values()) == {"done"}
    assert contents(tmp_path / "out") == before


def test_a_changed_parameter_reruns_only_what_depends_on_it(study: Any, tmp_path: Path) -> None:
    do(study, tmp_path / "out")
    _, outcomes = do(dataclasses.replace(study, shift=1.0), tmp_path / "out")
    assert outcomes == {"tally": "kept", "sums": "kept", "shifted": "done", "report": "done"}
    _, outcomes = do(dataclasses.replace(study, shift=1.0, scale=2.0), tmp_path / "out")
    assert outcomes == {"tally": "kept", "sums": "done", "shifted": "done", "report": "done"}


def test_a_new_version_of_a_stage_reruns_it(study: Any, tmp_path: Path) -> None:
    do(study, tmp_path / "out")
    newer = [dataclasses.replace(s, version=2) if s.name == "shifted" else s for s in STAGES]
    _, outcomes = do(study, tmp_path / "out", newer)
    assert outcomes == {"tally": "kept", "sums": "kept", "shifted": "done", "report": "done"}


def test_changed_input_content_reruns_everything_and_a_touched_file_nothing(
    study: Any, tmp_path: Path
) -> None:
    do(study, tmp_path / "out")
    study.cells.touch()
    assert set(do(study, tmp_path / "out")[1].values()) == {"kept"}
    write_cells(study.cells, 42)
    assert set(do(study, tmp_path / "out")[1].values()) == {"done"}


@pytest.mark.parametrize("damage", ["shorten", "flip", "remove"])
@pytest.mark.parametrize(
    ("file", "again"),
    [
        ("tally.h5ad", "tally"),
        ("findings/sums.lung.table.parquet", "sums"),
        ("report.html", "report"),
    ],
)
def test_a_damaged_file_is_made_again(
    study: Any, tmp_path: Path, file: str, again: str, damage: str
) -> None:
    run, _ = do(study, tmp_path / "out")
    whole = contents(tmp_path / "out")
    path = run.directory / file
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    elif damage == "shorten":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    _, outcomes = do(study, tmp_path / "out")
    assert [stage for stage, outcome in outcomes.items() if outcome == "done"] == [again]
    assert contents(tmp_path / "out") == whole


def test_damaged_records_and_hashes_are_not_believed(study: Any, tmp_path: Path) -> None:
    run, _ = do(study, tmp_path / "out")
    (run.hidden / "stages" / "sums.json").write_text('{"key": ')
    (run.hidden / "inputs.json").write_text("[[")
    _, outcomes = do(study, tmp_path / "out")
    assert [stage for stage, outcome in outcomes.items() if outcome == "done"] == ["sums"]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from pipeline import fakes
from turncoat.pipeline import closing, whole
import turncoat.files as files
count = 0
settle = files._settle
def dying(unfinished, path):
    global count
    count += 1
    if count == {n}:
        unfinished.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    settle(unfinished, path)
files._settle = dying
whole.run_stages(fakes.FakeStudy(Path({cells!r})), closing.with_report(fakes.STAGES), out=Path({out!r}))
"""


@pytest.mark.parametrize("n", [1, 3, 5, 9, 12, 15])
def test_a_killed_run_resumes_to_the_same_bytes(study: Any, tmp_path: Path, n: int) -> None:
    here = Path(__file__).parents[1]
    out = tmp_path / "out"
    script = KILLED.format(
        paths=[str(here), str(here.parent / "src")], n=n, cells=str(study.cells), out=str(out)
    )
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(out.rglob(f"{UNFINISHED}*"))
    do(study, out)
    do(study, tmp_path / "straight")
    assert contents(out) == contents(tmp_path / "straight")
    assert not list(out.rglob(f"{UNFINISHED}*"))


def test_findings_of_a_contrast_that_is_gone_go_too(study: Any, tmp_path: Path) -> None:
    def other(run: Run) -> None:
        run.save("sums.node", run_sums)

    run, _ = do(study, tmp_path / "out")
    run_sums = run.result("sums.lung", Sums)
    stages = [s for s in STAGES if s.name == "tally"]
    stages += [Stage("sums", other, needs=("tally",), version=2)]
    run, _ = do(study, tmp_path / "out", stages)
    assert run.findings.names("sums") == ["sums.node"]


def test_results_come_back_as_they_were(study: Any, tmp_path: Path) -> None:
    run, _ = do(study, tmp_path / "out")
    before = run.result("sums.lung", Sums)
    run.save("copy.lung", before)
    after = run.results("copy", Sums)["lung"]
    pd.testing.assert_frame_equal(before.table, after.table)
    pd.testing.assert_frame_equal(before.dropped, after.dropped)
    np.testing.assert_array_equal(before.draws, after.draws)
    assert before.params == after.params == {"scale": 1.0}
    with pytest.raises(MissingKeyError, match=r"Did you mean 'sums\.lung'"):
        run.result("sum.lung", Sums)
    with pytest.raises(TableError, match="small letters"):
        run.save("Sums/lung", before)
    (run.directory / "findings" / "copy.lung.json").write_text("{")
    with pytest.raises(FileFormatError, match="--fresh"):
        run.result("copy.lung", Sums)


def test_random_streams_depend_on_seed_stage_and_purpose_alone(tmp_path: Path) -> None:
    def draw(seed: int, stage: str, *purpose: str) -> float:
        return float(Run(ANY, tmp_path, seed=seed, stage=stage).rng(*purpose).random())

    assert draw(1, "a", "x") == draw(1, "a", "x")
    assert len({draw(s, t, p) for s in (0, 1) for t in "ab" for p in "xy"}) == 8


def test_provenance_names_what_the_run_depends_on(study: Any, tmp_path: Path) -> None:
    run, _ = do(study, tmp_path / "out", seed=7)
    facts = json.loads((run.directory / "provenance.json").read_text())
    assert facts["seed"] == 7
    assert facts["stages"]["sums"]["parameters"] == {"scale": 1.0}
    assert list(facts["stages"]) == ["tally", "sums", "shifted"]
    assert len(facts["inputs"]) == 1
    assert os.uname().nodename not in json.dumps(facts)


def test_a_stage_with_nothing_to_do_says_why(study: Any, tmp_path: Path) -> None:
    idle = [
        dataclasses.replace(s, skipped=lambda _: "no cohort was given")
        if s.name == "shifted"
        else s
        for s in STAGES
    ]
    run, outcomes = do(study, tmp_path / "out", idle)
    assert outcomes["shifted"] == "no cohort was given"
    assert run.findings.names("shifted") == []
    assert "no cohort was given" in run.report.read_text()


def test_a_run_up_to_a_stage_does_what_it_needs_and_no_more() -> None:
    assert [stage.name for stage in up_to("sums", STAGES)] == ["tally", "sums"]


def test_stages_that_cannot_be_ordered_are_refused() -> None:
    def nothing(run: Run) -> None: ...

    with pytest.raises(ArgumentError, match="needs \\['b'\\]"):
        in_order([Stage("a", nothing, needs=("b",))])
    with pytest.raises(ArgumentError, match="circle"):
        in_order([Stage("a", nothing, needs=("b",)), Stage("b", nothing, needs=("a",))])


def test_a_refused_input_leaves_no_folder(study: Any, tmp_path: Path) -> None:
    gone = dataclasses.replace(study, cells=tmp_path / "gone.txt")
    with pytest.raises(MissingFileError, match=r"gone\.txt does not exist"):
        do(gone, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def fill_the_disk(path: Path) -> None:
    with whole_file(path) as part:
        part.write_text("half")
        raise OSError(28, "No space left on device")


def test_output_that_cannot_be_written_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OutputError, match="cannot be written"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="No space left"):
        fill_the_disk(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_nonsense_is_refused_before_work(study: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="'threads' should be at least 1"):
        run_stages(study, STAGES, out=tmp_path / "out", threads=0)
    with pytest.raises(ArgumentError, match="'seed' should not be negative"):
        run_stages(study, STAGES, out=tmp_path / "out", seed=-1)
    assert not (tmp_path / "out").exists()
