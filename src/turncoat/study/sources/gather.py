"""Rows gathered from values that are stored in another order, in bounded memory.

Two passes over the values: the first counts them per row, the second puts each in its place.
The places are in memory while they fit, else in a temporary file that goes with its owner.
"""

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from turncoat.errors import OutputError
from turncoat.tables import FloatArray, IntArray

#: A stretch of values: cell number, gene number, value; in any order.
Triple = tuple[IntArray, IntArray, FloatArray]

#: Values kept in memory (12 bytes each) before a temporary file is used.
VALUES_IN_MEMORY = 16_000_000


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Rows:
    """All values in the order of rows: the three arrays of a CSR matrix."""

    data: FloatArray
    indices: IntArray
    indptr: IntArray


def gather_rows(
    triples: Callable[[], Iterator[Triple]], n_rows: int, *, in_memory: int | None = None
) -> Rows:
    """Put values that come in any order into the order of rows.

    Parameters
    ----------
    triples
        Starts one pass over all values; called twice.
    n_rows
        Number of cells.
    in_memory
        Values to keep in memory at most (:data:`VALUES_IN_MEMORY`); a temporary file holds more.

    Returns
    -------
    Rows
        Within a row, genes are in the order of the pass.

    Raises
    ------
    OutputError
        When the temporary file cannot be written.
    """
    stored = np.zeros(n_rows, dtype=np.int64)
    dtype: np.dtype[np.generic] = np.dtype(np.uint8)
    for cells, _, values in triples():
        stored += np.bincount(cells, minlength=n_rows)
        dtype = np.result_type(dtype, values.dtype)
    indptr = np.concatenate([[0], np.cumsum(stored)])
    limit = VALUES_IN_MEMORY if in_memory is None else in_memory
    rows = _places(indptr, dtype, limit)
    cursor = indptr[:-1].copy()
    for cells, genes, values in triples():
        order = np.argsort(cells, kind="stable")
        counts = np.bincount(cells, minlength=n_rows)
        rank = np.arange(cells.size) - np.repeat(np.cumsum(counts) - counts, counts)
        place = np.repeat(cursor, counts) + rank
        rows.data[place] = values[order]
        rows.indices[place] = genes[order]
        cursor += counts
    return rows


def _places(indptr: IntArray, dtype: "np.dtype[Any]", in_memory: int) -> Rows:
    n_values = int(indptr[-1])
    if n_values <= in_memory:
        return Rows(np.empty(n_values, dtype), np.empty(n_values, np.int32), indptr)
    folder = tempfile.mkdtemp(prefix="turncoat-rows-")
    try:
        data = _reserve(Path(folder) / "data", n_values, dtype)
        indices = _reserve(Path(folder) / "genes", n_values, np.dtype(np.int32))
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        need = n_values * (dtype.itemsize + 4) / 2**30
        raise OutputError(
            f"Values that are not stored row by row need {need:.1f} GiB of temporary space in "
            f"{tempfile.gettempdir()}: {error}. Free it, or set TMPDIR to a larger disk."
        ) from error
    rows = Rows(data, indices, indptr)
    weakref.finalize(rows, shutil.rmtree, folder, ignore_errors=True)
    return rows


def _reserve(path: Path, n_values: int, dtype: "np.dtype[Any]") -> "np.memmap[Any, Any]":
    # A sparse file would end in SIGBUS on a full disk; reserved space ends in an OSError here.
    with path.open("wb") as stream:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, n_values * dtype.itemsize)
        else:
            stream.truncate(n_values * dtype.itemsize)
    return np.memmap(path, dtype=dtype, mode="r+", shape=(n_values,))
