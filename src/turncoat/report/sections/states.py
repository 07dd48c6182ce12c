"""New states on the page: what was found within populations, and what it does."""

import math
from typing import Any

import pandas as pd

from turncoat.allegiance import Substates, plot_states
from turncoat.report.answer import listed
from turncoat.report.cells import Estimate, number
from turncoat.report.claim import Claim, Evidence
from turncoat.report.plain import plain_name
from turncoat.report.section import Figure, Material, Section, Table, figure_of
from turncoat.tables import Column, TableSchema

#: Markers named of each state; the others are in the findings.
N_MARKERS = 8

SHOWN = TableSchema(
    columns=(
        Column("state", "text", "", "Population, half of the donors that made it, and number."),
        Column("kind", "text", "", "Known state or other population whose markers are up in it."),
        Column("both halves", "text", "", "Whether each half of the donors found it by itself."),
        Column("share", "real", "fraction", "Share of the population's cells."),
        Column("markers", "text", "", "Genes that are up in it and did not make it."),
        Column("separation", "real", "ln, 95 %", "Its markers in donors that did not choose them."),
        Column(
            "qvalue",
            "real",
            "",
            "Free genes in held-out donors, signs flipped; adjusted for all states.",
        ),
        Column("side", "text", "", "Harm less duty against the rest of its population."),
    ),
)

NOTES = (
    (
        "A cluster always differs from the rest in the cells and genes that made it. Here each half "
        "of the donors makes states from half of the genes; the other donors and the other genes are "
        "asked. The genes of duty and harm make no state."
    ),
    (
        "A state is called known, or like another population, when those markers are up in it too, in "
        "held-out donors; a likeness to another population can also mean doublets or wrong labels."
    ),
    "Shares are shares of the population, per donor; a state found in few donors is no rule.",
)


def section(material: Material) -> Section | None:
    """Write what was found, or that nothing could be shown."""
    results = material.results("states", Substates)
    found = {str(result.params["population"]): result for result in results.values()}
    if not found:
        return None
    asked = pd.DataFrame([_population(name, result) for name, result in found.items()])
    return Section(
        title="Are there states within the populations?",
        lead=_lead(found),
        claims=tuple(
            claim
            for part, result in results.items()
            for claim in _claims(part, str(result.params["population"]), result)
        ),
        tables=tuple(table for table in _tables(found, asked) if len(table.frame)),
        figures=tuple(
            _figure(name, result) for name, result in found.items() if len(_passed(result))
        ),
        notes=(*NOTES, *_refusals(found)),
    )


def _refusals(found: dict[str, Substates]) -> list[str]:
    """Say once of each population why nobody asked how common its states are."""
    reasons = {
        name: list(dict.fromkeys(table.loc[table["status"] == "abstained", "reason"]))
        for name, table in ((name, result.abundance) for name, result in found.items())
    }
    return [
        f"How common the states of {name} are was not asked: {reason}."
        for name, own in reasons.items()
        for reason in own
    ]


def _passed(result: Substates) -> pd.DataFrame:
    return result.table[result.table["verdict"] == "found"]


def _lead(found: dict[str, Substates]) -> str:
    n_found = {name: len(_passed(result)) for name, result in found.items()}
    with_states = [name for name, n in n_found.items() if n]
    tested = [n for n, r in found.items() if (r.table["status"] == "tested").any()]
    without = [name for name in tested if not n_found[name]]
    refused = [name for name in found if name not in tested]
    first = (
        f"States that held in donors and genes that did not make them were found in "
        f"{listed(with_states)}."
        if with_states
        else "No state within a population could be shown."
    )
    common = [
        f"{name} {row['state']} is {row['statement']}"
        for name, result in found.items()
        for row in result.abundance.to_dict("records")
        if row["state"] in set(_passed(result)["state"])
        and row["statement"].startswith(("only", "commoner"))
    ]
    parts = [
        first,
        f"{'; '.join(common[:3])}." if common else "",
        f"None could be shown in {listed(without)}." if without and with_states else "",
        f"Too few donors to ask: {listed(refused)}." if refused else "",
    ]
    return " ".join(part for part in parts if part)


def _population(name: str, result: Substates) -> dict[str, Any]:
    return {
        "population": name,
        "cells": int(result.params.get("n_cells", 0)),
        "donors": int(result.params.get("n_donors", 0)),
        "states found": len(_passed(result)),
        "found by both halves": int(result.table["confirmed"].sum()),
        "p, any state": _any_state(result),
        "reason": str(result.params.get("reason", "")),
    }


def _any_state(result: Substates) -> float:
    value = result.params.get("pvalue")
    return math.nan if value is None else float(value)


def _tables(found: dict[str, Substates], asked: pd.DataFrame) -> list[Table]:
    likeness = [_own(name, result, result.known) for name, result in found.items()]
    return [
        Table(
            "States found",
            pd.DataFrame(
                [row for name, result in found.items() for row in _shown(name, result)],
                columns=SHOWN.names,
            ),
            "One row per state that passed; the two halves of the donors each make their own.",
            SHOWN,
        ),
        Table(
            "Are they commoner in one arm?",
            pd.concat([_common(name, result) for name, result in found.items()]),
            "Odds of the state within its population, over donors.",
        ),
        Table("Populations asked", asked, "Where states were looked for, and in how many donors."),
        Table(
            "Duty and harm of the states",
            pd.concat([_own(name, r, r.sides) for name, r in found.items()], ignore_index=True),
            "State minus the rest of its population, donor by donor.",
            Substates.sides_schema,
            folded=True,
        ),
        Table(
            "Likeness to what is known",
            pd.concat(likeness, ignore_index=True),
            "Markers of known states and of other populations, state minus rest, held-out donors.",
            folded=True,
        ),
    ]


