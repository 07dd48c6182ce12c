"""What an annotation can be trusted with: states beside noise, labels beside calls."""

from typing import Any, Final

import numpy as np
import pandas as pd

from turncoat.cells.markers import MarkerSet, Node
from turncoat.cells.model import Annotator
from turncoat.cells.result import UNASSIGNED, Annotation
from turncoat.cells.states import StateModel

#: A sample with fewer cells is called like any other, but its shares mean nothing.
FEW_CELLS: Final = 20
#: More unassigned cells than this in a sample deserve a look.
MANY_UNASSIGNED: Final = 0.3


def count_states(
    cells: pd.DataFrame, model: Annotator, markers: MarkerSet, donors: pd.Series
) -> pd.DataFrame:
    """Account for every state of the marker table.

    Parameters
    ----------
    cells
        The cells of an annotation.
    model
        What named them.
    markers
        Whose states.
    donors
        Donor of each sample; the samples are the index.
    """
    population, state = cells["population"].to_numpy(), cells["state"].to_numpy()
    learnt = {one.population: one for one in model.states}
    rows = []
    for node in markers.at("state"):
        mine = population == node.parent
        samples = cells["sample"].to_numpy()[mine & (state == node.name)]
        row: dict[str, Any] = {"population": node.parent, "state": node.name}
        row |= {"n_cells": samples.size, "n_samples": len(set(samples))}
        row |= {"n_donors": donors.reindex(sorted(set(samples))).nunique()}
        n_mine = int(mine.sum())
        row |= {"share": samples.size / n_mine if n_mine else np.nan}
        rows.append(row | _belief(node, learnt.get(str(node.parent)), samples.size, n_mine))
    return Annotation.states_schema.build(rows)


def _belief(node: Node, model: StateModel | None, n_called: int, n_cells: int) -> dict[str, Any]:
    """Say whether so many cells of a state are more than noise."""
    if model is None or node.name not in model.names:
        few = (model is None and n_cells > 0) or not n_cells
        reason = "too few cells" if few else "too few markers"
        missing = {"false_share": np.nan, "detection_limit": 0, "status": "not_testable"}
        return missing | {"reason": reason}
    false = model.shuffled[model.names.index(node.name)]
    limit = most_by_noise(n_cells, false) + 1
    believed = n_called >= limit
    return {
        "false_share": false,
        "detection_limit": limit,
        "status": "tested" if believed else "abstained",
        "reason": "" if believed else "no more than noise gives",
    }


def most_by_noise(n_cells: int, share: float) -> int:
    """Give the number of cells that noise stays at or below in 95 of 100 studies.

    Examples
    --------
    >>> most_by_noise(1000, 0.01)
    15
    """
    # The quantile of the binomial distribution; scipy.stats takes half a second to load.
    from scipy.special import bdtr, bdtrik

    if n_cells == 0 or share <= 0:
        return 0
    near = max(int(np.ceil(bdtrik(0.95, n_cells, share))), 1)
    return near - 1 if bdtr(near - 1, n_cells, share) >= 0.95 else near


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


def summarise_samples(cells: pd.DataFrame) -> pd.DataFrame:
    """Count the called and unassigned cells of every sample."""
    rows = []
    for sample, group in cells[cells["sample"] != ""].groupby("sample", sort=True):
        unassigned = int((group["population"] == UNASSIGNED).sum())
        remark = ""
        if len(group) < FEW_CELLS:
            remark = f"only {len(group)} cells: called, but shares mean nothing"
        elif unassigned > MANY_UNASSIGNED * len(group):
            remark = "many unassigned: shallow, doublets, or cells without markers in our table"
        rows.append(
            {
                "sample": str(sample),
                "n_cells": len(group),
                "n_called": len(group) - unassigned,
                "n_unassigned": unassigned,
                "median_depth": float(group["depth"].median()),
                "remark": remark,
            }
        )
    return Annotation.samples_schema.build(rows)
