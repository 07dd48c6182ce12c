"""The whole run, from a study file to its report."""

import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

from turncoat.errors import ArgumentError, TurncoatError
from turncoat.files import make_folder, sole_use
from turncoat.pipeline.closing import with_report
from turncoat.pipeline.execute import execute
from turncoat.pipeline.progress import Progress, Silent
from turncoat.pipeline.run import HIDDEN, Run
from turncoat.pipeline.stage import Stage, discover, up_to
from turncoat.study import Study, load_study

#: Threads a run takes at most unless told otherwise; beyond it the disk is the limit.
MAX_THREADS = 8


def run(
    study: str | Path,
    *,
    out: str | Path | None = None,
    fresh: bool = False,
    seed: int | None = None,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run a study file to its report.

    Parameters
    ----------
    study
        The study file, ``study.toml``.
    out
        The run directory, instead of the one that the study file names.
    fresh
        Do everything again; otherwise unchanged stages of an earlier run are kept.
    seed
        Seed of every random stream, instead of the study file's.
    threads
        Threads to use; None for all that there are, up to :data:`MAX_THREADS`. They change the
        time that a run takes, never its findings.
    memory_limit
        Bytes that the pass over the cells may take; None for a quarter of what is free.
    progress
        Who is told how far the run has come; None for nobody.

    Returns
    -------
    Run
        The finished run: ``report``, ``directory``, ``tally()``, ``result(name, cls)``.

    Raises
    ------
    TurncoatError
        When the study, its files or its design cannot be used, or the output not written.

    Examples
    --------
    >>> import turncoat as tc
    >>> finished = tc.run("study.toml", out="results")  # doctest: +SKIP
    >>> finished.report  # doctest: +SKIP
    PosixPath('results/report.html')
    """
    loaded = load_study(Path(study))
    return run_stages(
        loaded,
        with_report(discover()),
        out=_place(loaded, out),
        fresh=fresh,
        seed=loaded.seed if seed is None else seed,
        threads=threads or loaded.run.threads,
        memory_limit=memory_limit or loaded.run.memory_limit,
        progress=progress,
    )


def tally_study(
    study: str | Path,
    *,
    out: str | Path | None = None,
    fresh: bool = False,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run a study file only as far as its tally.

    Raises
    ------
    TurncoatError
        When the study or its files cannot be used, or the output not written.
    """
    loaded = load_study(Path(study))
    return run_stages(
        loaded,
        up_to("tally", discover()),
        out=_place(loaded, out),
        fresh=fresh,
        seed=loaded.seed,
        threads=threads or loaded.run.threads,
        memory_limit=memory_limit or loaded.run.memory_limit,
        progress=progress,
    )


def _place(study: Study, out: str | Path | None) -> Path:
    """Choose the run directory; a built-in study's lies with the user, not in the package."""
    if out is not None:
        return Path(out)
    package = Path(__file__).parents[1]
    return Path(study.path.parent.name) if study.path.is_relative_to(package) else study.output


def run_stages(
    study: Study,
    stages: Sequence[Stage],
    *,
    out: Path,
    fresh: bool = False,
    seed: int = 0,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run some stages of a loaded study.

    Raises
    ------
    ArgumentError
        With fewer than one thread or a negative seed.
    OutputError
        When the run directory cannot be written, or another run is at work in it.
    """
    if threads is not None and threads < 1:
        raise ArgumentError(f"'threads' should be at least 1; got {threads}.")
    if seed < 0:
        raise ArgumentError(f"'seed' should not be negative; got {seed}.")
    existed = out.exists()
    make_folder(out)
    current = Run(
        study=study,
        directory=out,
        seed=seed,
        threads=threads or min(MAX_THREADS, os.cpu_count() or 1),
        memory_limit=memory_limit,
        progress=progress or Silent(),
    )
    try:
        with sole_use(current.hidden / "lock", f"process {os.getpid()} on {platform.node()}"):
            execute(current, stages, fresh=fresh)
    except TurncoatError:
        if not existed:
            _remove_if_empty(out)
        raise
    return current


def _remove_if_empty(out: Path) -> None:
    """Leave no folder behind when the input was refused before anything was found."""
    if all(path.name == HIDDEN for path in out.iterdir()):
        shutil.rmtree(out, ignore_errors=True)
