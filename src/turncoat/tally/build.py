"""From whole-number sums to the AnnData that the rooms read."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from turncoat.plain_table import PlainTable, as_frame
from turncoat.study import TallyPlan
from turncoat.tables import UNS_KEY, FloatArray, IntArray
from turncoat.tally import kernels, layout
from turncoat.tally.account import ACCOUNT_KEY, packed_account
from turncoat.tally.kernels.units import GRID
from turncoat.tally.partial import PartialTally
from turncoat.tally.sums import RowSums

if TYPE_CHECKING:
    import anndata as ad
    import pandas as pd

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

    moments = gene_sums(partial)
    shape = (partial.sums.n_rows, partial.sums.n_genes)
    if fits(partial, dense_bytes):
        layers: dict[str, Any] = {name: np.zeros(shape) for name in layout.LAYERS}
        drain(partial.sums, moments, lambda row: [layer[row] for layer in layers.values()])
    else:
        layers = _sparse_layers(partial.sums, moments)
    obs, var = as_frame(rows_of(plan, partial)), as_frame(genes_of(plan, partial, moments))
    tally = ad.AnnData(obs=obs, var=var, layers=layers)
    tally.uns[UNS_KEY] = facts_of(plan, partial)
    return tally


def fits(partial: PartialTally, dense_bytes: int) -> bool:
    """Whether dense layers take no more than so many bytes."""
    return partial.sums.n_rows * partial.sums.n_genes * 8 * len(layout.LAYERS) <= dense_bytes


def gene_sums(partial: PartialTally) -> IntArray:
    """Room for the sums over all rows, in whole numbers, of what the rows hold per gene."""
    return np.zeros((partial.sums.n_genes, len(UNITS)), dtype=np.int64)


def drain(sums: RowSums, moments: IntArray, room: Callable[[int], Sequence[FloatArray]]) -> None:
    """Write every row once, in the layers' units, and add it to the genes' sums.

    Rows are given back to the system as they are taken, so that sums and layers never take their
    full size at once.

    Parameters
    ----------
    sums
        The rows; empty afterwards.
    moments
        Added to, shape ``(n_genes, 4)``.
    room
        Gives the four arrays, of shape ``(n_genes,)``, that a row's values are written to.
    """
    for row, packed, whole in sums.drain():
        counts, detected, logs, squares = rooms = room(row)
        if whole is None:
            kernels.finish_row(packed, 1.0 / GRID, counts, detected, logs, squares, moments)
        else:
            moments += whole
            for own, values, unit in zip(rooms, whole.T, UNITS, strict=True):
                np.multiply(values, unit, out=own)


def rows_of(plan: TallyPlan, partial: PartialTally) -> "PlainTable | pd.DataFrame":
    """Give the tally's ``obs``: labels of the rows, and their cells."""
    rows = plan.row_table
    names = [*rows.columns]
    place = names.index(layout.POPULATION) + 1
    if isinstance(rows, PlainTable):
        names.insert(place, layout.N_CELLS)
        columns = {**rows.columns, layout.N_CELLS: partial.n_cells}
        return PlainTable(rows.index, {name: columns[name] for name in names}, rows.index_name)
    frame = rows.copy()
    frame.insert(place, layout.N_CELLS, partial.n_cells)
    return frame


def facts_of(plan: TallyPlan, partial: PartialTally) -> dict[str, Any]:
    """Give what a tally says of itself, and of what became of the cells."""
    meta = {**plan.meta, "n_cells": int(partial.n_cells.sum())}
    return {layout.META_KEY: meta, ACCOUNT_KEY: packed_account(plan, partial.pieces)}


def _sparse_layers(sums: RowSums, moments: IntArray) -> dict[str, Any]:
    from scipy import sparse

    indptr = np.zeros(sums.n_rows + 1, dtype=np.int64)
    genes, values = [], []
    for part in sums.parts():
        indptr[part.row + 1] = part.genes.size
        moments[part.genes] += part.sums
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


def genes_of(
    plan: TallyPlan, partial: PartialTally, moments: IntArray
) -> "PlainTable | pd.DataFrame":
    """Add each gene's mean and variance over all cells: what variable genes are chosen by."""
    n = max(int(partial.n_cells.sum()), 1)
    counts, _, logs, squared_logs = moments.T.astype(np.float64)
    log_mean = logs / GRID / n
    added = {
        "mean": counts / n,
        "log_mean": log_mean,
        "log_variance": np.maximum(squared_logs / GRID / n - log_mean**2, 0.0),
    }
    genes = plan.gene_table
    if isinstance(genes, PlainTable):
        return PlainTable(genes.index, {**genes.columns, **added}, genes.index_name)
    return genes.assign(**added)
