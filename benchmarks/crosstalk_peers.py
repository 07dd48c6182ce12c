"""Runs under the interpreters of CellPhoneDB, FastCCC and pycellchat: one job per call.

CellPhoneDB's database is not part of its package and is fetched from the network; ``database``
builds one, with CellPhoneDB's own code, of the pairs in a table (ligand, receptor).
"""

import json
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import anndata as ad
import pandas as pd

KEYS = ["sender", "ligand", "receiver", "receptor"]
FLAGS = [
    "transmembrane", "peripheral", "secreted", "secreted_highlight", "receptor", "integrin", "other",
]  # fmt: skip
TEXTS = ["secreted_desc", "receptor_desc", "other_desc", "tags", "tags_reason", "tags_description"]


def database(pairs_path: str, folder: str) -> None:
    """Write the input tables and let CellPhoneDB make its database of them."""
    from cellphonedb.utils import db_utils

    pairs = pd.read_csv(pairs_path).drop_duplicates()
    names = sorted(set(pairs["ligand"]) | set(pairs["receptor"]))
    genes = sorted({part for name in names for part in name.split("_")})
    # A complex of five without interactions: columns that are empty throughout are refused.
    complexes = ["_".join(genes[:5])]
    complexes += [name for name in names if "_" in name and name.count("_") < 5]
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    proteins = pd.DataFrame({"uniprot": genes, "protein_name": [f"{gene}_HUMAN" for gene in genes]})
    sides = {gene for name in pairs["receptor"] for gene in name.split("_")}
    for table, names_of in ((proteins, genes), (None, complexes)):
        if table is None:
            table = pd.DataFrame({"complex_name": complexes})
            for place in range(5):
                parts = [each.split("_") for each in complexes]
                table[f"uniprot_{place + 1}"] = [
                    each[place] if place < len(each) else None for each in parts
                ]
            for name in ("pdb_structure", "pdb_id", "stoichiometry", "comments_complex"):
                table[name] = ""
            for name in ("reactome_reaction", "reactome_complex", "complexPortal_complex"):
                table[name] = ""
            table["rhea_reaction"] = ""
        for name in FLAGS:
            table[name] = False
        for name in TEXTS:
            table[name] = ""
        table["version"] = "built"
        receptors = set(pairs["receptor"]) | (sides if table is proteins else set())
        table["receptor"] = [name in receptors for name in names_of]
        table["secreted"] = ~table["receptor"]
        table.to_csv(
            target / ("protein_input.csv" if table is proteins else "complex_input.csv"),
            index=False,
        )
    ids = {"ensembl": genes, "gene_name": genes, "hgnc_symbol": genes, "uniprot": genes}
    pd.DataFrame(ids).to_csv(target / "gene_input.csv", index=False)
    kept = pairs[pairs["ligand"].isin([*genes, *complexes])]
    kept = kept[kept["receptor"].isin([*genes, *complexes])]
    interactions = pd.DataFrame(
        {
            "partner_a": kept["ligand"],
            "partner_b": kept["receptor"],
            "protein_name_a": "",
            "protein_name_b": "",
            "annotation_strategy": "user_curated",
            "source": "table",
            "is_ppi": True,
            "curator": "",
            "directionality": "Ligand-Receptor",
            "classification": "",
            "version": "built",
        }
    )
    interactions.to_csv(target / "interaction_input.csv", index=False)
    db_utils.create_db(str(target))
    made = max(target.glob("cellphonedb_*.zip"))
    made.rename(target / "cellphonedb.zip")
    with zipfile.ZipFile(target / "cellphonedb.zip") as archive:
        archive.extractall(target)  # FastCCC reads the tables themselves
    print(json.dumps({"interactions": len(interactions), "complexes": len(complexes)}))


def normalised(path: str, condition: str) -> ad.AnnData:
    import scanpy as sc

    cells = ad.read_h5ad(path)
    if condition:
        cells = cells[cells.obs["condition"] == condition].copy()
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    return cells


def _meta(cells: ad.AnnData, folder: str) -> str:
    path = f"{folder}/meta.tsv"
    cells.obs["population"].rename("cell_type").rename_axis("barcode_sample").to_csv(path, sep="\t")
    return path


