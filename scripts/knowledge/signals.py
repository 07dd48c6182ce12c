"""Make the tables of signals from LIANA's resource file.

Usage: python scripts/knowledge/signals.py PATH/TO/liana/resource/omni_resource.csv SECACT_WHEEL
(LIANA 1.10.0 and secactpy 0.3.1 from the Python package index; both are read as data.)
"""

import gzip
import re
import sys
import zipfile
from pathlib import Path

import pandas as pd
from signal_pairs import reason_pair
from signal_rules import (
    ANTAGONISTS,
    CONTACT,
    CONTESTED,
    MACHINERY,
    MATRIX,
    PATHWAYS,
    REMOVED_LIGANDS,
    REMOVED_RECEPTORS,
)

from turncoat.knowledge.registry import SHELF, write_card

RESOURCES = {"consensus": "human", "mouseconsensus": "mouse"}
DATE = "2026-11-21"
LIANA = {
    "source": "LIANA 1.10.0, omni_resource.csv, resources consensus and mouseconsensus",
    "version": "liana 1.10.0, rules of " + DATE,
    "licence": (
        "BSD-3-Clause (LIANA). The consensus unites CellPhoneDB, CellChatDB, ICELLNET, "
        "connectomeDB2020, CellTalkDB and others, which keep their own terms."
    ),
    "date": DATE,
}
OWN = {
    "source": "Own table; the publication is named in each row",
    "version": DATE,
    "licence": "BSD-3-Clause",
    "date": DATE,
}


def secreted_proteins(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel).open("secactpy/data/SecAct.tsv.gz") as packed:
        return set(gzip.open(packed, "rt").readline().rstrip("\n").split("\t"))


def reason_removed(ligand: str) -> str:
    for reason, genes in REMOVED_LIGANDS.items():
        if ligand in genes.split() or set(ligand.split("_")) & set(genes.split()):
            return reason
    return ""


def reason_receptor(receptor: str) -> str:
    for reason, genes in REMOVED_RECEPTORS.items():
        if set(receptor.split("_")) & set(genes.split()):
            return reason
    return ""


def kind_of(ligand: str, secreted: set[str]) -> str:
    first = ligand.split("_")[0]
    if MATRIX.match(first):
        return "matrix"
    if CONTACT.match(first):
        return "contact"
    if first in secreted or re.match(r"^(IL\d|IFN|CCL|CXCL|FGF|WNT|TNF|EGF|AREG|BMP|GDF)", first):
        return "secreted"
    return "unclassified"


def pathway_of(ligand: str, receptor: str) -> str:
    for name, of_ligand, _ in PATHWAYS:
        if re.match(of_ligand, ligand):
            return name
    for name, _, of_receptor in PATHWAYS:
        if any(re.match(of_receptor, part) for part in receptor.split("_") if of_receptor != "^$"):
            return name
    return ""


def main(source: Path, wheel: Path) -> None:
    everything = pd.read_csv(source, low_memory=False)
    everything = everything.rename(
        columns={"source_genesymbol": "ligand", "target_genesymbol": "receptor"}
    )
    secreted = secreted_proteins(wheel)
    original = everything[~everything["resource"].isin(RESOURCES)]
    sources = original.groupby(["ligand", "receptor"])["resource"].agg(
        lambda names: ";".join(sorted(set(names)))
    )
    table = everything[everything["resource"].isin(RESOURCES)].copy()
    table["species"] = table["resource"].map(RESOURCES)
    table = table[["species", "ligand", "receptor"]].drop_duplicates()
    # Mouse symbols are matched to the human rules by case alone; MHC (H2-) is handled apart.
    upper = table["ligand"].str.upper()
    upper_receptor = table["receptor"].str.upper()
    table["reason"] = [
        reason_removed(ligand)
        or reason_receptor(receptor)
        or reason_pair(ligand, receptor, species)
        for ligand, receptor, species in zip(upper, upper_receptor, table["species"], strict=True)
    ]
    table["kind"] = [kind_of(name, secreted) for name in upper]
    table["pathway"] = [pathway_of(*names) for names in zip(upper, upper_receptor, strict=True)]
    keys = list(zip(upper, upper_receptor, strict=True))
    table["sources"] = [str(sources.get(key, "")) for key in keys]
    table["n_sources"] = [len(text.split(";")) if text else 0 for text in table["sources"]]
    table["caution"] = [CONTESTED.get(name, "") for name in upper]
    table = table.sort_values(["species", "ligand", "receptor"]).reset_index(drop=True)
    write(
        "signals",
        table[table["reason"] == ""].drop(columns="reason"),
        "A ligand and a receptor that bind; subunits of a complex joined by '_'. n_sources counts "
        "the collections that list the pair (0: only as a complex or by orthology).",
        LIANA,
    )
    write(
        "signals_removed",
        table.loc[table["reason"] != "", ["species", "ligand", "receptor", "reason"]],
        "A pair of the consensus that turncoat does not use, and why.",
        LIANA,
    )
    ligands = table[table["reason"] == ""][["species", "ligand"]].drop_duplicates()
    write(
        "machinery",
        expand_machinery(ligands),
        "A gene that a sender needs besides its ligand.",
        OWN,
    )
    write(
        "antagonists", expand_antagonists(ligands), "A gene whose product counters a ligand.", OWN
    )


def in_species(gene: str, species: str) -> str:
    return gene if species == "human" else gene[0] + gene[1:].lower()


def expand_machinery(ligands: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (species, ligand, in_species(gene, species), essential, role, paper)
        for species, ligand in ligands.itertuples(index=False)
        for pattern, gene, essential, role, paper in MACHINERY
        if re.match(pattern, ligand.upper())
    ]
    return pd.DataFrame(rows, columns=["species", "ligand", "gene", "essential", "role", "source"])


def expand_antagonists(ligands: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (species, gene_here, ligand, mode, paper)
        for species, ligand in ligands.itertuples(index=False)
        for gene, pattern, mode, paper in ANTAGONISTS
        if re.match(pattern, ligand.upper())
        for gene_here in [in_species(gene, species)]
    ]
    return pd.DataFrame(rows, columns=["species", "antagonist", "ligand", "mode", "source"])


def write(name: str, table: pd.DataFrame, description: str, facts: dict[str, str]) -> None:
    path = SHELF / f"{name}.parquet"
    table.reset_index(drop=True).to_parquet(path, compression="zstd", index=False)
    write_card(name, path, description=description, **facts)
    print(name, len(table), path.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
