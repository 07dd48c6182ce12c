"""Rows gathered from values that are stored in another order, in bounded memory.

Two passes over the values: the first counts them per row, the second puts each in its place.
The places are in memory while they fit, else in a temporary file.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from turncoat.errors import OutputError
from turncoat.study.sources.protocol import Block
from turncoat.tables import FloatArray, IntArray

#: A stretch of values: cell number, gene number, value; in any order.
Triple = tuple[IntArray, IntArray, FloatArray]

#: Values kept in memory (12 bytes each) before a temporary file is used.
VALUES_IN_MEMORY = 32_000_000


def gather_rows(
    triples: Callable[[], Iterator[Triple]],
    rows_per_block: int,
    start: int,
    stop: int,
    *,
    in_memory: int = VALUES_IN_MEMORY,
) -> Iterator[Block]:
    """Read rows in order from values stored in any order.

    Parameters
    ----------
    triples
        Starts one pass over all values.
    rows_per_block
        Rows per block, at most.
    start, stop
        Rows wanted.
    in_memory
        Values to keep in memory at most; a temporary file holds more.

    Yields
    ------
    Block
        Genes in each row come in the order of the pass.

    Raises
    ------
    OutputError
        When the temporary file cannot be written.
    """
    stored = np.zeros(stop - start, dtype=np.int64)
    dtype: np.dtype[np.generic] = np.dtype(np.float32)
    for cells, _, values in triples():
        wanted = cells[(cells >= start) & (cells < stop)] - start
        stored += np.bincount(wanted, minlength=stop - start)
        dtype = np.result_type(dtype, values.dtype)
    indptr = np.concatenate([[0], np.cumsum(stored)])
    with _places(int(indptr[-1]), dtype, in_memory) as (data, indices):
        _fill(triples(), data, indices, indptr, start)
        for first in range(0, stop - start, rows_per_block):
            last = min(first + rows_per_block, stop - start)
            begin, end = int(indptr[first]), int(indptr[last])
            yield Block(
                start=start + first,
                data=np.array(data[begin:end]),
                indices=np.array(indices[begin:end]),
                indptr=indptr[first : last + 1] - begin,
            )


def _fill(
    triples: Iterator[Triple], data: FloatArray, indices: IntArray, indptr: IntArray, start: int
) -> None:
    stop = start + indptr.size - 1
    cursor = indptr[:-1].copy()
    for cells, genes, values in triples:
        wanted = np.flatnonzero((cells >= start) & (cells < stop))
        if not wanted.size:
            continue
        order = wanted[np.argsort(cells[wanted], kind="stable")]
        rows = cells[order] - start
        counts = np.bincount(rows, minlength=indptr.size - 1)
        rank = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
        place = cursor[rows] + rank
        data[place] = values[order]
        indices[place] = genes[order]
        cursor += counts


@contextlib.contextmanager
def _places(
    n_values: int, dtype: "np.dtype[np.generic]", in_memory: int
) -> Iterator[tuple[FloatArray, IntArray]]:
    if n_values <= in_memory:
        yield np.empty(n_values, dtype=dtype), np.empty(n_values, dtype=np.int32)
        return
    with tempfile.TemporaryDirectory(prefix="turncoat-rows-") as folder:
        try:
            data = _reserve(Path(folder) / "data", n_values, dtype)
            indices = _reserve(Path(folder) / "genes", n_values, np.dtype(np.int32))
        except OSError as error:
            raise OutputError(
                f"Rows stored column by column need {n_values * 12 / 2**30:.1f} GiB of temporary "
                f"space in {tempfile.gettempdir()}: {error}. Free it, or set TMPDIR."
            ) from error
        yield data, indices


def _reserve(path: Path, n_values: int, dtype: "np.dtype[np.generic]") -> "np.memmap[Any, Any]":
    # A sparse file would end in SIGBUS on a full disk; reserved space ends in an OSError here.
    with path.open("wb") as stream:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, n_values * dtype.itemsize)
        else:
            stream.truncate(n_values * dtype.itemsize)
    return np.memmap(path, dtype=dtype, mode="r+", shape=(n_values,))
