"""The tally against brisc, scanpy and decoupler, and against the floor: merely unpacking the file.

``python benchmarks/tally.py --cells FOLDER`` takes about four minutes on two quiet cores once the
files are there (``--make`` writes them, another four: 100k.h5ad and 1m.h5ad of benchmarks/cells.py).
Peers are looked for through TURNCOAT_PEERS; what is not found is "not measured". ``--only small``
leaves the million out, ``--repeats`` changes the three rounds. Every job is a fresh process that
imports, reads, counts and ends; files are in the page cache after the first, uncounted round.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from harness import (
    Job,
    Measured,
    bar,
    compare,
    peer_python,
    version_in,
    versions,
    write_results,
)

KEYS = {"donor_key": "donor", "sample_key": "donor", "population_key": "population"}
ME = str(Path(__file__).resolve())
THREADS = 2


def ours(path: str, threads: int = THREADS) -> dict[str, Any]:
    """Quality, log-normalised sums, gene moments and 288 groups, in one pass, to an h5ad file."""
    import tempfile

    import h5py

    from turncoat.tally import tally_file

    with tempfile.TemporaryDirectory() as folder:
        file = tally_file(path, Path(folder) / "tally.h5ad", **KEYS, threads=threads)
        with h5py.File(file) as written:
            rows = written["layers/counts"].shape[0]
        return {"rows": rows, "mb": file.stat().st_size / 1e6}


def in_memory(path: str) -> dict[str, Any]:
    """Give the same as an AnnData, which has to be loaded for it."""
    from turncoat.tally import tally

    counted = tally(path, **KEYS, threads=THREADS)
    return {"rows": counted.n_obs, "total": float(counted.layers["counts"].sum())}


def one_thread(path: str) -> dict[str, Any]:
    """Run the same on one thread."""
    return ours(path, 1)


def count_only(path: str) -> dict[str, Any]:
    """Time the pass alone, on one and on two threads, in one process."""
    from turncoat.study import plan_cells
    from turncoat.tally import count_plan

    plan = plan_cells(path, **KEYS)
    count_plan(plan, spans=[(0, 0, 2000)])
    found: dict[str, Any] = {}
    for threads in (1, 2, 1, 2):
        wall, cpu = time.perf_counter(), time.process_time()
        count_plan(plan, threads=threads)
        name = f"wall_{threads}"
        found[name] = min(found.get(name, 1e9), time.perf_counter() - wall)
        found[f"cpu_{threads}"] = time.process_time() - cpu
    return found


def signatures(path: str) -> dict[str, Any]:
    """Run the tally with a set of 50 signatures fused in."""
    import numpy as np

    from turncoat.study import plan_cells
    from turncoat.tally.signatures import tally_and_score

    plan = plan_cells(path, **KEYS)
    rng = np.random.default_rng(0)
    names = plan.genes.index.to_numpy(dtype=str)
    sets = {
        f"set{k}": dict.fromkeys(rng.choice(names, 50, replace=False).tolist(), 1.0)
        for k in range(50)
    }
    _, scores = tally_and_score(plan, sets, threads=THREADS)
    return {"cells": int(scores[0].shape[0]), "mean": float(np.mean(scores[0]))}


def compact(path: str) -> dict[str, Any]:
    """Keep the cells packed in memory, then work out group means from there."""
    from turncoat.study import plan_cells
    from turncoat.tally.compact import compact_cells

    plan = plan_cells(path, **KEYS)
    started = time.process_time()
    store = compact_cells(plan, threads=THREADS)
    packed = time.process_time() - started
    codes = plan.row_codes[0] % 12
    store.group_means(codes[:1000], 12, threads=THREADS, stop=1000)
    wall, cpu = time.perf_counter(), time.process_time()
    means = store.group_means(codes, 12, threads=THREADS)
    return {
        "gb": store.n_bytes / 1e9,
        "values": store.n_values,
        "pack_cpu": packed,
        "pass_cpu": time.process_time() - cpu,
        "pass_wall": time.perf_counter() - wall,
        "mean": float(means.mean()),
    }


def inflate(path: str) -> dict[str, Any]:
    """Read and unpack the same chunks with the same library and threads, and do nothing else."""
    import os
    from concurrent.futures import ThreadPoolExecutor

    import deflate
    import h5py

    descriptor = os.open(path, os.O_RDONLY)
    runs: list[tuple[list[tuple[int, int]], int]] = []
    with h5py.File(path) as file:
        for name in ("data", "indices"):
            dataset, chunks = file["X"][name], []
            dataset.id.chunk_iter(lambda c, chunks=chunks: chunks.append((c.byte_offset, c.size)))
            size = dataset.chunks[0] * dataset.dtype.itemsize
            runs += [(chunks[k : k + 8], size) for k in range(0, len(chunks), 8)]

    def unpack(run: tuple[list[tuple[int, int]], int]) -> int:
        chunks, size = run
        return sum(
            len(deflate.zlib_decompress(os.pread(descriptor, length, offset), size))
            for offset, length in chunks
        )

    with ThreadPoolExecutor(THREADS) as pool:
        return {"bytes": sum(pool.map(unpack, runs))}


def cold(path: str) -> dict[str, Any]:
    """Import, then run the kernels on one cell: what every fresh process pays."""
    del path
    import numpy as np

    from turncoat.tally import kernels
    from turncoat.tally.kernels import units

    data, indices = np.ones(4, np.float32), np.arange(4, dtype=np.int32)
    columns = indices | np.int32(units.IN_LIBRARY)
    genes, counts = np.zeros(64, np.uint16), np.zeros(64, np.uint8)
    ledger, one = np.zeros((1, units.N_LEDGER), np.int64), np.zeros(1, np.int64)
    kernels.pack_cells(
        data, indices, np.array([0, 4]), columns, genes, counts, 0, ledger,
        np.zeros((2, 9), np.int64),
    )  # fmt: skip
    sums = np.zeros((1, 5, units.N_SUMS), np.int64)
    kernels.add_cells(
        genes,
        counts,
        ledger,
        one,
        one,
        1e4,
        sums.reshape(1, -1),
        np.zeros((2, units.TABLE_SIZE), np.int64),
    )
    return {"sums": int(sums.sum())}


def brisc(path: str) -> dict[str, Any]:
    """Do the same with brisc: quality, pseudobulk, variable genes, normalised counts."""
    from brisc import SingleCell

    cells = SingleCell(path, num_threads=THREADS)
    cells = cells.qc(max_mito_fraction=1.0, min_genes=0, nonzero_MALAT1=False, allow_float=True)
    bulk = cells.pseudobulk("donor", "population")
    cells = cells.hvg().normalize(method="logCP10k")
    return {"types": len(list(bulk.keys())), "cells": cells.shape[0]}


def scanpy(path: str) -> dict[str, Any]:
    """Do the same with scanpy: quality, sums, log-normalised sums, variable genes."""
    import scanpy as sc

    cells = sc.read_h5ad(path)
    # scanpy 1.11 refuses 64-bit row pointers beside 32-bit gene numbers, which are legal.
    cells.X.indptr = cells.X.indptr.astype("int32")
    cells.var["mt"] = cells.var_names.str.startswith("MT-")
    sc.pp.calculate_qc_metrics(cells, qc_vars=["mt"], inplace=True, percent_top=None)
    by = ["donor", "population"]
    counts = sc.get.aggregate(cells, by, ["sum", "count_nonzero"])
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    logs = sc.get.aggregate(cells, by, ["sum", "mean", "var"])
    sc.pp.highly_variable_genes(cells)
    return {"rows": counts.n_obs + logs.n_obs}


def decoupler(path: str) -> dict[str, Any]:
    """Sum cells per donor and population with decoupler."""
    import anndata as ad
    import decoupler as dc

    bulk = dc.pp.pseudobulk(
        ad.read_h5ad(path), sample_col="donor", groups_col="population", mode="sum"
    )
    return {"rows": bulk.n_obs}


JOBS = {
    f.__name__: f
    for f in (
        ours,
        in_memory,
        one_thread,
        count_only,
        signatures,
        compact,
        inflate,
        cold,
        brisc,
        scanpy,
        decoupler,
    )
}


def job(name: str, path: Path, python: str | None = None) -> Job:
    """Give a job of this file as a command."""
    command = [python or sys.executable, ME, "--job", name, str(path)]
    return Job(name, command, memory_gib=16.0, timeout_s=600.0)


def small(
    folder: Path, repeats: int, peers: list[str]
) -> tuple[list[dict[str, Any]], list[Any], dict[str, str]]:
    """Measure 100,000 cells, all peers in turn."""
    path = folder / "100k.h5ad"
    found = {name: peer_python(name) for name in peers}
    jobs = [job(name, path) for name in ("ours", "inflate", "in_memory", "signatures")]
    jobs += [
        job(name, path, python) for name, python in found.items() if python and name == "brisc"
    ]
    quick = compare(jobs, repeats=repeats)
    slow = compare(
        [job(name, path, python) for name, python in found.items() if python and name != "brisc"],
        repeats=1,
    )
    alone = compare([job("cold", path), job("count_only", path)], repeats=repeats)
    us, floor = quick["ours"], quick["inflate"]
    bars = [
        ratio("100k cells, wall", us, quick.get("brisc"), "wall_s", 0.6, "s"),
        ratio("100k cells, wall", us, slow.get("scanpy"), "wall_s", 0.15, "s"),
        ratio("100k cells, CPU, whole process", us, floor, "cpu_s", 2.0, "s", "aim 1.6"),
        ratio(
            "100k cells, CPU, whole process that returns an AnnData",
            quick["in_memory"], floor, "cpu_s", 2.0, "s",
        ),
        bar(
            "100k cells, CPU of the pass alone",
            alone["count_only"].said.get("cpu_2", float("nan")),
            unit="s", peer=floor.cpu_s if floor.ok else None, peer_name="inflate", max_ratio=2.0,
        ),
        ratio("100k cells, peak memory", us, slow.get("scanpy"), "peak_gib", 0.15, "GiB"),
        bar("100k cells, peak memory", us.peak_gib, unit="GiB", limit=0.6),
        ratio("pseudobulk of 100k cells, wall", us, slow.get("decoupler"), "wall_s", 1 / 8, "s"),
        ratio("pseudobulk of 100k cells, CPU", us, slow.get("decoupler"), "cpu_s", 1 / 8, "s"),
        ratio("50 signatures fused in, CPU", quick["signatures"], quick["in_memory"], "cpu_s", 1.10, "s"),
        bar("import and first kernel, CPU", alone["cold"].cpu_s, unit="s", limit=1.5),
        bar(
            "two threads against one, wall of the pass",
            alone["count_only"].said.get("wall_1", float("nan"))
            / alone["count_only"].said.get("wall_2", float("nan")),
            unit="×", limit=1.7, at_least=True, note=busy(alone["count_only"]),
        ),
    ]  # fmt: skip
    known = {name: version_in(python, name) for name, python in found.items() if python}
    return bars, [quick, slow, alone], known


def large(folder: Path, hundred: Measured) -> tuple[list[dict[str, Any]], list[Any]]:
    """Measure a million cells against the floor and against 100,000."""
    import math

    path = folder / "1m.h5ad"
    named = compare([job("inflate", path), job("ours", path)], repeats=1)
    named |= compare([job("compact", path)], repeats=1, warm_up=False)
    measured = {f"{name}, 1M": value for name, value in named.items()}
    us, floor, packed = named["ours"], named["inflate"], named["compact"].said
    # A fresh process costs the same for any number of cells: scaling is of what grows.
    exponent = math.log10(us.cpu_s / hundred.cpu_s)
    bars = [
        bar("1M cells, peak memory", us.peak_gib, unit="GiB", limit=1.0),
        ratio("1M cells, wall", us, floor, "wall_s", 2.0, "s"),
        ratio("1M cells, CPU", us, floor, "cpu_s", 2.0, "s", "aim 1.6"),
        bar("1M cells, wall (a prototype took 20.9 s)", us.wall_s, unit="s", limit=20.9, note=busy(us)),
        bar("scaling of CPU, 100k to 1M cells", exponent, unit="exponent", limit=1.05),
        bar("1M cells kept packed", packed.get("gb", float("nan")), unit="GB", limit=5.0),
        bar("group means of 1M packed cells, CPU", packed.get("pass_cpu", float("nan")), unit="s", limit=3.0),
    ]  # fmt: skip
    return bars, [measured]


def ratio(
    what: str,
    us: Measured,
    them: Measured | None,
    field: str,
    most: float,
    unit: str,
    note: str = "",
) -> dict[str, Any]:
    """State our figure against a peer's; wall times of a busy machine are marked."""
    theirs = getattr(them, field) if them is not None and them.ok else None
    marks = [note, busy(us) if field == "wall_s" else ""]
    return bar(
        what, getattr(us, field), unit=unit, peer=theirs, max_ratio=most,
        peer_name=them.name if them else "peer", note="; ".join(filter(None, marks)),
    )  # fmt: skip


