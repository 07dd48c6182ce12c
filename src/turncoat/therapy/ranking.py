"""The order of the cuts: six named parts, compared one after the other, no sum of them."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from turncoat.therapy.catalogue import status_for
from turncoat.therapy.matching import LEVELS, Cut, Finding
from turncoat.therapy.result import COMBINATIONS, TABLE

#: How close to the sender a cut is: the closer, the fewer other signals it should disturb.
LEVEL_PART: Final = dict(zip(LEVELS, (1.0, 0.8, 0.6, 0.4, 0.2), strict=True))
DIRECTION_PART: Final = {"cuts": 1.0, "unclear": 0.0, "feeds": -1.0}
#: How far a drug is. The order is that of the effort before a trial could start.
STATUS_PART: Final = (
    ("approved_for_this_cancer", 1.0),
    ("approved_other_cancer", 0.8),
    ("approved_non_oncology", 0.6),
    ("approved_indication_not_stated", 0.5),
    ("investigational", 0.4),
    ("approval_withdrawn", 0.3),
    ("development_stopped", 0.2),
    ("preclinical_tool", 0.1),
    ("not_stated", 0.0),
)
#: Parts in the order in which they are compared.
ORDER: Final = (
    "part_claim",
    "part_direction",
    "part_cell",
    "part_source",
    "part_status",
    "part_level",
)
#: Columns taken over from the drug's row.
COPIED: Final = (
    "action",
    "indication",
    "region",
    "status_date",
    "toxicities",
    "trials",
    "source",
    "note",
)
#: Drugs per finding and target in the table; the rest of the Guide's tool compounds is counted.
MAX_TOOLS: Final = 3


def rank(matched: Sequence[dict[str, Any]], cancer: str) -> pd.DataFrame:
    """Put cuts in the order of their parts.

    Parameters
    ----------
    matched
        From :func:`turncoat.therapy.matching.match`.
    cancer
        The study's cancer; empty when not known.

    Returns
    -------
    DataFrame
        The result's table. Harmful cuts come last, whatever their parts.
    """
    rows = [_row(each, cancer) for each in matched]
    table = TABLE.build(rows)
    if table.empty:
        return table
    table = table.assign(harmful_elsewhere=harms_elsewhere(table))
    by = ["is_harmful", *ORDER, "claim", "level", "drug", "region"]
    ascending = [True, *([False] * len(ORDER)), True, True, True, True]
    table = table.sort_values(by, ascending=ascending, kind="stable").reset_index(drop=True)
    table = _without_most_tools(table)
    return table.assign(rank=range(1, len(table) + 1))


def harms_elsewhere(table: pd.DataFrame) -> list[str]:
    """Say of every row for which other findings its drug would help the tumour, and why.

    A drug reaches all its targets wherever it goes: who reads one row must not miss what another
    row says of it.

    Returns
    -------
    list
        A text per row, empty where there is nothing to say.
    """
    harmful = table[table["is_harmful"]].drop_duplicates(["drug", "claim", "target"])
    known: dict[str, list[tuple[str, str]]] = {}
    for drug, claim, warning in harmful[["drug", "claim", "warning"]].itertuples(
        index=False, name=None
    ):
        known.setdefault(drug, []).append((claim, warning))
    told = []
    for drug, claim in table[["drug", "claim"]].itertuples(index=False, name=None):
        others = [each for each in known.get(drug, []) if each[0] != claim]
        further = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        told.append(f"harmful for {others[0][0]}: {others[0][1]}{further}" if others else "")
    return told


def _row(matched: dict[str, Any], cancer: str) -> dict[str, Any]:
    finding: Finding = matched["finding"]
    cut: Cut = matched["cut"]
    drug: dict[str, Any] = matched["drug"]
    status = status_for(
        drug["status"],
        drug["disease"],
        cancer,
        region=drug["region"],
        phase=drug["phase"],
        date=drug["status_date"],
    )
    row = {
        "rank": 0,
        "claim": finding.claim,
        "kind": finding.kind,
        "sender": finding.sender,
        "receiver": finding.receiver,
        "ligand": finding.ligand,
        "receptor": finding.receptor,
        "tissue": finding.tissue,
        "level": cut.level,
        "target": cut.target,
        "drug": drug["drug"],
        "direction": matched["direction"],
        "is_harmful": matched["is_harmful"],
        "warning": matched["warning"],
        "harmful_elsewhere": "",
        "status": status,
        "reach": cut.reach,
        **parts_of(finding, cut, matched["direction"], status, drug["evidence"]),
        "would_change": would_change(finding, matched["direction"], status, drug["evidence"]),
    }
    return row | {name: drug[name] for name in COPIED}


def parts_of(
    finding: Finding, cut: Cut, direction: str, status: str, evidence: str
) -> dict[str, float]:
    """Work out the six named parts of a cut."""
    return {
        "part_claim": float(finding.is_supported),
        "part_level": LEVEL_PART[cut.level],
        "part_direction": DIRECTION_PART[direction],
        "part_status": status_part(status),
        "part_source": float(evidence == "verified"),
        "part_cell": float(finding.is_special),
    }


def status_part(status: str) -> float:
    """Say how far a drug with this status is."""
    return next((part for name, part in STATUS_PART if status.startswith(name)), 0.0)


def would_change(finding: Finding, direction: str, status: str, evidence: str) -> str:
    """Say what evidence would change a cut's rank."""
    needed = []
    if not finding.is_supported:
        needed.append(f"a donor-level test that the {finding.kind} passes")
    if finding.effect == "unknown":
        needed.append("a response of the receiver that shows whom the signal serves")
    if direction == "unclear":
        needed.append("a source for the drug's direction of action")
    if evidence == "unverified":
        needed.append("a source for its regulatory status")
    if status.startswith("investigational"):
        needed.append("trial results in this cancer")
    if finding.kind == "edge":
        needed.append("a perturbation of the sender alone")
    return "; ".join(needed)


