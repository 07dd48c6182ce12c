"""The compiled loops of the tally, each with its plain twin.

Logarithms are rounded to multiples of ``1 / GRID`` and everything is summed as whole numbers.
Whole numbers add without rounding, so a tally does not depend on the order of the cells, on
how they were split, or on the number of threads: not nearly, but to the last bit.
"""

from turncoat.tally.kernels.cells import tally_cells
from turncoat.tally.kernels.units import (
    GRID,
    IN_LIBRARY,
    MITOCHONDRIAL,
    N_MEASURES,
    N_SUMS,
    OUT_OF_RANGE,
    SHARED_GENE,
)

__all__ = [
    "GRID",
    "IN_LIBRARY",
    "MITOCHONDRIAL",
    "N_MEASURES",
    "N_SUMS",
    "OUT_OF_RANGE",
    "SHARED_GENE",
    "tally_cells",
]
