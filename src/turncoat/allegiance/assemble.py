"""The tables of the result, put together from the lines."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from turncoat.allegiance.lines import Line, gene_rows, left_out
from turncoat.allegiance.moderation import Moderation
from turncoat.allegiance.programmes import AXES, Programme
from turncoat.allegiance.result import Allegiance
from turncoat.allegiance.science import AxesPlan
from turncoat.allegiance.verdict import FIRM, LEVEL, judge, margin
from turncoat.stats.multiplicity import benjamini_hochberg, hierarchical, reachable_q
from turncoat.tables import FloatArray

NAN = float("nan")


def verdict_table(
    lines: list[Line], plan: AxesPlan, moderation: Moderation, *, min_donors: int, fdr: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge every line, then again with each donor left out.

    Parameters
    ----------
    lines
        The populations, scored and tested by permutation.
    plan
        How they were.
    moderation
        What was learned of the scores' spreads, and whether verdicts rest on it.
    min_donors
        Donors needed in each arm.
    fdr
        False-discovery rate.

    Returns
    -------
    tuple
        The verdicts and the leave-one-donor-out table.
    """
    second = [moderation.joint(line, plan.band) for line in lines]
    if moderation.decides:
        lines = [moderation.moderated(line, plan.band) for line in lines]
    joint = np.array([line.evidence.joint if line.evidence else NAN for line in lines])
    qvalues = benjamini_hochberg(joint)
    axis_q = _axis_qvalues(lines)
    floors = np.array([_floor(line, plan, moderation) for line in lines])
    lone = reachable_q(floors)
    rows, others = [], []
    for number, line in enumerate(lines):
        row = _verdict_row(line, qvalues[number], axis_q[number], plan, fdr=fdr)
        row["reason"] += _doubt(line, row)
        row |= {"p_floor": floors[number], "q_floor": lone[number]}
        row["pvalue_moderated"] = second[number]
        left = left_out(line, plan, min_donors=min_donors, fdr=fdr) if line.evidence else []
        if moderation.decides:
            left = [moderation.left_out(line, other, plan.band) for other in left]
        without = _left_out_rows(line, left, joint, number, plan, fdr=fdr)
        differing = [other["donor"] for other in without if other["verdict"] != row["verdict"]]
        certain = row["verdict"] in ("switched", "loyal")
        row["hangs_on"] = ", ".join(differing) if certain else ""
        rows.append(row)
        others += without
    return Allegiance.table_schema.build(rows), Allegiance.leave_one_out_schema.build(others)


def _floor(line: Line, plan: AxesPlan, moderation: Moderation) -> float:
    if line.evidence is None or moderation.decides:
        return NAN
    return line.units.floor(plan.n_permutations, sides=1)


def _doubt(line: Line, row: Mapping[str, Any]) -> str:
    """Say what a verdict depends on: the contamination that is taken off, a p-value near its threshold."""
    doubts = []
    if row["verdict"] == "switched" and line.doubtful > LEVEL:
        doubts.append("; it depends on how much contamination is taken off")
    if row["margin"] < FIRM:
        doubts.append(f"; borderline: within a factor of {FIRM:g} of its threshold")
    return "".join(doubts)


def _axis_qvalues(lines: list[Line]) -> FloatArray:
    pvalues = np.array(
        [line.evidence.pvalue if line.evidence else (NAN, NAN) for line in lines]
    ).reshape(-1, 2)
    families = np.repeat(np.arange(len(lines)), 2)
    adjusted, _ = hierarchical(pvalues.ravel(), families)
    return adjusted.reshape(-1, 2)


def _where(line: Line) -> dict[str, str]:
    return {"population": line.arms.population, "tissue": line.arms.tissue}


def _verdict_row(
    line: Line, qvalue: float, axis_q: FloatArray, plan: AxesPlan, *, fdr: float
) -> dict[str, Any]:
    evidence = line.evidence
    row: dict[str, Any] = _where(line) | line.counted
    row |= {
        "programme": line.axes[0].population if line.axes else "",
        "status": line.status,
        "verdict": "not testable",
        "reason": line.reason,
        "is_exact": bool(evidence and evidence.is_exact),
        "margin": margin(evidence, qvalue, fdr=fdr) if evidence else NAN,
        "pvalue": evidence.joint if evidence else NAN,
        "qvalue": qvalue,
        "pvalue_both": evidence.both if evidence else NAN,
        "pvalue_balance": evidence.balance if evidence else NAN,
        "pvalue_loyal": evidence.loyal if evidence else NAN,
    }
    lower, upper = evidence.found.interval() if evidence else (np.full(2, NAN),) * 2
    for place, prefix in enumerate(("anti", "pro")):
        row |= {
            f"{prefix}_shift": evidence.found.effect[place]
            if evidence
            else _plain_shift(line, place),
            f"{prefix}_error": evidence.found.error[place] if evidence else NAN,
            f"{prefix}_freedom": evidence.found.freedom[place] if evidence else NAN,
            f"{prefix}_lower": lower[place],
            f"{prefix}_upper": upper[place],
            f"{prefix}_pvalue": evidence.pvalue[place] if evidence else NAN,
            f"{prefix}_qvalue": axis_q[place],
        }
    if evidence:
        row["verdict"], row["reason"] = judge(
            evidence, qvalue, fdr=fdr, band=plan.band, refused=line.refused
        )
    return row


