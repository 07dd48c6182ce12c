"""Allegiance on the page: a verdict per population, its donors, and what it stands on."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from turncoat.allegiance import Allegiance, plot
from turncoat.report.answer import listed
from turncoat.report.cells import number, word
from turncoat.report.claim import Claim, Evidence
from turncoat.report.section import Figure, Material, Section, Table, figure_of
from turncoat.stats import Contrast
from turncoat.tables import Column, TableSchema

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = TableSchema(
    columns=(
        Column("population", "text", "", "Cell population, as the study calls it."),
        Column("tissue", "text", "", "Tissue within which the comparison was made."),
        Column("verdict", "text", "", "switched, loyal, inconclusive or not testable."),
        Column("donors", "text", "", "Donors in case and reference arm; pairs have both."),
        Column(
            "duty", "real", "log2", "Change of the anti-tumour programme, case minus reference."
        ),
        Column("duty_interval", "text", "95 %", "Interval of the change of duty."),
        Column("harm", "real", "log2", "Change of the pro-tumour programme, case minus reference."),
        Column("harm_interval", "text", "95 %", "Interval of the change of harm."),
        Column("pvalue", "real", "", "Lost duty or gained harm: permutation p-value over donors."),
        Column("qvalue", "real", "", "The same, corrected over the populations of the table."),
        Column("p_floor", "real", "", "Smallest p-value that these donors could give at all."),
        Column("hangs_on", "text", "", "Donors without whom the verdict would differ."),
        Column("reason", "text", "", "Why this verdict."),
    ),
)


def section(material: Material) -> Section | None:
    """Write the section, or nothing when no contrast was asked."""
    found = material.results("allegiance", Allegiance)
    if not found:
        return None
    contrasts = material.contrasts()
    claims = [
        _claim(part, contrasts[part], {str(key): value for key, value in row.items()})
        for part, result in found.items()
        for row in result.table.to_dict("records")
    ]
    return Section(
        title="Which populations switched sides?",
        lead=" ".join(_lead(contrasts[part], result) for part, result in found.items()),
        claims=tuple(claims),
        tables=tuple(
            table for part, result in found.items() for table in _tables(contrasts[part], result)
        ),
        figures=tuple(
            figure for part, result in found.items() for figure in _figures(contrasts[part], result)
        ),
        notes=NOTES,
        dropped=pd.concat(
            [
                result.dropped.assign(contrast=contrasts[part].label)
                for part, result in found.items()
            ],
            ignore_index=True,
        ),
    )


HOW_SCORED = (
    "Duty and harm are the mean log2 expression of a population's anti- and pro-tumour genes above "
    "control genes of like abundance, per donor; the programmes and their publications are in the "
    "knowledge table 'programmes'."
)
HOW_JUDGED = (
    "Switched means that duty was lost or harm gained over donors, corrected for the number of "
    "populations; loyal means shown to lie within the equivalence band on both axes."
)
NOTES = (HOW_SCORED, HOW_JUDGED, "An inconclusive verdict is no evidence of absence.")


def _lead(contrast: Contrast, result: Allegiance) -> str:
    table = result.table
    switched = list(table.loc[table["verdict"] == "switched", "population"])
    loyal = list(table.loc[table["verdict"] == "loyal", "population"])
    parts = [
        f"{listed(switched)} switched sides" if switched else "no population switched sides",
        f"{listed(loyal)} could be shown to be loyal" if loyal else "",
    ]
    tested = int((table["status"] == "tested").sum())
    told = " and ".join(part for part in parts if part)
    return f"{contrast.label}: of {tested} populations tested, {told}."


def _figures(contrast: Contrast, result: Allegiance) -> list[Figure]:
    if result.scores.empty:
        return []
    alt = _lead(contrast, result)
    drawn: list[tuple[Callable[[Allegiance], Axes], str, str]] = [
        (
            plot.allegiance,
            "Shifts",
            "Mean change of duty and harm with 95 % intervals; grey: the equivalence band.",
        ),
        (
            plot.allegiance_map,
            "Duty against harm",
            "Large points: populations; small points: their paired donors.",
        ),
        (
            plot.allegiance_panels,
            "Donors",
            "Each point is a donor, sized by its weight; lines join the arms of one donor.",
        ),
    ]
    return [
        figure_of(draw(result), title=f"{title}, {contrast.label}", alt=alt, caption=caption)
        for draw, title, caption in drawn
    ]


def _interval(low: float, high: float) -> str:
    return "–" if math.isnan(low) else f"{number(low)} to {number(high)}"


def _shown(result: Allegiance) -> pd.DataFrame:
    rows = [
        {
            "population": row["population"],
            "tissue": row["tissue"],
            "verdict": row["verdict"],
            "donors": f"{row['n_case']} vs {row['n_reference']}, {row['n_pairs']} pairs",
            "duty": row["anti_shift"],
            "duty_interval": _interval(row["anti_lower"], row["anti_upper"]),
            "harm": row["pro_shift"],
            "harm_interval": _interval(row["pro_lower"], row["pro_upper"]),
            "pvalue": row["pvalue"],
            "qvalue": row["qvalue"],
            "p_floor": row["p_floor"],
            "hangs_on": row["hangs_on"],
            "reason": row["reason"],
        }
        for row in result.table.to_dict("records")
    ]
    table = SHOWN.build(rows)
    return table if table["tissue"].astype(bool).any() else table.drop(columns="tissue")


def _tables(contrast: Contrast, result: Allegiance) -> list[Table]:
    switched = result.table.loc[result.table["verdict"] == "switched", "population"]
    genes = result.genes[result.genes["population"].isin(switched)]
    tables = [
        Table(
            f"Verdicts, {contrast.label}",
            _shown(result),
            "One row per population. Effects are case minus reference, over donors.",
            SHOWN,
        ),
        Table(
            f"Genes measured of each programme, {contrast.label}",
            result.coverage,
            "A score is refused where less than half of its programme was measured.",
            Allegiance.coverage_schema,
            folded=True,
        ),
        Table(
            f"Without each donor in turn, {contrast.label}",
            result.leave_one_out,
            "Would the verdict stand without this donor?",
            Allegiance.leave_one_out_schema,
            folded=True,
        ),
    ]
    if len(genes):
        caption = "The genes behind the scores of the populations that switched."
        title = f"Genes behind the switch, {contrast.label}"
        tables.append(Table(title, genes, caption, Allegiance.genes_schema, folded=True))
    return [table for table in tables if len(table.frame)]


def _claim(part: str, contrast: Contrast, row: dict[str, Any]) -> Claim:
    verdict = word(str(row["verdict"]))
    within = f" in {row['tissue']}" if row["tissue"] else ""
    subject = f"{row['population']}{within}"
    return Claim(
        identifier=f"allegiance/{part}/{subject}",
        sentence=_sentence(subject, contrast, verdict, row),
        plain=_plain(subject, contrast, verdict, row),
        contrast=contrast.label,
        subject=subject,
        verdict=verdict,
        evidence=_evidence(part, verdict, row),
        falsified_by=FALSIFIED[verdict] if verdict in FALSIFIED else FALSIFIED["inconclusive"],
    )


FALSIFIED = {
    "switched": "a study with other donors in which the shift lies within the equivalence band.",
    "loyal": "a study with other donors in which duty falls or harm rises beyond the band.",
    "inconclusive": "more donors, which would decide between switched and loyal.",
    "not testable": "any study with enough donors, cells and genes to make a test.",
}


def _evidence(part: str, verdict: str, row: dict[str, Any]) -> tuple[Evidence, ...]:
    if row["status"] != "tested":
        return ()
    lost = -float(row["anti_shift"]) >= float(row["pro_shift"])
    axis, sign = ("anti", -1.0) if lost else ("pro", 1.0)
    effect = sign * float(row[f"{axis}_shift"])
    ends = sorted(sign * float(row[f"{axis}_{end}"]) for end in ("lower", "upper"))
    name = "loss of duty" if lost else "gain of harm"
    loyal = verdict == "loyal"
    return (
        Evidence(
            rung="state",
            bearing="supports" if verdict in {"switched", "loyal"} else "open",
            direction=(
                "neither" if loyal else "pro-tumour" if verdict == "switched" else "unknown"
            ),
            effect=effect,
            unit=f"log2, {name}",
            low=ends[0],
            high=ends[1],
            pvalue=float(row["pvalue_loyal"] if loyal else row["pvalue"]),
            qvalue=math.nan if loyal else float(row["qvalue"]),
            n_donors=int(row["n_donors"]),
            n_cohorts=1,
            table=f"allegiance.{part}.table",
            row={"population": str(row["population"]), "tissue": str(row["tissue"])},
            note=f"Hangs on {row['hangs_on']}." if row["hangs_on"] else "",
        ),
    )


def _sentence(subject: str, contrast: Contrast, verdict: str, row: dict[str, Any]) -> str:
    if row["status"] != "tested":
        return f"{subject}, {contrast.label}: not testable, {row['reason']}."
    duty = f"duty {_signed(row['anti_shift'])} log2"
    harm = f"harm {_signed(row['pro_shift'])} log2"
    tail = f", hanging on {row['hangs_on']}" if row["hangs_on"] else ""
    return (
        f"{subject}, {contrast.label}: {verdict} ({duty}, {harm}, {row['n_donors']} donors, "
        f"p = {number(float(row['pvalue']))}, q = {number(float(row['qvalue']))}{tail})."
    )


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{'+' if value > 0 else ''}{number(float(value))}"


def _plain(subject: str, contrast: Contrast, verdict: str, row: dict[str, Any]) -> str:
    where = f"{contrast.case} compared with {contrast.reference}"
    name = subject.replace("_", " ")
    if verdict == "switched":
        lost = float(row["anti_upper"]) < 0
        gained = float(row["pro_lower"]) > 0
        what = {
            (True, True): "work less against the tumour and help it more",
            (True, False): "work less against the tumour",
            (False, True): "do more of what helps a tumour",
        }.get((lost, gained), "act less against the tumour, or more in its favour")
        frail = " This rests on very few people." if row["hangs_on"] else ""
        return f"{name} ({where}): they {what}, seen in {row['n_donors']} people.{frail}"
    if verdict == "loyal":
        return f"{name} ({where}): no change that matters, seen in {row['n_donors']} people."
    if verdict == "inconclusive":
        return f"{name} ({where}): {row['n_donors']} people were not enough to tell."
    return f"{name} ({where}): could not be tested. {str(row['reason'])[:1].upper()}{row['reason'][1:]}."
