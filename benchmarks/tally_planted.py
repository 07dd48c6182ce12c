"""The planted study at size: written as a stream, then tallied, and its truth found again.

``python benchmarks/tally_planted.py --cells FOLDER`` writes a planted study of 100,000 cells (h5ad and
zarr) and one of a million (h5ad), tallies each and removes them: about four minutes on two quiet
cores, of which the million takes three (``--sizes 100000`` leaves it out). The folder needs 5 GB.
"""

import argparse
import json
import math
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from harness import Job, Measured, bar, compare, versions, write_results

ME = str(Path(__file__).resolve())
N_DONORS = 24
KEYS = {
    "donor_key": "donor",
    "sample_key": "sample",
    "tissue_key": "tissue",
    "condition_key": "condition",
    "population_key": "population",
}


def write(path: Path, n_cells: int) -> dict[str, Any]:
    """Write a study: 12 cases and 12 controls, 20,000 genes, everything else as it is by default."""
    import turncoat as tc

    tc.ds.write_planted(
        path, n_donors=12, n_controls=12, cells_per_donor=n_cells // N_DONORS, n_genes=20_000
    )
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {"gb": sum(file.stat().st_size for file in files) / 1e9}


def tally(path: Path, _: int) -> dict[str, Any]:
    """Tally it, and look for what was planted."""
    import turncoat as tc

    counted = tc.pp.tally(path, **KEYS, threads=2)
    meta = counted.uns["turncoat"]["tally"]
    return {
        "cells": int(counted.obs["n_cells"].sum()),
        "values": float(counted.layers["detected"].sum()),
        "synthetic": bool(meta["synthetic"]),
        **recovered(counted, path),
    }


def store_of(path: Path) -> Any:
    """Open an h5ad or a zarr folder, without its cells."""
    import h5py
    import zarr

    return h5py.File(path) if path.is_file() else zarr.open_group(path, mode="r")


def recovered(counted: Any, path: Path) -> dict[str, int]:
    """Count the planted switches whose programme moved the way the file's own truth says.

    A programme's level is the mean log-normalised value of its genes in the population, per
    affected or unaffected sample; its change, the difference of the two groups' means.
    """
    import anndata as ad
    import numpy as np

    import turncoat as tc

    truth = tc.ds.planted_truth(ad.AnnData(uns=ad.io.read_elem(store_of(path)["uns"])))
    affected = dict(zip(truth.samples["sample"], truth.samples["affected"], strict=True))
    programmes = truth.programmes
    found = total = 0
    for (population, side), genes in programmes.groupby(["population", "side"])["gene"]:
        switch = truth.switches.query("population == @population")
        planted = switch[switch["axis"].isin(["both", side])]["size"].sum()
        if not planted:
            continue
        rows = (counted.obs["population"] == population).to_numpy()
        columns = counted.var_names.get_indexer(genes)
        level = np.asarray(counted.layers["logsum"][rows][:, columns[columns >= 0]]).mean(axis=1)
        level = level / counted.obs.loc[rows, "n_cells"].to_numpy()
        case = counted.obs.loc[rows, "sample"].map(affected).to_numpy(dtype=bool)
        moved = level[case].mean() - level[~case].mean()
        expected = planted if side == "pro" else -planted
        found, total = found + int(np.sign(moved) == np.sign(expected)), total + 1
    return {"found": found, "planted": total}


JOBS = {"write": write, "tally": tally}


def job(name: str, path: Path, n_cells: int) -> Job:
    """Give a job of this file as a command."""
    command = [sys.executable, ME, "--job", name, str(path), "--sizes", str(n_cells)]
    return Job(f"{name} {path.name}", command, memory_gib=10.0, timeout_s=1500.0)


def one(path: Path, n_cells: int) -> tuple[Measured, Measured]:
    """Write and tally one study, and remove it."""
    both = []
    for name in ("write", "tally"):
        measured = next(
            iter(compare([job(name, path, n_cells)], repeats=1, warm_up=False).values())
        )
        if not measured.ok:
            sys.exit(f"{measured.name}: {measured.complaint}")
        both.append(measured)
        print(
            measured.name,
            measured.cpu_s,
            measured.wall_s,
            measured.peak_gib,
            measured.said,
            flush=True,
        )
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return both[0], both[1]


