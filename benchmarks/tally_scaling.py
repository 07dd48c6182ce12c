"""How the tally grows with the number of cells: wall, CPU and peak memory, 10,000 to a million.

``python benchmarks/tally_scaling.py --cells FOLDER`` takes about a minute and a half on two quiet cores
once the files are there (``--make`` writes those that are missing, two minutes) and draws
docs/_static/tally-scaling.svg; ``--sizes 10000 30000`` measures some sizes and keeps the others'
figures, ``--draw`` draws from what was kept.
"""

import argparse
import dataclasses
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

from harness import RESULTS, Job, bar, compare, versions, write_results

from tally import job

ME = Path(__file__).resolve()
SIZES = {10_000: "10k", 30_000: "30k", 100_000: "100k", 300_000: "300k", 1_000_000: "1m"}
FIGURE = ME.parent.parent / "docs" / "_static" / "tally-scaling.svg"
KEPT = RESULTS / "tally_scaling.json"
#: What is drawn: the field, what it is called, its unit.
FIELDS = (("wall_s", "wall", "s"), ("cpu_s", "CPU", "s"), ("peak_gib", "peak memory", "GiB"))


def name_of(size: int) -> str:
    """Name the job of a size."""
    return f"tally, {size:,} cells"


def known() -> dict[int, dict[str, Any]]:
    """Read what was measured before, by number of cells."""
    if not KEPT.exists():
        return {}
    jobs = {entry["name"]: entry for entry in json.loads(KEPT.read_text())["jobs"]}
    return {size: jobs[name_of(size)] for size in SIZES if name_of(size) in jobs}


def line(found: dict[int, dict[str, Any]], field: str) -> tuple[float, float]:
    """Fit a fixed part and a part per cell through the smallest and the largest study."""
    few, many = min(found), max(found)
    slope = (found[many][field] - found[few][field]) / (many - few)
    return found[few][field] - slope * few, slope


def rows(found: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """State exponents, and what ten million cells would take by them."""
    few, many = min(found), max(found)
    middle = 100_000 if 100_000 in found else few
    decades = math.log10(many / middle)
    load = max(entry["load"] for entry in found.values())
    busy = f"; busy machine: load {load:.1f}" if load > 2.5 else ""
    bars = []
    for field, what, _ in FIELDS[:2]:
        exponent = math.log10(found[many][field] / found[middle][field]) / decades
        fixed, slope = line(found, field)
        bars.append(
            bar(f"scaling of {what}, {middle:,} to {many:,} cells", exponent, unit="exponent",
                limit=1.05, note=f"{fixed:.2f} s and {slope * 1e6:.1f} s a million cells{busy}")
        )  # fmt: skip
        bars.append(
            bar(f"10 million cells by that line, {what}", fixed + slope * 1e7, unit="s",
                note="planned on paper, two threads")
        )  # fmt: skip
    peak, smallest = found[many]["peak_gib"], found[few]["peak_gib"]
    per_cell = (peak - found[middle]["peak_gib"]) * 2**30 / (many - middle)
    bars.append(bar(f"peak memory, {many:,} cells", peak, unit="GiB", limit=1.0,
                    note=f"{smallest:.2f} GiB for {few:,}; {per_cell:.0f} bytes a cell more from {middle:,} on"))  # fmt: skip
    return bars


def draw(found: dict[int, dict[str, Any]]) -> None:
    """Draw wall, CPU and peak memory against the number of cells."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "tally"
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, panels = plt.subplots(1, 3, figsize=(9, 2.9), layout="constrained")
    sizes = sorted(found)
    for panel, (field, what, unit) in zip(panels, FIELDS, strict=True):
        values = [found[size][field] for size in sizes]
        panel.plot(sizes, values, "o-", color="tab:blue")
        panel.set(xscale="log", xlabel="cells", ylabel=f"{what} ({unit})")
        panel.spines[["top", "right"]].set_visible(False)
        if field == "peak_gib":
            panel.axhline(1.0, color="0.6", linestyle="--", linewidth=0.8)
            panel.text(sizes[0], 1.0, "bar at 1 million", color="0.4", va="bottom", fontsize=8)
            panel.set_ylim(0, 1.2)
            continue
        fixed, slope = line(found, field)
        panel.plot(
            sizes, [fixed + slope * n for n in sizes], color="0.6", linestyle="--", linewidth=0.8
        )
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.text(0.04, 0.94, f"{fixed:.1f} s + {slope * 1e6:.0f} s a million", color="0.4",
                   transform=panel.transAxes, va="top", fontsize=8)  # fmt: skip
    figure.savefig(FIGURE, metadata={"Date": None})


def main() -> int:
    """Measure, keep and draw."""
    parser = argparse.ArgumentParser(description="Scaling of the tally.")
    parser.add_argument("--cells", type=Path, default=Path("bench-data"))
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=1)
    chosen = parser.parse_args()
    found, started = known(), time.time()
    if chosen.draw:
        draw(found)
        return 0
    measured = {}
    for size in chosen.sizes:
        path = chosen.cells / f"{SIZES[size]}.h5ad"
        if chosen.make and not path.exists():
            make = [sys.executable, str(ME.with_name("cells.py")), str(size), str(path)]
            compare([Job(path.name, make)], repeats=0)
        one = compare([job("ours", path)], repeats=chosen.repeats, warm_up=size < 1_000_000)["ours"]
        if not one.ok:
            sys.exit(one.complaint)
        measured[name_of(size)] = dataclasses.replace(one, name=name_of(size))
        found[size] = {
            field: getattr(one, field) for field in ("wall_s", "cpu_s", "peak_gib", "load")
        }
    old = json.loads(KEPT.read_text())["jobs"] if KEPT.exists() else []
    write_results(
        "tally_scaling", rows(found), title="How the tally grows with the number of cells",
        measured=[measured], packages=versions("turncoat", "numpy", "h5py", "deflate"),
        started=started, notes=[NOTE],
    )  # fmt: skip
    new = json.loads(KEPT.read_text())
    new["jobs"] += [entry for entry in old if entry["name"] not in measured]
    KEPT.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")
    draw(found)
    return 0


NOTE = (
    "`ours` of the tally's benchmark, whole processes on two threads, gzip h5ad of 20,000 genes with "
    "about 1,480 stored values a cell, 288 rows in random order. The line goes through the smallest "
    "and the largest study."
)

if __name__ == "__main__":
    sys.exit(main())
