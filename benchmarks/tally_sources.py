"""The tally from every kind of file: stored values a second on one thread and on two.

``python benchmarks/tally_sources.py --cells FOLDER`` takes about two and a half minutes on two quiet
cores once the files are there; ``--make`` writes them from the folder's 100k.h5ad (two minutes; 1.7 GB).
What is timed is the pass alone, in one process for each kind of file: planned once, then counted
on one, two, one and two threads; the better of two counts. ``--only zarr3 csc`` measures some kinds.
"""

import argparse
import gzip
import json
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import RESULTS, Job, bar, compare, versions, write_results

CORES = sorted(os.sched_getaffinity(0))
ME = str(Path(__file__).resolve())
N_CELLS, N_DENSE = 20_000, 5_000
KEYS = {"donor_key": "donor", "sample_key": "donor", "population_key": "population"}

#: Kinds of file, and what they are.
KINDS: dict[str, str] = {
    "gzip_100k": "h5ad, CSR, gzip, 100,000 cells",
    "plain_100k": "h5ad, CSR, not compressed, 100,000 cells",
    "plain": "h5ad, CSR, not compressed",
    "gzip": "h5ad, CSR, gzip",
    "shuffle": "h5ad, CSR, gzip with shuffle",
    "lzf": "h5ad, CSR, LZF",
    "checksum": "h5ad, CSR, gzip with Fletcher-32",
    "zstd": "h5ad, CSR, Zstandard",
    "blosc": "h5ad, CSR, Blosc",
    "unknown": "h5ad, CSR, a filter that only the HDF5 library knows (Bitshuffle)",
    "tenx": "10x h5 (gzip, 64-bit gene numbers)",
    "zarr2": "zarr 2, CSR",
    "zarr3": "zarr 3, CSR",
    "sharded": "zarr 3, CSR, sharded",
    "csc": "h5ad, CSC, gzip",
    "csc_zarr": "zarr 3, CSC",
    "dense": "h5ad, dense, gzip",
    "dense_zarr": "zarr 3, dense",
    "loom": "loom (dense, genes in rows)",
    "mtx": "folder with matrix.mtx.gz",
}
FOLDER = {"zarr2": ".zarr", "zarr3": ".zarr", "sharded": ".zarr", "csc_zarr": ".zarr",
          "dense_zarr": ".zarr", "mtx": "", "tenx": ".h5", "loom": ".loom"}  # fmt: skip
#: Formats without labels: they come from a table.
UNLABELLED = ("tenx", "mtx", "loom")


def path_of(kind: str, folder: Path) -> Path:
    """Say where a kind of file is."""
    if kind == "gzip_100k":
        return folder / "100k.h5ad"
    return folder / f"source-{kind}{FOLDER.get(kind, '.h5ad')}"


def make(kind: str, folder: Path) -> None:
    """Write the first cells of the benchmark's file as another kind of file."""
    import anndata as ad
    import h5py
    from anndata.io import sparse_dataset
    from scipy import sparse

    if kind == "gzip_100k":
        return
    dense = kind in {"dense", "dense_zarr", "loom"}
    n_cells = N_DENSE if dense else None if kind == "plain_100k" else N_CELLS
    with h5py.File(folder / "100k.h5ad") as file:
        matrix = sparse_dataset(file["X"])[:n_cells]
        whole = ad.io.read_elem(file["obs"]).iloc[:n_cells], ad.io.read_elem(file["var"])
    if kind.startswith("csc"):
        matrix = sparse.csc_matrix(matrix)
    cells = ad.AnnData(matrix.toarray() if dense else matrix, obs=whole[0], var=whole[1])
    path = path_of(kind, folder)
    if path.is_dir():
        shutil.rmtree(path)
    cells.obs.to_csv(folder / f"source-{kind}.csv")
    if kind in WRITERS:
        WRITERS[kind](cells, path)
    elif path.suffix == ".zarr":
        write_zarr(cells, path, 2 if kind == "zarr2" else 3)
    elif dense or kind == "csc":
        cells.write_h5ad(path, compression="gzip")
    else:
        cells.write_h5ad(path)
        restore(path, **hdf5_options(kind))


def hdf5_options(kind: str) -> dict[str, Any]:
    """Say how values are stored in a kind of h5ad."""
    import hdf5plugin

    options: dict[str, Callable[[], dict[str, Any]]] = {
        "plain": dict,
        "gzip": lambda: {"compression": "gzip"},
        "shuffle": lambda: {"compression": "gzip", "shuffle": True},
        "lzf": lambda: {"compression": "lzf"},
        "checksum": lambda: {"compression": "gzip", "fletcher32": True},
        "zstd": lambda: dict(hdf5plugin.Zstd()),
        "blosc": lambda: dict(hdf5plugin.Blosc()),
        "unknown": lambda: dict(hdf5plugin.Bitshuffle()),
    }
    return {} if kind.startswith("plain") else {"chunks": (39_063,), **options[kind]()}


