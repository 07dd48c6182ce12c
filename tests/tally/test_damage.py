"""Broken files and a broken world: each is named, and nothing is lost or half-written."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy import sparse

import turncoat as tc
from tally.cells import KEYS, make_cells, same_bits, write
from turncoat.errors import ChangedInputError, FileFormatError, OutputError, StudyError, TableError
from turncoat.study import plan_cells
from turncoat.tally import Checkpoint, Progress, count_plan, tally_plan
from turncoat.tally.budget import Budget
from turncoat.tally.partial import PartialTally

#: Blocks so small that a pass over the test's cells takes many.
SMALL = Budget(max_slots=100, values_per_block=200, dense_bytes=10**9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = write(make_cells(2000, seed=5), tmp_path / "cells.h5ad", compression="gzip")
    with h5py.File(target, "r+") as file:
        for name in ("data", "indices"):
            values = file["X"][name][:]
            del file["X"][name]
            file["X"].create_dataset(name, data=values, chunks=(500,), compression="gzip")
    return target


@pytest.mark.parametrize("name", ["data", "indices"])
def test_a_corrupt_chunk_is_named(path: Path, name: str) -> None:
    with h5py.File(path) as file:
        stored = file["X"][name].id.get_chunk_info(4)
    with path.open("r+b") as raw:
        raw.seek(stored.byte_offset + 10)
        raw.write(b"\xff" * 20)
    with pytest.raises(FileFormatError, match=rf"chunk 4 of X/{name} .*damaged"):
        tc.pp.tally(path, **KEYS)


@pytest.mark.parametrize("value", [-1, 10, 2**31 - 1])
def test_a_gene_number_outside_the_matrix_is_named(path: Path, value: int) -> None:
    with h5py.File(path, "r+") as file:
        cell = int(np.searchsorted(file["X/indptr"][:], 3000, side="right")) - 1
        file["X/indices"][3000] = value
    with pytest.raises(FileFormatError, match=f"cell {cell} .*{value}.*there are 10 genes"):
        tc.pp.tally(path, **KEYS)


@pytest.mark.parametrize("value", [2**31, 2**32, 2**32 + 3])
def test_a_gene_number_beyond_32_bits_does_not_wrap_round(path: Path, value: int) -> None:
    with h5py.File(path, "r+") as file:
        indices = file["X/indices"][:].astype(np.int64)
        indices[3000] = value
        del file["X/indices"]
        file["X"].create_dataset("indices", data=indices, chunks=(500,), compression="gzip")
    with pytest.raises(FileFormatError, match="there are 10 genes"):
        tc.pp.tally(path, **KEYS)


@pytest.mark.parametrize("what", ["falls", "short", "shape", "end"])
def test_pointers_and_shapes_that_contradict_themselves(path: Path, what: str) -> None:
    with h5py.File(path, "r+") as file:
        pointers = file["X/indptr"][:]
        if what == "falls":
            pointers[100] = pointers[99] - 1
        elif what == "end":
            pointers[-1] += 5
        elif what == "short":
            pointers = pointers[:-1]
        else:
            file["X"].attrs["shape"] = np.array([2000, 9])
        del file["X/indptr"]
        file["X/indptr"] = pointers
    with pytest.raises(FileFormatError, match=r"indptr|shape"):
        tc.pp.tally(path, **KEYS)


@pytest.mark.parametrize("how", ["touched", "replaced", "gone"])
def test_a_file_that_changes_during_the_run_stops_it(path: Path, how: str) -> None:
    def meddle(progress: Progress) -> None:
        if progress.cells_done > 500 and path.exists():
            if how == "touched":
                os.utime(path)
            elif how == "replaced":
                other = path.with_suffix(".copy")
                other.write_bytes(path.read_bytes())
                os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
                other.replace(path)
            else:
                path.unlink()

    plan = plan_cells(path, **KEYS)
    with pytest.raises(ChangedInputError, match="changed or replaced while it was read"):
        count_plan(plan, budget=SMALL, progress=meddle)


@pytest.fixture(autouse=True)
def _report_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turncoat.tally.progress.REPORTS_PER_SECOND", 10**9)


def test_a_full_disk_loses_nothing_and_says_what_to_free(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_cells(path, **KEYS)
    expected = tally_plan(plan)
    checkpoint = Checkpoint(tmp_path / "partials", every=0.0)
    saved = 0
    real = os.fsync

    def full_later(descriptor: int) -> None:
        nonlocal saved
        saved += 1
        if saved > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full_later)
    with pytest.raises(OutputError, match=r"No space left.*before is kept.*Free about \d+ MiB"):
        count_plan(plan, budget=SMALL, checkpoint=checkpoint)
    assert [child.name for child in checkpoint.folder.iterdir()] == ["tally.partial"]
    monkeypatch.setattr(os, "fsync", real)
    begun: list[Progress] = []
    again = tally_plan(plan, checkpoint=checkpoint, progress=begun.append)
    assert begun[0].cells_done > 0
    assert same_bits(again, expected)
    assert not checkpoint.path.exists()


LIMITED = """
import resource, sys, tempfile
from pathlib import Path
from turncoat.errors import OutputError
from turncoat.study import plan_cells
from turncoat.tally import Checkpoint, count_plan
from turncoat.tally.budget import Budget
import turncoat.study.sources.gather as gather
what, cells, folder = sys.argv[1:]
keys = dict(donor_key="donor", sample_key="sample", tissue_key="tissue",
            condition_key="condition", population_key="population")
