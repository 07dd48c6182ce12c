"""Runs under the peers' interpreter: LIANA per condition, or one timed method."""

import json
import sys

import anndata as ad
import liana as li
import numpy as np
import scanpy as sc

KEYS = ["source", "ligand_complex", "target", "receptor_complex"]


def normalised(path):
    cells = ad.read_h5ad(path)
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    return cells


def main(job, path, out=""):
    cells = normalised(path)
    options = {"groupby": "population", "use_raw": False, "verbose": False, "inplace": False}
    if job == "aggregate":
        li.mt.rank_aggregate(cells, n_perms=1000, **options)
    elif job == "cellphonedb":
        li.mt.cellphonedb(cells, n_perms=1000, **options)
    elif job == "difference":
        tables, significant = {}, []
        for condition in ("case", "control"):
            mine = cells[cells.obs["condition"] == condition].copy()
            table = li.mt.rank_aggregate(mine, n_perms=100, return_all_lrs=True, **options)
            significant.append(float((table["cellphone_pvals"].dropna() <= 0.05).mean()))
            tables[condition] = table.set_index(KEYS)["magnitude_rank"]
        case, control = (np.log10(tables[name].clip(lower=1e-300)) for name in ("case", "control"))
        joined = (case - control).abs().rename("score").dropna().reset_index()
        joined.columns = ["sender", "ligand", "receiver", "receptor", "score"]
        joined.to_csv(out, index=False)
        print(json.dumps({"significant": significant}))
    elif job == "null":
        mine = cells[cells.obs["condition"] == out].copy()
        table = li.mt.cellphonedb(mine, n_perms=100, **options)
        called = table.loc[table["cellphone_pvals"] <= 0.05, KEYS].astype(str)
        names = ["\t".join(row) for row in called.itertuples(index=False)]
        print(json.dumps({"tested": len(table), "significant": len(names), "called": names}))


main(*sys.argv[1:])
