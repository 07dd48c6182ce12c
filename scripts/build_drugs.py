"""Make the drug tables: the Guide to Pharmacology's interactions, and our own rows.

    python scripts/build_drugs.py scConnect-1.0.3.tar.gz

Offline: the Guide's tables (2020.5) come out of the scConnect source archive, ours out of
sources/drugs.toml. Every row is checked by the schema that the therapy room reads with.
"""

import argparse
import hashlib
import html
import re
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from turncoat.knowledge.registry import SHELF, write_card
from turncoat.therapy.catalogue import CUTS, DRUGS, check_drugs

ARCHIVE_SHA256 = "96cb71df0975523a0cab6c068b35bf360d8c27825a9cf3f1c30ad681b3c95683"
FOLDER = "scConnect-1.0.3/scConnect/data/GTP_tables/2020-5/"
OWN = Path(__file__).parent / "sources" / "drugs.toml"
DATE = "2026-11-21"
GUIDE_DATE = "2020-11-01"

#: What the Guide's type and action say of the effect on the target.
BLOCKING = {
    "Inhibition", "Antagonist", "Inverse agonist", "Negative", "Competitive", "Irreversible inhibition",
    "Non-competitive", "Pore blocker", "Slows inactivation", "Feedback inhibition",
}  # fmt: skip
ACTIVATING = {
    "Agonist", "Full agonist", "Partial agonist", "Activation", "Potentiation", "Positive", "Biased agonist",
    "Irreversible agonist",
}  # fmt: skip


def effect_of(kind: str, action: str) -> str:
    if action in BLOCKING:
        return "blocks"
    if action in ACTIVATING:
        return "activates"
    if action in {"Binding", "None", ""} and kind in {"Inhibitor", "Antagonist", "Channel blocker"}:
        return "blocks"
    if action in {"Binding", "None", ""} and kind in {"Agonist", "Activator"}:
        return "activates"
    return "unclear"


def action_of(kind: str, effect: str) -> str:
    words = {"blocks": "inhibitor", "activates": "agonist", "unclear": "binder"}
    if kind == "Antibody":
        words = {
            "blocks": "antagonist antibody",
            "activates": "agonist antibody",
            "unclear": "antibody",
        }
    elif kind == "Antagonist" and effect == "blocks":
        return "antagonist"
    return words[effect]


def read_guide(archive: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != ARCHIVE_SHA256:
        raise SystemExit(f"{archive.name} has the checksum {found}; expected {ARCHIVE_SHA256}.")
    with tarfile.open(archive) as files:
        tables = []
        for name in ("interactions.csv", "ligands.csv"):
            member = files.extractfile(FOLDER + name)
            if member is None:
                raise SystemExit(f"{archive.name} has no {FOLDER}{name}.")
            tables.append(pd.read_csv(member, dtype=str, keep_default_na=False))
    return tables[0], tables[1]


def guide_rows(archive: Path) -> pd.DataFrame:
    interactions, ligands = read_guide(archive)
    human = interactions[
        (interactions["target_species"] == "Human") & (interactions["endogenous"] != "t")
    ]
    withdrawn = set(ligands.loc[ligands["Withdrawn"] == "yes", "Ligand id"])
    labelled = set(ligands.loc[ligands["Radioactive"] == "yes", "Ligand id"])
    rows: list[dict[str, Any]] = []
    for row in human.to_dict("records"):
        genes = (row["target_gene_symbol"] or row["target_ligand_gene_symbol"]).split("|")
        if row["ligand_id"] in labelled or row["ligand_gene_symbol"]:
            continue
        effect = effect_of(row["type"], row["action"])
        approved = row["approved_drug"] == "t"
        status = "approved_indication_not_stated" if approved else "not_stated"
        note = "withdrawn in at least one region" if row["ligand_id"] in withdrawn else ""
        rows += [
            {
                "drug": re.sub(r"<[^>]+>", "", html.unescape(row["ligand"])), "synonyms": "", "target": gene,
                "action": action_of(row["type"], effect), "effect": effect, "indication": "not stated",
                "disease": "not stated", "region": "not stated", "status": status, "phase": "",
                "status_date": GUIDE_DATE, "source": f"Guide to Pharmacology 2020.5, PMID {row['pubmed_id']}".removesuffix(", PMID "),
                "evidence": "verified", "toxicities": "", "trials": "", "note": note,
            }
            for gene in genes
            if re.fullmatch(r"[A-Z][A-Z0-9orf-]*", gene)
        ]  # fmt: skip
    table = pd.DataFrame(rows)
    # An approved row beats others of the same drug, target and action; effects that disagree stay apart.
    table = table.sort_values(["drug", "target", "effect", "status", "source"], kind="stable")
    return table.drop_duplicates(["drug", "target", "effect"]).reset_index(drop=True)[DRUGS.names]


def own_rows(told: dict[str, Any]) -> pd.DataFrame:
    rows = [
        {
            "drug": row["names"][0],
            "synonyms": "; ".join(row["names"][1:]),
            "target": target,
            "status_date": row["date"],
            "trials": "; ".join(row["trials"]),
            **{key: row[key] for key in DRUGS.names if key in row and key != "trials"},
        }
        for row in told["drug"]
        for target in row["targets"]
    ]
    return pd.DataFrame(rows)[DRUGS.names]


def cut_rows(told: dict[str, Any]) -> pd.DataFrame:
    signals = [
        {
            "kind": "signal",
            "name": row["signal"],
            "means": "promotes" if row["promotes"] else "holds back",
            **row,
        }
        for row in told["cut"]
    ]
    populations = [
        {"kind": "population", "name": row["population"], **row} for row in told["population"]
    ]
    return pd.DataFrame(signals + populations)[CUTS.names]


def main(archive: Path) -> None:
    told = tomllib.loads(OWN.read_text(encoding="utf-8"))
    guide, own, cuts = guide_rows(archive), own_rows(told), cut_rows(told)
    check_drugs(guide)
    check_drugs(own)
    CUTS.check(cuts)
    path = SHELF / "drugs_guide.parquet"
    guide.to_parquet(path, compression="zstd", compression_level=19, index=False)
    write_card(
        "drugs_guide",
        path,
        description="A compound or antibody and what it does to a human gene product; whether some regulator approved it.",
        source="IUPHAR/BPS Guide to Pharmacology 2020.5 (www.guidetopharmacology.org), tables in scConnect==1.0.3",
        version="2020.5",
        licence="Database: Open Data Commons Open Database License (ODbL) 1.0. Contents: Creative Commons "
        "Attribution-ShareAlike 4.0 International. This file, a selection with columns renamed, is offered under the "
        "same terms; they cover this file alone, not turncoat.",
        date=DATE,
    )
    for name, table, description in (
        (
            "drugs_own",
            own,
            "A drug, its target, and its status for one indication in one region, with date and source.",
        ),
        (
            "drug_cuts",
            cuts,
            "Where a signal or a population can be cut besides its ligand and receptor, and what else that reaches.",
        ),
    ):
        path = SHELF / f"{name}.csv"
        table.to_csv(path, index=False, lineterminator="\n")
        write_card(
            name,
            path,
            description=description,
            source=f"scripts/sources/drugs.toml, sha256 {hashlib.sha256(OWN.read_bytes()).hexdigest()[:12]}; each row names its own",
            version=told["checked"],
            licence="BSD-3-Clause (facts, each with its source)",
            date=DATE,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    main(parser.parse_args().archive)
