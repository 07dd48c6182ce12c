"""Allegiance on the page: a verdict per population, its donors, and what it stands on."""

import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import pandas as pd

from turncoat.allegiance import Allegiance, plot
from turncoat.allegiance.verdict import FIRM
from turncoat.report.answer import listed
from turncoat.report.cells import Estimate, number, word
from turncoat.report.claim import Claim, Evidence
from turncoat.report.plain import plain_name
from turncoat.report.section import Figure, Material, Section, Table, figure_of
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
            "duty", "real", "log2, 95 %", "Change of the anti-tumour programme, case − reference."
        ),
        Column(
            "harm", "real", "log2, 95 %", "Change of the pro-tumour programme, case − reference."
        ),
        Column(
            "qvalue",
            "real",
            "",
            "Lost duty or gained harm: permutation test over donors, corrected over populations.",
        ),
        Column("reason", "text", "", "Why this verdict, and the donors that it hangs on."),
    ),
)


def section(material: Material) -> Section | None:
    """Write the section, or nothing when no contrast was asked."""
    found = material.results("allegiance", Allegiance)
    if not found:
        return None
    titles = material.titles()
    claims = [
        _claim(part, titles[part], {str(key): value for key, value in row.items()})
        for part, result in found.items()
        for row in result.table.to_dict("records")
    ]
    return Section(
        title="Which populations switched sides?",
        lead=" ".join(_lead(titles[part], result) for part, result in found.items()),
        claims=tuple(claims),
        tables=tuple(
            table for part, result in found.items() for table in _tables(titles[part], result)
        ),
        figures=tuple(
            figure for part, result in found.items() for figure in _figures(titles[part], result)
        ),
        notes=NOTES,
        dropped=pd.concat(
            [result.dropped.assign(contrast=titles[part]) for part, result in found.items()],
            ignore_index=True,
        ),
    )


#: More donors than this are counted, not named: the names are in the findings.
MAX_NAMED = 3
ENDS = ("shift", "lower", "upper")
RANK = {"switched": 0, "loyal": 1, "inconclusive": 2, "not testable": 3, "not_testable": 3}

HOW_SCORED = (
    "Duty and harm are the mean log2 expression of a population's anti- and pro-tumour genes above "
    "what the donor's other genes lead one to expect; the programmes and their publications are in the "
    "knowledge table 'programmes'."
)
HOW_JUDGED = (
    "Switched means that duty was lost or harm gained over donors, corrected for the number of "
    "populations, and that one of the two is shown by itself; loyal means shown to lie within the "
    "equivalence band on both axes. Borderline means that a p-value twice as large or half as large "
    "would change the verdict: as much may a few more reads of the same cells."
)
NOTES = (HOW_SCORED, HOW_JUDGED, "An inconclusive verdict is no evidence of absence.")


def _lead(title: str, result: Allegiance) -> str:
    table = result.table
    named = table["population"].where(
        table["margin"] >= FIRM, table["population"] + " (borderline)"
    )
    switched = list(named[table["verdict"] == "switched"])
    loyal = list(named[table["verdict"] == "loyal"])
    parts = [
        f"{listed(switched)} switched sides" if switched else "no population switched sides",
        f"{listed(loyal)} could be shown to be loyal" if loyal else "",
    ]
    tested = int((table["status"] == "tested").sum())
    told = " and ".join(part for part in parts if part)
    return f"{title}: of {tested} populations tested, {told}."


def _figures(contrast: str, result: Allegiance) -> list[Figure]:
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
        figure_of(draw(result), title=f"{title}, {contrast}", alt=alt, caption=caption)
        for draw, title, caption in drawn
    ]


def _reason(row: "dict[Hashable, Any]") -> str:
    frail = f"; hangs on {_hangs_on(row['hangs_on'])}" if row["hangs_on"] else ""
    return f"{row['reason']}{frail}"


def _hangs_on(donors: str) -> str:
    """Name the donors that a verdict hangs on, or count them where they are many."""
    names = donors.split(", ") if donors else []
    return donors if len(names) <= MAX_NAMED else f"any of {len(names)} donors"


