"""Measure whole commands, side by side, and keep what was found.

How a benchmark is written (``benchmarks/<room>.py``, at most four minutes on two cores):

1. Say what runs: ``ours = Job("turncoat", [sys.executable, "benchmarks/tally.py", "--job", "ours", path])``;
   a peer that needs an interpreter of its own: ``Job("scanpy", [peer_python("scanpy"), script, path])``.
2. ``measured = compare([ours, peer], repeats=3)`` runs them in turn (a b a b a b, so that a busy
   minute hits both), each as a fresh process, and gives the medians of CPU seconds (user + system),
   wall seconds and peak memory as the operating system saw them, with the load average. What a job
   prints as its last line, if that is JSON, comes back as ``measured["turncoat"].said``.
3. ``bar(...)`` states one target: what, our figure, the peer's, the highest ratio allowed.
   For a figure without a peer give ``limit`` (an absolute bound) instead.
4. ``write_results("tally", bars, ...)`` writes ``benchmarks/results/tally.json``;
   ``python benchmarks/render.py`` makes ``docs/benchmarks.md`` of all of them.

CPU seconds are the figure to trust on a shared machine; wall ratios taken at a load average
above 1.25 per core are marked as such. This module imports the standard library only: a large
parent would be counted in its children's peak memory.
"""

import datetime
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
GIB = 1024**3

#: Where interpreters of other environments are looked for: TURNCOAT_PEERS names a folder or a python.
PEERS_VARIABLE = "TURNCOAT_PEERS"


@dataclass(frozen=True)
class Job:
    """A command to measure: a name, its arguments, extra environment, a cap on its memory."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_gib: float | None = None
    timeout_s: float = 900.0


@dataclass(frozen=True)
class Run:
    """One run of a job, as the operating system accounts for it."""

    cpu_s: float
    wall_s: float
    peak_gib: float
    load: float
    exit_code: int
    said: dict[str, Any]
    complaint: str = ""


@dataclass(frozen=True)
class Measured:
    """Medians over the runs of a job that ended well; ``ok`` is False when none did."""

    name: str
    ok: bool
    cpu_s: float
    wall_s: float
    peak_gib: float
    load: float
    said: dict[str, Any]
    runs: tuple[Run, ...]
    complaint: str = ""


def peer_python(package: str) -> str | None:
    """Find an interpreter that has ``package``: this one, or one named by TURNCOAT_PEERS.

    The variable holds one or several paths (separated by ``:``) of interpreters or of virtual
    environments. None when the peer is nowhere: a benchmark then says "not measured".
    """
    places = [sys.executable, *os.environ.get(PEERS_VARIABLE, "").split(os.pathsep)]
    for place in filter(None, places):
        python = Path(place) / "bin" / "python" if Path(place).is_dir() else Path(place)
        probe = f"import importlib.metadata as m; print(m.version({package!r}))"
        found = subprocess.run([str(python), "-c", probe], capture_output=True, check=False)
        if found.returncode == 0:
            return str(python)
    return None


def version_in(python: str, package: str) -> str:
    """Version of a package in another interpreter, empty when it is not there."""
    probe = f"import importlib.metadata as m; print(m.version({package!r}))"
    found = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def run_once(job: Job) -> Run:
    """Run a command to its end and account for it and every child it waited for."""
    environment = {**os.environ, **job.environment}
    limit = None if job.memory_gib is None else int(job.memory_gib * GIB)

    def cap() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    output, trouble = os.memfd_create("output"), os.memfd_create("trouble")
    started = time.perf_counter()
    process = subprocess.Popen(
        list(job.command),
        stdout=output,
        stderr=trouble,
        env=environment,
        preexec_fn=cap,  # noqa: PLW1509 - this process has one thread
    )
    status, usage = _wait(process.pid, started + job.timeout_s)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall,
        peak_gib=usage.ru_maxrss * 1024 / GIB,
        load=os.getloadavg()[0],
        exit_code=process.returncode,
        said=_last_json(_read(output)),
        complaint=_read(trouble)[-2000:] if process.returncode else "",
    )


def _wait(pid: int, deadline: float) -> tuple[int, resource.struct_rusage]:
    # wait4 gives this child's own usage; polling keeps a deadline without a second process.
    pause = 0.001
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            return status, usage
        if time.perf_counter() > deadline:
            os.kill(pid, 9)
            _, status, usage = os.wait4(pid, 0)
            return status, usage
        time.sleep(pause)
        pause = min(pause * 1.2, 0.02)


def _read(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        return stream.read().decode(errors="replace")


def _last_json(text: str) -> dict[str, Any]:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        said = json.loads(lines[-1]) if lines else {}
    except json.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def compare(jobs: Sequence[Job], *, repeats: int = 3, warm_up: bool = True) -> dict[str, Measured]:
    """Measure jobs in turn, ``repeats`` rounds, after one uncounted round that warms disk caches.

    A job that failed in one round is not tried again; its complaint is kept.
    """
    runs: dict[str, list[Run]] = {job.name: [] for job in jobs}
    failed: dict[str, Run] = {}
    for round_number in range(repeats + warm_up):
        for job in jobs:
            if job.name in failed:
                continue
            run = run_once(job)
            if run.exit_code:
                failed[job.name] = run
            elif round_number >= warm_up:
                runs[job.name].append(run)
    return {job.name: _summary(job.name, runs[job.name], failed.get(job.name)) for job in jobs}


def _summary(name: str, runs: list[Run], failure: Run | None) -> Measured:
    def median(what: str) -> float:
        return statistics.median(getattr(run, what) for run in runs) if runs else float("nan")

    complaint = "" if failure is None else f"exit {failure.exit_code}: {failure.complaint}"
    return Measured(
        name=name,
        ok=bool(runs) and failure is None,
        cpu_s=median("cpu_s"),
        wall_s=median("wall_s"),
        peak_gib=max((run.peak_gib for run in runs), default=float("nan")),
        load=median("load"),
        said=runs[-1].said if runs else {},
        runs=tuple(runs),
        complaint=complaint,
    )


def bar(
    what: str,
    ours: float,
    *,
    unit: str,
    limit: float | None = None,
    peer: float | None = None,
    peer_name: str = "",
    max_ratio: float | None = None,
    at_least: bool = False,
    note: str = "",
) -> dict[str, Any]:
    """State one target and whether it was met.

    Parameters
    ----------
    what, unit
        What was measured, in words, and its unit.
    ours
        Our figure.
    limit
        Absolute bound on our figure (highest allowed; lowest with ``at_least``).
    peer, peer_name, max_ratio
        The peer's figure in the same run, its name, and the highest ``ours / peer`` allowed.
    at_least
        The bound is a lower one (recall, speed-up).
    note
        Anything a reader needs to judge the figure, such as a busy machine.

    Returns
    -------
    dict
        One entry of ``bars`` for :func:`write_results`. ``met`` is None when not measured.
    """
    ratio = None if peer is None or not peer > 0 else ours / peer
    value, bound = (ratio, max_ratio) if max_ratio is not None else (ours, limit)
    if value is None or bound is None or value != value:  # NaN: not measured
        met = None
    else:
        met = value >= bound if at_least else value <= bound
    return {
        "what": what, "unit": unit, "ours": _finite(ours), "peer": _finite(peer), "peer_name": peer_name,
        "ratio": _finite(ratio), "limit": limit, "max_ratio": max_ratio, "at_least": at_least,
        "met": met, "note": note,
    }  # fmt: skip


def _finite(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)


def machine() -> str:
    """Class of machine in words, such as "2 cores, 24 GiB"; no names, no addresses."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return f"{cores} cores, {round(memory)} GiB, {platform.machine()}, {platform.system()}"


