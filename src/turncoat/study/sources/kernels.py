"""The one compiled loop of the readers: values put in the order of rows."""

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray


def place_values_reference(
    cells: IntArray,
    genes: IntArray,
    values: FloatArray,
    cursor: IntArray,
    data: FloatArray,
    indices: IntArray,
) -> None:
    """Put each value behind the last one of its cell, as plainly as NumPy allows."""
    order = np.argsort(cells, kind="stable")
    counts = np.bincount(cells, minlength=cursor.size)
    rank = np.arange(cells.size) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.repeat(cursor, counts) + rank
    data[place] = values[order]
    indices[place] = genes[order]
    cursor += counts


@kernel(reference=place_values_reference)
def place_values(
    cells: IntArray,
    genes: IntArray,
    values: FloatArray,
    cursor: IntArray,
    data: FloatArray,
    indices: IntArray,
) -> None:
    """Put each value behind the last one of its cell: one touch per value, no sorting."""
    for k in range(cells.size):
        place = cursor[cells[k]]
        data[place] = values[k]
        indices[place] = genes[k]
        cursor[cells[k]] = place + 1
