"""The tally on a Dask cluster of two local workers against two threads, on the same million cells.

``python benchmarks/cluster.py --cells FOLDER`` takes its ``1m.h5ad`` (from ``benchmarks/tally.py --make``) and
about four minutes on two quiet cores. What is compared is the call alone, planning included; starting the cluster is measured beside it.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from harness import Job, bar, compare, versions, write_results

KEYS = {
    "donor_key": "donor",
    "sample_key": "sample",
    "tissue_key": "tissue",
    "condition_key": "condition",
    "population_key": "population",
}
CALL = [sys.executable, __file__]


def keys_of(path: str) -> dict[str, str]:
    """The keys that the file has; where a label is not there, the tally has one level."""
    import h5py

    with h5py.File(path) as root:
        present = set(root["obs"])
    keys = {key: column for key, column in KEYS.items() if column in present}
    keys.setdefault("sample_key", keys["donor_key"])
    return keys


def digest(tally) -> str:  # type: ignore[no-untyped-def]
    """Checksum of everything that is counted."""
    import numpy as np

    mark = hashlib.sha256("\n".join([*tally.obs_names, *tally.var_names]).encode())
    for name in sorted(tally.layers):
        layer = tally.layers[name]
        mark.update(
            np.ascontiguousarray(layer if isinstance(layer, np.ndarray) else layer.toarray())
        )
    return mark.hexdigest()


def threads(path: str) -> None:
    import turncoat as tc

    begun, cpu = time.perf_counter(), time.process_time()
    tally = tc.pp.tally(path, **keys_of(path), threads=2)
    said = {"call_s": time.perf_counter() - begun, "call_cpu_s": time.process_time() - cpu}
    print(json.dumps({**said, "digest": digest(tally)}))


def dask(path: str) -> None:
    import distributed

    import turncoat as tc

    begun = time.perf_counter()
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(_ready)
        started, cpu = time.perf_counter(), time.process_time()
        before = client.run(time.process_time)
        tally = tc.pp.tally(path, **keys_of(path), client=client)
        said = {"call_s": time.perf_counter() - started, "start_s": started - begun}
        after = client.run(time.process_time)
        spent = sum(after[worker] - before[worker] for worker in after)
        said["call_cpu_s"] = spent + time.process_time() - cpu
        # RSS of the workers, as the operating system has it.
        peaks = client.run(_peak_gib)
    print(json.dumps({**said, "worker_gib": max(peaks.values()), "digest": digest(tally)}))


def _ready() -> None:
    """Import what the call needs, as the threads' process has it."""
    import turncoat.tally.engine  # noqa: F401


def _peak_gib() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?")
    parser.add_argument("--cells", type=Path, default=Path("bench-data"))
    parser.add_argument("--job", choices=["threads", "dask"])
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    if asked.job:
        {"threads": threads, "dask": dask}[asked.job](asked.path)
        return
    cells = asked.path or str(asked.cells / "1m.h5ad")
    started = time.time()
    jobs = [Job(name, [*CALL, cells, "--job", name]) for name in ("threads", "dask")]
    measured = compare(jobs, repeats=asked.repeats)
    ours, peer = measured["dask"], measured["threads"]
    for one in (ours, peer):
        if not one.ok:
            sys.exit(f"{one.name}: {one.complaint}")
    calls = {
        name: sorted(run.said["call_s"] for run in one.runs)[len(one.runs) // 2]
        for name, one in measured.items()
    }
    same = float(len({run.said["digest"] for one in measured.values() for run in one.runs}))
    size = Path(cells).stat().st_size / 1e9
    note = f"load {max(ours.load, peer.load):.1f}, {os.cpu_count()} cores, file {size:.1f} GB"
    write_results(
        "cluster",
        [
            bar(
                "Tally of 1M cells, Dask with 2 workers against 2 threads, wall time of the call",
                calls["dask"],
                unit="s",
                peer=calls["threads"],
                peer_name="turncoat, 2 threads",
                max_ratio=1.3,
                note=note,
            ),
            bar(
                "The same, CPU time of client and workers during the call",
                ours.said["call_cpu_s"],
                unit="CPU-s",
                peer=peer.said["call_cpu_s"],
                peer_name="turncoat, 2 threads",
                max_ratio=1.3,
                note=f"starting the cluster takes {ours.said['start_s']:.1f} s of wall time beside it",
            ),
            bar("Different results among all runs", same, unit="checksums", limit=1.0),
            bar("Peak memory of a worker", ours.said["worker_gib"], unit="GiB", limit=2.0),
        ],
        title="The tally on a Dask cluster",
        measured=[measured],
        packages=versions("turncoat", "dask", "distributed", "numpy", "numba"),
        started=started,
    )


if __name__ == "__main__":
    main()
