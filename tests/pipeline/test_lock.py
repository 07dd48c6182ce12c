"""Two runs never write into one folder at the same time."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from turncoat.errors import OutputError
from turncoat.files import sole_use

pytest.importorskip("fcntl", reason="locks are tested where the system has them")

HOLD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from turncoat.files import sole_use
    with sole_use(Path(sys.argv[1]), "process of the test"):
        print("held", flush=True)
        time.sleep(60)
    """
)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "results" / ".turncoat" / "lock"


def hold(lock: Path) -> "subprocess.Popen[str]":
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def test_a_second_run_is_told_who_is_at_work(lock: Path) -> None:
    with hold(lock) as other:
        with (
            pytest.raises(OutputError, match=r"results is in use .*process of the test.*--out"),
            sole_use(lock, "second"),
        ):
            raise AssertionError("both runs were let in")
        other.kill()


def test_a_killed_run_leaves_no_lock(lock: Path) -> None:
    with hold(lock) as other:
        os.kill(other.pid, signal.SIGKILL)
    with sole_use(lock, "second"):
        assert lock.read_text(encoding="utf-8") == "second"


def test_a_run_that_ended_lets_the_next_one_in(lock: Path) -> None:
    with sole_use(lock, "first"):
        pass
    with sole_use(lock, "second"):
        assert lock.read_text(encoding="utf-8") == "second"
