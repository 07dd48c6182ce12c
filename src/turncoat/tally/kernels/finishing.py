"""A row's packed sums, turned into the numbers of the layers."""

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.units import COUNT_MASK, ONE_DETECTED


def finish_row_reference(
    packed: IntArray,
    unit: float,
    counts: FloatArray,
    detected: FloatArray,
    logs: FloatArray,
    squares: FloatArray,
    moments: IntArray,
) -> None:
    """Unpack a row with NumPy."""
    own = packed[: counts.size]
    whole = np.stack([own[:, 0] % ONE_DETECTED, own[:, 0] // ONE_DETECTED, own[:, 1], own[:, 2]])
    moments += whole.T
    counts[:], detected[:], logs[:], squares[:] = whole * np.array([[1.0], [1.0], [unit], [unit]])


@kernel(reference=finish_row_reference, ahead=True)
def finish_row(
    packed: IntArray,
    unit: float,
    counts: FloatArray,
    detected: FloatArray,
    logs: FloatArray,
    squares: FloatArray,
    moments: IntArray,
) -> None:
    """Unpack the sums of a row, and add them to those over all rows.

    Parameters
    ----------
    packed
        Packed sums of the row, shape ``(n_genes + 1, 3)``; the dustbin is passed over.
    unit
        Log units to a grid step.
    counts, detected, logs, squares
        Set, shape ``(n_genes,)``.
    moments
        Added to: the same as whole numbers, shape ``(n_genes, 4)``.
    """
    for gene in range(counts.size):
        total = packed[gene, 0] & COUNT_MASK
        cells = packed[gene, 0] >> 40
        counts[gene], detected[gene] = total, cells
        logs[gene], squares[gene] = packed[gene, 1] * unit, packed[gene, 2] * unit
        moments[gene, 0] += total
        moments[gene, 1] += cells
        moments[gene, 2] += packed[gene, 1]
        moments[gene, 3] += packed[gene, 2]
