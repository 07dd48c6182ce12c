"""The command line: quick to answer, clear when refused, honest about whose fault it is."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turncoat import __version__
from turncoat.cli import entry
from turncoat.cli.commands import bytes_of
from turncoat.errors import ArgumentError, DroppedDataWarning, OutputError, StudyError, warn

TURNCOAT = [sys.executable, "-c", "from turncoat.cli import main; main()"]


def turncoat(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*TURNCOAT, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


def leave_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("turncoat.cli.app.app", fail)
    with pytest.raises(SystemExit) as left:
        entry.main([])
    return int(left.value.code or 0)


def test_help_is_quick_and_version_is_said() -> None:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = turncoat("--help")
        times.append(time.perf_counter() - started)
    assert done.returncode == 0
    assert "Research use only" in done.stdout
    # The bar is 0.7 s on a quiet machine (benchmarks/start.py); here others may be at work.
    assert min(times) < 3
    assert turncoat("--version").stdout.strip() == __version__


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "turncoat", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from turncoat.cli import entry; entry._attempt(['--help']); "
        "heavy = {'numba', 'numpy', 'pandas', 'anndata', 'matplotlib', 'pydantic', 'jinja2'}; "
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("HEAVY []")


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["run", "a.toml", "--nonsense"], ["nonsense"], ["run", "a.toml", "--threads", "0"]],
)
def test_wrong_options_are_the_input(arguments: list[str]) -> None:
    done = turncoat(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_missing_study_is_the_input(tmp_path: Path) -> None:
    done = turncoat("run", "absent.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("turncoat: ")
    assert "absent.toml" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (StudyError("the study is wrong"), 2, "turncoat: the study is wrong"),
        (OutputError("cannot be written"), 2, "turncoat: cannot be written"),
        (OSError(28, "No space left on device", "x.h5ad"), 2, "No space left on device (x.h5ad)"),
        (MemoryError(), 2, "--memory"),
        (KeyboardInterrupt(), 130, "goes on from there"),
        (ZeroDivisionError("division by zero"), 1, "this is a bug in turncoat"),
        (OSError(2, "odd"), 1, "this is a bug in turncoat"),
    ],
)
def test_exit_codes_say_whose_turn_it_is(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert leave_with(monkeypatch, error) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert ("Traceback" in shown) == (code == 1)


def test_typed_warnings_are_notes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "turncoat.cli.app.app", lambda **_: warn("3 cells have no donor.", DroppedDataWarning)
    )
    with pytest.raises(SystemExit) as left:
        entry.main([])
    assert left.value.code == 0
    assert capsys.readouterr().err == "turncoat: note: 3 cells have no donor.\n"


def test_knowledge_is_listed_and_verified() -> None:
    listed = turncoat("knowledge", "list")
    assert listed.returncode == 0
    assert "programmes" in listed.stdout
    verified = turncoat("knowledge", "verify")
    assert verified.returncode == 0
    assert "DAMAGED" not in verified.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_standard_output_that_is_full_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*TURNCOAT, "knowledge", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_who_has_seen_enough_is_left_in_peace() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*TURNCOAT, "knowledge", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("text", "size"), [("800", 800), ("2GB", 2 * 10**9), ("1 KiB", 1024), ("1.5g", 15 * 10**8)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert bytes_of(text) == size


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(ArgumentError, match="size such as 2GB"):
        bytes_of("plenty")