def restore(path: Path, **options: Any) -> None:
    """Store the values of an h5ad again, in another way."""
    import h5py

    with h5py.File(path, "r+") as file:
        for name in ("data", "indices"):
            values = file["X"][name][:]
            del file["X"][name]
            file["X"].create_dataset(name, data=values, **options)


def write_zarr(cells: Any, path: Path, version: int) -> None:
    """Write cells as AnnData does."""
    import anndata as ad

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ad.settings.override(zarr_write_format=version):
            cells.write_zarr(path)


def write_sharded(cells: Any, path: Path) -> None:
    """Write cells, their values in shards of 32 chunks."""
    import zarr

    write_zarr(cells, path, 3)
    matrix = zarr.open_group(path, mode="r+")["X"]
    for name in ("data", "indices"):
        values = matrix[name][:]
        del matrix[name]
        stored = matrix.create_array(
            name, shape=values.shape, dtype=values.dtype, chunks=(32_768,), shards=(32 * 32_768,)
        )
        stored[:] = values
    zarr.consolidate_metadata(path)


def write_tenx(cells: Any, path: Path) -> None:
    """Write cells as Cell Ranger does."""
    import h5py
    import numpy as np

    options = {"chunks": (80_000,), "compression": "gzip", "shuffle": True}
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = cells.obs_names.to_numpy(dtype="S")
        group["shape"] = np.array(cells.shape[::-1], dtype=np.int32)
        group["indptr"] = cells.X.indptr.astype(np.int64)
        group.create_dataset("data", data=cells.X.data.astype(np.int32), **options)
        group.create_dataset("indices", data=cells.X.indices.astype(np.int64), **options)
        features = group.create_group("features")
        for name in ("id", "name"):
            features[name] = cells.var_names.to_numpy(dtype="S")
        features["feature_type"] = np.full(cells.n_vars, b"Gene Expression")


