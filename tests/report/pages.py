"""A page with everything on it, made up, and a way to open it in a real browser."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from turncoat.report.claim import Claim, Evidence
from turncoat.report.page import Banner, Page, facts_table
from turncoat.report.section import Section, Table, figure_of
from turncoat.tables import Column, TableSchema

SCHEMA = TableSchema(
    columns=(
        Column("population", "text", "", "Cell population tested."),
        Column("verdict", "text", "", "What the donors show."),
        Column("n_donors", "whole", "donors", "Donors with both tissues."),
        Column("duty_shift", "real", "score", "Change of the anti-tumour axis."),
        Column("qvalue", "real", "", "Benjamini-Hochberg over the table."),
        Column("stable", "flag", "", "Whether it holds without any one donor."),
        Column("reason", "text", "", "Why this verdict."),
    ),
    key=("population",),
)
EVIL = "<script>alert('x')</script> & \"NK\""
NAMES = ["NK", "CD8 T", "Treg", "macrophage", "B", "mast", "dendritic", "neutrophil", EVIL]
VERDICTS = ["switched", "switched", "loyal", "inconclusive", "inconclusive"] + ["not_testable"] * 4


def evidence(bearing: Any = "supports", rung: Any = "state", n_cohorts: int = 1) -> Evidence:
    return Evidence(
        rung, bearing, "pro-tumour", 0.8, "score", 0.2, 1.4, 0.01, 0.03, 9, n_cohorts, "t", {}
    )


def claim(subject: str, verdict: str, contrast: str, *rungs: Evidence) -> Claim:
    return Claim(
        identifier=f"allegiance/{contrast}/{subject}",
        sentence=f"{subject} cells of tumour-bearing lung: {verdict.replace('_', ' ')}.",
        plain=f"{subject} cells {verdict.replace('_', ' ')} in the tumour.",
        contrast=contrast,
        subject=subject,
        verdict=verdict,
        evidence=rungs,
        falsified_by="a paired study of twelve donors with a shift inside the band.",
    )


def donor_figure(name: str) -> Any:
    from matplotlib import pyplot as plt

    rng = np.random.default_rng(1)
    _, axes = plt.subplots(figsize=(4.2, 3), layout="constrained")
    before, after = rng.normal(0, 1, 9), rng.normal(1, 1, 9)
    for x, y in zip(before, after, strict=True):
        axes.plot([0, 1], [x, y], "o-", color="0.4", linewidth=0.8)
    axes.set(
        xticks=[0, 1], xticklabels=["normal lung", "tumour"], ylabel="Anti-tumour axis (score)"
    )
    return figure_of(
        axes, title=name, alt=f"{name}: eight of nine donors fall.", caption="9 pairs."
    )


def full_page() -> Page:
    contrasts = ("Tumour vs normal lung", "Involved vs normal node")
    claims = tuple(
        claim(name, verdict, contrast, *([evidence()] if verdict != "not_testable" else []))
        for contrast in contrasts
        for name, verdict in zip(NAMES, VERDICTS, strict=True)
    )
    table = SCHEMA.build(
        {
            "population": NAMES,
            "verdict": VERDICTS,
            "n_donors": range(9),
            "duty_shift": [-0.8123, 0.00002, 0.3, -1.5, 12.0, np.nan, np.nan, np.nan, np.nan],
            "qvalue": [0.01, 0.2, 0.03, 0.00004, 0.5, np.nan, np.nan, np.nan, np.nan],
            "stable": [True, False] * 4 + [True],
            "reason": ["Lost duty and gained harm in 9 of 9 donors; holds without any one of them."]
            * 9,
        }
    )
    dropped = pd.DataFrame({"what": ["IL7R"], "n": [1], "reason": ["not on the panel"]})
    allegiance = Section(
        title="Which populations switched sides?",
        lead="NK and CD8 T cells lost their duty in the tumour.",
        claims=claims,
        tables=(Table("Verdicts", table, "One row per population.", SCHEMA),),
        figures=tuple(donor_figure(name) for name in NAMES[:3]),
        notes=("FOXP3 is not on the panel.",),
        dropped=dropped,
    )
    crosstalk = Section(
        title="Which signals do they send?",
        lead="One edge is heard.",
        claims=(
            Claim("crosstalk/lung/NK-WNT", "NK cells send WNT5A; the tumour answers.",
                  "NK cells send a growth signal that the tumour answers.", contrasts[0],
                  "NK → tumour", "heard", (evidence(rung="edge"), evidence(rung="response")),
                  "receivers silent in a second cohort."),
        ),
        tables=(Table("All edges", table.head(0), folded=True),),
    )  # fmt: skip
    return Page(
        title="Lung adenocarcinoma, eleven donors",
        facts="11 donors · 58 samples · 6,172 cells · 4,869 genes · human",
        plain_facts="The study looked at 6,172 cells of 11 people.",
        version="0.0",
        sections={"allegiance": allegiance, "crosstalk": crosstalk},
        banners=(Banner("SYNTHETIC DATA.", "These cells come from no patient."),),
        dropped=(Table("Allegiance", dropped),),
        skipped={"outcome": "no cohort was given"},
        provenance=(facts_table("Inputs", {"cells.h5ad": "ab" * 32}, ("file", "sha256")),),
        plain_limits=("Eleven people are few.",),
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a browser made of a page in a frame of some width."""

    page_width: int
    sorted_first: list[str]
    console: list[str]
    requests: list[str]


BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--virtual-time-budget=4000",
)  # fmt: skip
PROBE = """<!doctype html><meta charset=utf-8><body style="margin:0">
<iframe id=f width={width} height=900 style="border:0" srcdoc="{page}"></iframe><pre id=out></pre>
<script>
document.getElementById("f").addEventListener("load", (event) => {{
  const page = event.target.contentDocument, seen = {{sorted_first: []}};
  for (const head of page.querySelectorAll("table.sortable th button")) {{
    head.click();
    const row = head.closest("table").tBodies[0].rows[0];
    seen.sorted_first.push(row ? row.cells[head.closest("th").cellIndex].innerText : "");
  }}
  seen.page_width = page.documentElement.scrollWidth;
  seen.requests = event.target.contentWindow.performance.getEntriesByType("resource")
    .map((entry) => entry.name).filter((name) => !name.startsWith("data:"));
  document.getElementById("out").textContent = "SEEN" + JSON.stringify(seen) + "NEES";
}});
</script>"""


def look(page: str, width: int, folder: Path) -> Seen:
    """Open a page in a frame of this width, click every column head, tell what happened."""
    probe = folder / f"probe-{width}.html"
    probe.write_text(PROBE.format(width=width, page=html.escape(page)), encoding="utf-8")
    done = browse(folder, "--dump-dom", "--window-size=1400,1000", probe.as_uri())
    found = re.search(r"SEEN(\{.*\})NEES", done.stdout)
    if found is None:
        raise RuntimeError(f"The browser showed nothing: {done.stderr[-2000:]}")
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(console=console, **json.loads(html.unescape(found.group(1))))


def shoot(page: Path, picture: Path, width: int, height: int) -> None:
    """Take a picture of a page in a window of this size."""
    browse(
        picture.parent, f"--screenshot={picture}", f"--window-size={width},{height}", page.as_uri()
    )


def browse(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    profile = folder / "profile"
    command = [
        str(BROWSER),
        *FLAGS,
        f"--user-data-dir={profile}",
        "--enable-logging=stderr",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