def _plain_shift(line: Line, place: int) -> float:
    # Too few donors to test are still enough to describe.
    case = line.units.case
    if case.all() or not case.any():
        return NAN
    return float(line.scores[case, place].mean() - line.scores[~case, place].mean())


def _left_out_rows(
    line: Line,
    left: list[dict[str, Any]],
    joint: FloatArray,
    number: int,
    plan: AxesPlan,
    *,
    fdr: float,
) -> list[dict[str, Any]]:
    rows = []
    for other in left:
        evidence = other["evidence"]
        row = _where(line) | {"donor": other["donor"], "verdict": "not testable"}
        pvalues = joint.copy()
        pvalues[number] = evidence.joint if evidence else NAN
        qvalue = benjamini_hochberg(pvalues)[number]
        shifts = evidence.found.effect if evidence else (NAN, NAN)
        row |= {"anti_shift": shifts[0], "pro_shift": shifts[1]}
        row |= {"pvalue": pvalues[number], "qvalue": qvalue}
        if evidence:
            row["verdict"], _ = judge(evidence, qvalue, fdr=fdr, band=plan.band)
        rows.append(row)
    return rows


def score_table(lines: list[Line]) -> pd.DataFrame:
    """Tabulate the donors' scores on both axes."""
    rows = []
    for line in lines:
        units = line.arms.table
        for place, axis in enumerate(AXES):
            if not np.isfinite(line.scores[:, place]).all():
                continue
            rows += [
                _where(line)
                | {
                    "axis": axis,
                    "donor": units["donor"].iloc[unit],
                    "arm": units["arm"].iloc[unit],
                    "samples": units["samples"].iloc[unit],
                    "n_cells": units["n_cells"].iloc[unit],
                    "weight": line.weights[unit],
                    "score": line.scores[unit, place],
                }
                for unit in range(len(units))
            ]
    return Allegiance.scores_schema.build(rows)


def gene_table(lines: list[Line], genes: list[str], plan: AxesPlan) -> pd.DataFrame:
    """Tabulate the genes behind every tested score, with hierarchical q-values."""
    rows = [_where(line) | row for line in lines for row in gene_rows(line, genes, plan)]
    pvalues = np.array([row["pvalue"] for row in rows], dtype=float)
    names = [(row["population"], row["tissue"], row["axis"]) for row in rows]
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    families = np.array([number[name] for name in names], dtype=np.int64)
    qvalues = hierarchical(pvalues, families)[0] if rows else pvalues
    return Allegiance.genes_schema.build(
        [row | {"qvalue": qvalue} for row, qvalue in zip(rows, qvalues, strict=True)]
    )


def coverage_table(found: dict[str, tuple[Programme, Programme] | None]) -> pd.DataFrame:
    """Tabulate how much of each programme was measured."""
    rows = [
        {
            "population": population,
            "axis": axis.axis,
            "programme": axis.population,
            "n_genes": axis.genes.size,
            "n_declared": axis.n_declared,
            "coverage": axis.coverage,
            "is_scored": not axis.refusal,
            "missing": ", ".join(axis.missing),
        }
        for population, axes in found.items()
        if axes
        for axis in axes
    ]
    return Allegiance.coverage_schema.build(rows)


def dropped_table(lines: list[Line]) -> pd.DataFrame:
    """Tabulate what was left out: units, and populations without a test."""
    rows = [_where(line) | dropped for line in lines for dropped in line.arms.dropped]
    rows += [
        _where(line)
        | {
            "what": f"population {line.arms.population}",
            "n_cells": int(line.arms.table["n_cells"].sum()),
            "reason": line.reason,
        }
        for line in lines
        if line.evidence is None
    ]
    return Allegiance.dropped_schema.build(rows)
