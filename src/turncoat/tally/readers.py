"""The fastest way to read a source, whatever it is."""

from turncoat.study import CellSource
from turncoat.tally.budget import Budget
from turncoat.tally.scan import BlockReader, PlainReader

#: Stored values of a typical cell, where the source does not tell.
VALUES_PER_CELL = 2000


def open_reader(source: CellSource, *, start: int, budget: Budget) -> BlockReader:
    """Open a source for one pass from row ``start`` on.

    Parameters
    ----------
    source
        The cells.
    start
        First row wanted.
    budget
        Says how much may be read at a time.

    Returns
    -------
    BlockReader
        Blocks in order.
    """
    rows = max(1, budget.values_per_block // VALUES_PER_CELL)
    return PlainReader(source, start=start, rows_per_block=rows)
