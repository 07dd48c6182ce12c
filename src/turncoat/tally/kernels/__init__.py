"""The compiled loops of the tally, each with its plain twin.

Cells are packed first (checked, measured, three bytes a value) and added to the sums of their
rows when there are enough of them that a row's sums, once in the cache, serve many cells.

Logarithms are rounded to multiples of ``1 / GRID`` and everything is summed as whole numbers.
Whole numbers add without rounding, so a tally does not depend on the order of the cells, on
how they were split, or on the number of threads: not nearly, but to the last bit.
"""

from turncoat.tally.kernels.adding import add_cells
from turncoat.tally.kernels.calling import score_cells
from turncoat.tally.kernels.cells import pack_cells
from turncoat.tally.kernels.finishing import finish_row
from turncoat.tally.kernels.holding import lay_out_cells, take_apart_cells
from turncoat.tally.kernels.measuring import measure_kinds
from turncoat.tally.kernels.relating import relate_cells
from turncoat.tally.kernels.scoring import STRETCH, project_cells, sum_logs
from turncoat.tally.kernels.unpacking import log_cells

__all__ = [
    "STRETCH",
    "add_cells",
    "finish_row",
    "lay_out_cells",
    "log_cells",
    "measure_kinds",
    "pack_cells",
    "project_cells",
    "relate_cells",
    "score_cells",
    "sum_logs",
    "take_apart_cells",
]
