"""The main axes along which the cells of a sample vary: where neighbours are looked for."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.tables import FloatArray, IntArray

#: Genes whose spread is largest for their mean, and axes that are kept of them.
N_GENES, N_AXES = 2_000, 30
#: A gene in fewer cells says nothing about neighbourhoods.
MIN_CELLS_PER_GENE: Final = 3
TARGET_SUM: Final = 10_000.0


def project(
    counts: sp.csr_matrix, others: Sequence[sp.csr_matrix], *, seed: int = 0
) -> tuple[FloatArray, ...]:
    """Place cells on the main axes of a sample.

    Parameters
    ----------
    counts
        The cells whose variation makes the axes: raw counts.
    others
        Cells to place, the same genes.
    seed
        Where the search for the axes begins.

    Returns
    -------
    tuple of FloatArray
        Of each of ``others``, shape ``(n_cells, n_axes)``; genes are log-normalised and scaled to
        unit spread.
    """
    from scipy.sparse.linalg import LinearOperator, svds

    columns = _variable_genes(counts)
    real = _logged(counts, columns)
    mean = np.asarray(real.mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(np.asarray(real.power(2).mean(axis=0)).ravel() - mean**2, 1e-12))
    scale, centre = sp.diags(1 / np.maximum(spread, 1e-3)), mean / np.maximum(spread, 1e-3)
    scaled = real @ scale
    operator = LinearOperator(
        scaled.shape,
        matvec=lambda v: scaled @ v.ravel() - centre @ v.ravel(),
        rmatvec=lambda v: scaled.T @ v.ravel() - centre * v.sum(),
        dtype=np.float64,
    )
    smallest = min(scaled.shape)
    begin = np.random.default_rng(seed).normal(size=smallest)
    _, _, axes = svds(operator, k=min(N_AXES, smallest - 2), v0=begin, solver="arpack")
    return tuple(_logged(one, columns) @ scale @ axes.T - centre @ axes.T for one in others)


def _variable_genes(counts: sp.csr_matrix) -> IntArray:
    """Genes whose spread is largest for their mean, by rank within twenty bins of the mean."""
    logged = _logged(counts, np.arange(counts.shape[1]))
    mean = np.asarray(logged.mean(axis=0)).ravel()
    spread = np.asarray(logged.power(2).mean(axis=0)).ravel() - mean**2
    seen = np.asarray((counts > 0).sum(axis=0)).ravel() >= MIN_CELLS_PER_GENE
    genes = np.flatnonzero(seen)
    bins = pd.qcut(mean[genes], 20, labels=False, duplicates="drop")
    ratio = spread[genes] / np.maximum(mean[genes], 1e-12)
    within = pd.Series(ratio).groupby(bins)
    z = ((ratio - within.transform("mean")) / (within.transform("std") + 1e-12)).to_numpy()
    chosen = np.argsort(-np.nan_to_num(z, nan=-np.inf), kind="stable")[:N_GENES]
    return np.sort(genes[chosen])


def _logged(counts: sp.csr_matrix, columns: IntArray) -> sp.csr_matrix:
    depth = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    scaled = sp.diags(TARGET_SUM / depth) @ counts[:, columns]
    return sp.csr_matrix(scaled.log1p())
