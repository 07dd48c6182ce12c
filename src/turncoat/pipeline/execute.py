"""Run stages in order, keep what is unchanged, and leave nothing half-done.

A stage's record is written last, by rename, with the checksum of every file that the stage
wrote. A run killed at any moment therefore resumes at the first stage without a true record.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from turncoat.files import digest, sweep, write_text
from turncoat.pipeline.keys import InputHashes, facts_of, key_of
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, in_order


def execute(run: Run, stages: Sequence[Stage], *, fresh: bool = False) -> list[dict[str, Any]]:
    """Bring a run directory up to date.

    Parameters
    ----------
    run
        The run; its directory exists and can be written.
    stages
        What to do, in any order.
    fresh
        Do everything again, whatever is there.

    Returns
    -------
    list of dict
        The stages' records in the order they ran: facts, key, files, seconds, and whether kept.
    """
    sweep(run.directory)
    hashes = InputHashes(run.hidden / "inputs.json")
    records: list[dict[str, Any]] = []
    keys: dict[str, str] = {}
    for stage in in_order(stages):
        run.progress.begin(stage.name, stage.title or stage.name)
        reason = stage.skipped(run.study)
        facts = facts_of(stage, run.study, hashes, keys)
        facts |= {"seed": run.seed if stage.seeded else None, "skipped": reason}
        keys[stage.name] = key_of(facts)
        run.skipped.pop(stage.name, None)
        if reason:
            run.skipped[stage.name] = reason
        record = None if fresh else _true_record(run, stage.name, keys[stage.name])
        outcome = "kept"
        if record is None:
            earlier = {name for one in records for name in one["files"]}
            record = _do(run, stage, facts, keys[stage.name], earlier, hidden=bool(reason))
            outcome = "done"
        records.append(record)
        run.done.append(stage.name)
        run.progress.end(stage.name, record["seconds"], reason or outcome)
    return records


def _record_path(run: Run, stage: str) -> Path:
    return run.hidden / "stages" / f"{stage}.json"


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        # No record, or one that a failing disk damaged: the stage is done again.
        return None
    return record


def _true_record(run: Run, stage: str, key: str) -> dict[str, Any] | None:
    """Read a stage's record if it has this key and all its files are as it left them."""
    record = _read_record(_record_path(run, stage))
    if record is None or record.get("key") != key:
        return None
    for name, checksum in record["files"].items():
        path = run.directory / name
        if not path.is_file() or digest(path) != checksum:
            return None
    return record


def _do(
    run: Run,
    stage: Stage,
    facts: Mapping[str, Any],
    key: str,
    earlier: set[str],
    *,
    hidden: bool,
) -> dict[str, Any]:
    _prepare_scratch(run, stage.name, key)
    run.stage, run.written = stage.name, []
    started = time.perf_counter()
    if not hidden:
        stage.run(run)
    seconds = time.perf_counter() - started
    files = {path.relative_to(run.directory).as_posix(): digest(path) for path in run.written}
    # What this stage wrote last time, an earlier one may have written this time.
    _remove_stale(run, stage.name, earlier | set(files))
    record = {"key": key, "facts": facts, "seconds": round(seconds, 3), "files": files}
    write_text(_record_path(run, stage.name), json.dumps(record, indent=1, default=str) + "\n")
    shutil.rmtree(run.hidden / "scratch" / stage.name, ignore_errors=True)
    return record


def _prepare_scratch(run: Run, stage: str, key: str) -> None:
    """Keep partial work only where it was done for the same key."""
    folder = run.hidden / "scratch" / stage
    marker = folder / "key"
    if folder.exists() and not (marker.is_file() and marker.read_text(encoding="utf-8") == key):
        shutil.rmtree(folder, ignore_errors=True)
    write_text(marker, key)


def _remove_stale(run: Run, stage: str, current: set[str]) -> None:
    """Remove files of an earlier run of the stage that this one did not write again."""
    record = _read_record(_record_path(run, stage))
    for name in set(record["files"] if record else ()) - current:
        path = (run.directory / name).resolve()
        # The record is a file that anyone could have edited: never reach outside the run.
        if path.is_relative_to(run.directory.resolve()):
            path.unlink(missing_ok=True)