def cellphonedb(path: str, database_folder: str, iterations: str, condition: str = "") -> None:
    """Run the statistical method in one process, and say what share of edges it calls."""
    import scanpy  # noqa: F401 - loaded before the clock starts
    from cellphonedb.src.core.methods import cpdb_statistical_analysis_method as method

    start = time.process_time(), time.perf_counter()
    cells = normalised(path, condition)
    with tempfile.TemporaryDirectory() as folder:
        found = method.call(
            cpdb_file_path=f"{database_folder}/cellphonedb.zip",
            meta_file_path=_meta(cells, folder),
            counts_file_path=cells,
            counts_data="hgnc_symbol",
            output_path=folder,
            iterations=int(iterations),
            threshold=0.1,
            threads=1,
            debug_seed=1,
        )
    spent = {
        "warm_cpu": time.process_time() - start[0],
        "warm_wall": time.perf_counter() - start[1],
    }
    table = found["pvalues"].set_index("interacting_pair")
    _say(table[[name for name in table.columns if "|" in name]], 0, spent)


def fastccc(path: str, database_folder: str, condition: str = "") -> None:
    """Run the analytic counterpart, mean and minimum as in CellPhoneDB."""
    from fastccc.core import statistical_analysis_method

    cells = normalised(path, condition)
    with tempfile.TemporaryDirectory() as folder:
        statistical_analysis_method(
            database_folder,
            _meta(cells, folder),
            cells,
            "hgnc_symbol",
            save_path=folder,
            style="cpdb",
        )
        table, expressed = (
            pd.read_csv(next(Path(folder).glob(f"*{kind}.tsv")), sep="\t", index_col=0)
            for kind in ("pvals", "percents_analysis")
        )
    _say(table, int(expressed.to_numpy(dtype=bool).sum()))


def _say(table: pd.DataFrame, n_tested: int, spent: dict[str, float] | None = None) -> None:
    """Print what is significant, and how many pass the threshold of detection (0: not known)."""
    row, column = (table.to_numpy(dtype=float) <= 0.05).nonzero()
    names = [f"{table.index[i]}\t{table.columns[j]}" for i, j in zip(row, column, strict=True)]
    said = {"tested": n_tested, "significant": len(names), **(spent or {})}
    print(json.dumps(said | {"called": names}))


def cellchat(path: str, out: str, permutations: str = "20") -> None:
    """Run pycellchat per donor, then its permutation of donors between the conditions."""
    import pycellchat as pcc

    cells = normalised(path, "")
    data = pcc.load_cellchat_db("human")
    each, conditions = [], []
    for donor in sorted(set(cells.obs["donor"])):
        mine = cells[cells.obs["donor"] == donor].copy()
        one = pcc.CellChat(mine, group_by="population", species="human", db=data)
        one.compute_communication_prob(n_permutations=int(permutations), random_state=1)
        each.append(one)
        conditions.append(str(mine.obs["condition"].iloc[0]))
    found = pcc.compute_differential_communication_replicated(
        each, condition_labels=conditions, reference="control", n_permutations=1000
    )
    table = Path(pcc.__file__).parent / "data" / "interaction_human.csv"
    symbols = pd.read_csv(table).set_index("interaction_name")
    for side in ("ligand", "receptor"):
        listed = symbols[f"{side}.symbol"].str.split(", ").map(lambda each: "_".join(sorted(each)))
        found[side] = found["interaction_name"].map(listed).fillna(found[side])
    found = found.rename(columns={"source": "sender", "target": "receiver"})
    # Equal p-values (there are 1,001) are ordered by the change, as its own tables are.
    found["score"] = -found["pval"].rank() + found["raw_diff"].abs().rank(pct=True) * 0.5
    found["score"] += len(found) + 1
    found[[*KEYS, "score", "pval"]].drop_duplicates(KEYS).to_csv(out, index=False)
    print(json.dumps({"edges": len(found), "share": float((found["pval"] <= 0.05).mean())}))


if __name__ == "__main__":
    jobs = {
        "database": database,
        "cellphonedb": cellphonedb,
        "fastccc": fastccc,
        "cellchat": cellchat,
    }
    jobs[sys.argv[1]](*sys.argv[2:])
