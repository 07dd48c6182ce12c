"""A row's packed sums, turned into the numbers of the layers."""

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.units import COUNT_MASK, ONE_DETECTED


def finish_row_reference(
    packed: IntArray, unit: float, values: FloatArray, moments: IntArray
) -> None:
    """Unpack a row with NumPy."""
    own = packed[: values.shape[1]]
    whole = np.stack([own[:, 0] % ONE_DETECTED, own[:, 0] // ONE_DETECTED, own[:, 1], own[:, 2]])
    moments += whole.T
    values[:] = whole * np.array([[1.0], [1.0], [unit], [unit]])


@kernel(reference=finish_row_reference, ahead=True)
def finish_row(packed: IntArray, unit: float, values: FloatArray, moments: IntArray) -> None:
    """Unpack the sums of a row, and add them to those over all rows.

    Parameters
    ----------
    packed
        Packed sums of the row, shape ``(n_genes + 1, 3)``; the dustbin is passed over.
    unit
        Log units to a grid step.
    values
        Set: counts, detections, logs, squared logs, shape ``(4, n_genes)``.
    moments
        Added to: the same as whole numbers, shape ``(n_genes, 4)``.
    """
    for gene in range(values.shape[1]):
        counts = packed[gene, 0] & COUNT_MASK
        detected = packed[gene, 0] >> 40
        logs, squares = packed[gene, 1], packed[gene, 2]
        values[0, gene], values[1, gene] = counts, detected
        values[2, gene], values[3, gene] = logs * unit, squares * unit
        moments[gene, 0] += counts
        moments[gene, 1] += detected
        moments[gene, 2] += logs
        moments[gene, 3] += squares