tempfile.tempdir, gather.VALUES_IN_MEMORY = folder, 100
# The system itself then refuses to write on, as it does when a disk is full.
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
try:
    count_plan(
        plan_cells(cells, **keys),
        budget=Budget(1 if what == "rows" else 100, 200, 10**9),
        checkpoint=Checkpoint(Path(folder) / "partials", every=0.0) if what == "partials" else None,
    )
except OutputError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "advice"),
    [
        ("partials", r"before is kept|nothing is lost.*Free about"),
        ("rows", r"Free space there, set TMPDIR .*memory_limit"),
        ("by gene", r"GiB of temporary space .*set TMPDIR"),
    ],
)
def test_a_disk_that_really_takes_no_more_is_told_with_what_to_do(
    path: Path, tmp_path: Path, what: str, advice: str
) -> None:
    if what == "by gene":
        cells = make_cells(2000, seed=5)
        cells.X = sparse.csc_matrix(cells.X)
        path = write(cells, tmp_path / "csc.h5ad")
    folder = tmp_path / "small"
    folder.mkdir()
    command = [sys.executable, "-c", LIMITED, what, str(path), str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.search(advice, run.stdout), run.stderr
    # Nothing half-written stays behind.
    left = [file.name for file in folder.rglob("*") if file.is_file()]
    assert left in ([], ["tally.partial"])


def test_rows_that_cannot_be_put_out_say_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    def full(**_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    budget = Budget(max_slots=1, values_per_block=200, dense_bytes=0)
    with pytest.raises(OutputError, match=r"TMPDIR.*memory_limit"):
        count_plan(plan_cells(path, **KEYS), budget=budget)


def test_a_damaged_partial_tally_is_refused_and_a_foreign_one_ignored(
    path: Path, tmp_path: Path
) -> None:
    plan = plan_cells(path, **KEYS)
    checkpoint = Checkpoint(tmp_path / "partials")
    partial = count_plan(plan, budget=SMALL)
    partial.save(checkpoint.path, fingerprint="of another plan")
    assert same_bits(tally_plan(plan, checkpoint=checkpoint), tally_plan(plan))
    partial.save(checkpoint.path, fingerprint="x")
    whole = checkpoint.path.read_bytes()
    for damaged in (b"", whole[:10], whole[: len(whole) // 2], whole[:-3], whole + b"more"):
        checkpoint.path.write_bytes(damaged)
        empty = PartialTally.empty(partial.sums.n_rows, partial.sums.n_genes)
        with pytest.raises(FileFormatError, match="no whole partial tally"):
            empty.load(checkpoint.path, fingerprint="x")


def test_cells_never_count_twice(path: Path) -> None:
    plan = plan_cells(path, **KEYS)
    first = count_plan(plan, spans=[(0, 0, 1200)], budget=SMALL)
    second = count_plan(plan, spans=[(0, 1100, 2000)], budget=SMALL)
    with pytest.raises(TableError, match=r"Cells 1100 to 1200 of source 0.*twice"):
        first.merge(second)
    with pytest.raises(TableError, match="within one plan"):
        first.merge(PartialTally.empty(1, 10))


def test_a_row_of_too_many_cells_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turncoat.tally.engine.MOST_CELLS_PER_ROW", 100)
    with pytest.raises(StudyError, match=r"The row 's\d\|\w+' would hold \d{3} cells; 100 is"):
        tc.pp.tally(make_cells(3000), **KEYS)