def _shown(result: Allegiance) -> pd.DataFrame:
    rows = [
        {
            "population": row["population"],
            "tissue": row["tissue"],
            "verdict": row["verdict"],
            "donors": f"{row['n_case']} vs {row['n_reference']}, {row['n_pairs']} pairs",
            "duty": Estimate(*(row[f"anti_{end}"] for end in ENDS)),
            "harm": Estimate(*(row[f"pro_{end}"] for end in ENDS)),
            "qvalue": row["qvalue"],
            "reason": _reason(row),
        }
        for row in result.table.to_dict("records")
    ]
    table = pd.DataFrame(rows, columns=SHOWN.names).sort_values(
        ["verdict", "qvalue"],
        key=lambda column: column.map(RANK) if column.name == "verdict" else column,
    )
    return table if table["tissue"].astype(bool).any() else table.drop(columns="tissue")


def _tables(contrast: str, result: Allegiance) -> list[Table]:
    switched = result.table.loc[result.table["verdict"] == "switched", "population"]
    genes = result.genes[result.genes["population"].isin(switched)]
    tables = [
        Table(
            f"Verdicts, {contrast}",
            _shown(result),
            "One row per population. Effects are case minus reference, over donors.",
            SHOWN,
        ),
        Table(
            f"Genes measured of each programme, {contrast}",
            result.coverage,
            "A score is refused where less than half of its programme was measured.",
            Allegiance.coverage_schema,
            folded=True,
        ),
        Table(
            f"Without each donor in turn, {contrast}",
            result.leave_one_out,
            "Would the verdict stand without this donor?",
            Allegiance.leave_one_out_schema,
            folded=True,
        ),
    ]
    if len(genes):
        caption = "The genes behind the scores of the populations that switched."
        title = f"Genes behind the switch, {contrast}"
        tables.append(Table(title, genes, caption, Allegiance.genes_schema, folded=True))
    return [table for table in tables if len(table.frame)]


def _claim(part: str, title: str, row: dict[str, Any]) -> Claim:
    verdict = word(str(row["verdict"]))
    within = f" in {row['tissue']}" if row["tissue"] else ""
    subject = f"{row['population']}{within}"
    return Claim(
        identifier=f"allegiance/{part}/{subject}",
        sentence=_sentence(subject, title, verdict, row),
        plain=_plain(subject, verdict, row),
        contrast=title,
        subject=subject,
        verdict=verdict,
        evidence=_evidence(part, verdict, row),
        falsified_by=FALSIFIED.get(verdict, FALSIFIED["inconclusive"]),
        populations=(str(row["population"]),),
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
            note=_frail(row),
        ),
    )


def _sentence(subject: str, title: str, verdict: str, row: dict[str, Any]) -> str:
    if row["status"] != "tested":
        return f"{subject}, {title}: not testable, {row['reason']}."
    duty = f"duty {_signed(row['anti_shift'])} log2"
    harm = f"harm {_signed(row['pro_shift'])} log2"
    tail = f", {_frail(row)}" if _frail(row) else ""
    return (
        f"{subject}, {title}: {verdict} ({duty}, {harm}, {row['n_donors']} donors, "
        f"p = {number(float(row['pvalue']))}, q = {number(float(row['qvalue']))}{tail})."
    )


def _frail(row: dict[str, Any]) -> str:
    """Say what makes a verdict frail."""
    parts = ["a tilt that neither axis shows"] if row["reason"].startswith("tilted") else []
    parts += ["borderline"] if row["margin"] < FIRM else []
    parts += [f"hangs on {_hangs_on(row['hangs_on'])}"] if row["hangs_on"] else []
    return ", ".join(parts)


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{'+' if value > 0 else ''}{number(float(value))}"


def _plain(population: str, verdict: str, row: dict[str, Any]) -> str:
    name, n = plain_name(population), row["n_donors"]
    if verdict == "switched":
        lost, gained = float(row["anti_upper"]) < 0, float(row["pro_lower"]) > 0
        what = {
            (True, True): "do less against the tumour and more in its favour",
            (True, False): "do less against the tumour",
            (False, True): "do more in the tumour's favour",
        }.get((lost, gained), "do less against the tumour, or more in its favour")
        both = "at the same time gained anti-tumour duty" in row["reason"]
        also = " At the same time, they do more against it." if both else ""
        return f"{name}: they {what}.{also} Seen over {n} people.{_plain_frail(row)}"
    if verdict == "loyal":
        return f"{name}: no change that matters, over {n} people.{_plain_frail(row)}"
    if verdict == "inconclusive":
        return f"{name}: {n} people were not enough to tell."
    return f"{name}: could not be tested."


def _plain_frail(row: dict[str, Any]) -> str:
    close = " It was a close call." if row["margin"] < FIRM else ""
    return " Leave out one of them, and it could no longer be said." if row["hangs_on"] else close
