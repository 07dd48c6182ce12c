"""Cells of some populations, read into memory: as many of each donor as memory allows."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.stream import ROWS_PER_BLOCK, to_plan_genes
from turncoat.study import TallyPlan
from turncoat.tables import IntArray

if TYPE_CHECKING:
    import anndata as ad


def draw_populations(
    plan: TallyPlan, populations: Sequence[str], *, max_cells: int, seed: int
) -> "ad.AnnData":
    """Read the cells of some populations, at most so many of each, shared fairly over donors.

    Which cells are drawn depends on their names and the seed, never on their place in the file.

    Parameters
    ----------
    plan
        The cells, their rows and their genes.
    populations
        Whose cells.
    max_cells
        Cells of one population at most.
    seed
        Fixes which cells are drawn where there are more.

    Returns
    -------
    AnnData
        Raw counts in ``X`` (CSR), the plan's genes; ``obs`` as the tally's rows have it, index
        ``sample|population:barcode``.
    """
    import anndata as ad

    table = _limit(_cells_of(plan, populations), max_cells, seed)
    parts = [
        _read(plan, number, table.loc[table["source"] == number, "row"].to_numpy())
        for number in sorted(set(table["source"]))
    ]
    matrix = sp.vstack(parts, format="csr") if parts else sp.csr_matrix((0, len(plan.genes)))
    obs = plan.rows.iloc[table["code"].to_numpy()].copy()
    obs.index = pd.Index(table["name"].to_numpy())
    return ad.AnnData(matrix.astype(np.float32), obs=obs, var=plan.genes.copy())


def _cells_of(plan: TallyPlan, populations: Sequence[str]) -> pd.DataFrame:
    wanted = plan.rows["population"].isin(populations).to_numpy()
    parts = []
    for number, (source, codes) in enumerate(zip(plan.sources, plan.row_codes, strict=True)):
        own = np.flatnonzero((codes >= 0) & wanted[np.maximum(codes, 0)])
        part = plan.rows.iloc[codes[own]][["donor", "population"]].astype(str)
        barcodes = source.read_obs([]).index.to_numpy()[own]
        named = [f"{row}:{barcode}" for row, barcode in zip(part.index, barcodes, strict=True)]
        parts.append(part.assign(source=number, row=own, code=codes[own], name=named))
    return pd.concat(parts, ignore_index=True)


def _limit(table: pd.DataFrame, max_cells: int, seed: int) -> pd.DataFrame:
    """Keep at most ``max_cells`` of a population, the same number of every donor that has more."""
    kept = [table.iloc[:0]]
    for _, own in table.groupby("population", sort=True):
        if len(own) <= max_cells:
            kept.append(own)
            continue
        lots = own.assign(lot=[_lot(name, seed) for name in own["name"]]).sort_values("lot")
        place = lots.groupby("donor").cumcount()
        # The share of the donor with the most cells is cut first.
        kept.append(lots.assign(place=place).sort_values(["place", "lot"]).head(max_cells))
    return pd.concat(kept)[table.columns].sort_values(["source", "row"])


def _lot(name: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}|{name}".encode(), digest_size=8).digest()


def _read(plan: TallyPlan, number: int, rows: IntArray) -> sp.csr_matrix:
    source, codes = plan.sources[number], plan.gene_codes[number]
    parts = []
    for block in source.blocks(ROWS_PER_BLOCK, start=int(rows[0]), stop=int(rows[-1]) + 1):
        inside = rows[(rows >= block.start) & (rows < block.start + block.n_cells)]
        if inside.size:
            counts = to_plan_genes(block, codes, len(plan.genes))
            parts.append(counts[inside - block.start])
    read: sp.csr_matrix = sp.vstack(parts, format="csr")
    return read
