"""Planted studies for the crosstalk benchmark, their truth, and the peers' scores on them."""

import anndata as ad
import numpy as np
import pandas as pd
from scipy.stats import norm

import turncoat as tc
from turncoat.crosstalk.pairs import find_pairs
from turncoat.crosstalk.science import log_level
from turncoat.study.planted import Edge, Plan, Shift
from turncoat.study.planted.atlas import NAMES
from turncoat.study.planted.genes import choose_genes
from turncoat.study.planted.model import (
    DISPERSION,
    DONOR_POPULATION_SD,
    DONOR_SD,
    SAMPLE_SD,
    SIGNAL_SD,
    Model,
)

KEYS = {
    "donor_key": "donor",
    "sample_key": "sample",
    "tissue_key": "tissue",
    "condition_key": "condition",
    "population_key": "population",
}
CONTRAST = tc.Contrast("condition", "case", "control")
EDGE = ["sender", "ligand", "receiver", "receptor"]

#: sender, ligand, receiver, receptor, response, hearing; twenty true edges.
TRUE = [
    ("Fibroblast", "WNT2", "Tumour", "FZD1_LRP6", "WNT", "heard"),
    ("NK", "WNT10B", "Epithelial", "FZD6_LRP6", "WNT", "heard"),
    ("Treg", "TGFB1", "CD8 T", "TGFBR1_TGFBR2", "TGFB", "heard"),
    ("Fibroblast", "TGFB3", "Endothelial", "TGFBR1_TGFBR2", "TGFB", "silent"),
    ("Macrophage", "IL10", "Monocyte", "IL10RA_IL10RB", "STAT3", "heard"),
    ("Fibroblast", "IL6", "CD4 T", "IL6R_IL6ST", "STAT3", "silent"),
    ("Macrophage", "IL1B", "Fibroblast", "IL1R1_IL1RAP", "NFKB", "heard"),
    ("Monocyte", "TNF", "Endothelial", "TNFRSF1A", "NFKB", "heard"),
    ("CD8 T", "IFNG", "Macrophage", "IFNGR1_IFNGR2", "IFNG", "heard"),
    ("NK", "IFNG", "Tumour", "IFNGR1_IFNGR2", "IFNG", "silent"),
    ("Endothelial", "EGF", "Tumour", "EGFR_ERBB2", "EGF", "silent"),
    ("Fibroblast", "HGF", "Epithelial", "MET", "EGF", "silent"),
    ("Macrophage", "CXCL12", "CD4 T", "CXCR4", "", "silent"),
    ("Tumour", "CCL22", "Treg", "CCR4", "", "silent"),
    ("Endothelial", "CCL21", "B", "CCR7", "", "silent"),
    ("Macrophage", "SPP1", "Tumour", "CD44", "", "silent"),
    ("Tumour", "PGF", "Endothelial", "FLT1_KDR", "", "silent"),
    ("CD4 T", "CD40LG", "B", "CD40", "NFKB", "silent"),
    ("Tumour", "CD274", "CD8 T", "PDCD1", "", "silent"),
    ("Macrophage", "HBEGF", "Fibroblast", "EGFR_ERBB2", "EGF", "heard"),
]
DECOYS = [
    ("Macrophage", "OSM", "Endothelial", "IL6ST_OSMR", "STAT3", "subunit_missing", 1.0),
    ("Monocyte", "OSM", "CD8 T", "IL6ST_LIFR", "", "subunit_missing", 1.0),
    ("Tumour", "LIF", "Fibroblast", "IL6ST_LIFR", "STAT3", "never_together", 1.0),
    ("Macrophage", "CCL17", "CD4 T", "CCR8", "", "never_together", 1.0),
    ("CD8 T", "XCL2", "B", "XCR1", "", "receptor_absent", 1.0),
    ("Fibroblast", "FGF7", "CD4 T", "FGFR2", "", "receptor_absent", 1.0),
    ("Plasma", "LTA", "Endothelial", "TNFRSF1B", "", "composition_only", 0.0),
    ("DC", "CCL19", "CD8 T", "CCR7", "", "composition_only", 0.0),
    ("Fibroblast", "WNT3A", "Tumour", "FZD7_LRP5", "WNT", "antagonist_up", 1.0),
    ("Endothelial", "WNT7B", "Epithelial", "FZD4_LRP5", "WNT", "antagonist_up", 1.0),
]


def plan(size: float) -> Plan:
    edges = [Edge(s, m, r, c, why, size, hearing) for s, m, r, c, why, hearing in TRUE]  # type: ignore[arg-type]
    edges += [
        Edge(s, m, r, c, why, size * share, "silent", decoy)  # type: ignore[arg-type]
        for s, m, r, c, why, decoy, share in DECOYS
    ]
    return Plan(switches=(), edges=tuple(edges), shifts=(Shift("Plasma", 1.0), Shift("DC", 1.0)))


