"""The drug tables: what a drug does to which target, for whom, where, and since when."""

import datetime
import functools
import re
from typing import Final

import pandas as pd

from turncoat.errors import KnowledgeError
from turncoat.knowledge.registry import read_table
from turncoat.tables import Column, TableSchema

#: What a table may say of a drug for an indication in a region. The last two are the Guide to
#: Pharmacology's, which states neither indication nor region nor phase.
STATUSES: Final = (
    "approved",
    "approval_withdrawn",
    "investigational",
    "development_stopped",
    "preclinical_tool",
    "approved_indication_not_stated",
    "not_stated",
)
EFFECTS: Final = ("blocks", "activates", "depletes", "degrades", "unclear")
EVIDENCE: Final = ("verified", "unverified")

#: Columns that make a row: a drug has one status per indication and region, not one.
KEY: Final = ("drug", "target", "effect", "indication", "region")

DRUGS = TableSchema(
    columns=(
        Column("drug", "text", "", "Name."),
        Column("synonyms", "text", "", "Other names, joined by semicolons."),
        Column("target", "text", "", "Gene symbol of the target."),
        Column(
            "action", "text", "", "inhibitor, antagonist antibody, agonist, depleting antibody…"
        ),
        Column("effect", "text", "", "blocks, activates, depletes, degrades or unclear."),
        Column("indication", "text", "", "Disease and setting."),
        Column("disease", "text", "", "The disease alone; not stated where the source does not."),
        Column("region", "text", "", "Where the status holds."),
        Column("status", "text", "", "Regulatory status for this indication in this region."),
        Column("phase", "text", "", "Highest trial phase, where known."),
        Column(
            "status_date",
            "text",
            "",
            "Day, month or year of the source, ISO 8601; of the check where it has none.",
        ),
        Column("source", "text", "", "Where that was read."),
        Column("evidence", "text", "", "verified, or unverified where no source was read."),
        Column("toxicities", "text", "", "Known harms that matter for the choice of a cut."),
        Column("trials", "text", "", "Trial identifiers."),
        Column("note", "text", "", "What else to know."),
    ),
    key=KEY,
)

CUTS = TableSchema(
    columns=(
        Column("kind", "text", "", "signal or population."),
        Column("name", "text", "", "Start of the ligand's symbol, or the population."),
        Column("level", "text", "", "Where it is cut."),
        Column("target", "text", "", "Gene symbol of the target."),
        Column("means", "text", "", "promotes or holds back; for populations the effect needed."),
        Column("reach", "text", "", "What else is hit."),
        Column("source", "text", "", "Where that is known from."),
    ),
    key=("kind", "name", "level", "target"),
)


def check_drugs(table: pd.DataFrame) -> None:
    """Refuse a drug table with a row that nothing should rest on.

    Raises
    ------
    TableError
        When columns or keys are not as declared.
    KnowledgeError
        When a row lacks a source, has no date, names an unknown status or effect, or a target
        that is no gene.
    """
    DRUGS.check(table)
    checks = (
        (table["source"].str.strip() == "", "has no source"),
        (~table["status"].isin(STATUSES), f"has a status outside {list(STATUSES)}"),
        (~table["effect"].isin(EFFECTS), f"has an effect outside {list(EFFECTS)}"),
        (~table["evidence"].isin(EVIDENCE), f"has evidence outside {list(EVIDENCE)}"),
        (~table["target"].map(is_gene), "has a target that is not a gene symbol"),
        (~table["status_date"].map(_is_day), "has no date (ISO 8601)"),
    )
    for wrong, what in checks:
        if wrong.any():
            row = table[wrong].iloc[0]
            raise KnowledgeError(
                f"The drug row '{row['drug']}' → '{row['target']}' {what}: status "
                f"{row['status']!r}, effect {row['effect']!r}, source {row['source']!r}, date "
                f"{row['status_date']!r}."
            )


def is_gene(name: str) -> bool:
    """Whether a name can be a human gene symbol."""
    return bool(re.fullmatch(r"[A-Z][A-Z0-9]*(?:orf\d+)?(?:-[A-Z0-9]+)*", name))


def _is_day(text: str) -> bool:
    padded = text + "-01" * (2 - text.count("-"))
    try:
        datetime.date.fromisoformat(padded)
    except ValueError:
        return False
    return True


@functools.cache
def _drugs() -> pd.DataFrame:
    own = read_table("drugs_own").assign(table="drugs_own")
    guide = read_table("drugs_guide").assign(table="drugs_guide")
    # Where our own rows know a drug's status for an indication, the Guide's bare flag adds nothing.
    names = {
        name for row in own["drug"] + "; " + own["synonyms"] for name in row.split("; ") if name
    }
    known = set(own["target"])
    repeated = guide["drug"].isin(names) & guide["target"].isin(known)
    # An antibody that merely "binds" says nothing of its direction; ours does.
    return pd.concat([own, guide[~repeated]], ignore_index=True)


def drugs() -> pd.DataFrame:
    """Read both bundled drug tables as one, ours first.

    Returns
    -------
    DataFrame
        Columns of :data:`DRUGS`, and ``table``: the knowledge table of each row.

    Examples
    --------
    >>> rows = drugs()
    >>> rows.loc[rows["drug"] == "LGK974", "status"].tolist()
    ['investigational']
    """
    return _drugs().copy()


def status_for(
    status: str, disease: str, cancer: str, *, region: str, phase: str, date: str
) -> str:
    """Say a status as it reads for one cancer.

    Parameters
    ----------
    status, disease, region, phase, date
        As in the drug table.
    cancer
        The study's cancer; empty when not known.

    Returns
    -------
    str
        ``approved_for_this_cancer``, ``approved_other_cancer``, ``approved_non_oncology``,
        ``approval_withdrawn(region, date)``, ``investigational(phase)``,
        ``development_stopped``, ``preclinical_tool``, or what the Guide left unsaid.

    Examples
    --------
    >>> status_for("investigational", "solid tumour", "breast cancer", region="no region", phase="1", date="2021-05-01")
    'investigational(phase 1)'
    """
    if status == "approved":
        if cancer and _same_cancer(disease, cancer):
            return "approved_for_this_cancer"
        return "approved_other_cancer" if is_cancer(disease) else "approved_non_oncology"
    if status == "approval_withdrawn":
        return f"approval_withdrawn({region}, {date})"
    if status == "investigational":
        return f"investigational(phase {phase})" if phase else "investigational(phase not known)"
    return status


def _same_cancer(disease: str, cancer: str) -> bool:
    """Whether an indication's disease is the study's, or the study's is a kind of it."""
    return disease.lower() == cancer.lower() or cancer.lower().endswith(f" {disease.lower()}")


def is_cancer(disease: str) -> bool:
    """Whether a disease is a cancer."""
    words = (
        "cancer",
        "tumour",
        "carcinoma",
        "lymphoma",
        "leukaemia",
        "melanoma",
        "myelodysplastic",
    )
    return any(word in disease.lower() for word in words)
