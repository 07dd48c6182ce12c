"""Tables with declared columns, and results made of them that survive h5ad.

A result is a frozen dataclass whose fields are tables, texts, numbers or plain mappings.
:func:`store` puts it under ``adata.uns["turncoat"][key]``; :func:`restore` reads it back.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from turncoat.errors import MissingKeyError, TableError, did_you_mean

if TYPE_CHECKING:
    import anndata as ad
    import pandas as pd

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]
TextArray = npt.NDArray[np.object_]

Kind = Literal["text", "whole", "real", "flag"]

UNS_KEY = "turncoat"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column of a table.

    Parameters
    ----------
    name
        Column name, a term of the field.
    kind
        ``text`` (never missing, may be empty), ``whole`` (never missing), ``real`` (NaN where
        not computed) or ``flag``.
    unit
        Unit of the numbers; empty for none.
    meaning
        One sentence for a reader of the table.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The columns a table has, and which of them identify a row."""

    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Column names in declared order."""
        return [column.name for column in self.columns]

    def check(self, table: "pd.DataFrame") -> None:
        """Refuse a table that is not what this schema declares.

        Raises
        ------
        TableError
            When columns differ, a column has another kind, or a key occurs twice.
        """
        if list(table.columns) != self.names:
            missing = [name for name in self.names if name not in table.columns]
            extra = [str(name) for name in table.columns if name not in self.names]
            raise TableError(
                f"The table should have the columns {self.names}; missing: {missing}, "
                f"not declared: {extra}, order: {list(table.columns)}."
            )
        for column in self.columns:
            if not IS_KIND[column.kind](table[column.name]):
                raise TableError(
                    f"Column '{column.name}' should hold {column.kind} values; "
                    f"it has dtype {table[column.name].dtype}."
                )
        if self.key and table.duplicated(list(self.key)).any():
            row = table.loc[table.duplicated(list(self.key)), list(self.key)].iloc[0].to_dict()
            raise TableError(f"The key {list(self.key)} should be unique; it repeats at {row}.")

    def build(self, rows: "list[dict[str, Any]] | Mapping[str, Any]") -> "pd.DataFrame":
        """Make a table of these columns and kinds, also from no rows at all."""
        import pandas as pd

        table = pd.DataFrame(rows, columns=self.names)
        kinds = {column.name: np.dtype(DTYPES[column.kind]) for column in self.columns}
        other = {name: kind for name, kind in kinds.items() if table[name].dtype != kind}
        if other:
            table = table.astype(other)
        fresh = isinstance(table.index, pd.RangeIndex) and table.index.equals(
            pd.RangeIndex(len(table))
        )
        return table if fresh else table.reset_index(drop=True)

    def describe(self) -> "pd.DataFrame":
        """Tabulate name, kind, unit and meaning of the columns."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(column) for column in self.columns])


DTYPES: dict[Kind, Any] = {"text": object, "whole": np.int64, "real": np.float64, "flag": bool}


def _is_text(values: "pd.Series[Any]") -> bool:
    import pandas as pd

    # Texts take the place of numbers as objects; looking at each in Python is slow in long tables.
    return not len(values) or pd.api.types.infer_dtype(values, skipna=False) == "string"


def _is_dtype(name: str) -> Callable[["pd.Series[Any]"], bool]:
    def answer(values: "pd.Series[Any]") -> bool:
        from pandas.api import types

        return bool(getattr(types, f"is_{name}_dtype")(values))

    return answer


IS_KIND: dict[Kind, Callable[["pd.Series[Any]"], bool]] = {
    "text": _is_text,
    "whole": _is_dtype("integer"),
    "real": _is_dtype("float"),
    "flag": _is_dtype("bool"),
}


