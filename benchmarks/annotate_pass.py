"""Naming the cells in the tally's pass, against the tally alone; memory of a million; doublets.

``python benchmarks/annotate_pass.py --cells FOLDER`` takes about two minutes on two quiet cores once
FOLDER holds the files of benchmarks/tally.py (``--make`` there). The annotator is learnt beforehand
from 6,000 of the same cells, whose twelve kinds are given names of ours; one of them is Epithelial,
so that cells are held back, unpacked and searched for copy number as in a real study.

Those cells have random profiles. ``planted`` measures the same on 100,000 cells of sixteen planted
populations with marker genes (tc.ds.write_planted, 20,000 genes, seed 1404; FOLDER/planted100k.h5ad,
written when it is not there): the annotator is learnt from them by the marker table, with states.
``epithelial`` takes the same files with eight of the twelve kinds named Epithelial.
``--only`` chooses among: ratio planted million epithelial doublets; the other parts stay as they were measured.
"""

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from harness import RESULTS, Job, bar, compare, versions, write_results

KEYS = {"donor_key": "donor", "sample_key": "donor"}
ME = str(Path(__file__).resolve())
THREADS = 2
NAMES = (
    "Epithelial", "NK", "Treg", "CD8 T", "CD4 T", "Macrophage", "Monocyte", "B", "Plasma",
    "Fibroblast", "Endothelial", "Mast",
)  # fmt: skip
N_LEARN = 6_000
#: A tumour atlas: most kinds are epithelial.
CARCINOMA = ("Epithelial",) * 8 + NAMES[1:5]
PARTS = ("ratio", "planted", "million", "epithelial", "doublets")


def tally_alone(path: str) -> dict[str, Any]:
    """Count the cells by sample and the file's own population."""
    from turncoat.tally import tally

    counted = tally(path, **KEYS, population_key="population", threads=THREADS)
    return {"rows": counted.n_obs}


def annotate(path: str, model: str) -> dict[str, Any]:
    """Name and count the cells, and call malignant ones."""
    from turncoat.cells import Annotator, marker_set
    from turncoat.study import plan_cells
    from turncoat.tally.annotated import annotate_and_tally

    warnings.simplefilter("ignore")
    plan = plan_cells(path, **KEYS)
    made = annotate_and_tally(plan, Annotator.load(model), marker_set(), threads=THREADS)
    named = made.annotation.cells["population"]
    return {
        "rows": made.tally.n_obs,
        "named": float((named != "unassigned").mean()),
        "candidates": 0 if made.malignancy is None else len(made.malignancy.cells),
    }


def learn(path: Path, model: Path, names: tuple[str, ...]) -> None:
    """Train an annotator on the first cells of a file; its kinds get names of ours."""
    import anndata as ad

    import turncoat as tc

    some = ad.read_h5ad(path, backed="r")[:N_LEARN].to_memory()
    kinds = sorted(set(some.obs["population"].astype(str)))
    ours = dict(zip(kinds, names, strict=False))
    some.obs["named"] = some.obs["population"].astype(str).map(ours)
    tc.pp.train_annotator(some, label_key="named").save(model)


def learn_by_markers(path: str, model: str) -> dict[str, Any]:
    """Learn an annotator as a run does: from the cells themselves and the table of markers."""
    from turncoat.cells import learn_annotator, marker_set
    from turncoat.study import plan_cells

    warnings.simplefilter("ignore")
    made = learn_annotator(plan_cells(path, **KEYS), marker_set(), seed=0)
    made.save(model)
    return {"classes": len(made.classes), "states": len(made.states)}


def planted(bars: list[Any], measured: list[Any], folder: Path, model: Path, n: int) -> None:
    import turncoat as tc

    path = folder / "planted100k.h5ad"
    if not path.is_file():
        tc.ds.write_planted(
            path, n_donors=12, n_controls=12, cells_per_donor=4_170, n_genes=20_000, seed=1404
        )
    learn_by_markers(str(path), str(model))
    names = ("planted: tally alone", "planted: named, searched for copy number and tallied")
    runs = compare(
        [job(names[0], "tally", path), job(names[1], "annotate", path, model)], repeats=n
    )
    measured.append(runs)
    alone, both = (runs[name] for name in names)
    note = "sixteen planted populations with markers, 20,000 genes, one study, seed 1404; "
    note += "annotator learnt before, by the marker table, with states; "
    note += f"{both.said['candidates']:,} cells searched; {both.said['named']:.0%} named"
    rows = (("CPU", both.cpu_s, alone.cpu_s), ("wall", both.wall_s, alone.wall_s))
    for what, mine, theirs in rows:
        bars.append(
            bar(
                f"100k planted cells named, searched for copy number and tallied, {what}",
                mine, unit="s", peer=theirs, peer_name="the tally alone", max_ratio=1.6, note=note,
            )
        )  # fmt: skip


