"""From whole-number sums to the AnnData that the rooms read."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from turncoat.study import TallyPlan
from turncoat.tables import UNS_KEY, FloatArray, store
from turncoat.tally import layout
from turncoat.tally.account import ACCOUNT_KEY, CellAccount, quality_table
from turncoat.tally.kernels.units import GRID
from turncoat.tally.partial import PartialTally
from turncoat.tally.sums import RowSums

if TYPE_CHECKING:
    import anndata as ad

#: From whole numbers to the layers' units.
UNITS = (1.0, 1.0, 1.0 / GRID, 1.0 / GRID)


def build_tally(plan: TallyPlan, partial: PartialTally, *, dense_bytes: int) -> "ad.AnnData":
    """Make the tally of a finished count; ``partial`` cannot be used afterwards.

    Parameters
    ----------
    plan
        What went where.
    partial
        The sums.
    dense_bytes
        Above this size the layers are sparse (CSR), which most of their entries allow when
        there are thousands of samples.

    Returns
    -------
    AnnData
        With the layers, columns and metadata of :mod:`turncoat.tally.layout`.
    """
    import anndata as ad

    shape = (partial.sums.n_rows, partial.sums.n_genes)
    moments = _LogMoments(shape[1])
    if shape[0] * shape[1] * 8 * len(layout.LAYERS) <= dense_bytes:
        layers = _dense_layers(partial.sums, moments)
    else:
        layers = _sparse_layers(partial.sums, moments)
    obs = plan.rows.copy()
    place = list(obs.columns).index(layout.POPULATION)
    obs.insert(place + 1, layout.N_CELLS, partial.n_cells)
    n_cells = int(partial.n_cells.sum())
    tally = ad.AnnData(obs=obs, var=_genes(plan, moments, n_cells), layers=layers)
    tally.uns[UNS_KEY] = {layout.META_KEY: {**plan.meta, "n_cells": n_cells}}
    account = CellAccount(
        quality=quality_table(plan, partial.pieces),
        dropped=plan.dropped,
        params={"target_sum": float(plan.meta["target_sum"])},
    )
    store(tally, ACCOUNT_KEY, account)
    return tally


class _LogMoments:
    """Sums over all rows, in whole numbers, of what the rows hold per gene."""

    def __init__(self, n_genes: int) -> None:
        self.sums = np.zeros((n_genes, len(UNITS)), dtype=np.int64)


def _dense_layers(sums: RowSums, moments: _LogMoments) -> dict[str, FloatArray]:
    layers: dict[str, FloatArray] = {
        name: np.zeros((sums.n_rows, sums.n_genes)) for name in layout.LAYERS
    }
    # Rows are given back as they are written, so that both never take their full size at once.
    for row, whole in sums.drain():
        moments.sums += whole
        for number, name in enumerate(layout.LAYERS):
            np.multiply(whole[:, number], UNITS[number], out=layers[name][row])
    return layers


def _sparse_layers(sums: RowSums, moments: _LogMoments) -> dict[str, Any]:
    from scipy import sparse

    indptr = np.zeros(sums.n_rows + 1, dtype=np.int64)
    genes, values = [], []
    for part in sums.parts():
        indptr[part.row + 1] = part.genes.size
        moments.sums[part.genes] += part.sums
        genes.append(part.genes)
        values.append(part.sums * np.array(UNITS))
    indptr = np.cumsum(indptr)
    indices = np.concatenate(genes) if genes else np.empty(0, np.int32)
    data = np.concatenate(values) if values else np.empty((0, len(UNITS)))
    return {
        name: sparse.csr_matrix(
            (np.ascontiguousarray(data[:, number]), indices, indptr), (sums.n_rows, sums.n_genes)
        )
        for number, name in enumerate(layout.LAYERS)
    }


def _genes(plan: TallyPlan, moments: _LogMoments, n_cells: int) -> pd.DataFrame:
    """Add each gene's mean and variance over all cells: what variable genes are chosen by."""
    genes = plan.genes.copy()
    n = max(n_cells, 1)
    counts, _, logs, squared_logs = moments.sums.T.astype(np.float64)
    log_mean = logs / GRID / n
    genes["mean"] = counts / n
    genes["log_mean"] = log_mean
    genes["log_variance"] = np.maximum(squared_logs / GRID / n - log_mean**2, 0.0)
    return genes
