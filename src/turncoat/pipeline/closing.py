"""The last stage: claims, pages and provenance out of everything that was found."""

import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import pandas as pd

from turncoat import __version__
from turncoat.knowledge.registry import catalogue, versions
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.report.page import Banner, Page, facts_table, render_plain, render_report
from turncoat.report.section import Section, Table
from turncoat.report.sections import write_sections
from turncoat.tables import UNS_KEY
from turncoat.tally import layout

#: Packages whose version can change a number in the report.
COMPUTING = ("anndata", "h5py", "lifelines", "numba", "numpy", "pandas", "scipy", "zarr")


def with_report(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Add the stage that reads everything the others found."""
    closing = Stage(
        name="report",
        run=write_pages,
        needs=tuple(stage.name for stage in stages),
        version=1,
        title="Writing the report",
        parameters=lambda study: {"title": study.title},
    )
    return (*stages, closing)


def write_pages(run: Run) -> None:
    """Write ``claims.json``, ``report.html``, ``plain.html`` and ``provenance.json``."""
    sections = write_sections(run)
    provenance = provenance_of(run)
    page = page_of(run, sections, provenance)
    claims = [claim.to_json() for claim in page.claims]
    run.save_text("claims.json", _json({"turncoat": __version__, "claims": claims}))
    run.save_text("report.html", render_report(page))
    run.save_text("plain.html", render_plain(page))
    run.save_text("provenance.json", _json(provenance))


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"


def provenance_of(run: Run) -> dict[str, Any]:
    """Everything needed to repeat the run; no time, no user, no machine."""
    stages = {}
    for path in sorted((run.hidden / "stages").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        stages[path.stem] = {"key": record["key"], **record["facts"]}
    inputs = {name: sha for stage in stages.values() for name, sha in stage["inputs"].items()}
    return {
        "turncoat": __version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in COMPUTING},
        "seed": run.seed,
        "inputs": inputs,
        "knowledge": versions(),
        "stages": {name: stages[name] for name in run.done if name in stages},
    }


def page_of(run: Run, sections: Mapping[str, Section], provenance: Mapping[str, Any]) -> Page:
    """Gather what the pages show."""
    tally = run.tally()
    rows, meta = tally.obs, tally.uns[UNS_KEY][layout.META_KEY]
    n_donors, n_samples = rows[layout.DONOR].nunique(), rows[layout.SAMPLE].nunique()
    n_cells = int(rows[layout.N_CELLS].sum())
    return Page(
        title=run.study.title,
        facts=f"{n_donors} donors · {n_samples} samples · {n_cells:,} cells · "
        f"{tally.n_vars:,} genes · {meta['species']}",
        plain_facts=f"The study looked at {n_cells:,} single cells from {n_samples} tissue "
        f"samples of {n_donors} {'person' if n_donors == 1 else 'people'}."
        if meta["species"] == "human"
        else f"The study looked at {n_cells:,} single cells from {n_samples} tissue samples of "
        f"{n_donors} {'animal' if n_donors == 1 else 'animals'} ({meta['species']}).",
        version=__version__,
        sections=sections,
        banners=tuple(_banners(str(meta.get("synthetic", "")), n_donors)),
        dropped=tuple(
            Table(
                section.title,
                section.dropped,
                verdicts=("status",),
                folded=len(section.dropped) > 12,
            )
            for section in sections.values()
            if len(section.dropped)
        ),
        skipped=run.skipped,
        provenance=_provenance_tables(provenance),
    )


def _banners(synthetic: str, n_donors: int) -> list[Banner]:
    banners = []
    if synthetic:
        banners.append(
            Banner("SYNTHETIC DATA.", f"These cells come from no patient: {synthetic.rstrip('.')}.")
        )
    if n_donors == 1:
        banners.append(
            Banner(
                "One donor: description only.",
                "What is seen in one person cannot be told apart from that person, so no test was "
                "made and no p-value is shown. Bring at least two donors for any test at all.",
            )
        )
    return banners


def _provenance_tables(provenance: Mapping[str, Any]) -> tuple[Table, ...]:
    software = {"turncoat": provenance["turncoat"], "python": provenance["python"]}
    software |= {**provenance["packages"], "seed": provenance["seed"]}
    stages = [
        {
            "stage": name,
            "version": facts["version"],
            "parameters": json.dumps(facts["parameters"], ensure_ascii=False, default=str),
            "key": facts["key"][:12],
        }
        for name, facts in provenance["stages"].items()
    ]
    cards = [
        {
            "table": card.name,
            "version": card.version,
            "source": card.source,
            "licence": card.licence,
            "sha256": card.sha256[:12],
        }
        for card in catalogue().values()
    ]
    return (
        facts_table("Software and seed", software, ("what", "version")),
        facts_table("Inputs", provenance["inputs"], ("file", "sha256")),
        Table("Stages and their parameters", pd.DataFrame(stages), folded=True, verdicts=()),
        Table("Knowledge tables", pd.DataFrame(cards), folded=True, verdicts=()),
    )