def _without_most_tools(table: pd.DataFrame) -> pd.DataFrame:
    """Keep a few of the Guide's unapproved compounds per target and count the others."""
    tool = table["status"] == "not_stated"
    groups = table[tool].groupby(["claim", "level", "target", "direction"], sort=False)
    place = groups.cumcount()
    left_out = (groups["drug"].transform("size") - MAX_TOOLS).clip(lower=0)
    kept = table.index.difference(place[place >= MAX_TOOLS].index)
    counted = left_out[(left_out > 0) & (place == MAX_TOOLS - 1)]
    further = counted.map("{} further compounds of the Guide.".format)
    notes = table["note"].str.cat(further.reindex(table.index).fillna(""), sep=" ").str.strip()
    table = table.assign(note=notes)
    return table.loc[kept].reset_index(drop=True)


def combine(table: pd.DataFrame, *, limit: int = 20) -> pd.DataFrame:
    """Find drugs that cut one edge at two levels, and drugs that cut two edges at once.

    Parameters
    ----------
    table
        From :func:`rank`.
    limit
        Most rows of either kind.

    Returns
    -------
    DataFrame
        Combinations of cuts that are not harmful and whose direction is known.
    """
    useful = table[
        (table["direction"] == "cuts") & ~table["is_harmful"] & (table["part_status"] > 0)
    ]
    useful = useful.drop_duplicates(["claim", "drug", "target"])
    twice: list[dict[str, str]] = []
    for claim, rows in useful[useful["kind"] == "edge"].groupby("claim", sort=False):
        best = rows.drop_duplicates("level")
        for k in range(len(best) - 1):
            one, two = best.iloc[k], best.iloc[k + 1]
            twice.append(
                {
                    "kind": "one edge twice",
                    "first": f"{one['drug']} ({one['target']})",
                    "second": f"{two['drug']} ({two['target']})",
                    "claims": str(claim),
                    "reason": f"cut at {one['level']} and at {two['level']}; harms may add up",
                }
            )
    once: list[dict[str, str]] = []
    for (drug, target), rows in useful.groupby(["drug", "target"], sort=False):
        claims = list(dict.fromkeys(rows["claim"]))
        if len(claims) > 1:
            once.append(
                {
                    "kind": "two edges once",
                    "first": f"{drug} ({target})",
                    "second": "",
                    "claims": "; ".join(claims[:6])
                    + (f" and {len(claims) - 6} more" if len(claims) > 6 else ""),
                    "reason": "one target, several findings; its effect cannot be assigned to one of them",
                }
            )
    return COMBINATIONS.build(twice[:limit] + once[:limit])