def study(size: float, seed: int, *, cells: int = 1_500, genes: int = 3_000) -> ad.AnnData:
    return tc.ds.planted(
        n_donors=8, n_controls=8, cells_per_donor=cells, n_genes=genes, plan=plan(size), seed=seed
    )


def truth(size: float, seed: int, genes: int = 3_000) -> pd.DataFrame:
    """Label every possible edge from the model itself, with donors that do not vary."""
    the_plan = plan(size)
    names = choose_genes(genes, the_plan, np.random.default_rng([seed, 0]))
    model = Model(names, the_plan, 1.0, 8, 8, ("tumour",), 100, 0.0, seed)
    # Odd and even donors differ in the edges that never meet: average over two of each arm.
    pairs = find_pairs(names, "human")
    change, level = [], []
    for samples in ((0, 1), (8, 9)):
        strengths = []
        for sample in samples:
            profile = model.profiles(sample) * 1e4
            ligand = pairs.ligands.weakest(profile)[:, pairs.ligand]
            receptor = pairs.receptors.weakest(profile)[:, pairs.receptor]
            joint = np.sqrt(ligand[:, np.newaxis] * receptor[np.newaxis])
            strengths.append(joint)
        level.append(np.mean(strengths, axis=0))
        change.append(np.mean([log_level(each) for each in strengths], axis=0))
    difference = change[0] - change[1]
    high = np.maximum(level[0], level[1])
    sender, receiver, pair = np.nonzero(high > 0.1)
    table = pd.DataFrame(
        {
            "sender": np.array(NAMES)[sender],
            "receiver": np.array(NAMES)[receiver],
            "ligand": pairs.table["ligand"].to_numpy()[pair],
            "receptor": pairs.table["receptor"].to_numpy()[pair],
            "change": difference[sender, receiver, pair],
            "level": high[sender, receiver, pair],
        }
    )
    countered = {
        (edge.sender, edge.ligand) for edge in the_plan.edges if edge.decoy == "antagonist_up"
    }
    table["countered"] = [
        key in countered for key in zip(table["sender"], table["ligand"], strict=True)
    ]
    real = (table["change"].abs() > 0.3) & (table["level"] > 0.4) & ~table["countered"]
    unclear = ~real & ~table["countered"] & (table["change"].abs() > 0.1)
    table["label"] = np.where(unclear, -1, real.astype(int))
    return table


def oracle(tally: ad.AnnData, edges: pd.DataFrame, n_sides: int) -> dict[str, float]:
    """Say what a test could find that knows each planted ligand's spread and needs no receptor.

    A z-test of the ligand's log level with the spread that the generator used and the counting
    noise of its counts. ``told``: only the planted ligands are tested, at 0.05 without any
    correction. ``searching``: they are hidden among ``n_sides`` sides without effect, and one
    false finding is allowed for nine true ones.
    """
    names = {str(gene): number for number, gene in enumerate(tally.var_names)}
    counts, obs = np.asarray(tally.layers["counts"]), tally.obs
    spread = DONOR_SD**2 + DONOR_POPULATION_SD**2 + SAMPLE_SD**2 + SIGNAL_SD**2
    pvalues = []
    for edge in edges[edges["true_edge"]].itertuples():
        mine = (obs["population"] == edge.sender).to_numpy() & (obs["n_cells"] >= 5).to_numpy()
        count = counts[mine, names[str(edge.ligand)]] + 0.5
        case = (obs["condition"] == "case").to_numpy()[mine]
        level = np.log(count / counts[mine].sum(axis=1))
        noise = spread + 1 / count + DISPERSION / obs["n_cells"].to_numpy()[mine]
        error = np.sqrt(sum(noise[arm].sum() / arm.sum() ** 2 for arm in (case, ~case)))
        z = (level[case].mean() - level[~case].mean()) / error
        pvalues.append(2 * norm.sf(z) if z > 0 else 1.0)
    ordered = np.sort(pvalues)
    right = np.arange(1, ordered.size + 1)
    precise = np.flatnonzero(right >= 9 * n_sides * ordered)
    return {
        "oracle_told": float((ordered <= 0.05).mean()),
        "oracle_searching": float((precise[-1] + 1) / ordered.size) if precise.size else 0.0,
    }


