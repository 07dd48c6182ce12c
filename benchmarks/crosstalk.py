"""How fast crosstalk is, warm and cold, beside LIANA (about five minutes with the peer).

The peer's interpreter is named by TURNCOAT_PEERS. CellPhoneDB's statistical method takes minutes for
its 1,000 iterations: ``crosstalk.py cellphonedb`` runs it once, by itself, and keeps its time with
the date and the load in ``kept/``; every other run reads it from there and says so in the row.
"""

import datetime
import json
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import (
    Job,
    bar,
    compare,
    machine,
    peer_python,
    run_once,
    version_in,
    versions,
    write_results,
)

HERE = Path(__file__).parent
KEPT = HERE / "kept" / "crosstalk_cellphonedb.json"
ITERATIONS = 1_000
KEYS = {
    "donor_key": "donor",
    "sample_key": "sample",
    "tissue_key": "tissue",
    "condition_key": "condition",
    "population_key": "population",
}


def ours(path: str, permutations: str) -> None:
    """The whole cold process: read the file, tally it, find and test every edge."""
    warnings.simplefilter("ignore")
    import turncoat as tc

    start = time.perf_counter(), time.process_time()
    tally = tc.pp.tally(path, **KEYS)
    middle = time.perf_counter(), time.process_time()
    contrast = tc.Contrast("condition", "case", "control")
    found = tc.tl.crosstalk(
        tally, contrast, senders="all", n_permutations=int(permutations), key_added=None
    )
    end = time.perf_counter(), time.process_time()
    print(
        json.dumps(
            {
                "edges": len(found.table),
                "tally_wall": middle[0] - start[0],
                "tally_cpu": middle[1] - start[1],
                "crosstalk_wall": end[0] - middle[0],
                "crosstalk_cpu": end[1] - middle[1],
            }
        )
    )


def warm(path: str) -> None:
    """One warm script: from counts in memory to the tested edges, imports and kernels loaded."""
    warnings.simplefilter("ignore")
    import anndata as ad

    import turncoat as tc

    cells = ad.read_h5ad(path)
    contrast = tc.Contrast("condition", "case", "control")

    def timed(work):
        start = time.process_time(), time.perf_counter()
        made = work()
        return time.process_time() - start[0], time.perf_counter() - start[1], made

    def ask(tally, permutations=0):
        return tc.tl.crosstalk(
            tally, contrast, senders="all", n_permutations=permutations, key_added=None
        )

    tally = tc.pp.tally(cells, **KEYS)
    ask(tally)
    whole = [timed(lambda: ask(tc.pp.tally(cells, **KEYS))) for _ in range(5)]
    counting = [timed(lambda: tc.pp.tally(cells, **KEYS)) for _ in range(3)]
    names = sorted(set(tally.obs["population"].astype(str)))
    twelve = tally[tally.obs["population"].isin(names[:12])].copy()
    said = {
        "warm_cpu": min(whole, key=lambda run: run[0])[0],
        "warm_wall": min(whole, key=lambda run: run[1])[1],
        "warm_tally_cpu": min(run[0] for run in counting),
        "populations": len(names),
        "edges": len(whole[0][2].table),
    }
    for label, some in (("12", twelve), ("all", tally)):
        runs = [timed(lambda some=some: ask(some)) for _ in range(5)]
        said[f"wall_{label}"] = min(run[1] for run in runs)
        said[f"cpu_{label}"] = min(run[0] for run in runs)
        said[f"edges_{label}"] = len(runs[0][2].table)
        said[f"permuted_wall_{label}"] = timed(lambda some=some: ask(some, 1_999))[1]
    print(json.dumps(said))


def make(path: str, cells_per_donor: str) -> None:
    import turncoat as tc

    tc.ds.write_planted(
        path, n_donors=12, n_controls=12, cells_per_donor=int(cells_per_donor), n_genes=20_000
    )


def cellphonedb() -> None:
    """Run CellPhoneDB's statistical method once at 10k cells, and keep what it took."""
    python = peer_python("cellphonedb")
    if not python:
        raise SystemExit("No interpreter named by TURNCOAT_PEERS has cellphonedb.")
    peers = [python, "-W", "ignore", str(HERE / "crosstalk_peers.py")]
    with TemporaryDirectory() as folder:
        cells, pairs, base = f"{folder}/10k.h5ad", f"{folder}/pairs.csv", f"{folder}/database"
        make(cells, "417")
        human_pairs(pairs)
        built = run_once(Job("database", [*peers, "database", pairs, base]))
        run = run_once(
            Job("run", [*peers, "cellphonedb", cells, base, str(ITERATIONS)], timeout_s=3600)
        )
    if run.exit_code or built.exit_code:
        raise SystemExit(built.complaint or run.complaint)
    kept = {
        "version": version_in(python, "cellphonedb"),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "load": round(run.load, 2),
        "iterations": ITERATIONS,
        "pairs": built.said["interactions"],
        "cpu_s": run.cpu_s,
        "wall_s": run.wall_s,
        "peak_gib": run.peak_gib,
        "warm_cpu": run.said["warm_cpu"],
        "significant": run.said["significant"],
    }
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(kept)


def human_pairs(path: str) -> None:
    """Write the bundled human pairs as two columns."""
    from turncoat.knowledge.registry import read_table

    table = read_table("signals")
    table[table["species"] == "human"][["ligand", "receptor"]].to_csv(path, index=False)


