"""Small cells for the tests of the study room, made in memory."""

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.study.sources import CellSource
from turncoat.tables import FloatArray

GENES = ["NCAM1", "FOXP3", "GZMB", "TGFB1", "CD8A", "MS4A1", "IL2RA"]


def make_cells(n_cells: int = 24, *, seed: int = 7, genes: list[str] | None = None) -> ad.AnnData:
    """Cells of four donors, two tissues each, three populations; synthetic."""
    genes = GENES if genes is None else genes
    rng = np.random.default_rng(seed)
    donor = np.array(["d1", "d2", "d3", "d4"])[np.arange(n_cells) % 4]
    tissue = np.array(["tumour", "normal"])[np.arange(n_cells) // 4 % 2]
    obs = pd.DataFrame(
        {
            "donor": pd.Categorical(donor),
            "tissue": pd.Categorical(tissue),
            "sample": [f"{d}_{t}" for d, t in zip(donor, tissue, strict=True)],
            "cell_type": pd.Categorical(np.array(["NK", "Treg", "B"])[rng.integers(0, 3, n_cells)]),
        },
        index=[f"cell{i}" for i in range(n_cells)],
    )
    counts = rng.poisson(0.8, (n_cells, len(genes))).astype(np.float32)
    return ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=genes))


KEYS: dict[str, Any] = {
    "donor_key": "donor",
    "sample_key": "sample",
    "tissue_key": "tissue",
    "population_key": "cell_type",
}


def dense(
    source: CellSource, rows_per_block: int, start: int = 0, stop: int | None = None
) -> FloatArray:
    """Read a source block by block into a dense matrix, checking every block's form."""
    last = source.n_cells if stop is None else stop
    whole = np.zeros((last - start, source.genes.size))
    expected = start
    for block in source.blocks(rows_per_block, start=start, stop=stop):
        assert block.start == expected
        assert block.indptr[0] == 0
        assert 0 < block.n_cells <= rows_per_block
        assert block.indptr[-1] == block.data.size == block.indices.size
        cells = np.repeat(np.arange(block.n_cells), np.diff(block.indptr))
        np.add.at(whole, (block.start - start + cells, block.indices), block.data)
        expected += block.n_cells
    assert expected == last
    return whole
