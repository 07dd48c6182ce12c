"""Annotation of cells and genes, read column by column from AnnData's stores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from turncoat.errors import FileFormatError, MissingKeyError, did_you_mean
from turncoat.study.sources.annotation import Annotation, Coded, StoredColumn
from turncoat.tables import TextArray

if TYPE_CHECKING:
    import pandas as pd

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


def read_names(group: Any, where: str) -> TextArray:
    """Read the index of a stored data frame as text."""
    key = index_key(group, where)
    stored = _quick_column(group[key])
    values = stored if isinstance(stored, np.ndarray) else np.asarray(read_column(group, key))
    names = np.empty(values.size, dtype=object)
    names[:] = [v if type(v) is str else str(v) for v in values.tolist()]
    return names


def read_column(group: Any, name: str) -> Any:
    """Read one column of a stored data frame, categorical and nullable ones included."""
    item = group[name]
    quick = _quick_column(item)
    if isinstance(quick, np.ndarray):
        return quick
    import pandas as pd

    if isinstance(quick, Coded):
        ordered = bool(item.attrs.get("ordered", False))
        codes: Any = quick.codes
        return pd.Categorical.from_codes(codes, pd.Index(quick.levels), ordered=ordered)
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


def _quick_column(item: Any) -> TextArray | Coded | None:
    """Read texts and categories of texts from HDF5 without AnnData, which takes long to load."""
    import h5py

    kind = item.attrs.get("encoding-type", "") if isinstance(item, h5py.HLObject) else ""
    if kind == "string-array" and h5py.check_string_dtype(item.dtype):
        texts: TextArray = item.asstr()[...]
        return texts
    if kind == "categorical" and isinstance(item, h5py.Group):
        levels = _quick_column(item["categories"])
        if isinstance(levels, np.ndarray):
            codes = item["codes"][...]
            if codes.size and not -1 <= codes.min() <= codes.max() < levels.size:
                raise ValueError(f"its codes go beyond its {levels.size} categories")
            return Coded(codes, levels.tolist())
    return None


def read_annotation(group: Any, columns: Sequence[str], where: str) -> Annotation:
    """Read the index and some columns of a stored data frame.

    Raises
    ------
    MissingKeyError
        When a column is not there.
    """
    _refuse_absent(group, columns, where)
    return Annotation(
        read_names(group, where), {name: _annotating(group, name) for name in columns}
    )


def _annotating(group: Any, name: str) -> StoredColumn:
    quick = _quick_column(group[name])
    if quick is None:
        import pandas as pd

        return pd.Series(read_column(group, name))
    return Coded.of(quick) if isinstance(quick, np.ndarray) else quick


def _refuse_absent(group: Any, columns: Sequence[str], where: str) -> None:
    present = stored_columns(group, where)
    for name in columns:
        if name not in present:
            raise MissingKeyError(f"{where} has no column '{name}'. {did_you_mean(name, present)}")


def read_frame(group: Any, columns: Sequence[str], where: str) -> "pd.DataFrame":
    """Read some columns of a stored data frame.

    Raises
    ------
    MissingKeyError
        When a column is not there.
    """
    import pandas as pd

    _refuse_absent(group, columns, where)
    index = pd.Index(read_names(group, where), dtype=object)
    return pd.DataFrame({name: read_column(group, name) for name in columns}, index=index)


def read_texts(group: Any, known: Sequence[str], n_rows: int, where: str) -> TextArray:
    """Read the first of some columns that is there, as texts; empty texts where none is."""
    present = stored_columns(group, where)
    found = next((name for name in known if name in present), None)
    if found is None:
        return np.full(n_rows, "", dtype=object)
    quick = _quick_column(group[found])
    if isinstance(quick, np.ndarray):
        return quick
    import pandas as pd

    texts: TextArray = pd.Series(read_column(group, found)).astype(str).to_numpy(dtype=object)
    return texts


def gene_table(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Keep what is used of a ``var``: Ensembl ids and kinds of features, as texts."""
    import pandas as pd

    table = pd.DataFrame(index=frame.index.astype(str))
    for column, known in (("ensembl", ENSEMBL_COLUMNS), ("kind", KIND_COLUMNS)):
        found = next((name for name in known if name in frame.columns), None)
        table[column] = "" if found is None else frame[found].astype(str).to_numpy()
    return table