def cellphonedb_bars(ours_warm, ours_cold) -> list:
    """Set beside CellPhoneDB's kept time, which says when and under what load it was taken."""
    if not KEPT.exists():
        return []
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    name = (
        f"CellPhoneDB {kept['version']} statistical, 10k cells, {kept['iterations']:,} iterations"
    )
    when = f"the peer's time is kept from {kept['date']} (load {kept['load']}, one run)"
    return [
        bar(
            "from the matrix in memory to the tested edges, warm, 10k cells, beside CellPhoneDB",
            ours_warm.said["warm_cpu"],
            unit="CPU s",
            peer=kept["warm_cpu"],
            peer_name=name,
            max_ratio=0.002,
            note=f"{when}; imports and loading excluded on both sides",
        ),
        bar(
            "whole cold process from the file, 10k cells, beside CellPhoneDB",
            ours_cold.cpu_s,
            unit="CPU s",
            peer=kept["cpu_s"],
            peer_name=name,
            max_ratio=0.002,
            note=f"{when}; imports included on both sides",
        ),
    ]


def tally_bars(at_10k, at_100k) -> list:
    return [
        bar(
            "edge table and donor tests from a tally, 24 donors, 12 x 12, all pairs",
            at_10k["wall_12"],
            unit="wall s",
            limit=1.0,
            note=f"{at_10k['edges_12']} edges; warm; {at_10k['cpu_12']:.2f} CPU-s",
        ),
        bar(
            "the same, 16 x 16",
            at_10k["wall_all"],
            unit="wall s",
            limit=1.0,
            note=f"{at_10k['edges_all']} edges; warm; {at_10k['cpu_all']:.2f} CPU-s",
        ),
        bar(
            "all tests with 2,000 permutations, 16 x 16",
            at_10k["permuted_wall_all"],
            unit="wall s",
            limit=20.0,
        ),
        bar(
            "crosstalk from a tally of 100k cells",
            at_100k["cpu_all"],
            unit="CPU s",
            peer=at_10k["cpu_all"],
            peer_name="turncoat at 10k cells",
            max_ratio=1.5,
            note="independent of the number of cells, but deeper samples pass more edges",
        ),
    ]


def matrix_bars(what: str, pair: tuple, most: float) -> list:
    """Warm and cold, beside one method of LIANA."""
    ours_warm, ours_cold, peer = pair
    return [
        bar(
            f"from the matrix in memory to the tested edges, warm, {what}",
            ours_warm.said["warm_cpu"],
            unit="CPU s",
            peer=peer.said.get("warm_cpu"),
            peer_name=peer.name,
            max_ratio=most,
            note=f"of it the tally {ours_warm.said['warm_tally_cpu']:.2f}; imports and loading of "
            "kernels excluded on both sides",
        ),
        bar(
            f"whole cold process from the file, {what}",
            ours_cold.cpu_s,
            unit="CPU s",
            peer=peer.cpu_s,
            peer_name=peer.name,
            max_ratio=most,
            note="imports included on both sides; theirs also makes a small first call",
        ),
    ]


def main() -> None:
    started = time.time()
    liana = peer_python("liana")
    me = [sys.executable, str(HERE / "crosstalk.py")]
    with TemporaryDirectory() as folder:
        files = {"10k": f"{folder}/10k.h5ad", "100k": f"{folder}/100k.h5ad"}
        run_once(Job("make", [*me, "make", files["10k"], "417"]))
        run_once(Job("make", [*me, "make", files["100k"], "4167"]))
        run_once(Job("warm kernels", [*me, "ours", files["10k"], "0"]))
        measured = []
        for size, method, job in (
            ("10k", "rank_aggregate", "aggregate"),
            ("100k", "cellphonedb", "cellphonedb"),
        ):
            jobs = [
                Job(f"turncoat {size}, warm", [*me, "warm", files[size]]),
                Job(f"turncoat {size}, cold", [*me, "ours", files[size], "0"]),
            ]
            if liana:
                script = [liana, "-W", "ignore", str(HERE / "crosstalk_liana.py")]
                name = f"liana {method} {size}, 1,000 permutations"
                jobs.append(Job(name, [*script, job, files[size]], timeout_s=240))
            measured.append(compare(jobs, repeats=1, warm_up=False))
    small, large = (list(group.values()) for group in measured)
    bars = tally_bars(small[0].said, large[0].said)
    if liana and small[2].ok:
        bars += matrix_bars("10k cells", tuple(small), 0.02)
    if liana and large[2].ok:
        bars += matrix_bars("100k cells", tuple(large), 0.01)
        bars.append(
            bar(
                "crosstalk alone, 100k cells (tally given)",
                large[0].said["cpu_all"],
                unit="CPU s",
                peer=large[2].said["warm_cpu"],
                peer_name=large[2].name,
                max_ratio=0.01,
            )
        )
    peer_bars = cellphonedb_bars(small[0], small[1])
    bars += peer_bars
    notes = [
        (
            "Warm: one script that holds the counts in memory and has made one call before; CPU from the "
            "matrix to the table, the least of five calls for ours, one call for LIANA (it normalises, "
            "we tally). The cold rows are what a user waits for the first time."
        ),
        (
            "Importing numerical libraries and loading kernels alone takes more than the cold bar allows: "
            "as a bar on the whole process it cannot be met."
        ),
    ]
    if not peer_bars:
        notes.append("CellPhoneDB's statistical method was not measured: no bar against it here.")
    packages = versions("turncoat", "numpy", "numba", "scipy")
    if liana:
        packages["liana"] = version_in(liana, "liana")
    write_results(
        "crosstalk",
        bars,
        title="Crosstalk: speed",
        measured=measured,
        packages=packages,
        notes=notes,
        started=started,
    )
    for entry in bars:
        print(entry["what"], entry["ours"], entry["ratio"], entry["met"])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        jobs = {"ours": ours, "warm": warm, "make": make, "cellphonedb": cellphonedb}
        jobs[sys.argv[1]](*sys.argv[2:])
    else:
        main()
