"""Small tallies and studies for tests, made in memory and labelled synthetic."""

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.tables import UNS_KEY
from turncoat.tally import layout


def tally_from_cells(
    counts: np.ndarray, obs: pd.DataFrame, genes: list[str], *, species: str = "human"
) -> ad.AnnData:
    """Tally a dense matrix of cells as plainly as pandas allows: the oracle of the tally.

    ``obs`` has the columns donor, sample, tissue, condition and population.
    """
    depth = counts.sum(axis=1, keepdims=True)
    logged = np.log1p(counts / np.where(depth > 0, depth, 1) * layout.TARGET_SUM)
    keys = obs["sample"].astype(str) + layout.ROW_SEPARATOR + obs["population"].astype(str)
    rows = sorted(set(keys))
    member = np.array([[key == row for key in keys] for row in rows], dtype=float)
    first = [int(np.flatnonzero(keys == row)[0]) for row in rows]
    table = obs.iloc[first][["donor", "sample", "tissue", "condition", "population"]]
    table = table.astype(str).set_axis(rows, axis=0)
    table[layout.N_CELLS] = member.sum(axis=1).astype(int)
    tally = ad.AnnData(
        obs=table,
        var=pd.DataFrame(index=pd.Index(genes, dtype=str)),
        layers={
            layout.COUNTS: member @ counts,
            layout.DETECTED: member @ (counts > 0),
            layout.LOGSUM: member @ logged,
            layout.LOGSUMSQ: member @ logged**2,
        },
    )
    tally.uns[UNS_KEY] = {
        layout.META_KEY: {
            "schema_version": 1,
            "target_sum": layout.TARGET_SUM,
            "species": species,
            "n_cells": int(counts.shape[0]),
            "study_kind": "unsorted",
            "gene_ids": "symbol",
            "knowledge": "test",
            "synthetic": "made for a test",
        }
    }
    return tally
