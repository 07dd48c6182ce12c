"""What an annotation can be trusted with: states beside noise, labels beside calls."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from turncoat.cells.markers import MarkerSet
from turncoat.cells.model import Annotator
from turncoat.cells.result import Annotation


def count_states(
    cells: pd.DataFrame, model: Annotator, markers: MarkerSet, donors: pd.Series
) -> pd.DataFrame:
    """Count each state's cells, samples and donors, beside what noise alone would give."""
    rows = []
    learnt = {one.population: one for one in model.states}
    for node in markers.at("state"):
        mine = cells[cells["population"] == node.parent]
        called = mine[mine["state"] == node.name]
        one = learnt.get(node.parent)
        row: dict[str, Any] = {"population": node.parent, "state": node.name}
        row |= {"n_cells": len(called), "n_samples": called["sample"].nunique()}
        row |= {"n_donors": donors.reindex(called["sample"]).nunique()}
        row |= {"share": len(called) / len(mine) if len(mine) else np.nan}
        if one is None or node.name not in one.names:
            few = one is None and len(mine) > 0
            reason = (
                "too few cells of the population"
                if few or not len(mine)
                else "too few markers measured"
            )
            row |= {"false_share": np.nan, "detection_limit": 0, "status": "not_testable"}
            rows.append(row | {"reason": reason})
            continue
        false = one.shuffled[one.names.index(node.name)]
        limit = int(binom.ppf(0.95, len(mine), false)) + 1
        row |= {"false_share": false, "detection_limit": limit}
        believed = len(called) >= limit
        row |= {"status": "tested" if believed else "abstained"}
        rows.append(
            row | {"reason": "" if believed else "no more cells than noise alone would give"}
        )
    return Annotation.states_schema.build(rows)


def tabulate_disagreement(cells: pd.DataFrame) -> pd.DataFrame:
    """Cross the user's labels with what we would have called."""
    labelled = cells[cells["label"] != ""]
    if labelled.empty:
        return Annotation.disagreement_schema.build([])
    counts = labelled.groupby(["label", "population"]).size().rename("n_cells").reset_index()
    total = counts.groupby("label")["n_cells"].transform("sum")
    return Annotation.disagreement_schema.build(
        {
            "label": counts["label"].to_numpy(),
            "population": counts["population"].to_numpy(),
            "n_cells": counts["n_cells"].to_numpy(),
            "share": (counts["n_cells"] / total).to_numpy(),
        }
    )
