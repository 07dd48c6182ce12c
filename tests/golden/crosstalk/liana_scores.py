"""Scores of LIANA 1.10.0 on a planted study, as an oracle for the classic table.

Run with an interpreter that has LIANA, after `cells.h5ad` was written by
    tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=150, n_genes=900, seed=11)
Usage: python liana_scores.py cells.h5ad liana_scores.csv
"""

import sys

import anndata as ad
import liana as li
import numpy as np
import scanpy as sc

cells = ad.read_h5ad(sys.argv[1])
cells.X = cells.X.astype(np.float64)
sc.pp.normalize_total(cells, target_sum=1e4)
sc.pp.log1p(cells)
options = {
    "groupby": "population",
    "resource_name": "consensus",
    "use_raw": False,
    "expr_prop": 0.1,
    "inplace": False,
    "verbose": False,
    "min_cells": 5,
}
keys = ["source", "ligand_complex", "target", "receptor_complex"]
table = li.mt.cellphonedb(cells, n_perms=1000, seed=1, **options)[
    [*keys, "lr_means", "cellphone_pvals"]
]
for method, columns in (
    (li.mt.natmi, ["expr_prod", "spec_weight"]),
    (li.mt.singlecellsignalr, ["lrscore"]),
    (li.mt.geometric_mean, ["lr_gmeans"]),
):
    extra = {"n_perms": None} if method is li.mt.geometric_mean else {}
    found = method(cells, **options, **extra)[[*keys, *columns]]
    table = table.merge(found, on=keys, how="outer")
table = table.sort_values(keys).iloc[::7]
table.to_csv(sys.argv[2], index=False, float_format="%.12g")