def job(name: str, what: str, *arguments: Any) -> Job:
    return Job(name, [sys.executable, ME, "--job", what, *map(str, arguments)])


def ratio(bars: list[Any], measured: list[Any], folder: Path, models: list[Path], n: int) -> None:
    path = folder / "100k.h5ad"
    names = ("named and tallied", "named, searched for copy number and tallied")
    jobs = [job(name, "annotate", path, model) for name, model in zip(names, models, strict=True)]
    runs = compare([job("tally alone", "tally", path), *jobs], repeats=n)
    measured.append(runs)
    alone = runs["tally alone"]
    for name in names:
        both = runs[name]
        searched = both.said.get("candidates", 0)
        note = "whole processes; the annotator was learnt before"
        if searched:
            note += f"; {searched:,} epithelial and reference cells searched for copy number"
        for what, mine, theirs in (
            ("CPU", both.cpu_s, alone.cpu_s),
            ("wall", both.wall_s, alone.wall_s),
        ):
            bars.append(
                bar(
                    f"100k cells {name}, {what}",
                    mine,
                    unit="s",
                    peer=theirs,
                    peer_name="the tally alone",
                    max_ratio=1.6,
                    note=note,
                )
            )


def doublets(bars: list[Any]) -> None:
    """Score planted doublets: pairs of cells of a sample, 8 % of all, a quarter of counts lost."""
    import numpy as np
    import scipy.sparse as sp
    from scipy.stats import rankdata

    import turncoat as tc
    from turncoat.cells.doublets import score_doublets

    planted = tc.ds.planted(n_donors=1, n_controls=0, cells_per_donor=2000, n_genes=3000, seed=4)
    lung = tc.ds.lung_niches()
    for name, cells, kind in (
        ("planted cells", planted, "population"),
        ("GSE131907, all samples as one", lung, "cell_type"),
    ):
        counts = sp.csr_matrix(cells.X, dtype=np.float64)
        kinds = cells.obs[kind].astype(str).to_numpy()
        rng = np.random.default_rng(0)
        first, second = rng.integers(0, counts.shape[0], (2, int(0.08 * counts.shape[0])))
        pairs = counts[first] + counts[second]
        pairs.data = rng.binomial(pairs.data.astype(int), 0.75).astype(float)
        score, called = score_doublets(sp.vstack([counts, pairs]).tocsr())
        truth = np.arange(score.size) >= counts.shape[0]
        unlike = np.r_[np.zeros(counts.shape[0], dtype=bool), kinds[first] != kinds[second]]
        for what, wanted in (("any two", truth), ("two kinds", unlike)):
            chosen = wanted | ~truth
            ranks, n = rankdata(score[chosen]), int(wanted.sum())
            value = (ranks[wanted[chosen]].sum() - n * (n + 1) / 2) / (n * (chosen.sum() - n))
            note = f"{called[wanted].mean():.0%} called, precision {truth[called].mean():.0%}"
            bars.append(
                bar(f"Doublets of {what} cells, {name}: AUROC", float(value), unit="", note=note)
            )


def million(bars: list[Any], measured: list[Any], folder: Path, model: Path) -> None:
    path = folder / "1m.h5ad"
    runs = compare(
        [job("a million named and tallied", "annotate", path, model)], repeats=1, warm_up=False
    )
    measured.append(runs)
    run = runs["a million named and tallied"]
    note = f"{run.said['candidates']:,} cells searched for copy number"
    what = "1M cells named, searched for copy number and tallied"
    bars.append(bar(f"{what}, peak memory", run.peak_gib, unit="GiB", limit=1.4, note=note))
    bars.append(bar(f"{what}, wall", run.wall_s, unit="s", note=note))
    bars.append(bar(f"{what}, CPU", run.cpu_s, unit="s", note=note))


