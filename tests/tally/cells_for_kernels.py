"""Draws of CSR blocks for the kernels, awkward ones included."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.units import IN_LIBRARY, MITOCHONDRIAL, SHARED_GENE


@dataclass
class Drawn:
    """Arguments of the kernel."""

    data: FloatArray
    indices: IntArray
    indptr: IntArray
    cells: IntArray
    slots: IntArray
    columns: IntArray
    kinds: IntArray
    n_slots: int
    n_genes: int

    @property
    def n_cells(self) -> int:
        """Cells in the block."""
        return int(self.indptr.size - 1)


@st.composite
def drawn_cells(draw: st.DrawFn) -> Drawn:
    """Cells with unsorted, repeated and empty entries, columns that share genes or have none."""
    n_columns, n_genes = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    columns = np.array(
        draw(st.lists(st.integers(-1, n_genes - 1), min_size=n_columns, max_size=n_columns))
    )
    flags = draw(st.lists(st.integers(0, 7), min_size=n_columns, max_size=n_columns))
    kinds = np.array([flag & (IN_LIBRARY | MITOCHONDRIAL) for flag in flags])
    # Kept columns are counted; what is not counted is not mitochondrial; shared ones are marked.
    kinds = np.where(columns >= 0, kinds | IN_LIBRARY, kinds)
    kinds = np.where(kinds & IN_LIBRARY, kinds, 0)
    uses = np.bincount(columns[columns >= 0], minlength=n_genes)
    kinds = np.where((columns >= 0) & (uses[columns] > 1), kinds | SHARED_GENE, kinds)
    entry = st.tuples(
        st.integers(0, n_columns - 1), st.sampled_from([0, 1, 2, 3, 62, 63, 64, 9999])
    )
    rows = draw(st.lists(st.lists(entry, max_size=9), min_size=1, max_size=6))
    if draw(st.booleans()):
        rows = [sorted(dict(row).items()) for row in rows]
    values = [value for row in rows for _, value in row]
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    n_slots = draw(st.integers(1, 3))
    order = draw(st.permutations(range(len(rows))))
    return Drawn(
        data=np.array(values, dtype=dtype),
        indices=np.array([column for row in rows for column, _ in row], dtype=np.int32),
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        cells=np.array(order, dtype=np.int64),
        slots=np.array([draw(st.integers(0, n_slots - 1)) for _ in rows], dtype=np.int64),
        columns=columns.astype(np.int64),
        kinds=kinds.astype(np.int64),
        n_slots=n_slots,
        n_genes=n_genes,
    )