def average_precision(label: np.ndarray, score: np.ndarray) -> float:
    """Area under the precision-recall curve, ties counted as a block."""
    order = np.argsort(-score, kind="stable")
    label, score = label[order], score[order]
    last = np.append(np.flatnonzero(np.diff(score)), label.size - 1)
    hits = np.cumsum(label)[last]
    precision = hits / (last + 1)
    recall = hits / label.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def best_side_peer(tally: ad.AnnData, names: list[str]) -> pd.DataFrame:
    """Pseudobulk t-tests of ligand and receptor: the smaller p-value counts."""
    return pseudobulk_peer(tally, names, best_side=True)


def pseudobulk_peer(
    tally: ad.AnnData, names: list[str], *, best_side: bool = False
) -> pd.DataFrame:
    """MultiNicheNet-like: pseudobulk t-tests of ligand and receptor, scaled and averaged."""
    from scipy.stats import rankdata, ttest_ind

    counts = tally.layers["counts"]
    logs = np.log2(1 + 1e6 * counts / counts.sum(axis=1, keepdims=True))
    fraction = tally.layers["detected"] / tally.obs["n_cells"].to_numpy()[:, np.newaxis]
    pairs = find_pairs(names, "human")
    case = (tally.obs["condition"] == "case").to_numpy()
    enough = tally.obs["n_cells"].to_numpy() >= 10
    signed, expressed = {}, {}
    for population in NAMES:
        mine = (tally.obs["population"] == population).to_numpy() & enough
        if min((mine & case).sum(), (mine & ~case).sum()) < 3:
            continue
        test = ttest_ind(logs[mine & case], logs[mine & ~case], axis=0)
        signed[population] = np.nan_to_num(-np.log10(test.pvalue) * np.sign(test.statistic))
        expressed[population] = (fraction[mine] >= 0.05).mean(axis=0) >= 0.5
    scaled = {}
    for population, values in signed.items():
        scaled[population] = values if best_side else (rankdata(values) - 1) / (values.size - 1)
    parts = []
    for sender in signed:
        for receiver in signed:
            score_l, ok_l = _complex(scaled[sender], expressed[sender], pairs.ligands, pairs.ligand)
            score_r, ok_r = _complex(
                scaled[receiver], expressed[receiver], pairs.receptors, pairs.receptor
            )
            kept = np.flatnonzero(ok_l & ok_r)
            average = np.abs((score_l + score_r) / 2 - 0.5)
            largest = np.maximum(np.abs(score_l), np.abs(score_r))
            score = (largest if best_side else average)[kept]
            parts.append(
                pd.DataFrame(
                    {
                        "sender": sender,
                        "receiver": receiver,
                        "ligand": pairs.table["ligand"].to_numpy()[kept],
                        "receptor": pairs.table["receptor"].to_numpy()[kept],
                        "score": score,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _complex(values, expressed, complexes, numbers):
    sums = np.add.reduceat(values[complexes.genes], complexes.starts)
    size = np.diff(np.append(complexes.starts, complexes.genes.size))
    ok = np.logical_and.reduceat(expressed[complexes.genes], complexes.starts)
    return (sums / size)[numbers], ok[numbers]


def auprc(found: pd.DataFrame, label: pd.DataFrame) -> float:
    merged = label[label["label"] >= 0].merge(found[[*EDGE, "score"]], on=EDGE, how="left")
    score = merged["score"].fillna(-np.inf).to_numpy()
    score[~np.isfinite(score)] = -1e9
    return average_precision(merged["label"].to_numpy(), score)


def curve(found: pd.DataFrame, label: pd.DataFrame) -> list[float]:
    """Precision at recall 0, 0.01 … 1, interpolated as usual: the best at this recall or beyond."""
    merged = label[label["label"] >= 0].merge(found[[*EDGE, "score"]], on=EDGE, how="left")
    merged = merged.sort_values("score", ascending=False, na_position="last", kind="stable")
    hits = np.cumsum(merged["label"].to_numpy())
    precision = np.maximum.accumulate((hits / np.arange(1, hits.size + 1))[::-1])[::-1]
    place = np.searchsorted(hits / hits[-1], np.linspace(0, 1, 101) - 1e-12)
    return [float(precision[each]) for each in place]


def ours(tally: ad.AnnData, **changes: object) -> pd.DataFrame:
    from turncoat.crosstalk import crosstalk

    found = crosstalk(tally, CONTRAST, senders="all", key_added=None, **changes).table  # type: ignore[arg-type]
    called = found["verdict"].isin(["gained", "lost"])
    demoted = found["verdict"].isin(["opposed", "not sent", "not testable"])
    weighted = found["pvalue"].fillna(1.0) / found["weight"].clip(1e-12)
    score = -np.log10(weighted.clip(1e-300)) + called
    return found.assign(score=np.where(demoted, -1.0, score))