def epithelial(bars: list[Any], measured: list[Any], folder: Path, models: list[Path]) -> None:
    """Name studies most of whose cells are epithelial: is memory bounded, and time in line?"""
    sizes = ("100k", "1m")
    jobs = [
        job(f"{size}, most of them epithelial", "annotate", folder / f"{size}.h5ad", model)
        for size, model in zip(sizes, models, strict=True)
    ]
    runs = compare(jobs, repeats=1, warm_up=False)
    measured.append(runs)
    few, many = (runs[one.name] for one in jobs)
    searched, fewer = many.said["candidates"], few.said["candidates"]
    note = f"{searched:,} epithelial and reference cells searched; no bar was set for time"
    what = "1M cells, most of them epithelial, named, searched and tallied"
    bars.append(bar(f"{what}, peak memory", many.peak_gib, unit="GiB", limit=1.4, note=note))
    bars.append(bar(f"{what}, CPU", many.cpu_s, unit="s", note=note))
    note = f"{searched:,} cells searched against {fewer:,}: {searched / fewer:.1f} times as many"
    bars.append(bar(f"{what}: CPU over that of 100k", many.cpu_s / few.cpu_s, unit="", note=note))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=Path, help="folder with 100k.h5ad and 1m.h5ad")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--name", default="annotate_pass", help="name of the results")
    parser.add_argument("--job", nargs="+")
    chosen = parser.parse_args()
    if chosen.job:
        what, *arguments = chosen.job
        print(
            json.dumps(
                {"tally": tally_alone, "annotate": annotate, "learn": learn_by_markers}[what](
                    *arguments
                )
            )
        )
        return
    warnings.simplefilter("ignore")
    for part in chosen.only:
        measure(part, chosen.cells, chosen.repeats, chosen.name)


def measure(part: str, cells: Path, repeats: int, name: str) -> None:
    """Measure one part, and write it beside the others."""
    started = time.time()
    bars: list[Any] = []
    measured: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        models = [Path(folder) / "plain.npz", Path(folder) / "epithelial.npz"]
        if part == "ratio":
            for names, model in zip((("Pericyte", *NAMES[1:]), NAMES), models, strict=True):
                learn(cells / "100k.h5ad", model, names)
            ratio(bars, measured, cells, models, repeats)
        elif part == "planted":
            planted(bars, measured, cells, models[0], repeats)
        elif part == "million":
            # The million has kinds of its own.
            learn(cells / "1m.h5ad", models[1], NAMES)
            million(bars, measured, cells, models[1])
        elif part == "epithelial":
            for size, model in zip(("100k", "1m"), models, strict=True):
                learn(cells / f"{size}.h5ad", model, CARCINOMA)
            epithelial(bars, measured, cells, models)
        else:
            doublets(bars)
    for one in bars:
        print(one["met"], one["what"], one["ours"], one["peer"], one["limit"], flush=True)
    keep(name, part, bars, measured, started)


def part_of(what: str) -> str:
    """Say which part a row or a job of an earlier file, written without parts, is of."""
    if "planted cells n" in what or what.startswith("planted:"):
        return "planted"
    if what.startswith("Doublets"):
        return "doublets"
    if "most of them epithelial" in what:
        return "epithelial"
    return "million" if "1M" in what or "million" in what else "ratio"


def keep(name: str, part: str, bars: list[Any], measured: list[Any], started: float) -> None:
    """Replace one part of the results, and leave the others as they were measured."""
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text("utf-8")) if path.is_file() else {"bars": [], "jobs": []}
    parts = before.get("parts") or {
        one: {
            "bars": [row for row in before["bars"] if part_of(row["what"]) == one],
            "jobs": [job for job in before["jobs"] if part_of(job["name"]) == one],
            "date": before.get("date", "")[:10],
            "load": before.get("load_average"),
        }
        for one in PARTS
    }
    title = "Naming cells in the tally's pass"
    packages = versions("turncoat", "numpy", "numba")
    write_results(name, bars, title=title, measured=measured, packages=packages, started=started)
    written = json.loads(path.read_text("utf-8"))
    parts[part] = {
        "bars": written["bars"],
        "jobs": written["jobs"],
        "date": written["date"][:10],
        "load": written["load_average"],
    }
    parts = {one: parts[one] for one in PARTS if parts.get(one, {}).get("bars")}
    written["parts"] = parts
    for what in ("bars", "jobs"):
        written[what] = [row for one in parts.values() for row in one[what]]
    told = ", ".join(f"{k} ({v['date']}, load {v['load']})" for k, v in parts.items())
    written["notes"] = ["1.5 GB is 1.4 GiB.", f"Parts: {told}."]
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
