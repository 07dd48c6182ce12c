"""Make the table of signals from LIANA's resource file.

Usage: python scripts/knowledge/signals.py PATH/TO/liana/resource/omni_resource.csv
(LIANA 1.10.0 from the Python package index; the file is data, LIANA itself is not imported.)
"""

import sys
from pathlib import Path

import pandas as pd

from turncoat.knowledge.registry import SHELF, write_card

RESOURCES = {"consensus": "human", "mouseconsensus": "mouse"}


def main(source: Path) -> None:
    table = pd.read_csv(source, low_memory=False)
    table = table[table["resource"].isin(RESOURCES)]
    table = pd.DataFrame(
        {
            "species": table["resource"].map(RESOURCES),
            "ligand": table["source_genesymbol"],
            "receptor": table["target_genesymbol"],
        }
    )
    table = table.drop_duplicates().sort_values(["species", "ligand", "receptor"])
    path = SHELF / "signals.parquet"
    table.reset_index(drop=True).to_parquet(path, compression="zstd", index=False)
    write_card(
        "signals",
        path,
        description="A ligand and a receptor that bind, complexes as their subunits.",
        source="LIANA 1.10.0, omni_resource.csv, resources consensus and mouseconsensus",
        version="liana 1.10.0",
        licence="BSD-3-Clause (LIANA); the underlying resources keep their terms",
        date="2026-11-21",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