def versions(*packages: str) -> dict[str, str]:
    """Versions of packages in this interpreter, and Python's."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write_results(
    name: str,
    bars: Sequence[Mapping[str, Any]],
    *,
    title: str = "",
    measured: Sequence[Mapping[str, Measured]] = (),
    packages: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    started: float | None = None,
) -> Path:
    """Write ``benchmarks/results/NAME.json`` and return its path.

    ``packages`` maps package names to versions (see :func:`versions`, :func:`version_in`);
    ``started`` is a ``time.time()`` taken at the start, to state how long the benchmark takes.
    Results of an earlier run under another name stay; the same name is replaced.
    """
    result = {
        "name": name,
        "title": title or name,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "load_average": round(os.getloadavg()[0], 2),
        "took_s": None if started is None else round(time.time() - started, 1),
        "versions": dict(packages or versions("turncoat", "numpy", "numba")),
        "bars": [dict(entry) for entry in bars],
        "jobs": [_public(job) for group in measured for job in group.values()],
        "notes": list(notes),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path


def _public(job: Measured) -> dict[str, Any]:
    # Complaints may hold paths of the machine: only their last line's kind is kept.
    lines = [line for line in job.complaint.splitlines() if line.strip()]
    return {
        "name": job.name, "ok": job.ok, "cpu_s": _finite(job.cpu_s), "wall_s": _finite(job.wall_s),
        "peak_gib": _finite(job.peak_gib), "load": _finite(job.load), "n_runs": len(job.runs),
        "failed": lines[-1].split(":")[0][:80] if lines else "",
    }  # fmt: skip


if __name__ == "__main__":
    # python benchmarks/harness.py COMMAND…: account for any command.
    print(json.dumps(asdict(run_once(Job("it", sys.argv[1:])))))
