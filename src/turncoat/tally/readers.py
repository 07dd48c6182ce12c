"""The fastest way to read a source, whatever it is."""

from turncoat.study import CellSource
from turncoat.study.sources.bands import bands_of
from turncoat.study.sources.matrix import CsrMatrix, DenseMatrix, GatheredMatrix
from turncoat.tally.budget import Budget
from turncoat.tally.dense_rows import DenseReader
from turncoat.tally.gathered_rows import GatheredReader
from turncoat.tally.packed import Packer, PlainReader
from turncoat.tally.rows import CsrReader
from turncoat.tally.scan import BlockReader

#: Stored values of a typical cell, where the source does not tell.
VALUES_PER_CELL = 2000

#: Part of a block that is read at a time through a library, where it is held unpacked.
PLAIN_SHARE = 8


def open_reader(
    source: CellSource,
    packer: Packer,
    start: int,
    stop: int,
    *,
    budget: Budget,
    n_threads: int,
) -> BlockReader:
    """Open a source for one pass over rows ``start`` to ``stop``.

    Parameters
    ----------
    source
        The cells.
    packer
        What packs them.
    start, stop
        Rows wanted.
    budget
        Says how much may be read at a time.
    n_threads
        Threads that will read.

    Returns
    -------
    BlockReader
        Blocks in order.
    """
    matrix = getattr(source, "matrix", None)
    n_values = budget.values_per_block
    if isinstance(matrix, CsrMatrix):
        return CsrReader(
            matrix,
            source.path,
            packer,
            start,
            stop,
            values_per_block=n_values,
            n_threads=n_threads,
        )
    if isinstance(matrix, GatheredMatrix):
        return GatheredReader(
            matrix, packer, start, stop, values_per_block=n_values, n_threads=n_threads
        )
    if isinstance(matrix, DenseMatrix):
        bands = bands_of(matrix, getattr(source, "where", "the matrix"))
        if bands is not None:
            return DenseReader(bands, packer, start, stop, values_per_block=n_values)
    rows = max(1, n_values // PLAIN_SHARE // VALUES_PER_CELL)
    return PlainReader(source, packer, start, stop, rows_per_block=rows)
