"""Texts as numbers of a few names: compared, sorted and joined without looking at each text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from turncoat.tables import IntArray


def labelled(names: "Sequence[str] | np.ndarray[Any, Any]", codes: IntArray) -> pd.Categorical:
    """Name numbers: ``names[codes]``, kept as numbers; categories in alphabetical order.

    Examples
    --------
    >>> list(labelled(["b", "a", "b"], np.array([0, 1, 2, -1])))
    ['b', 'a', 'b', 'b']
    """
    place, distinct = pd.factorize(np.asarray(names, dtype=object), sort=True)
    chosen: Any = place[codes]
    named: pd.Categorical = pd.Categorical.from_codes(chosen, categories=pd.Index(distinct))
    return named


def distinct_keys(*codes: IntArray) -> IntArray:
    """Write several numbers (at least -1) of each row as one."""
    key = np.zeros(codes[0].size, dtype=np.int64)
    for each in codes:
        key = key * (int(each.max(initial=0)) + 2) + each + 1
    return key


def texts(values: Any) -> Any:
    """Give a column's values as an array, texts as objects."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return np.asarray(values.array.categories, dtype=object)[values.array.codes]
    return values.to_numpy()


def alphabetical(values: "pd.Series[Any]") -> IntArray:
    """Give the texts of a column numbers that sort as the texts do."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return np.asarray(pd.factorize(values, sort=True)[0])
    names = np.asarray(values.array.categories, dtype=object)
    place = np.empty(names.size, dtype=np.int64)
    place[np.argsort(names)] = np.arange(names.size)
    return np.asarray(place[values.array.codes])


def numbered(values: "pd.Series[Any]", number: dict[str, int]) -> IntArray:
    """Look up the number of every text of a column."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return np.array([number[name] for name in values], dtype=np.int64)
    of = np.array([number.get(name, -1) for name in values.array.categories], dtype=np.int64)
    return np.asarray(of[values.array.codes])


def stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables with the same columns under each other, texts kept as numbers."""
    if len(tables) == 1:
        return tables[0]
    columns: dict[str, Any] = {}
    for name in tables[0]:
        parts = [table[name].array for table in tables]
        if isinstance(parts[0].dtype, pd.CategoricalDtype):
            columns[str(name)] = pd.api.types.union_categoricals(parts, sort_categories=True)
        else:
            columns[str(name)] = np.concatenate([np.asarray(part) for part in parts])
    return pd.DataFrame(columns, copy=False)
