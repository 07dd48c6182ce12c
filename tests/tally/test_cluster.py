"""The tally on a Dask cluster is the tally, also when workers die."""

import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import turncoat as tc
from tally.cells import KEYS, make_cells, same_bits, write
from turncoat.errors import ArgumentError, ChangedInputError, CountsError, MissingFileError
from turncoat.study import plan_cells
from turncoat.tables import restore
from turncoat.tally import CellAccount, Progress
from turncoat.tally.account import ACCOUNT_KEY
from turncoat.tally.budget import Budget
from turncoat.tally.cluster import _context, cut, tally_on_cluster
from turncoat.tally.partition import add_up, count_partition, count_rows

distributed = pytest.importorskip("distributed", reason="the extra [dask] is not installed")

CELLS = make_cells(4000, seed=11)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit="1GiB"
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        warnings.simplefilter("ignore")
        yield connected


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("cells")
    halves = (CELLS[:2500].copy(), CELLS[2500:].copy())
    return [write(part, folder / f"{number}.h5ad") for number, part in enumerate(halves)]


@pytest.mark.parametrize("rows", [1, 7, 1000, 10_000])
def test_partitions_cover_every_row_once_and_add_up_to_the_tally(
    files: list[Path], rows: int
) -> None:
    plan = plan_cells(files if rows > 1 else CELLS[:30].copy(), **KEYS)
    ranges = [(p.number, p.start, p.stop) for p in cut(plan, rows)]
    for number, source in enumerate(plan.sources):
        mine = [(start, stop) for n, start, stop in ranges if n == number]
        assert [start for start, _ in mine] == [0, *(stop for _, stop in mine[:-1])]
        assert mine[-1][1] == source.n_cells
    if rows < 7:
        return
    budget = Budget.of(None, n_genes=len(plan.genes))
    contexts = [_context(plan, number) for number in range(2)]
    parts = [count_rows(contexts[p.number], p, budget) for p in cut(plan, max(rows, 900))]
    total = add_up([add_up(parts[1:], len(plan.genes)), parts[0]], len(plan.genes))
    counts = np.zeros((len(plan.rows), len(plan.genes)))
    for part in total.parts():
        counts[part.row, part.genes] = part.sums[:, 0]
    np.testing.assert_array_equal(counts, tc.pp.tally_plan(plan).layers["counts"])


def test_the_cluster_gives_the_same_bytes_as_threads(client: Any, files: list[Path]) -> None:
    expected = tc.pp.tally(files, **KEYS)
    found = tc.pp.tally(files, **KEYS, client=client)
    assert same_bits(found, expected)
    quality = [restore(t, ACCOUNT_KEY, CellAccount).quality for t in (found, expected)]
    assert quality[0].equals(quality[1])


def test_progress_reaches_the_end_and_counts_nothing_twice(client: Any, files: list[Path]) -> None:
    seen: list[Progress] = []
    plan = plan_cells(files, **KEYS)
    tally_on_cluster(plan, client, rows_per_partition=300, progress=seen.append)
    assert all(report.cells_done <= 4000 for report in seen)
    assert seen
    assert seen[-1].cells_done == 4000


def tally_and_kill(files: list[Path], *, allowed_failures: int) -> tuple[Any, list[int]]:
    """Tally on two workers, and kill one when the first cells are counted."""
    import dask

    plan = plan_cells(files, **KEYS)
    killed: list[int] = []
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": allowed_failures}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit="1GiB"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill_one(report: Progress) -> None:
            if not killed and 0 < report.cells_done < report.cells_total:
                pid = int(next(iter(client.run(os.getpid).values())))
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

        found = tally_on_cluster(plan, client, rows_per_partition=40, progress=kill_one)
    return found, killed


def test_a_worker_killed_mid_run_loses_and_doubles_nothing(files: list[Path]) -> None:
    found, killed = tally_and_kill(files, allowed_failures=3)
    assert killed, "the run was over before a worker could be killed"
    assert same_bits(found, tc.pp.tally(files, **KEYS))


@pytest.mark.slow
def test_a_task_that_kills_workers_is_named_with_what_to_do(files: list[Path]) -> None:
    with pytest.raises(ArgumentError, match=r"killed its worker .* smaller 'rows_per_partition'"):
        tally_and_kill(files, allowed_failures=0)


def test_errors_of_workers_are_ours(client: Any, files: list[Path], tmp_path: Path) -> None:
    cells = make_cells(900)
    cells.X[700, 3] = 1.5
    with pytest.raises(CountsError, match=r"cells.h5ad: cell 700, gene .* holds 1.5"):
        tc.pp.tally(write(cells, tmp_path / "cells.h5ad"), **KEYS, client=client)
    plan = plan_cells(files, **KEYS)
    with pytest.raises(ArgumentError, match="'adata' is in memory"):
        tc.pp.tally(CELLS, **KEYS, client=client)
    with pytest.raises(ArgumentError, match="'rows_per_partition' should be at least 1"):
        tally_on_cluster(plan, client, rows_per_partition=-1)


def test_a_file_that_a_worker_does_not_see_is_named(client: Any, tmp_path: Path) -> None:
    path = write(make_cells(100), tmp_path / "cells.h5ad")
    plan = plan_cells(path, **KEYS)
    path.rename(tmp_path / "elsewhere.h5ad")
    with pytest.raises(MissingFileError, match=r"does not see .*cells.h5ad"):
        tally_on_cluster(plan, client)


def test_a_worker_that_sees_another_file_stops_the_run(client: Any, tmp_path: Path) -> None:
    plan = plan_cells(write(make_cells(100), tmp_path / "cells.h5ad"), **KEYS)
    context = _context(plan, 0)
    os.utime(tmp_path / "cells.h5ad", ns=(1, 1))
    with pytest.raises(ChangedInputError, match=r"not the file that was planned with"):
        client.submit(count_partition, context, cut(plan, 50)[0], "nobody", None).result()
