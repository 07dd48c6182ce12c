"""Calibration, power and speed of the donor-level statistics, beside the field's.

    python benchmarks/donor_statistics.py PART [PART...]      each part at most five minutes
    python benchmarks/donor_statistics.py all

Parts: labelings, exact and joint (exact tests), null (other tests of genes and scores), organs, other (composition),
pool (pooled studies), cells (scanpy's), substates, power, rare, together (programmes whose genes move together), fdr, verdicts,
firm, timing. Each writes its own entry of results/donor_statistics.json, with date,
seeds and numbers of studies; the other entries stay. ``python benchmarks/donor_figures.py`` draws them.

Named so because a script called ``statistics.py`` would hide Python's module of that name.
Peers: scanpy, PyDESeq2 and decoupler in TURNCOAT_PEERS, limma through Rscript. What the peers found is kept
under TURNCOAT_CACHE (benchmarks/.cache by default): a peer takes over a second per study, so the first run
of power, rare and together takes longer.
"""

import argparse
import datetime
import importlib
import json
import os
import subprocess
import time

import harness

PARTS = {
    "labelings": ("donor_exact", "labelings_part"),
    "exact": ("donor_exact", "exact_part"),
    "joint": ("donor_exact", "joint_part"),
    "null": ("donor_null", "null_part"),
    "organs": ("donor_null", "organs_part"),
    "other": ("donor_null", "other_part"),
    "pool": ("donor_null", "pool_part"),
    "cells": ("donor_null", "cells_part"),
    "substates": ("donor_states", "substates_part"),
    "power": ("donor_power", "power_part"),
    "rare": ("donor_power", "rare_part"),
    "together": ("donor_power", "together_part"),
    "fdr": ("donor_fdr", "fdr_part"),
    "verdicts": ("donor_verdicts", "verdicts_part"),
    "firm": ("donor_verdicts", "firm_part"),
    "timing": ("donor_verdicts", "timing_part"),
}
RESULT = harness.RESULTS / "donor_statistics.json"


def packages() -> dict[str, str]:
    found = harness.versions("turncoat", "numpy", "scipy")
    python = harness.peer_python("pydeseq2")
    if python:
        found |= {
            name: harness.version_in(python, name) for name in ("scanpy", "pydeseq2", "decoupler")
        }
    code = 'cat(as.character(packageVersion("limma")))'
    limma = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=False)
    return found | ({"limma": limma.stdout} if limma.returncode == 0 else {})


def measure(name: str) -> dict[str, object]:
    module, function = PARTS[name]
    started = time.time()
    found = getattr(importlib.import_module(module), function)()
    about = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "took_s": round(time.time() - started, 1),
        "load_average": round(os.getloadavg()[0], 2),
    }
    return about | found


def merge(name: str, found: dict[str, object]) -> None:
    """Put one part's findings into the result file, beside the other parts as they are."""
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    parts = {key: part for key, part in before.get("parts", {}).items() if key in PARTS}
    parts[name] = found
    for key, part in parts.items():  # a test stands in the part that measured it last
        if key != name and "shares" in part and "shares" in found:
            parts[key] = without(part, found)
    ordered = {key: parts[key] for key in PARTS if key in parts}
    bars = [entry for part in ordered.values() for entry in part["bars"]]
    notes = [
        f"Part {key}: {part['date']}, {part['took_s']:.0f} s, load {part['load_average']}. "
        + " ".join(part["notes"])
        for key, part in ordered.items()
    ]
    harness.write_results(
        "donor_statistics",
        bars,
        title="Donor-level statistics",
        packages=packages(),
        notes=notes,
    )
    written = json.loads(RESULT.read_text()) | {"parts": ordered}
    RESULT.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def without(part: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    """Leave the tests that another part holds out of this one; its bars are made again."""
    from donor_null import null_bars

    held = {entry["test"] for entry in other["shares"]}
    shares = [entry for entry in part["shares"] if entry["test"] not in held]
    if len(shares) == len(part["shares"]):
        return part
    return part | {"shares": shares, "bars": null_bars(shares)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "all"])
    asked = parser.parse_args().parts
    for name in PARTS if "all" in asked else asked:
        found = measure(name)
        merge(name, found)
        for entry in found["bars"]:
            print(entry["met"], entry["what"], entry["ours"], entry["note"])


if __name__ == "__main__":
    main()
