"""Annotation of cells and genes, read column by column from AnnData's stores."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from turncoat.errors import FileFormatError, MissingKeyError, did_you_mean

#: What files call the column of Ensembl ids beside gene symbols.
ENSEMBL_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "ensembl", "ensembl_gene_id", "Accession")
#: What files call the column that tells genes from antibodies.
KIND_COLUMNS = ("feature_types", "feature_type")


def texts(dataset: Any) -> list[str]:
    """Read fixed- or variable-length strings."""
    return [v.decode() if isinstance(v, bytes) else str(v) for v in np.asarray(dataset[...])]


def index_key(group: Any, where: str) -> str:
    """Name the column of a stored data frame that holds its index.

    Raises
    ------
    FileFormatError
        When the group is no data frame.
    """
    key = str(group.attrs.get("_index", "_index"))
    for known in (key, "_index", "index"):
        if known in group:
            return known
    raise FileFormatError(f"{where} has no index: it is not the data frame of an AnnData file.")


def stored_columns(group: Any, where: str) -> list[str]:
    """Names of a stored data frame's columns, in order, without reading them."""
    key = index_key(group, where)
    names = [str(name) for name in group.attrs.get("column-order", [])]
    known = names or sorted(str(name) for name in group)
    return [name for name in known if name != key and not name.startswith("__")]


def read_index(group: Any, where: str) -> pd.Index:
    """Read the index of a stored data frame as text."""
    values = np.asarray(read_column(group, index_key(group, where)), dtype=object)
    names = pd.Index(values, dtype=object)
    return pd.Index(names if names.inferred_type == "string" else [str(v) for v in values])


def read_column(group: Any, name: str) -> Any:
    """Read one column of a stored data frame, categorical and nullable ones included."""
    item = group[name]
    quick = _quick_column(item)
    if quick is not None:
        return quick
    from anndata.io import read_elem

    if "categories" in item.attrs:  # how AnnData 0.7 stored categories
        names = texts(item.file[item.attrs["categories"]])
        return pd.Categorical.from_codes(item[...].astype(int), categories=pd.Index(names))
    values = read_elem(item)
    # zarr gives NumPy's variable-width strings, which pandas does not take.
    return (
        values.astype(object)
        if isinstance(values, np.ndarray) and values.dtype.kind in "TU"
        else values
    )


def _quick_column(item: Any) -> Any:
    """Read texts and categories of texts from HDF5 without AnnData, which takes long to load."""
    import h5py

    kind = item.attrs.get("encoding-type", "") if isinstance(item, h5py.HLObject) else ""
    if kind == "string-array" and h5py.check_string_dtype(item.dtype):
        return item.asstr()[...]
    if kind == "categorical" and isinstance(item, h5py.Group):
        names, ordered = _quick_column(item["categories"]), bool(item.attrs.get("ordered", False))
        if names is not None:
            return pd.Categorical.from_codes(item["codes"][...], pd.Index(names), ordered=ordered)
    return None


def read_frame(group: Any, columns: Sequence[str], where: str) -> pd.DataFrame:
    """Read some columns of a stored data frame.

    Raises
    ------
    MissingKeyError
        When a column is not there.
    """
    present = stored_columns(group, where)
    for name in columns:
        if name not in present:
            raise MissingKeyError(f"{where} has no column '{name}'. {did_you_mean(name, present)}")
    return pd.DataFrame(
        {name: read_column(group, name) for name in columns}, index=read_index(group, where)
    )


def gene_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep what is used of a ``var``: Ensembl ids and kinds of features, as texts."""
    table = pd.DataFrame(index=frame.index.astype(str))
    for column, known in (("ensembl", ENSEMBL_COLUMNS), ("kind", KIND_COLUMNS)):
        found = next((name for name in known if name in frame.columns), None)
        table[column] = "" if found is None else frame[found].astype(str).to_numpy()
    return table
