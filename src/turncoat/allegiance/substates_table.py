"""From the answers of both halves to the tables of a result."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from turncoat.allegiance.halves import States
from turncoat.allegiance.substates_ask import NEAR, statement
from turncoat.allegiance.substates_result import Substates
from turncoat.stats.contrast import Contrast
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.tables import FloatArray

NAN = float("nan")
#: A twin with a larger p-value of its own points the other way.
AGAINST = 0.5


def assemble(
    rows: list[dict[str, Any]],
    made: list[States],
    cells: list[str],
    contrasts: tuple[Contrast, ...],
    kinds: Mapping[str, str],
    params: dict[str, Any],
) -> Substates:
    """Put the answers together, corrected for how many there are.

    Parameters
    ----------
    rows
        One per state: ``row``, ``known``, ``side``, ``abundance`` and ``markers``.
    made
        The states of both halves.
    cells
        Names of the cells, as assigned.
    contrasts
        What was compared.
    kinds
        Known sets of markers: state, population, or empty.
    params
        What was asked; the p-value of "any state at all" is added.
    """
    fdr = float(params["fdr"])
    table = pd.DataFrame([{"state": one["state"], **one["row"]} for one in rows])
    table = _judged(_twins(table, made, int(params["n_states"])), kinds, fdr)
    schemas = {
        "table": table.to_dict("records"),
        "markers": _flat(rows, "markers"),
        "known": [row | {"kind": kinds[row["known"]]} for row in _flat(rows, "known")],
        "abundance": _common(_flat(rows, "abundance"), contrasts, fdr),
        "sides": _sides([{"state": one["state"], **one["side"]} for one in rows], fdr),
        "cells": _cell_states(cells, made),
    }
    tables = {
        name: getattr(Substates, f"{name}_schema").build(own) for name, own in schemas.items()
    }
    asked = table["qvalue"].dropna()
    any_state = float(asked.min()) if len(asked) else NAN
    return Substates(**tables, params=params | {"pvalue": any_state})


def _flat(rows: list[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    return [{"state": one["state"], **row} for one in rows for row in one[part]]


def _cell_states(cells: list[str], made: list[States]) -> dict[str, list[str]]:
    first, second = (
        [f"{half}.{state + 1}" for state in states.assigned]
        for half, states in enumerate(made, start=1)
    )
    return {"cell": cells, "first": first, "second": second}


def _twins(table: pd.DataFrame, made: list[States], n_states: int) -> pd.DataFrame:
    with np.errstate(invalid="ignore"):
        # A state without cells in some donors has no profile, so it is like none.
        alike = np.corrcoef(made[0].difference, made[1].difference)[:n_states, n_states:]
    alike = np.nan_to_num(alike)
    twins = [f"2.{c + 1}" for c in alike.argmax(axis=1)] + [
        f"1.{c + 1}" for c in alike.argmax(axis=0)
    ]
    likeness = np.concatenate([alike.max(axis=1), alike.max(axis=0)])
    table = table.assign(twin=twins, likeness=likeness)
    return table.assign(qvalue=_over_halves(table, n_states)).drop(columns="adjusted")


def _over_halves(table: pd.DataFrame, n_states: int) -> FloatArray:
    """Correct for two halves (Holm); a state whose twin points the other way is not believed."""
    adjusted = table["adjusted"].to_numpy(dtype=float).reshape(2, n_states)
    least = np.fmin.reduce(adjusted, axis=1)
    n_tested = int(np.isfinite(least).sum())
    qvalue = np.minimum(adjusted * max(n_tested, 1), 1.0)
    if n_tested == 2:
        later = int(least.argmax())
        qvalue[later] = np.maximum(adjusted[later], min(2 * float(least.min()), 1.0))
    alone = dict(zip(table["state"], table["pvalue"], strict=True))
    against = np.array([alone[twin] > AGAINST for twin in table["twin"]])
    flat: FloatArray = qvalue.ravel()
    flat[against & np.isfinite(flat)] = 1.0
    return flat


def _judged(table: pd.DataFrame, kinds: Mapping[str, str], fdr: float) -> pd.DataFrame:
    passed_test = (table["qvalue"] <= fdr).to_numpy()
    least = _least_separation(table)
    found = passed_test & (table["separation"] >= least).to_numpy()
    reason = table["reason"].astype(object)
    reason[passed_test & ~found] = (
        "its markers stand out by less than a quarter of those of another state: it lacks that one"
    )
    verdict = np.where(found, "found", "inconclusive").astype(object)
    verdict[(table["status"] != "tested").to_numpy()] = "not testable"
    twin = dict(zip(table["state"], table["twin"], strict=True))
    passed = dict(zip(table["state"], found, strict=True))
    confirmed = [
        bool(passed[state] and passed[other] and twin[other] == state)
        for state, other in twin.items()
    ]
    words = {"population": "like another population: ", "state": "known: ", "": "known: "}
    kind = [
        "" if not yes else f"{words[kinds[name]]}{name}" if name else "not in the tables"
        for yes, name in zip(found, table["nearest"], strict=True)
    ]
    return table.assign(verdict=verdict, confirmed=confirmed, kind=kind, reason=reason)


def _least_separation(table: pd.DataFrame) -> FloatArray:
    """Give what a state's markers must stand out by to be a state, not what another one leaves."""
    tested = table["separation"].where(table["status"] == "tested")
    best = tested.groupby(table["state"].str[0]).transform("max").to_numpy(dtype=float)
    least: FloatArray = np.maximum(NEAR * np.nan_to_num(best), 1e-9)
    return least


def _common(
    rows: list[dict[str, Any]], contrasts: tuple[Contrast, ...], fdr: float
) -> list[dict[str, Any]]:
    by_label = {contrast.label: contrast for contrast in contrasts}
    qvalues = benjamini_hochberg(np.array([row["pvalue"] for row in rows], dtype=float))
    complete = [row | {"qvalue": float(q)} for row, q in zip(rows, qvalues, strict=True)]
    return [
        row | {"statement": statement(row, by_label[row["contrast"]], fdr)}
        if row["status"] == "tested"
        else row
        for row in complete
    ]


def _sides(rows: list[dict[str, Any]], fdr: float) -> list[dict[str, Any]]:
    qvalues = benjamini_hochberg(np.array([row["pvalue"] for row in rows], dtype=float))
    return [
        row | {"qvalue": float(q), "side": row["side"] if q <= fdr else "not shown"}
        for row, q in zip(rows, qvalues, strict=True)
    ]
