"""Several studies on the page: each one's shift, the pooled one, and whether they agree."""

import math
from typing import Any

import pandas as pd

from turncoat.allegiance import plot_pool
from turncoat.allegiance.pool import PooledAllegiance
from turncoat.report.answer import listed
from turncoat.report.cells import number
from turncoat.report.claim import Claim, Evidence
from turncoat.report.plain import plain_name
from turncoat.report.section import Figure, Material, Section, Table, figure_of

#: Forests drawn per contrast: what passed first, then by p-value.
MAX_FORESTS = 6
#: The direction of harm on each axis, and how it is called.
HARM = {"anti_tumour": -1.0, "pro_tumour": 1.0}
WORDS = {"anti_tumour": "loss of duty", "pro_tumour": "gain of harm"}
NOTES = (
    "Every study is tested with its own donors; only shifts and their errors are pooled.",
    (
        "With three or more studies the pooled shift is the mean of studies that may differ "
        "(each weighs by the root of its donors, and the interval comes from how far they lie apart: wide "
        "with three); with two, one common shift is assumed."
    ),
    "Programmes of studies with other genes are not the same score: where coverage differs, so may shifts.",
)


def section(material: Material) -> Section | None:
    """Write what the studies say together, or nothing where there is one study."""
    found = material.results("pool", PooledAllegiance)
    if not found:
        return None
    titles, fdr = material.titles(), material.study.fdr
    return Section(
        title="Do other studies agree?",
        lead=" ".join(_lead(titles[part], result, fdr) for part, result in found.items()),
        claims=tuple(
            claim for part, result in found.items() for claim in _claims(part, titles[part], result, fdr)
        ),
        tables=tuple(
            table for part, result in found.items() for table in _tables(titles[part], result)
        ),
        figures=tuple(
            figure for part, result in found.items() for figure in _figures(titles[part], result)
        ),
        notes=NOTES,
    )  # fmt: skip


def _lead(title: str, result: PooledAllegiance, fdr: float) -> str:
    table = result.table[result.table["status"] == "tested"]
    studies = listed(list(result.params["studies"]))
    if table.empty:
        return f"{title}: {studies} share no population that was tested in two of them."
    moved = [row for row in table.to_dict("records") if _harmful(row, fdr)]
    said = [f"{_subject(row)} ({WORDS[str(row['axis'])]})" for row in moved]
    apart = int((table["q_pvalue"] <= fdr).sum())
    told = (
        f"{listed(said)} held over studies" if said else "no shift towards harm held over studies"
    )
    tail = f" In {apart} of {len(table)} rows the studies disagree beyond chance." if apart else ""
    return f"{title}, {studies} together: {told}.{tail}"


def _harmful(row: dict[Any, Any], fdr: float) -> bool:
    return bool(row["qvalue"] <= fdr) and float(row["shift"]) * HARM[str(row["axis"])] > 0


def _subject(row: dict[Any, Any]) -> str:
    return f"{row['population']} in {row['tissue']}" if row["tissue"] else str(row["population"])


def _tables(title: str, result: PooledAllegiance) -> list[Table]:
    ranked = result.table.sort_values("pvalue", na_position="last", kind="stable")
    ranked = ranked.drop(columns="p_floor")  # Student's law has none
    if not ranked["tissue"].astype(bool).any():
        ranked = ranked.drop(columns="tissue")
    return [
        Table(
            f"Pooled shifts, {title}",
            ranked,
            "One row per population and axis: duty (anti_tumour) and harm (pro_tumour).",
            PooledAllegiance.table_schema,
            verdicts=(),
        ),
        Table(
            f"Each study's own shifts, {title}",
            result.studies,
            "What was pooled.",
            PooledAllegiance.studies_schema,
            folded=True,
            verdicts=(),
        ),
    ]


def _figures(title: str, result: PooledAllegiance) -> list[Figure]:
    tested = result.table[result.table["status"] == "tested"]
    ranked = tested.sort_values("pvalue", kind="stable").head(MAX_FORESTS)
    return [
        figure_of(
            plot_pool.forest(
                result, str(row["population"]), axis=str(row["axis"]), tissue=str(row["tissue"])
            ),
            title=f"{_subject(row)}, {title}",
            alt=f"{_subject(row)}: pooled {WORDS[str(row['axis'])]} {_told(row)}.",
            caption="Squares: studies, sized by precision; diamond: pooled; thin line: where a "
            "further study should lie.",
        )
        for row in ranked.to_dict("records")
    ]


def _told(row: dict[Any, Any]) -> str:
    sign = HARM[str(row["axis"])]
    ends = sorted(sign * float(row[end]) for end in ("lower", "upper"))
    return f"{number(sign * float(row['shift']))} log2 [{number(ends[0])}, {number(ends[1])}]"


def _claims(part: str, title: str, result: PooledAllegiance, fdr: float) -> list[Claim]:
    tested = result.table[result.table["status"] == "tested"]
    return [
        _claim(part, title, own, fdr)
        for _, own in tested.groupby(["population", "tissue"], sort=False)
    ]


def _claim(part: str, title: str, own: pd.DataFrame, fdr: float) -> Claim:
    rows = own.to_dict("records")
    subject = _subject(rows[0])
    moved = [row for row in rows if _harmful(row, fdr)]
    verdict = "switched" if moved else "inconclusive"
    shown = "; ".join(
        f"{WORDS[str(row['axis'])]} {_told(row)}, {_agreement(row)}" for row in moved or rows
    )
    people = max(int(row["n_donors"]) for row in rows)
    n_studies = max(int(row["n_studies"]) for row in rows)
    name = plain_name(str(rows[0]["population"]))
    plain = (
        f"{name}: the change is seen over {n_studies} studies together ({people} people)."
        if moved
        else f"{name}: {n_studies} studies together ({people} people) could not tell."
    )
    return Claim(
        identifier=f"pool/{part}/{subject}",
        sentence=f"{subject}, {title}, {n_studies} studies with {people} donors: {verdict} ({shown}).",
        plain=plain,
        contrast=title,
        subject=subject,
        verdict=verdict,
        evidence=tuple(_evidence(part, row, fdr) for row in moved or rows),
        falsified_by="a further study in which the shift lies on the other side of zero."
        if moved
        else "further studies, which would narrow the pooled interval.",
        populations=(str(rows[0]["population"]),),
    )


def _agreement(row: dict[Any, Any]) -> str:
    if math.isnan(float(row["i2"])):
        return "agreement unknown"
    return f"I² = {float(row['i2']):.0f} %"


def _evidence(part: str, row: dict[Any, Any], fdr: float) -> Evidence:
    sign = HARM[str(row["axis"])]
    ends = sorted(sign * float(row[end]) for end in ("lower", "upper"))
    harmful = _harmful(row, fdr)
    return Evidence(
        rung="state",
        bearing="supports" if harmful else "open",
        direction="pro-tumour" if harmful else "unknown",
        effect=sign * float(row["shift"]),
        unit=f"log2, {WORDS[str(row['axis'])]}",
        low=ends[0],
        high=ends[1],
        pvalue=float(row["pvalue"]),
        qvalue=float(row["qvalue"]),
        n_donors=int(row["n_donors"]),
        n_cohorts=int(row["n_studies"]),
        table=f"pool.{part}.table",
        row={name: str(row[name]) for name in ("population", "tissue", "axis")},
        note=_agreement(row),
    )