def _own(name: str, result: Substates, table: pd.DataFrame) -> pd.DataFrame:
    kept = table[table["state"].isin(_passed(result)["state"])]
    return kept.assign(state=[f"{name} {state}" for state in kept["state"]])


def _shown(name: str, result: Substates) -> list[dict[str, Any]]:
    sides = {row["state"]: row for row in result.sides.to_dict("records")}
    rows = []
    for row in _passed(result).to_dict("records"):
        side = sides[row["state"]]
        rows.append(
            {
                "state": f"{name} {row['state']}",
                "kind": row["kind"],
                "both halves": f"yes, with {row['twin']}" if row["confirmed"] else "no",
                "share": row["share"],
                "markers": ", ".join(_markers(result, row["state"])),
                "separation": Estimate(row["separation"], row["lower"], row["upper"]),
                "qvalue": row["qvalue"],
                "side": side["side"] if side["status"] == "tested" else side["reason"],
            }
        )
    return rows


def _markers(result: Substates, state: str) -> list[str]:
    own = result.markers[result.markers["state"] == state]
    return list(own["gene"].head(N_MARKERS))


def _common(name: str, result: Substates) -> pd.DataFrame:
    own = _own(name, result, result.abundance[result.abundance["status"] != "abstained"])
    shift = [
        Estimate(value, low, high)
        for value, low, high in zip(own["shift"], own["lower"], own["upper"], strict=True)
    ]
    said = [
        words or f"not tested: {reason}"
        for words, reason in zip(own["statement"], own["reason"], strict=True)
    ]
    table = own[["state", "contrast", "tissue"]].copy()
    table["shift"] = pd.Series(shift, index=own.index, dtype=object)
    table = table.assign(q=own["qvalue"], finding=said)
    return table if own["tissue"].astype(bool).any() else table.drop(columns="tissue")


def _figure(name: str, result: Substates) -> Figure:
    sides = result.sides.set_index("state")["side"]
    told = [f"{state}: {sides[state]}" for state in _passed(result)["state"]]
    return figure_of(
        plot_states.substates(result),
        title=f"States of {name}",
        alt=f"Duty and harm of the states of {name} against the rest. {'; '.join(told)}.",
        caption="State minus rest of the population, with 95 % intervals over donors.",
    )


def _claims(part: str, name: str, result: Substates) -> list[Claim]:
    """Make one claim per state: what both halves found counts once."""
    passed = _passed(result)
    if passed.empty:
        return [_nothing(part, name, result)]
    again = passed["confirmed"] & passed["state"].str.startswith("2.")
    return [_claim(part, name, result, dict(row)) for row in passed[~again].to_dict("records")]


def _nothing(part: str, name: str, result: Substates) -> Claim:
    tested = bool((result.table["status"] == "tested").any())
    why = str(result.params.get("reason", "")) or "too few held-out donors with cells of both kinds"
    said = f"no state could be shown (p = {number(_any_state(result))})" if tested else why
    return Claim(
        identifier=f"states/{part}",
        sentence=f"States within {name}: {said}.",
        plain=f"{plain_name(name)}: too little to tell whether they come in several kinds.",
        contrast="",
        subject=f"states of {name}",
        verdict="inconclusive" if tested else "not testable",
        evidence=(),
        falsified_by="more donors with enough cells of the population.",
        populations=(name,),
    )


def _claim(part: str, name: str, result: Substates, row: dict[Any, Any]) -> Claim:
    side = result.sides.set_index("state").loc[row["state"]]
    shown = side["side"] != "not shown"
    state = f"{name} {row['state']}"
    genes = ", ".join(_markers(result, row["state"])[:4])
    kind = row["kind"].removeprefix("known: ")
    tail = f", {side['side']} against the rest" if shown else ""
    return Claim(
        identifier=f"states/{part}/{row['state']}",
        sentence=(
            f"{state} ({kind}; {genes}): holds in {row['n_held_out']} donors on whom it was not made "
            f"(p = {number(float(row['pvalue']))}, q = {number(float(row['qvalue']))}){tail}."
        ),
        plain=_plain(name, str(side["side"]), int(row["n_held_out"])),
        contrast="",
        subject=state,
        verdict="found",
        evidence=(
            Evidence(
                rung="state",
                bearing="supports",
                direction=side["side"] if shown else "unknown",
                effect=float(row["separation"]),
                unit="ln, its markers",
                low=float(row["lower"]),
                high=float(row["upper"]),
                pvalue=float(row["pvalue"]),
                qvalue=float(row["qvalue"]),
                n_donors=int(row["n_held_out"]),
                n_cohorts=1,
                table=f"states.{part}.table",
                row={"state": str(row["state"])},
                note="" if row["confirmed"] else "found by one half of the donors only",
            ),
        ),
        falsified_by="other donors in which these genes do not go together within the population.",
        populations=(name,),
    )


def _plain(name: str, side: str, n_donors: int) -> str:
    does = {
        "pro-tumour": "It does less against the tumour, or more in its favour, than the others.",
        "anti-tumour": "It does more against the tumour, or less in its favour, than the others.",
    }.get(side)
    if does is None:
        return f"{plain_name(name)}: they come in several kinds. Which sides these are on could not be told."
    return f"{plain_name(name)}: one kind of them stands apart, seen in {n_donors} people. {does}"
