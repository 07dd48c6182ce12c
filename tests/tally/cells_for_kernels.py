"""Draws of CSR blocks for the kernels, awkward ones included."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels import units


@dataclass
class Drawn:
    """A block of cells, and what is known of its columns."""

    data: FloatArray
    indices: IntArray
    indptr: IntArray
    columns: IntArray
    n_genes: int

    @property
    def n_cells(self) -> int:
        """Cells in the block."""
        return int(self.indptr.size - 1)

    def scratch(self) -> IntArray:
        """Give zeros to work in."""
        return np.zeros((2, self.n_genes + 1 + self.columns.size), dtype=np.int64)

    def room(self, width: Any = np.uint16) -> tuple[IntArray, IntArray]:
        """Give room for every value to be large."""
        size = 3 * self.data.size + 8
        return np.zeros(size, dtype=width), np.zeros(size, dtype=np.uint8)


COUNTS = [0, 1, 2, 3, 61, 62, 63, 254, 255, 256, 70_000, 2**24 - 1, 2**24, 2**31 - 1]


@st.composite
def drawn_cells(draw: st.DrawFn) -> Drawn:
    """Cells with unsorted, repeated, zero and no entries; columns that share genes or have none."""
    n_columns, n_genes = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    simple = draw(st.booleans())
    if simple:
        n_genes = n_columns
        columns: IntArray = np.arange(n_columns) | units.IN_LIBRARY
    else:
        columns = _awkward_columns(draw, n_columns, n_genes)
    entry = st.tuples(st.integers(0, n_columns - 1), st.sampled_from(COUNTS[not simple :]))
    rows = draw(st.lists(st.lists(entry, max_size=9), min_size=1, max_size=6))
    if draw(st.booleans()):
        rows = [sorted(dict(row).items()) for row in rows]
    values = [value for row in rows for _, value in row]
    # float32 holds whole numbers up to 2**24 only.
    small = all(value <= 2**24 for value in values)
    return Drawn(
        data=np.array(values, dtype=np.float32 if small and draw(st.booleans()) else np.float64),
        indices=np.array([column for row in rows for column, _ in row], dtype=np.int32),
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        columns=columns.astype(np.int32),
        n_genes=n_genes,
    )


def _awkward_columns(draw: st.DrawFn, n_columns: int, n_genes: int) -> IntArray:
    genes = np.array(
        draw(st.lists(st.integers(0, n_genes), min_size=n_columns, max_size=n_columns))
    )
    flags = np.array(draw(st.lists(st.integers(0, 3), min_size=n_columns, max_size=n_columns)))
    # Kept columns are counted; what is not counted is not mitochondrial; shared ones are marked.
    counted = (flags & 1).astype(bool) | (genes < n_genes)
    kinds = np.where(counted, units.IN_LIBRARY, 0)
    kinds |= np.where(counted & (flags > 1), units.MITOCHONDRIAL, 0)
    shared = (genes < n_genes) & (np.bincount(genes, minlength=n_genes + 1)[genes] > 1)
    marks = np.where(shared, units.SHARED_GENE, 0)
    return np.asarray(genes + kinds + marks, dtype=np.int64)
