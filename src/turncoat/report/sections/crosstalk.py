"""Crosstalk on the page: which signals changed, and whether the receiver answers."""

import math
from typing import Any

import pandas as pd

from turncoat.crosstalk import Crosstalk, plot, summary
from turncoat.report.answer import listed
from turncoat.report.cells import Estimate, number, signed
from turncoat.report.claim import Claim, Direction, Evidence
from turncoat.report.plain import plain_name, plain_short
from turncoat.report.section import Figure, Material, Section, Table, figure_of

#: Edges shown and claimed per contrast; all of them are in the findings.
SHOWN_EDGES = 25
CLAIMED = 10
CHANGED = ("gained", "lost", "opposed")

NOTES = (
    (
        "An edge counts only where sender and receiver express their sides in the same sample; a "
        "complex is as strong as its weakest subunit."
    ),
    (
        "Heard means that the receiver's response rises with the signal from donor to donor, adjusted "
        "for depth, purity, cell cycle and the receiver's own ligand, also within the arms and in "
        "donors held out. It is association, not proof of contact."
    ),
    "RNA shows neither the protein nor its secretion. A silent edge is no evidence of absence.",
    (
        "Whom a signal serves is what experiments showed for this kind of receiver, each with its "
        "publication in the findings (effect_source); signals shown both ways, and most others, are "
        "left open. Unchecked: no data were set beside the publication. It decides no verdict: what "
        "changes and what is heard is measured in these donors."
    ),
)
FALSIFIED = {
    "heard": "donors in whom the signal differs and the receiver's response does not.",
    "opposite": "donors in whom the response rises with the signal.",
    "silent": "donors in whom the receiver's response follows the signal.",
    "not testable": "a panel and donors with which the receiver's response can be measured.",
}


