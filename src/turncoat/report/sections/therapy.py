"""Therapy on the page: where findings could be cut, with what, and what speaks against it."""

import pandas as pd

from turncoat.report.section import Figure, Material, Section, Table, figure_of
from turncoat.therapy import Therapy, plot

MAX_ROWS = 30
PARTS = [
    "rank", "drug", "target", "part_claim", "part_direction", "part_cell", "part_source",
    "part_status", "part_level",
]  # fmt: skip
NOTES = (
    "A list of experiments, not of treatments: no row advises a drug, a dose or a change of therapy.",
    "Status is that of an indication in a region on a day; approval elsewhere is no approval here.",
    "The order compares named parts one after the other; harmful cuts come last. There is no score.",
    "Rows of the Guide to Pharmacology (2020.5) state neither indication nor region nor phase.",
)


def section(material: Material) -> Section | None:
    """Write the section, or nothing when nothing was looked up."""
    found = material.results("therapy", Therapy)
    if not found:
        return None
    result = next(iter(found.values()))
    table = result.table
    figures: tuple[Figure, ...] = ()
    if not table.empty:
        figures = (
            figure_of(
                plot.therapy(result),
                title="Named parts of the first cuts",
                alt="Which named parts each of the first cuts has.",
                caption="Dark: 1, light: 0, cross: the drug would feed the signal.",
            ),
        )
    return Section(
        title="What would cut the signal?",
        lead=_lead(result),
        tables=tuple(_tables(result)),
        figures=figures,
        notes=NOTES,
    )


def _lead(result: Therapy) -> str:
    table = result.table
    if table.empty:
        return (
            "Nothing to cut: no population switched sides and no edge was gained, or no drug in the "
            "tables acts on them."
        )
    cuts = table[(table["direction"] == "cuts") & ~table["is_harmful"]]
    here = cuts[cuts["status"] == "approved_for_this_cancer"]
    cancer = result.params["cancer"] or "this cancer"
    approved = (
        f"{here['drug'].nunique()} approved for {cancer}"
        if len(here)
        else f"none approved for {cancer}"
    )
    harmful = int(table["is_harmful"].sum())
    return (
        f"{cuts['drug'].nunique()} drugs would cut one of {cuts['claim'].nunique()} findings, {approved}; "
        f"{harmful} rows are flagged because they would help the tumour as far as is known. "
        "Each row is an experiment that would test its finding, not a treatment."
    )


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Put the columns of a cut together that are read together."""
    status = table["status"].str.replace("_", " ")
    where = table["indication"] + ", " + table["region"] + ", " + table["status_date"]
    said = [table[name] for name in ("warning", "harmful_elsewhere", "toxicities")]
    warnings = ["; ".join(filter(None, row)) for row in zip(table["reach"], *said, strict=True)]
    direction = table["direction"].mask(
        table["harmful_elsewhere"] != "", table["direction"] + ", harmful elsewhere"
    )
    return pd.DataFrame(
        {
            "rank": table["rank"],
            "finding": table["claim"],
            "cut": table["level"] + ": " + table["target"],
            "drug": table["drug"] + ", " + table["action"],
            "direction": direction.where(~table["is_harmful"], table["direction"] + ", harmful"),
            "status": status + " (" + where + ")",
            "what else it hits, warnings, known harms": warnings,
            "what would change the rank": table["would_change"],
        }
    )


def _tables(result: Therapy) -> list[Table]:
    table = result.table
    if table.empty:
        return []
    known = table[table["direction"] != "unclear"]
    unclear = table[table["direction"] == "unclear"]
    tables = [
        Table(
            "Cuts",
            _shown(known).head(MAX_ROWS),
            caption="First cuts in the order of their parts; all are in the findings.",
        ),
        Table(
            "Direction not known",
            _shown(unclear).head(MAX_ROWS),
            caption="The source names a binder of the target and not which way it acts.",
            folded=True,
        ),
        Table(
            "Parts",
            table[PARTS].head(MAX_ROWS),
            caption="The named parts behind the order.",
            folded=True,
        ),
    ]
    return [*tables, *_folded(result)]


def _folded(result: Therapy) -> list[Table]:
    """Tables that few readers need, where there is anything in them."""
    harmful = result.table[result.table["is_harmful"]]
    columns = ["claim", "target", "drug", "action", "direction", "warning", "source"]
    told = (
        (
            "Flagged as harmful",
            harmful[columns].head(MAX_ROWS),
            "Drugs that would help the tumour.",
        ),
        ("Combinations", result.combinations, "One edge twice, or two edges once."),
        ("Not reached", result.unreached, "Findings without a drug that cuts them."),
    )
    return [
        Table(title, frame, caption=caption, folded=True)
        for title, frame, caption in told
        if len(frame)
    ]
