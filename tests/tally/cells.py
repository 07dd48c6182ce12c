"""Small studies for the tests of the tally, and ways to draw them."""

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from factories import tally_from_cells
from turncoat.tally import layout

#: Symbols that every species table knows; the first is mitochondrial.
GENES = ["MT-CO1", "NCAM1", "FOXP3", "CD3E", "GZMB", "WNT5A", "TGFB1", "PORCN", "CD8A", "MS4A1"]
KEYS: dict[str, Any] = {
    "donor_key": "donor",
    "sample_key": "sample",
    "tissue_key": "tissue",
    "condition_key": "condition",
    "population_key": "population",
}


def make_cells(
    n_cells: int = 60, *, seed: int = 0, genes: list[str] | None = None, high: int = 4
) -> ad.AnnData:
    """Draw cells of six samples of three donors, four populations; some cells are empty."""
    rng = np.random.default_rng(seed)
    names = GENES if genes is None else genes
    counts = rng.integers(0, high, (n_cells, len(names))) * (
        rng.random((n_cells, len(names))) < 0.5
    )
    sample = rng.integers(0, 6, n_cells)
    obs = pd.DataFrame(
        {
            "donor": [f"d{s // 2}" for s in sample],
            "sample": [f"s{s}" for s in sample],
            "tissue": ["tumour" if s % 2 else "normal" for s in sample],
            "condition": "case",
            "population": rng.choice(["NK", "Treg", "CD8", "B"], n_cells),
        },
        index=[f"cell{i}" for i in range(n_cells)],
    )
    return ad.AnnData(
        sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=pd.DataFrame(index=names)
    )


def oracle(cells: ad.AnnData) -> ad.AnnData:
    """Tally cells in memory, by pandas."""
    return tally_from_cells(
        np.asarray(cells.X.todense(), dtype=float), cells.obs, list(cells.var_names)
    )


def same_bits(one: ad.AnnData, other: ad.AnnData) -> bool:
    """Whether two tallies agree to the last bit."""
    return (
        list(one.obs_names) == list(other.obs_names)
        and list(one.var_names) == list(other.var_names)
        and (one.obs[layout.N_CELLS].to_numpy() == other.obs[layout.N_CELLS].to_numpy()).all()
        and all(
            dense(one, name).tobytes() == dense(other, name).tobytes() for name in layout.LAYERS
        )
        and all((one.var[n].to_numpy() == other.var[n].to_numpy()).all() for n in MOMENTS)
    )


MOMENTS = ("mean", "log_mean", "log_variance")


def dense(tally: ad.AnnData, layer: str) -> np.ndarray:
    """Give a layer as a dense array."""
    values: Any = tally.layers[layer]
    return np.ascontiguousarray(values if isinstance(values, np.ndarray) else values.toarray())


def close_to_oracle(tally: ad.AnnData, expected: ad.AnnData) -> None:
    """Check every layer against the oracle: counts exactly, logs to a grid step a cell."""
    expected = expected[tally.obs_names, tally.var_names]
    for name in (layout.COUNTS, layout.DETECTED):
        np.testing.assert_array_equal(dense(tally, name), dense(expected, name))
    for name in (layout.LOGSUM, layout.LOGSUMSQ):
        np.testing.assert_allclose(dense(tally, name), dense(expected, name), rtol=1e-6, atol=1e-8)


def write(cells: ad.AnnData, path: Path, **options: Any) -> Path:
    """Write cells to h5ad."""
    cells.write_h5ad(path, **options)
    return path
