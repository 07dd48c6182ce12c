"""Make the table of responses to secreted ligands from SecAct's signatures.

Usage: python scripts/knowledge/responses.py SECACT_WHEEL   (after signals.py)
Columns are the ligands of the table of signals that SecAct knows; rows are the genes whose
response is strong for any of them. Values are z-scores of the original over its genes, as int8
in steps of 0.05 standard deviations, the weakest set to 0.
"""

import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from signals import DATE, SHELF, write_card

from turncoat.knowledge.registry import read_table

STEP = 0.05
KEPT_PER_LIGAND = 500


def main(wheel: Path) -> None:
    with zipfile.ZipFile(wheel).open("secactpy/data/SecAct.tsv.gz") as packed:
        table = pd.read_csv(packed, sep="\t", index_col=0, compression="gzip")
    signals = read_table("signals")
    ligands = {
        gene for text in signals.query("species == 'human'")["ligand"] for gene in text.split("_")
    }
    table = table[[name for name in table.columns if name in ligands]].astype(np.float64)
    table = table[~table.index.duplicated()].sort_index()
    scaled = (table - table.mean()) / table.std()
    # Only the strongest responses of each ligand say anything; zeros compress away.
    rank = (-scaled.abs()).rank(method="first")
    kept = scaled.where(rank <= KEPT_PER_LIGAND, 0.0)
    codes = np.clip(np.rint(kept / STEP), -127, 127).astype(np.int8)
    codes = codes[(codes != 0).any(axis=1)]
    path = SHELF / "responses.parquet"
    codes.rename_axis("gene").reset_index().to_parquet(path, compression="zstd", index=False)
    write_card(
        "responses",
        path,
        description=(
            "How a gene follows the activity of a secreted ligand (human): z-score in steps of "
            f"{STEP}, the {KEPT_PER_LIGAND} strongest genes of each ligand, the rest 0."
        ),
        source="secactpy 0.3.1, SecAct.tsv.gz (Ru et al., secreted protein activity)",
        version="secactpy 0.3.1",
        licence="MIT, Copyright the SecActPy authors (Data2Intelligence Lab, NIH)",
        date=DATE,
    )
    print(codes.shape, path.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