def rows(path: Path, n_cells: int, written: Measured, counted: Measured) -> list[dict[str, Any]]:
    """State what one study took."""
    size = f"{n_cells:,} planted cells, {path.suffix[1:]}"
    busy = f"busy machine: load {written.load:.1f}; " if written.load > 2.5 else ""
    values, gb = counted.said["values"], written.said["gb"]
    return [
        bar(f"{size}: writing, wall", written.wall_s, unit="s",
            note=f"{busy}{values:.3g} stored values, {gb:.2f} GB"),
        bar(f"{size}: writing, CPU", written.cpu_s, unit="s",
            note=f"{1e3 * written.cpu_s / n_cells:.2f} ms a cell"),
        bar(f"{size}: writing, peak memory", written.peak_gib, unit="GiB", limit=1.0),
        bar(f"{size}: tally, wall", counted.wall_s, unit="s", note=busy.rstrip("; ")),
        bar(f"{size}: tally, CPU", counted.cpu_s, unit="s"),
        bar(f"{size}: tally, peak memory", counted.peak_gib, unit="GiB", limit=1.0),
        bar(
            f"{size}: planted programmes whose direction the tally shows",
            counted.said["found"], unit="programmes", limit=float(counted.said["planted"]),
            at_least=True, note="truth read from the file; seed 0",
        ),
    ]  # fmt: skip


def main() -> int:
    """Run the benchmark, or one of its jobs."""
    parser = argparse.ArgumentParser(description="Benchmark of the planted study at size.")
    parser.add_argument("--job", choices=sorted(JOBS))
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--cells", type=Path, default=Path("bench-data"))
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    chosen = parser.parse_args()
    if chosen.job:
        print(json.dumps(JOBS[chosen.job](chosen.path, chosen.sizes[0])))
        return 0
    started, measured, bars = time.time(), {}, []
    written: dict[int, Measured] = {}
    kinds = [(chosen.sizes[0], ".zarr"), *((size, ".h5ad") for size in chosen.sizes)]
    for n_cells, suffix in kinds:
        path = chosen.cells / f"planted-{n_cells}{suffix}"
        made, counted = one(path, n_cells)
        bars += rows(path, n_cells, made, counted)
        measured |= {made.name: made, counted.name: counted}
        if suffix == ".h5ad":
            written[n_cells] = made
    bars += growth(written)
    write_results(
        "tally_planted", bars, title="The planted study at size", measured=[measured],
        packages=versions("turncoat", "numpy", "numba", "anndata", "h5py", "deflate", "zarr"),
        started=started, notes=[NOTE],
    )  # fmt: skip
    return 0


def growth(written: dict[int, Measured]) -> list[dict[str, Any]]:
    """State how the memory of writing grows with the number of cells, and what ten million need."""
    if len(written) < 2:
        return []
    small, large = min(written), max(written)
    more = written[large].peak_gib - written[small].peak_gib
    per_cell = more * 2**30 / (large - small)
    exponent = math.log(written[large].cpu_s / written[small].cpu_s) / math.log(large / small)
    ten = written[large].peak_gib + per_cell * (10_000_000 - large) / 2**30
    return [
        bar(f"memory of writing, {large:,} against {small:,} cells", written[large].peak_gib,
            unit="GiB", peer=written[small].peak_gib, peer_name=f"{small:,} cells", max_ratio=1.3,
            note=f"{per_cell:.0f} bytes a cell more; 10 million cells by that: {ten:.2f} GiB"),
        bar(f"scaling of CPU, writing {small:,} to {large:,} cells", exponent, unit="exponent",
            limit=1.05),
    ]  # fmt: skip


NOTE = (
    "`tc.ds.write_planted` with its defaults: 24 donors, 16 populations, 20,000 genes, about 1,400 "
    "stored values a cell, libdeflate level 4 in h5ad and Zstandard in zarr; one run, seed 0. "
    "Each job is a fresh process."
)


if __name__ == "__main__":
    sys.exit(main())