def section(material: Material) -> Section | None:
    """Write the section, or nothing when no contrast was asked."""
    found = material.results("crosstalk", Crosstalk)
    if not found:
        return None
    titles = material.titles()
    return Section(
        title="Which signals do they send, and who hears them?",
        lead=" ".join(_lead(titles[part], result) for part, result in found.items()),
        claims=tuple(
            _claim(part, titles[part], {str(key): value for key, value in row.items()})
            for part, result in found.items()
            for row in _claimed(result).to_dict("records")
        ),
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


def _changed(result: Crosstalk) -> pd.DataFrame:
    table = result.table
    return table[table["verdict"].isin(CHANGED)]


def _claimed(result: Crosstalk) -> pd.DataFrame:
    """One claim per signal: the edge of its best supported receptor."""
    return _changed(result).drop_duplicates(summary.SIGNAL).head(CLAIMED)


def _lead(title: str, result: Crosstalk) -> str:
    table = result.table
    tested = int((table["status"] == "tested").sum())
    changed = _changed(result)
    senders = result.params["senders"]
    who = "any population" if senders == "all" else listed([str(name) for name in senders])
    if not tested:
        return f"{title}: no signal of {who} could be tested with these donors."
    if changed.empty:
        return f"{title}: of {tested} edges from {who}, none could be shown to change."
    counts = {name: int((changed["verdict"] == name).sum()) for name in CHANGED}
    told = listed([f"{number} {name}" for name, number in counts.items() if number])
    heard = int((changed["heard"] == "heard").sum())
    first = plot.edge_name(changed.iloc[0].to_dict())
    ears = f"{heard} of them are heard" if heard else "none of them could be shown to be heard"
    return f"{title}: of {tested} edges from {who}, {told}; {ears}. Best supported: {first}."


def _tables(contrast: str, result: Crosstalk) -> list[Table]:
    top = summary.leading(result.table, SHOWN_EDGES)
    rows = [_row({str(key): value for key, value in row.items()}) for row in top.to_dict("records")]
    frame = pd.DataFrame(rows, columns=summary.EDGE_ROWS.names)
    if not frame["tissue"].astype(bool).any():
        frame = frame.drop(columns="tissue")
    tables = [
        Table(
            f"Edges, {contrast}",
            frame,
            f"The best supported signals among {len(result.table)} edges present in enough donors; "
            f"false-discovery rate {number(result.params['fdr'])}.",
            summary.EDGE_ROWS,
        ),
        *_folded(contrast, result),
    ]
    return [table for table in tables if len(table.frame)]


def _folded(contrast: str, result: Crosstalk) -> list[Table]:
    coverage = result.coverage[~result.coverage["response"].str.endswith("(SecAct)")]
    genes = [str(gene) for gene in result.params.get("machinery_missing", [])]
    unsent = f" Not measured: {listed(genes)}, needed to send some ligands." if genes else ""
    rest = (
        (
            "What the receivers do",
            summary.programme_rows(result, SHOWN_EDGES),
            "Programmes of the receivers: those that follow a signal, then those expected of it.",
            summary.PROGRAMME_ROWS,
        ),
        (
            "Between tumour cells, Treg, NK cells and macrophages",
            summary.key_encounters(result),
            "Donors in whom both were measured, and what could be asked of them.",
            Crosstalk.encounters_schema,
        ),
        (
            "What the panel can show",
            summary.panel_rows(result),
            f"Bundled pairs with and without all their genes on the panel.{unsent}",
            summary.PANEL_ROWS,
        ),
        (
            "Responses measured",
            coverage,
            "A response is not scored where the panel lacks most of it.",
            Crosstalk.coverage_schema,
        ),
        (
            "Share of each population",
            result.abundance,
            "A signal also changes when its sender becomes more common.",
            Crosstalk.abundance_schema,
        ),
    )
    follows = result.programmes["answer"].isin(["rises", "falls"]).any()
    return [
        Table(f"{title}, {contrast}", frame, caption, schema, folded=place > 0 or not follows)
        for place, (title, frame, caption, schema) in enumerate(rest)
    ]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    present = row["present_case"] + row["present_reference"]
    rungs = row["ladder"].count(">") + bool(row["ladder"])
    why = [] if row["verdict"] in {"gained", "lost"} else [row["reason"]]
    why += [f"{row['response']}: {row['heard_reason']}" if row["response"] else row["heard_reason"]]
    if str(row["machinery"]).startswith("not measured"):
        why.append(f"what sends it is {row['machinery']}")
    return {
        "edge": plot.edge_name({**row, "tissue": ""}),
        "tissue": row["tissue"],
        "outcome": row["verdict"],
        "serves": summary.served(row),
        "change": Estimate(row["change"], row["lower"], row["upper"]),
        "qvalue": row["qvalue"],
        "donors": f"{present} of {row['n_case'] + row['n_reference']}",
        "rungs": f"{rungs} of 4",
        "verdict": "inconclusive" if row["heard"] == "not asked" else row["heard"],
        "reason": "; ".join(why),
    }


def _figures(contrast: str, result: Crosstalk) -> list[Figure]:
    if not (result.table["status"] == "tested").any():
        return []
    alt = _lead(contrast, result)
    figures = [
        figure_of(
            plot.crosstalk(result),
            title=f"Edges, {contrast}",
            alt=alt,
            caption="Colour: change; size: donors with the edge; whiskers: 95 % intervals.",
        ),
        figure_of(
            plot.crosstalk_map(result),
            title=f"Who speaks to whom, {contrast}",
            alt=alt,
            caption="Number of edges gained minus lost for each sender and receiver.",
        ),
    ]
    answered = result.table[result.table["heard"].isin(["heard", "opposite"])]
    kept = len(result.donors.drop_duplicates(plot.EDGE_KEYS))
    answered = answered[answered["rank"] <= kept].sort_values("response_pvalue")
    if len(answered):
        figures.append(
            figure_of(
                plot.crosstalk_donors(result, rank=int(answered["rank"].iloc[0])),
                title=f"Signal and response, {contrast}",
                alt=f"Donors behind {plot.edge_name(answered.iloc[0].to_dict())}.",
                caption="One point per donor and arm; the edge with the clearest answer.",
            )
        )
    return figures


def _claim(part: str, title: str, row: dict[str, Any]) -> Claim:
    subject = plot.edge_name(row)
    heard = str(row["heard"]) if row["heard"] in FALSIFIED else "not testable"
    return Claim(
        identifier=f"crosstalk/{part}/{subject}",
        sentence=(
            f"{title}: {subject} is {row['verdict']} "
            f"({signed(row['change'])} log2, q = {number(row['qvalue'])}); the receiver's answer is {heard}: "
            f"{row['heard_reason']}."
        ),
        plain=_plain(row, heard),
        contrast=title,
        subject=subject,
        verdict=heard,
        evidence=_evidence(part, row),
        falsified_by=FALSIFIED[heard],
        populations=(str(row["sender"]), str(row["receiver"])),
    )


def _plain(row: dict[str, Any], heard: str) -> str:
    sender, receiver = plain_name(str(row["sender"])), plain_short(str(row["receiver"]))
    way = "less" if row["verdict"] == "lost" else "more"
    answer = {
        "heard": "and the receivers react to it",
        "opposite": "and the receivers react the other way",
        "silent": "but no reaction to it could be shown",
        "not testable": "and whether they react could not be tested",
    }[heard]
    return f"{sender}: the data show {way} of one signal to {receiver}, {answer}."


def _direction(row: dict[str, Any]) -> Direction:
    """Whom the change serves: the loss of a signal serves the other side."""
    effect = row["effect"]
    if effect == "unknown" or row["verdict"] not in {"gained", "lost"}:
        return "unknown"
    helps_tumour = (effect == "pro_tumour") == (row["verdict"] == "gained")
    return "pro-tumour" if helps_tumour else "anti-tumour"


def _evidence(part: str, row: dict[str, Any]) -> tuple[Evidence, ...]:
    key = {name: str(row[name]) for name in plot.EDGE_KEYS}
    shared: dict[str, Any] = {"n_cohorts": 1, "table": f"crosstalk.{part}.table", "row": key}
    edge = Evidence(
        rung="edge",
        bearing="supports" if row["qvalue"] <= 0.05 and row["verdict"] != "opposed" else "open",
        direction=_direction(row),
        effect=float(row["change"]),
        unit="log2, edge strength",
        low=float(row["lower"]),
        high=float(row["upper"]),
        pvalue=float(row["pvalue"]),
        qvalue=float(row["qvalue"]),
        n_donors=int(row["n_case"] + row["n_reference"]),
        note="; ".join(filter(None, [summary.shown_by(row), str(row["caution"])])),
        **shared,
    )
    if not math.isfinite(float(row["response_pvalue"])):
        return (edge,)
    clear = float(row["response_qvalue"]) <= 0.05
    bearing = {"heard": "supports", "opposite": "contradicts"}.get(str(row["heard"]), "open")
    response = Evidence(
        rung="response",
        bearing=bearing if clear else "open",  # type: ignore[arg-type]
        direction="unknown",
        effect=float(row["response_correlation"]),
        unit="partial correlation over donors",
        low=math.nan,
        high=math.nan,
        pvalue=float(row["response_pvalue"]),
        qvalue=float(row["response_qvalue"]),
        n_donors=int(row["response_donors"]),
        **shared,
    )
    return (edge, response)
