"""A finished tally written to an h5ad file row by row, without AnnData and without its layers.

What AnnData would write of the same tally, dataset for dataset and attribute for attribute; a test
compares them. It is not loaded for it (nor pandas), which takes longer than counting 20,000 cells,
and the layers are never in memory.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from turncoat.errors import OutputError
from turncoat.plain_table import PlainTable
from turncoat.study import TallyPlan
from turncoat.tables import UNS_KEY, FloatArray, TextArray
from turncoat.tally import layout
from turncoat.tally.build import build_tally, drain, facts_of, fits, gene_sums, genes_of, rows_of
from turncoat.tally.partial import PartialTally

#: Rows of the layers that are written at once.
ROWS_TOGETHER = 16

#: Groups that every h5ad file has.
EMPTY_GROUPS = ("obsm", "obsp", "varm", "varp")


def write_tally(plan: TallyPlan, partial: PartialTally, file: Path, *, dense_bytes: int) -> None:
    """Write the tally of a finished count; ``partial`` cannot be used afterwards.

    Parameters
    ----------
    plan
        What went where.
    partial
        The sums.
    file
        Where to; it appears when it is whole.
    dense_bytes
        Above this size the layers are sparse (CSR).

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    handle, name = -1, ""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        os.close(handle)
        _write(plan, partial, Path(name), dense_bytes)
        Path(name).replace(file)
    except OSError as error:
        raise OutputError(
            f"The tally cannot be written to {file}: {error}. Free space there, or name another "
            "place."
        ) from error
    finally:
        if name:
            Path(name).unlink(missing_ok=True)


def _write(plan: TallyPlan, partial: PartialTally, file: Path, dense_bytes: int) -> None:
    rows = rows_of(plan, partial)
    plain = isinstance(rows, PlainTable) and isinstance(plan.gene_table, PlainTable)
    if not (plain and fits(partial, dense_bytes)):
        # A sheet's columns are of any type, and sparse layers are rare: AnnData knows how.
        build_tally(plan, partial, dense_bytes=dense_bytes).write_h5ad(file)
        return
    moments = gene_sums(partial)
    shape = (partial.sums.n_rows, partial.sums.n_genes)
    with h5py.File(file, "w") as root:
        _mark(root, "anndata", "0.1.0")
        layers = _group(root, "layers")
        together = _RowsTogether([_layer(layers, name, shape) for name in layout.LAYERS], shape[1])
        drain(partial.sums, moments, together.room)
        together.write()
        _write_table(root, "obs", rows)
        _write_table(root, "var", genes_of(plan, partial, moments))
        for name in EMPTY_GROUPS:
            _group(root, name)
        _write_value(root, "uns", {UNS_KEY: facts_of(plan, partial)})


class _RowsTogether:
    """Rows that follow each other, written at once: the system takes few large pieces faster."""

    def __init__(self, layers: Sequence[Any], n_genes: int) -> None:
        self._layers = layers
        self._values = np.empty((len(layers), ROWS_TOGETHER, n_genes))
        self._first = self._n = 0

    def room(self, row: int) -> list[FloatArray]:
        """Give room for a row, of every layer."""
        if self._n == ROWS_TOGETHER or row != self._first + self._n:
            self.write()
            self._first, self._n = row, 0
        self._n += 1
        return [values[self._n - 1] for values in self._values]

    def write(self) -> None:
        """Write the rows that are waiting."""
        if self._n:
            for layer, values in zip(self._layers, self._values, strict=True):
                layer[self._first : self._first + self._n] = values[: self._n]


def _mark(item: Any, kind: str, version: str) -> Any:
    item.attrs["encoding-type"], item.attrs["encoding-version"] = kind, version
    return item


def _group(parent: Any, name: str) -> Any:
    return _mark(parent.create_group(name), "dict", "0.1.0")


def _layer(parent: Any, name: str, shape: tuple[int, int]) -> Any:
    return _mark(parent.create_dataset(name, shape, dtype=np.float64), "array", "0.2.0")


def _write_table(root: Any, name: str, table: Any) -> None:
    group = _mark(root.create_group(name), "dataframe", "0.2.0")
    index = table.index_name or "_index"
    group.attrs["_index"] = index
    order = np.array([*table.columns], dtype=object)
    group.attrs.create("column-order", order, dtype=h5py.string_dtype())
    _write_texts(group, index, table.index)
    for column, values in table.columns.items():
        if values.dtype == object:
            _write_labels(group, column, values)
        else:
            _mark(group.create_dataset(column, data=values), "array", "0.2.0")


def _write_texts(parent: Any, name: str, texts: TextArray) -> None:
    stored = parent.create_dataset(name, data=texts, dtype=h5py.string_dtype())
    _mark(stored, "string-array", "0.2.0")


def _write_labels(parent: Any, name: str, texts: TextArray) -> None:
    """Write texts that repeat as categories, as AnnData does."""
    levels = sorted(set(texts.tolist()))
    if len(levels) >= texts.size:
        _write_texts(parent, name, texts)
        return
    number = {level: code for code, level in enumerate(levels)}
    # The narrowest of the types that pandas has for codes.
    width = next(
        w for w in (np.int8, np.int16, np.int32, np.int64) if len(levels) <= np.iinfo(w).max
    )
    group = _mark(parent.create_group(name), "categorical", "0.2.0")
    group.attrs["ordered"] = False
    codes = np.array([number[text] for text in texts.tolist()], dtype=width)
    _mark(group.create_dataset("codes", data=codes), "array", "0.2.0")
    _write_texts(group, "categories", np.array(levels, dtype=object))


def _write_value(parent: Any, name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        group = _group(parent, name)
        for key, own in value.items():
            _write_value(group, key, own)
    elif isinstance(value, str):
        stored = parent.create_dataset(name, data=value, dtype=h5py.string_dtype())
        _mark(stored, "string", "0.2.0")
    elif not isinstance(value, np.ndarray):
        _mark(parent.create_dataset(name, data=value), "numeric-scalar", "0.2.0")
    elif value.dtype.kind in "OU":
        _write_texts(parent, name, value.astype(object))
    else:
        _mark(parent.create_dataset(name, data=value), "array", "0.2.0")