def busy(run: Measured) -> str:
    """Mark wall times that were taken while the machine did other things."""
    return f"busy machine: load {run.load:.1f}" if run.load > 2.5 else ""


def main() -> int:
    """Run the benchmark, or one of its jobs."""
    parser = argparse.ArgumentParser(description="Benchmark of the tally.")
    parser.add_argument("--job", choices=sorted(JOBS))
    parser.add_argument("path", nargs="?")
    parser.add_argument("--cells", type=Path, default=Path("bench-data"))
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--only", choices=["small"])
    parser.add_argument("--peers", nargs="*", default=["brisc", "scanpy", "decoupler"])
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    if chosen.job:
        print(json.dumps(JOBS[chosen.job](chosen.path)))
        return 0
    started = time.time()
    if chosen.make:
        for name, n_cells in (("100k.h5ad", 100_000), ("1m.h5ad", 1_000_000)):
            make = [sys.executable, str(Path(ME).with_name("cells.py")), str(n_cells)]
            compare([Job(name, [*make, str(chosen.cells / name)])], repeats=0)
    bars, measured, peers = small(chosen.cells, chosen.repeats, chosen.peers)
    if chosen.only is None:
        more, group = large(chosen.cells, measured[0]["ours"])
        bars, measured = bars + more, measured + group
    packages = versions("turncoat", "numpy", "numba", "anndata", "h5py", "deflate") | peers
    write_results(
        "tally", bars, title="The tally: a million cells in one pass", measured=measured,
        packages=packages, started=started, notes=[NOTE],
    )  # fmt: skip
    return 0


NOTE = (
    "100,000 cells × 20,000 genes, and ten times that; about 7 % of the entries stored, gzip-4 "
    "h5ad; 24 donors × 12 populations in random order (the hardest case for group sums). "
    "`ours` gives quality per sample, log-normalised sums, sums of squares, detections and counts "
    "of 288 groups, and gene moments, written to an h5ad file that holds the whole tally; `in_memory` "
    "returns it as an AnnData instead, and so does `signatures`. `inflate` reads and unpacks the same chunks with the same "
    "library on the same two threads and does nothing else. Peers do the nearest they offer."
)


if __name__ == "__main__":
    sys.exit(main())