def to_uns(result: object) -> dict[str, Any]:
    """Turn a result into what h5ad can hold: tables as columns, the rest as JSON text.

    Parameters
    ----------
    result
        A dataclass of tables, texts, numbers, flags, mappings and sequences of those.

    Returns
    -------
    dict
        ``{"class": name, "fields": {...}}``, made of dictionaries, arrays and texts only.
    """
    import pandas as pd

    fields: dict[str, Any] = {}
    for field in dataclasses.fields(result):  # type: ignore[arg-type]
        value = getattr(result, field.name)
        if isinstance(value, pd.DataFrame):
            fields[field.name] = pack_table(value)
        elif isinstance(value, np.ndarray):
            fields[field.name] = value
        else:
            fields[field.name] = json.dumps(value)
    return {"class": type(result).__name__, "fields": fields}


def pack_table(table: "pd.DataFrame") -> dict[str, Any]:
    """Turn a data frame into what h5ad can hold."""
    # A plain dictionary of arrays: data frames inside uns lose dtypes when they are empty.
    columns = {}
    for name in table.columns:
        values = table[name].to_numpy()
        columns[str(name)] = values.astype(str) if values.dtype == object else values
    kinds = {str(name): _kind_of(table[name]) for name in table.columns}
    return {"columns": columns, "kinds": json.dumps(kinds), "n_rows": len(table)}


def _kind_of(values: "pd.Series[Any]") -> Kind:
    for kind in ("flag", "whole", "real"):
        if IS_KIND[kind](values):
            return kind
    return "text"


def _unpack_table(packed: Mapping[str, Any]) -> "pd.DataFrame":
    import pandas as pd

    kinds: dict[str, Kind] = json.loads(str(packed["kinds"]))
    n_rows = int(packed["n_rows"])
    stored = packed.get("columns", {})
    table = pd.DataFrame(index=pd.RangeIndex(n_rows))
    for name, kind in kinds.items():
        values = np.asarray(stored[name]) if name in stored else np.empty(0)
        table[name] = pd.Series(values.tolist() if kind == "text" else values, dtype=DTYPES[kind])
    return table


def from_uns(cls: type[T], stored: Mapping[str, Any]) -> T:
    """Rebuild a result of class ``cls`` from what :func:`to_uns` made of it."""
    import pandas as pd

    if stored.get("class") != cls.__name__:
        raise TableError(f"Expected a stored {cls.__name__}; found {stored.get('class')!r}.")
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        value = stored["fields"][field.name]
        if isinstance(value, pd.DataFrame):
            fields[field.name] = value
        elif isinstance(value, Mapping):
            fields[field.name] = _unpack_table(value)
        elif isinstance(value, np.ndarray) and value.ndim:
            fields[field.name] = value
        else:
            loaded = json.loads(str(value))
            wants_tuple = str(field.type).startswith("tuple")
            fields[field.name] = tuple(loaded) if wants_tuple else loaded
    return cls(**fields)


def store(adata: "ad.AnnData", key: str, result: object) -> None:
    """Keep a result under ``adata.uns["turncoat"][key]``."""
    if "/" in key:
        raise TableError(f"A result's key cannot contain '/': {key!r} (h5ad groups are named so).")
    adata.uns.setdefault(UNS_KEY, {})[key] = to_uns(result)


def restore_table(adata: "ad.AnnData", key: str, name: str) -> "pd.DataFrame":
    """Read back one table of the result stored under ``key``, whatever its class."""
    import pandas as pd

    packed = adata.uns[UNS_KEY][key]["fields"][name]
    return packed if isinstance(packed, pd.DataFrame) else _unpack_table(packed)


def restore(adata: "ad.AnnData", key: str, cls: type[T]) -> T:
    """Read back the result that was stored under ``key``.

    Raises
    ------
    MissingKeyError
        When nothing is stored under that key.
    """
    stored = adata.uns.get(UNS_KEY, {})
    if key not in stored:
        raise MissingKeyError(
            f"adata.uns['{UNS_KEY}'] has no result '{key}'. {did_you_mean(key, stored)}"
        )
    return from_uns(cls, stored[key])
