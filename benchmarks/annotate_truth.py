"""What the labels of GSE131907 mean in our words, and which donors constants are chosen on."""

from typing import Any

import numpy as np

#: States whose population is not in doubt; the others (CD8-low and mixed T cells, CD163+ CD14+
#: dendritic cells) count at the level of lineages only, as do "MALT B cells": of those of the tuning
#: half, 3 % show MS4A1, 99 % MZB1, 67 % SDC1: plasma cells by every marker.
POPULATION = {
    "Naive_CD4+_T": "CD4 T", "CD4+_Th": "CD4 T", "Exhausted_Tfh": "CD4 T", "Treg": "Treg",
    "Naive_CD8+_T": "CD8 T", "Cytotoxic_CD8+_T": "CD8 T", "Exhausted_CD8+_T": "CD8 T",
    "NK": "NK", "MAST": "Mast", "Follicular_B_cells": "B",
    "GC_B_cells_in_the_DZ": "B", "GC_B_cells_in_the_LZ": "B", "Plasma_cells": "Plasma",
    "Activated_DCs": "mregDC", "CD141+_DCs": "cDC1", "CD1c+_DCs": "cDC2", "Monocytes": "Monocyte",
    "Alveolar_Mac": "Macrophage", "Pleural_Mac": "Macrophage", "mo-Mac": "Macrophage",
    "Microglia_Mac": "Macrophage", "COL13A1+_matrix_FBs": "Fibroblast",
    "COL14A1+_matrix_FBs": "Fibroblast", "Myofibroblasts": "Fibroblast",
    "Stalk-like_ECs": "Endothelial", "Tip-like_ECs": "Endothelial", "Tumor_ECs": "Endothelial",
    "AT1": "Epithelial", "AT2": "Epithelial", "Ciliated": "Epithelial", "Club": "Epithelial",
    "Malignant_cells": "Epithelial", "tS1": "Epithelial", "tS2": "Epithelial",
}  # fmt: skip
LINEAGE = {
    "Epithelial_cells": "Epithelial", "Malignant_cells": "Epithelial", "Fibroblasts": "Stromal",
    "Endothelial_cells": "Endothelial", "MAST_cells": "Mast", "NK_cells": "NK",
    "T_lymphocytes": "T", "B_lymphocytes": "B", "Myeloid_cells": "Myeloid",
}  # fmt: skip


def halves(donors: Any) -> tuple[list[str], list[str]]:
    """Donors in alphabetical order: every second one, from the first, is for tuning."""
    names = sorted(set(map(str, donors)))
    return names[::2], names[1::2]


def thinned(counts: Any, share: float, seed: int) -> Any:
    """Counts as a shallower run would have given."""
    import scipy.sparse as sp

    matrix = sp.csr_matrix(counts, dtype=np.float64, copy=True)
    matrix.data = np.random.default_rng(seed).binomial(matrix.data.astype(int), share).astype(float)
    matrix.eliminate_zeros()
    return matrix
