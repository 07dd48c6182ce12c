"""Doublets told by simulation: cells that look like two other cells of their sample added up.

Pairs of cells are added; real and simulated cells are projected on the main axes of variation of
the real ones; a cell's score is the share of simulated ones among its neighbours, corrected for
how many there are in all (after Wolock, Lopez and Klein 2019). Doublets of two alike cells cannot
be told so by anybody.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.axes import project
from turncoat.errors import MissingKeyError, did_you_mean
from turncoat.tables import BoolArray, FloatArray

if TYPE_CHECKING:
    import anndata as ad

#: Simulated doublets per cell.
PER_CELL: Final = 2.0
#: Neighbours looked at: half the root of the number of cells, as Scrublet does, at least this.
LEAST_NEIGHBOURS: Final = 10
#: A sample with fewer cells has no neighbourhoods.
MIN_CELLS: Final = 100
#: Share of doublets expected where nothing is known: 10x gives about 0.8 % per 1,000 cells.
RATE_PER_CELL: Final = 0.8e-5
#: Cells called at most, in shares expected: where simulated scores have one hump, any cut is bad.
MOST_CALLED: Final = 2.0


def doublets(
    adata: "ad.AnnData", *, sample_key: str, layer: str | None = None, seed: int = 0
) -> pd.DataFrame:
    """Score every cell for being two cells of its sample at once.

    Parameters
    ----------
    adata
        Cells with raw counts.
    sample_key
        Column of ``obs``: doublets form within a sample (strictly, within a lane).
    layer
        Layer with raw counts; None for ``X``.
    seed
        For drawing pairs.

    Returns
    -------
    pandas.DataFrame
        Index as ``obs``; columns ``score`` (0 to 1; NaN in samples of fewer than 100 cells) and
        ``doublet`` (whether it lies above the valley of the simulated scores).

    Raises
    ------
    MissingKeyError
        When the column or layer is not there.

    References
    ----------
    Wolock, Lopez and Klein (2019), *Cell Systems* 8:281.

    Examples
    --------
    >>> import turncoat as tc
    >>> cells = tc.ds.planted(n_donors=1, n_controls=0, cells_per_donor=300, n_genes=800)
    >>> doublets(cells, sample_key="sample")["score"].between(0, 1).all()
    np.True_
    """
    if sample_key not in adata.obs:
        raise MissingKeyError(
            f"adata.obs has no column '{sample_key}'. {did_you_mean(sample_key, adata.obs.columns)}"
        )
    if layer is not None and layer not in adata.layers:
        raise MissingKeyError(f"adata has no layer '{layer}'. {did_you_mean(layer, adata.layers)}")
    counts = sp.csr_matrix(adata.X if layer is None else adata.layers[layer])
    samples = adata.obs[sample_key].astype(str).to_numpy()
    score, called = np.full(samples.size, np.nan), np.zeros(samples.size, dtype=bool)
    for sample in np.unique(samples):
        mine = np.flatnonzero(samples == sample)
        score[mine], called[mine] = score_doublets(counts[mine], seed=seed)
    return pd.DataFrame({"score": score, "doublet": called}, index=adata.obs_names)


def score_doublets(counts: sp.csr_matrix, *, seed: int = 0) -> tuple[FloatArray, BoolArray]:
    """Score the cells of one sample; gives scores and calls, shape ``(n_cells,)`` each."""
    from scipy.spatial import cKDTree

    n_cells = counts.shape[0]
    if n_cells < MIN_CELLS:
        return np.full(n_cells, np.nan), np.zeros(n_cells, dtype=bool)
    rng = np.random.default_rng(seed)
    counts = sp.csr_matrix(counts, dtype=np.float64)
    first, second = rng.integers(0, n_cells, (2, int(PER_CELL * n_cells)))
    simulated = counts[first] + counts[second]
    real, made = project(counts, (counts, simulated), seed=seed)
    every = np.vstack([real, made])
    n_neighbours = max(LEAST_NEIGHBOURS, round(0.5 * np.sqrt(n_cells)))
    k = round(n_neighbours * (1 + PER_CELL))
    near = np.asarray(cKDTree(every).query(every, k=k + 1)[1])
    share = (near[:, 1:] >= n_cells).mean(axis=1)
    rate = expected_rate(n_cells)
    score = _posterior(share, k, rate)
    own = score[:n_cells]
    most = float(np.quantile(own, 1 - MOST_CALLED * rate))
    return own, own > max(_valley(score[n_cells:]), most)


def expected_rate(n_cells: int) -> float:
    """Share of doublets to expect among so many cells of one lane."""
    return float(np.clip(RATE_PER_CELL * n_cells, 0.01, 0.3))


def _posterior(share: FloatArray, k: int, rate: float) -> FloatArray:
    """Turn the share of simulated neighbours into a probability (Wolock et al., equation 1)."""
    q = (share * k + 1) / (k + 2)
    score: FloatArray = q * rate / PER_CELL / (1 - rate - q * (1 - rate - rate / PER_CELL))
    return score


def _valley(scores: FloatArray) -> float:
    """Lowest point between the two humps of the simulated scores, on a log scale (Otsu's cut)."""
    logged = np.log(np.maximum(scores, 1e-6))
    edges = np.linspace(logged.min(), logged.max() + 1e-9, 101)
    counts, _ = np.histogram(logged, edges)
    middle = (edges[1:] + edges[:-1]) / 2
    weight = np.cumsum(counts)
    total, mass = weight[-1], np.cumsum(counts * middle)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = (mass[-1] * weight / total - mass) ** 2 / (weight * (total - weight))
    return float(np.exp(edges[1:][np.nanargmax(between[:-1])]))
