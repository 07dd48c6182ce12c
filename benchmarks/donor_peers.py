"""What the peers make of the same studies; run by an interpreter that has them.

python donor_peers.py null SEEDS N_PER_ARM N_CELLS            shares of p < 0.05, scanpy cell-level
python donor_peers.py power SEEDS N_CELLS EFFECT [SHARED]     programme statistic per study
python donor_peers.py genes SEEDS N_CELLS EFFECT              p-values of every gene per study

SEEDS is first and last + 1, two arguments.
"""

import json
import sys
import warnings

import numpy as np
from donor_study import N_GENES, N_PROGRAMME, pseudobulk, study, sums

warnings.simplefilter("ignore")


def cell_pvalues(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """p-values of scanpy's tests of cells, in the order of the genes."""
    import anndata as ad
    import scanpy as sc

    adata = ad.AnnData(data["counts"])
    adata.obs["arm"] = np.where(data["arm"][data["donor"]], "case", "control")
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    found = {}
    for method in ("wilcoxon", "t-test"):
        sc.tl.rank_genes_groups(adata, "arm", groups=["case"], reference="control", method=method)
        table = sc.get.rank_genes_groups_df(adata, "case").set_index("names")
        found[method] = table.loc[adata.var_names, "pvals"].to_numpy()
    return found


def cell_level(seeds: range, n_per_arm: int, n_cells: int) -> dict[str, list[float]]:
    rejected: dict[str, list[float]] = {}
    for seed in seeds:
        data = study(seed, n_per_arm=n_per_arm, n_cells=n_cells)
        for method, pvalues in cell_pvalues(data).items():
            rejected.setdefault(method, []).append(float(np.mean(pvalues < 0.05)))
    return rejected


def deseq2_table(counts: np.ndarray, arm: np.ndarray, *, gene_by_gene: bool = False):
    """PyDESeq2's result table, in the order of the genes."""
    import pandas as pd
    from donor_deseq2 import AllGenes
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    names = [f"g{i}" for i in range(N_GENES)]
    index = [f"d{i}" for i in range(len(arm))]
    table = pd.DataFrame(counts.astype(int), index=index, columns=names)
    meta = pd.DataFrame({"arm": np.where(arm, "case", "control")}, index=index)
    inference = DefaultInference(n_cpus=1) if gene_by_gene else AllGenes(n_cpus=1)
    dds = DeseqDataSet(counts=table, metadata=meta, design="~arm", quiet=True, inference=inference)
    dds.deseq2()
    # Which genes to leave out of a table's q-values is not asked here; statistics are the same.
    stats = DeseqStats(
        dds, contrast=["arm", "case", "control"], independent_filter=False, quiet=True,
        inference=inference,
    )  # fmt: skip
    stats.summary()
    return stats.results_df


def deseq2(counts: np.ndarray, arm: np.ndarray, *, gene_by_gene: bool = False) -> float:
    """Mean Wald statistic of the programme's genes."""
    table = deseq2_table(counts, arm, gene_by_gene=gene_by_gene)
    return float(np.nanmean(table["stat"].to_numpy()[:N_PROGRAMME]))


def gene_level(seeds: range, n_cells: int, effect: float) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {}
    for seed in seeds:
        data = study(seed, n_per_arm=6, n_cells=n_cells, effect=effect)
        rows = {f"scanpy {name} on cells": p for name, p in cell_pvalues(data).items()}
        rows["pydeseq2"] = deseq2_table(pseudobulk(data), data["arm"])["pvalue"].to_numpy()
        for name, pvalues in rows.items():
            found.setdefault(name, []).append([round(float(p), 8) for p in pvalues])
    return found


def decoupler_t(counts: np.ndarray, arm: np.ndarray) -> float:
    """Welch's t of decoupler's univariate linear model score."""
    import decoupler as dc
    import pandas as pd
    from scipy import stats

    levels = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    table = pd.DataFrame(
        levels, columns=[f"g{i}" for i in range(N_GENES)], index=[f"d{i}" for i in range(len(arm))]
    )
    net = pd.DataFrame(
        {"source": "p", "target": [f"g{i}" for i in range(N_PROGRAMME)], "weight": 1.0}
    )
    scores, _ = dc.mt.ulm(data=table, net=net, tmin=3)
    values = scores["p"].to_numpy()
    return float(stats.ttest_ind(values[arm], values[~arm], equal_var=False).statistic)


def main() -> None:
    job, seeds = sys.argv[1], range(int(sys.argv[2]), int(sys.argv[3]))
    if job == "null":
        print(json.dumps(cell_level(seeds, int(sys.argv[4]), int(sys.argv[5]))))
        return
    if job == "genes":
        print(json.dumps(gene_level(seeds, int(sys.argv[4]), float(sys.argv[5]))))
        return
    shared = float(sys.argv[6]) if len(sys.argv) > 6 else 0.0
    found: dict[str, list[float]] = {"pydeseq2": [], "decoupler": []}
    for seed in seeds:
        data = sums(
            seed, n_per_arm=6, n_cells=int(sys.argv[4]), effect=float(sys.argv[5]), shared=shared
        )
        found["pydeseq2"].append(deseq2(data["sums"], data["arm"]))
        found["decoupler"].append(decoupler_t(data["sums"], data["arm"]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
