"""Expression files: read, named by gene symbol, one column per gene."""

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from turncoat.errors import FileFormatError, MissingFileError, StudyError
from turncoat.knowledge.registry import read_table
from turncoat.outcome.cohorts.checks import refuse_duplicates
from turncoat.outcome.cohorts.declaration import Declaration
from turncoat.tables import FloatArray

#: Values above this are no log2 intensities (2**30 is beyond any scanner or read depth).
HIGHEST_LOG2: Final = 30.0

Dropped = list[dict[str, str]]


def read_expression(declared: Declaration, folder: Path) -> tuple[pd.DataFrame, Dropped]:
    """Read a cohort's expression as log2, patients × gene symbols.

    Parameters
    ----------
    declared
        What the cohort's TOML file says.
    folder
        Where the file is.

    Returns
    -------
    tuple
        The table, and what was left out.

    Raises
    ------
    MissingFileError
        When the file does not exist.
    FileFormatError
        When it is not numbers in the declared layout.
    StudyError
        When its scale contradicts the declaration, or no gene name is known.
    """
    table = _read_matrix(declared, folder / declared.expression_file)
    dropped: Dropped = []
    table = _to_patients(declared, table, dropped)
    table = _to_symbols(declared, table, dropped)
    values = _as_log2(declared, table.to_numpy(dtype=np.float32))
    known = np.isfinite(values).all(axis=0)
    if not known.all():
        dropped.append(_left_out("gene", int((~known).sum()), "missing in at least one patient"))
    named = pd.DataFrame(
        values[:, known], index=table.index, columns=table.columns[np.flatnonzero(known)]
    )
    return _one_column_per_gene(declared, named, dropped), dropped


def _left_out(what: str, names: object, reason: str) -> dict[str, str]:
    return {"what": what, "name": str(names), "reason": reason}


def _read_matrix(declared: Declaration, path: Path) -> pd.DataFrame:
    """Read numbers with the names of patients as index and of genes as columns."""
    if not path.is_file():
        raise MissingFileError(
            f"Cohort '{declared.name}' names the expression file {path}, which does not exist."
        )
    if path.suffix == ".h5ad":
        return _read_h5ad(path)
    table = pd.read_parquet(path) if path.suffix == ".parquet" else _read_text(path)
    first = declared.gene_column or ("" if table.index.name is not None else str(table.columns[0]))
    if first:
        if first not in table:
            raise FileFormatError(
                f"{path.name} has no column '{first}'; it starts with {list(table.columns[:4])}."
            )
        table = table[table[first].notna()].set_index(first)
    table = table.drop(columns=[name for name in declared.drop_columns if name in table])
    table.index = table.index.astype(str)
    table.columns = table.columns.astype(str)
    try:
        table = table.astype(np.float32)
    except ValueError as error:
        raise FileFormatError(
            f"{path.name} should hold numbers beside its names: {error}. Name further text columns in "
            "'expression.drop_columns'."
        ) from error
    return table.T if declared.orientation == "genes_by_patients" else table


def _read_text(path: Path) -> pd.DataFrame:
    stem = path.name.removesuffix(".gz")
    separator = "," if stem.endswith(".csv") else "\t"
    return pd.read_csv(path, sep=separator, low_memory=False)


def _read_h5ad(path: Path) -> pd.DataFrame:
    import anndata as ad

    adata = ad.read_h5ad(path)
    values = adata.X.toarray() if hasattr(adata.X, "toarray") else np.asarray(adata.X)
    return pd.DataFrame(
        values.astype(np.float32),
        index=adata.obs_names.astype(str),
        columns=adata.var_names.astype(str),
    )


def _to_patients(declared: Declaration, table: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    """Turn sample names into patient names by the declared pattern."""
    if declared.patient_pattern:
        found = [re.fullmatch(declared.patient_pattern, name) for name in table.index]
        lost = [name for name, match in zip(table.index, found, strict=True) if match is None]
        if lost:
            dropped.append(
                _left_out(
                    "patient", f"{len(lost)} samples", "name does not match 'patient_pattern'"
                )
            )
        table = table[[match is not None for match in found]]
        table.index = pd.Index([match.group(1) for match in found if match is not None], dtype=str)
    refuse_duplicates(declared.name, "patients of the expression file", table.index)
    return table


def _to_symbols(declared: Declaration, table: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    """Name the columns by gene symbol with the bundled table of identifiers."""
    if declared.ids == "symbol":
        return table
    known = read_table("probe_symbols")
    names = known[known["ids"] == declared.ids].set_index("id")["symbol"]
    wanted = table.columns.str.replace(r"\.\d+$", "", regex=True)
    symbols = pd.Series(wanted).map(names)
    n_unknown = int(symbols.isna().sum())
    if n_unknown == len(symbols):
        raise StudyError(
            f"Cohort '{declared.name}': none of its gene names is a known {declared.ids} identifier "
            f"(first ones: {list(table.columns[:3])}). Is 'expression.ids' right?"
        )
    if n_unknown:
        dropped.append(_left_out("gene", n_unknown, f"no symbol for the {declared.ids} identifier"))
    kept = symbols.notna().to_numpy()
    return table.iloc[:, np.flatnonzero(kept)].set_axis(symbols[kept].astype(str), axis=1)


def _as_log2(declared: Declaration, values: FloatArray) -> FloatArray:
    """Bring values to log2, and refuse those that contradict the declared scale."""
    highest, lowest = float(np.nanmax(values)), float(np.nanmin(values))
    if declared.scale == "linear":
        if lowest < 0:
            raise StudyError(
                f"Cohort '{declared.name}': 'expression.scale' is 'linear' but the lowest value is {lowest:g}; "
                "negative values are logs or ratios."
            )
        return np.asarray(np.log2(values + 1.0), dtype=np.float32)
    if highest > HIGHEST_LOG2:
        raise StudyError(
            f"Cohort '{declared.name}': 'expression.scale' is '{declared.scale}' but the highest value is "
            f"{highest:g}; that is 'linear'."
        )
    if declared.scale == "log2" and lowest < -HIGHEST_LOG2 / 2:
        raise StudyError(
            f"Cohort '{declared.name}': a log2 value of {lowest:g} is not an intensity."
        )
    return values


def _one_column_per_gene(
    declared: Declaration, table: pd.DataFrame, dropped: Dropped
) -> pd.DataFrame:
    """Keep for each gene its strongest column (its most variable one, for log ratios)."""
    repeated = table.columns.duplicated(keep=False)
    if not repeated.any():
        return table
    strength = table.mean(axis=0) if declared.scale != "log_ratio" else table.std(axis=0)
    order = np.argsort(-strength.to_numpy(), kind="stable")
    first = ~table.columns[order].duplicated()
    kept = np.sort(order[first])
    rule = "highest mean" if declared.scale != "log_ratio" else "highest spread"
    dropped.append(
        _left_out("gene", table.shape[1] - kept.size, f"measured more than once: {rule} kept")
    )
    return table.iloc[:, kept]
