"""From the sums of cells to scores of gene sets: the statistic of a univariate linear model."""

import math

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray

#: A correlation of exactly one has no finite t; as decoupler has it.
TINY = 1e-20


def relate_cells_reference(
    projected: FloatArray,
    n_genes: int,
    sums: FloatArray,
    squares: FloatArray,
    scores: FloatArray,
) -> None:
    """Turn the sums of cells into t-statistics, with NumPy."""
    total, squared, dots = projected[:, :1], projected[:, 1:2], projected[:, 2:]
    covariance = dots - total * sums / n_genes
    spread = (squared - total**2 / n_genes) * (squares - sums**2 / n_genes)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = covariance / np.sqrt(spread)
        t = r * np.sqrt((n_genes - 2) / ((1 - r + TINY) * (1 + r + TINY)))
    scores[:] = np.where(spread > 0, t, np.nan)


@kernel(reference=relate_cells_reference, ahead=True)
def relate_cells(
    projected: FloatArray,
    n_genes: int,
    sums: FloatArray,
    squares: FloatArray,
    scores: FloatArray,
) -> None:
    """Turn the sums of cells into t-statistics of the slopes on the weights of sets.

    Parameters
    ----------
    projected
        As :func:`project_cells` leaves them, shape ``(n_cells, 2 + n_sets)``.
    n_genes
        Genes.
    sums, squares
        Sum of the weights of each set, and of their squares.
    scores
        Set: shape ``(n_cells, n_sets)``; NaN where a cell or a set does not vary.
    """
    n = float(n_genes)
    for cell in range(projected.shape[0]):
        row, out = projected[cell], scores[cell]
        total = row[0]
        varies = row[1] - total * total / n
        for k in range(sums.size):
            spread = varies * (squares[k] - sums[k] * sums[k] / n)
            r = (row[2 + k] - total * sums[k] / n) / math.sqrt(spread)
            t = r * math.sqrt((n - 2.0) / ((1.0 - r + TINY) * (1.0 + r + TINY)))
            out[k] = t if spread > 0.0 else np.nan
