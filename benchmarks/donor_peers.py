"""What the peers make of the same studies; run by an interpreter that has them.

python donor_peers.py null SEEDS N_PER_ARM N_CELLS       shares of p < 0.05, scanpy cell-level
python donor_peers.py power SEEDS N_CELLS EFFECT         programme statistic per study
"""

import json
import sys
import warnings

import numpy as np
from donor_study import N_GENES, N_PROGRAMME, pseudobulk, study

warnings.simplefilter("ignore")


def cell_level(seeds: range, n_per_arm: int, n_cells: int) -> dict[str, float]:
    import anndata as ad
    import scanpy as sc

    rejected: dict[str, list[float]] = {"wilcoxon": [], "t-test": []}
    for seed in seeds:
        data = study(seed, n_per_arm=n_per_arm, n_cells=n_cells)
        adata = ad.AnnData(data["counts"])
        adata.obs["arm"] = np.where(data["arm"][data["donor"]], "case", "control")
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
        for method, shares in rejected.items():
            sc.tl.rank_genes_groups(
                adata, "arm", groups=["case"], reference="control", method=method
            )
            shares.append(float(np.mean(adata.uns["rank_genes_groups"]["pvals"]["case"] < 0.05)))
    return {method: float(np.mean(shares)) for method, shares in rejected.items()}


def deseq2(sums: np.ndarray, arm: np.ndarray) -> float:
    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    names = [f"g{i}" for i in range(N_GENES)]
    index = [f"d{i}" for i in range(len(arm))]
    counts = pd.DataFrame(sums.astype(int), index=index, columns=names)
    meta = pd.DataFrame({"arm": np.where(arm, "case", "control")}, index=index)
    inference = DefaultInference(n_cpus=1)
    dds = DeseqDataSet(counts=counts, metadata=meta, design="~arm", quiet=True, inference=inference)
    dds.deseq2()
    stats = DeseqStats(dds, contrast=["arm", "case", "control"], quiet=True, inference=inference)
    stats.summary()
    return float(np.nanmean(stats.results_df["stat"].to_numpy()[:N_PROGRAMME]))


def decoupler_t(sums: np.ndarray, arm: np.ndarray) -> float:
    import decoupler as dc
    import pandas as pd
    from scipy import stats

    levels = np.log1p(sums / sums.sum(axis=1, keepdims=True) * 1e4)
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
    job, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if job == "null":
        print(json.dumps(cell_level(range(first, last), int(sys.argv[4]), int(sys.argv[5]))))
        return
    found: dict[str, list[float]] = {"pydeseq2": [], "decoupler": []}
    for seed in range(first, last):
        data = study(seed, n_per_arm=6, n_cells=int(sys.argv[4]), effect=float(sys.argv[5]))
        sums = pseudobulk(data)
        found["pydeseq2"].append(deseq2(sums, data["arm"]))
        found["decoupler"].append(decoupler_t(sums, data["arm"]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
