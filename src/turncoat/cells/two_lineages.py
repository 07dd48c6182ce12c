"""Two lineages in one cell: what no single cell shows, and a doublet does."""

from typing import Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.tables import BoolArray, FloatArray, IntArray

#: A lineage is seen with this many of its genes, this many counts of them, and this share of what
#: its own cells show at the median. Set by hand on GSE131907: 2 % of its (filtered) cells, 42 % of
#: simulated pairs of two lineages.
DOUBLET_MARKERS, DOUBLET_COUNTS, DOUBLET_SHARE = 2, 5, 0.15
#: Cells of a lineage needed to know what its cells show.
MIN_OWN: Final = 10
#: Lineages whose co-expression no single cell shows, by genes that hardly leak between kinds of
#: cells: narrower than the marker table, whose lists may overlap in real tissue.
EXCLUSIVE: Final = {
    "Epithelial": "EPCAM KRT8 KRT18 KRT19 CDH1 ELF3 KRT7 TACSTD2",
    "Stromal": "COL1A1 COL1A2 COL3A1 DCN LUM COL6A3 PDGFRB PDGFRA",
    "Endothelial": "VWF CLDN5 CDH5 ACKR1 EMCN TIE1 KDR RAMP2",
    "T": "CD3D CD3E CD3G TRAC TRBC1 TRBC2 CD6 TRAT1",
    "B": "CD19 MS4A1 CD79A BANK1 VPREB3 CD22 FCRL2 BLK",
    "Myeloid": "CD68 CD163 MS4A4A LYZ CD14 FCN1 C1QA C1QB",
    "Mast": "TPSB2 TPSAB1 CPA3 MS4A2 HDC SLC18A2",
}


def exclusive_markers(species: str) -> list[list[str]]:
    """Give the genes that only one of the exclusive lineages expresses, lineage by lineage."""
    sets = [genes.split() for genes in EXCLUSIVE.values()]
    return sets if species == "human" else [[g.capitalize() for g in own] for own in sets]


def shows_two(n_genes: IntArray, n_counts: IntArray, depth: FloatArray) -> BoolArray:
    """Say which cells show two lineages.

    Parameters
    ----------
    n_genes, n_counts
        Exclusive genes with a count, and their counts, shape ``(n_cells, n_lineages)``.
    depth
        Counts per cell.
    """
    shares = n_counts / np.maximum(depth, 1)[:, np.newaxis]
    seen = (n_genes >= DOUBLET_MARKERS) & (n_counts >= DOUBLET_COUNTS)
    most = np.maximum(np.quantile(n_genes, 0.999, axis=0), 1) if len(n_genes) else 1
    top = (n_genes / most).argmax(axis=1)
    for k in range(n_genes.shape[1]):
        own = shares[(top == k) & seen[:, k], k]
        # Ambient RNA shows a lineage, too; a doublet holds half of what its cells do.
        least = DOUBLET_SHARE * float(np.median(own)) if own.size >= MIN_OWN else np.inf
        seen[:, k] &= shares[:, k] >= least
    two: BoolArray = seen.sum(axis=1) >= 2
    return two


def two_lineages(counts: sp.csr_matrix, genes: pd.Index, species: str) -> BoolArray:
    """Say which cells of a matrix show two lineages, shape ``(n_cells,)``."""
    several, many = [], []
    for own in exclusive_markers(species):
        columns = genes.get_indexer(pd.Index(own))
        shown = counts[:, columns[columns >= 0]]
        several.append(np.asarray((shown > 0).sum(axis=1)).ravel())
        many.append(np.asarray(shown.sum(axis=1)).ravel())
    depth = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    return shows_two(np.stack(several, axis=1), np.stack(many, axis=1), depth)