def write_loom(cells: Any, path: Path) -> None:
    """Write cells as loompy does."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset(
            "matrix", data=cells.X.T, chunks=(64, 64), compression="gzip", compression_opts=2
        )
        file.create_group("layers")
        file.create_group("row_attrs")["Gene"] = cells.var_names.to_numpy(dtype="S")
        file.create_group("col_attrs")["CellID"] = cells.obs_names.to_numpy(dtype="S")


def write_mtx(cells: Any, path: Path) -> None:
    """Write cells as Cell Ranger does, gzipped text."""
    import numpy as np

    path.mkdir()
    for name, values in (("barcodes", cells.obs_names), ("features", cells.var_names)):
        with gzip.open(path / f"{name}.tsv.gz", "wt", compresslevel=1) as stream:
            stream.writelines(f"{value}\n" for value in values)
    matrix = cells.X
    with gzip.open(path / "matrix.mtx.gz", "wt", compresslevel=1) as stream:
        stream.write("%%MatrixMarket matrix coordinate integer general\n")
        stream.write(f"{cells.n_vars} {cells.n_obs} {matrix.nnz}\n")
        for first in range(0, cells.n_obs, 500):
            part = matrix[first : first + 500].tocoo()
            lines = np.column_stack([part.col + 1, part.row + first + 1, part.data]).astype(int)
            stream.write("".join(f"{a} {b} {c}\n" for a, b, c in lines.tolist()))


WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "sharded": write_sharded,
    "tenx": write_tenx,
    "loom": write_loom,
    "mtx": write_mtx,
}


def measure(kind: str, folder: Path) -> dict[str, Any]:
    """Count a file on one and on two threads, twice each."""
    from turncoat.study import open_source, plan_sources
    from turncoat.study.labels import CellKeys
    from turncoat.study.plan import PlanOptions
    from turncoat.tally import count_plan

    keys = CellKeys("donor", "donor", None, None, "population")
    labels = None
    if kind in UNLABELLED:
        import pandas as pd

        labels = pd.read_csv(folder / f"source-{kind}.csv", index_col=0)

    def count(threads: int) -> Any:
        # Opened anew each time: what is put in order at the first reading is part of the cost.
        os.sched_setaffinity(0, CORES[:threads])
        sources = (open_source(path_of(kind, folder)),)
        return count_plan(plan_sources(sources, keys, PlanOptions(), None, labels), threads=threads)

    count(2)
    found: dict[str, Any] = {}
    for threads in (1, 2, 1, 2):
        wall, cpu = time.perf_counter(), time.process_time()
        partial = count(threads)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        found[f"wall_{threads}"] = min(found.get(f"wall_{threads}", 1e9), wall)
        found[f"cpu_{threads}"] = min(found.get(f"cpu_{threads}", 1e9), cpu)
        found["values"] = sum(int(piece.measures[:, 1].sum()) for piece in partial.pieces)
        checksum = sum(int(part.sums.sum()) for part in partial.sums.parts())
        if found.setdefault("checksum", checksum) != checksum:
            raise SystemExit(f"{kind}: {threads} threads count differently")
    return found


def main() -> int:
    """Run the benchmark, or one of its jobs."""
    parser = argparse.ArgumentParser(description="Benchmark of the tally's sources.")
    parser.add_argument("--job", choices=sorted(KINDS))
    parser.add_argument("--cells", type=Path, default=Path("bench-data"))
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--only", nargs="*", default=list(KINDS))
    chosen = parser.parse_args()
    if chosen.job:
        print(json.dumps(measure(chosen.job, chosen.cells)))
        return 0
    started = time.time()
    if chosen.make:
        for kind in chosen.only:
            make(kind, chosen.cells)
        return 0
    jobs = [
        Job(kind, [sys.executable, ME, "--job", kind, "--cells", str(chosen.cells)], memory_gib=10)
        for kind in chosen.only
    ]
    measured = compare(jobs, repeats=1, warm_up=False)
    bars = [entry for kind, one in measured.items() for entry in rows(kind, one)]
    for entry in bars:
        print(f"{entry['what']:60} {entry['ours']}  {entry['note']}", file=sys.stderr)
    keep(bars, measured, started)
    return 0


def keep(bars: list[dict[str, Any]], measured: dict[str, Any], started: float) -> None:
    """Write the results; those of kinds that were not measured now stay."""
    path = RESULTS / "tally_sources.json"
    old = json.loads(path.read_text()) if path.exists() else {"bars": [], "jobs": []}
    write_results(
        "tally_sources", bars, title="The tally from every kind of file", measured=[measured],
        packages=versions("turncoat", "numpy", "h5py", "zarr", "numcodecs", "deflate", "isal"),
        started=started, notes=[NOTE],
    )  # fmt: skip
    new = json.loads(path.read_text())
    for key, name in (("bars", "what"), ("jobs", "name")):
        known = {entry[name] for entry in new[key]}
        new[key] += [entry for entry in old[key] if entry[name] not in known]
    order = list(KINDS.values())
    new["bars"].sort(key=lambda entry: order.index(entry["what"].rpartition(": ")[0]))
    path.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")


def rows(kind: str, one: Any) -> list[dict[str, Any]]:
    """State the speed of a kind of file, and what a second thread gains."""
    what, said = KINDS[kind], one.said
    if not one.ok:
        return [bar(f"{what}: stored values a second, two threads", float("nan"), unit="million")]
    busy = f"; busy machine: load {one.load:.1f}" if one.load > 2.5 else ""
    millions = said["values"] / 1e6
    per_value = 1e9 * said["cpu_1"] / said["values"]
    gain = said["wall_1"] / said["wall_2"]
    return [
        bar(
            f"{what}: stored values a second, two threads", millions / said["wall_2"],
            unit="million",
            note=f"one thread {millions / said['wall_1']:.1f}; {per_value:.0f} ns of CPU a value{busy}",
        ),
        bar(
            f"{what}: two threads against one, wall", gain, unit="×",
            note=f"CPU {said['cpu_2'] / said['cpu_1'] - 1:+.0%} on two{BOUND.get(kind, '')}{busy}",
        ),
    ]  # fmt: skip


#: What bounds the gain of a second thread, where it is known.
BOUND = {
    "unknown": "; read under the HDF5 library's lock",
    "mtx": "; one gzip stream and its text are parsed by one thread",
}

NOTE = (
    f"The same {N_CELLS:,} cells × 20,000 genes (29.6 million stored values) as every kind of sparse "
    f"file, the first {N_DENSE:,} of them (7.4 million stored of 100 million entries) as dense ones. "
    "Planning and counting together, best of two, in one process; one thread has one core. Where "
    "values are not stored by cell, putting them in that order is part of it. What bounds the gain of a "
    "second thread: planning runs on one, and so few cells are two blocks, of which reading one and adding "
    "the other hardly overlap; compare the rows of 100,000 cells. What is not compressed waits for memory."
)


if __name__ == "__main__":
    sys.exit(main())
