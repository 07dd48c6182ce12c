"""Make the table `markers` from `scripts/sources/markers.toml`.

python scripts/make_markers.py
"""

import datetime
import tomllib
from pathlib import Path

import pandas as pd

from turncoat.knowledge.registry import SHELF, read_table, write_card

SOURCES = Path(__file__).parent / "sources"
FIELDS = {"parent", "cl", "core", "rate", "negative", "mouse", "mouse_negative", "population"}
LEVELS = ("lineage", "population", "prototype", "state")
#: Expected share of a cell's counts of one marker, at least: one count in 20,000.
DEFAULT_RATE = 5e-5
#: Where Ensembl lists no or several mouse genes and immunologists use this one.
MOUSE = {
    "FCGR3A": "Fcgr4", "GZMB": "Gzmb", "KLRC1": "Klrc1", "HLA-DRA": "H2-Ab1", "HLA-DQA1": "H2-Aa",
    "HLA-DQB2": "H2-Ab1", "CCL5": "Ccl5", "CCL4": "Ccl4", "CCL3": "Ccl3", "S100A9": "S100a9",
    "CD24": "Cd24a", "TRAC": "Trac", "TRBC1": "Trbc1", "TRBC2": "Trbc2", "TRDC": "Trdc",
    "HBA1": "Hba-a1", "HBA2": "Hba-a2", "HBB": "Hbb-bs", "KRT14": "Krt14", "KRT5": "Krt5",
    "NCR1": "Ncr1", "LYZ": "Lyz2", "TPSAB1": "Tpsab1", "TPSB2": "Tpsb2", "JAML": "Jaml",
    "CD1C": "", "CD1A": "", "CD1B": "", "CD1E": "", "CD207": "Cd207", "CD1D": "Cd1d1", "KIR2DL3": "",
    "KLRC2": "Klrc2", "GBP1": "Gbp2b", "SIGLEC5": "", "CEACAM3": "", "CLEC4C": "", "LILRB2": "",
    "LILRA5": "Lilra5", "LILRA4": "", "FCGR3B": "", "C1orf54": "", "GZMH": "", "GNLY": "",
    "APOBEC3A": "", "FPR1": "Fpr1", "MS4A4A": "Ms4a4a", "TRGC1": "Trgc1", "TRGC2": "Trgc2",
    "TRDV2": "", "TRGV9": "", "TRDV1": "", "PPBP": "Ppbp", "SFTPA1": "Sftpa1", "CLEC10A": "Clec10a",
    "SERPINB2": "Serpinb2", "HSPA1A": "Hspa1a", "HSPA1B": "Hspa1b", "CD84": "Cd84", "MME": "Mme",
    "CXCL8": "", "ITGAE": "Itgae", "CD177": "Cd177", "XCL2": "", "S100A8": "S100a8", "CAPS": "",
}  # fmt: skip
TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()


def mouse_of(gene: str, orthologs: dict[str, list[str]]) -> str:
    if gene in MOUSE:
        return MOUSE[gene]
    known = orthologs.get(gene, [])
    if gene.capitalize() in known:
        return gene.capitalize()
    return known[0] if len(known) == 1 else ""


def rows_of(level: str, name: str, node: dict, orthologs: dict[str, list[str]]) -> list[dict]:
    base = {"level": level, "name": name, "parent": node.get("parent", "")}
    base |= {"cell_ontology": node.get("cl", ""), "rate": node.get("rate", DEFAULT_RATE)}
    named: dict[str, str] = {}
    for publication, genes in node.items():
        if publication not in FIELDS:
            for gene in genes:
                named.setdefault(gene, publication)
    core = set(node.get("core", ()))
    assert core <= set(named), (name, core - set(named))
    signs = [(gene, 1, publication) for gene, publication in named.items()]
    signs += [(gene, -1, "as marker of another population") for gene in node.get("negative", ())]
    human = [
        base
        | {"gene": gene, "species": "human", "sign": sign, "core": gene in core, "publication": who}
        for gene, sign, who in signs
    ]
    mouse = [
        row | {"gene": mouse_of(row["gene"], orthologs), "species": "mouse"}
        for row in human
        if mouse_of(row["gene"], orthologs)
    ]
    for key, sign in (("mouse", 1), ("mouse_negative", -1)):
        who = next(iter(named.values())) if key == "mouse" else "as marker of another population"
        if name.startswith("NK"):
            who = "Thacker2023" if name.startswith("NK immature") else "Crinier2018"
        mouse += [
            base
            | {"gene": gene, "species": "mouse", "sign": sign, "core": False, "publication": who}
            for gene in node.get(key, ())
        ]
    return human + mouse


def main() -> None:
    stated = tomllib.loads((SOURCES / "markers.toml").read_text(encoding="utf-8"))
    assert set(stated) == set(LEVELS)
    pairs = read_table("orthologs")
    orthologs = pairs.groupby("human")["mouse"].agg(list).to_dict()
    rows = [
        row
        for level in LEVELS
        for name, node in stated[level].items()
        for row in rows_of(level, name, node, orthologs)
    ]
    columns = ["level", "name", "parent", "gene", "species", "sign", "core", "rate"]
    table = pd.DataFrame(rows)[[*columns, "publication", "cell_ontology"]]
    table = table.drop_duplicates(["level", "name", "gene", "species"])
    known = set(read_table("publications")["key"]) | {"as marker of another population"}
    assert set(table["publication"]) <= known, set(table["publication"]) - known
    path = SHELF / "markers.csv"
    table.to_csv(path, index=False, lineterminator="\n")
    write_card(
        "markers", path, date=TODAY, version=TODAY, source="scripts/sources/markers.toml",
        description="A gene that speaks for (sign 1) or against (-1) a lineage, population, prototype or state.",
        licence="BSD-3-Clause (facts from the publications named); identifiers of the Cell Ontology (CC BY 4.0)",
    )  # fmt: skip
    print(table.groupby(["species", "level", "sign"]).size())


if __name__ == "__main__":
    main()
