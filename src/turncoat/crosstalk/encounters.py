"""Which populations could be heard speaking to each other at all, and what came of it."""

import numpy as np
import pandas as pd

from turncoat.crosstalk.by_unit import by_unit_any
from turncoat.crosstalk.labels import numbered
from turncoat.crosstalk.result import ENCOUNTERS
from turncoat.crosstalk.tissue import Question, TissueResult
from turncoat.tables import IntArray


def encounter_table(
    tissues: list[TissueResult], ranked: pd.DataFrame, ask: Question
) -> pd.DataFrame:
    """Tabulate every sender and receiver: donors with both, edges, verdicts, or why there are none.

    Parameters
    ----------
    tissues
        Tests of every tissue.
    ranked
        All edges with their verdicts.
    ask
        What was asked.

    Returns
    -------
    DataFrame
        Columns of :data:`turncoat.crosstalk.result.ENCOUNTERS`.
    """
    told = ranked[["sender", "receiver", "tissue", "status", "verdict", "heard"]]
    parts = [
        _of_tissue(found, told[told["tissue"] == found.tissue] if len(tissues) > 1 else told, ask)
        for found in tissues
    ]
    joined = pd.concat(parts, ignore_index=True) if parts else ENCOUNTERS.build([])
    return ENCOUNTERS.build({name: joined[name].to_numpy() for name in ENCOUNTERS.names})


def _of_tissue(found: TissueResult, edges: pd.DataFrame, ask: Question) -> pd.DataFrame:
    names = np.array(found.field.populations, dtype=object)
    number = {str(name): place for place, name in enumerate(names)}
    sender, receiver = (grid.ravel() for grid in np.indices((names.size, names.size)))
    unit = found.field.design["unit"].to_numpy()
    # Both in one sample, as an edge needs it.
    measured = found.field.measured(ask.limits.min_cells)
    both = by_unit_any(measured[:, sender] & measured[:, receiver], unit)
    case = found.units.case
    codes = numbered(edges["sender"], number) * names.size
    codes = codes + numbered(edges["receiver"], number)

    def count(chosen: "pd.Series[bool]") -> IntArray:
        return np.bincount(codes[chosen.to_numpy()], minlength=sender.size)

    table = pd.DataFrame(
        {
            "sender": names[sender],
            "receiver": names[receiver],
            "tissue": np.full(sender.size, found.tissue, dtype=object),
            "n_case": both[case].sum(axis=0),
            "n_reference": both[~case].sum(axis=0),
            "n_edges": np.bincount(codes, minlength=sender.size),
            "n_tested": count(edges["status"] == "tested"),
            "n_gained": count(edges["verdict"] == "gained"),
            "n_lost": count(edges["verdict"] == "lost"),
            "n_heard": count(edges["heard"] == "heard"),
        }
    )
    _add_status(table, ask)
    return table


def _add_status(table: pd.DataFrame, ask: Question) -> None:
    least = ask.limits.min_donors
    few = (table[["n_case", "n_reference"]].min(axis=1) < least).to_numpy()
    asked = np.ones(len(table), dtype=bool)
    for side, names in (("sender", ask.senders), ("receiver", ask.receivers)):
        if names is not None:
            asked &= table[side].isin(names).to_numpy()
    tested = (table["n_tested"] > 0).to_numpy()
    conditions = [~asked & few, ~asked, tested, few, (table["n_edges"] == 0).to_numpy()]
    words = ["not_asked", "not_asked", "tested", "not_testable", "not_testable"]
    cells = ask.limits.min_cells
    lacking = f"an arm has fewer than {least} donors with {cells} cells of both in one sample"
    reasons = [
        f"not asked for; besides, {lacking}",
        "not among the senders or receivers asked for",
        "",
        lacking,
        "no pair of the panel is expressed by both in enough donors",
    ]
    table["status"] = np.select(conditions, words, "not_testable")
    table["reason"] = np.select(
        conditions, reasons, "no edge varies, or the donors' labels cannot be exchanged"
    )
