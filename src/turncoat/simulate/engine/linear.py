"""Linear systems of the stiff steps: a sparse LU run from lists, and its guarded fallback.

The sparse factorisation does not pivot. It is safe while ``I/(h g) - J`` is diagonally
strong, which small steps make it; a weak or exploding pivot is noticed, and the step is
solved by a dense LU with partial pivoting instead.
"""

import numpy as np

from turncoat.kernel import kernel
from turncoat.simulate.engine.sparse import Elimination
from turncoat.tables import FloatArray, IntArray

# Multipliers this large lose half of the digits.
LARGEST_MULTIPLIER = 1e7


def put_reference(source: FloatArray, target: FloatArray) -> None:
    """Copy a vector into another."""
    target[:] = source


@kernel(reference=put_reference, allocates=False)
def put(source: FloatArray, target: FloatArray) -> None:
    """Copy a vector into another; a slice assignment would allocate."""
    for i in range(source.size):
        target[i] = source[i]


def factor_reference(
    lu: Elimination, jacobian: FloatArray, shift: float, values: FloatArray
) -> None:
    """Fill ``values`` with the LU of ``shift I - J`` by dense elimination."""
    n = lu.order.size
    dense = np.zeros((n, n))
    dense[lu.rows[lu.entry], lu.columns[lu.entry]] = -jacobian
    dense[np.arange(n), np.arange(n)] += shift
    done: list[int] = []
    for k in lu.order:
        dense[k, k] = 1.0 / dense[k, k]
        done.append(int(k))
        rest = np.setdiff1d(np.arange(n), done)
        dense[rest, k] *= dense[k, k]
        dense[np.ix_(rest, rest)] -= np.outer(dense[rest, k], dense[k, rest])
    values[:] = dense[lu.rows, lu.columns]


@kernel(reference=factor_reference, allocates=False)
def factor(lu: Elimination, jacobian: FloatArray, shift: float, values: FloatArray) -> None:
    """Fill ``values`` with the LU of ``shift I - J``."""
    values[:] = 0.0
    for k in range(jacobian.size):
        values[lu.entry[k]] = -jacobian[k]
    for k in range(lu.diagonal.size):
        values[lu.diagonal[k]] += shift
    for k in range(lu.diagonal.size):
        inverse = 1.0 / values[lu.diagonal[k]]
        values[lu.diagonal[k]] = inverse
        for q in range(lu.scaled_start[k], lu.scaled_start[k + 1]):
            values[lu.scaled[q]] *= inverse
        for q in range(lu.product_start[k], lu.product_start[k + 1]):
            values[lu.target[q]] -= values[lu.left[q]] * values[lu.right[q]]


def trusted_reference(lu: Elimination, values: FloatArray) -> bool:
    """Whether a factorisation without pivoting kept its digits."""
    multipliers, inverses = values[lu.scaled], values[lu.diagonal]
    small = bool(np.all(np.abs(multipliers) <= LARGEST_MULTIPLIER))
    return small and bool(np.all(np.abs(inverses) < np.inf))


@kernel(reference=trusted_reference, allocates=False)
def trusted(lu: Elimination, values: FloatArray) -> bool:
    """Whether a factorisation without pivoting kept its digits."""
    for k in range(lu.scaled.size):
        # Written so that NaN is not trusted.
        if not abs(values[lu.scaled[k]]) <= LARGEST_MULTIPLIER:
            return False
    for k in range(lu.diagonal.size):
        if not abs(values[lu.diagonal[k]]) < np.inf:
            return False
    return True


def solve_reference(lu: Elimination, values: FloatArray, x: FloatArray) -> None:
    """Solve in place with the factors, as dense triangles."""
    n = lu.order.size
    dense = np.zeros((n, n))
    dense[lu.rows, lu.columns] = values
    turned = dense[np.ix_(lu.order, lu.order)]
    upper = np.triu(turned, 1) + np.diag(1.0 / np.diag(turned))
    lower = np.tril(turned, -1) + np.eye(n)
    x[lu.order] = np.linalg.solve(upper, np.linalg.solve(lower, x[lu.order]))


@kernel(reference=solve_reference, allocates=False)
def solve(lu: Elimination, values: FloatArray, x: FloatArray) -> None:
    """Solve in place with the factors of :func:`factor`."""
    n = lu.order.size
    for k in range(n):
        known = x[lu.order[k]]
        for q in range(lu.scaled_start[k], lu.scaled_start[k + 1]):
            x[lu.lower_row[q]] -= values[lu.scaled[q]] * known
    for k in range(n - 1, -1, -1):
        total = x[lu.order[k]]
        for q in range(lu.upper_start[k], lu.upper_start[k + 1]):
            total -= values[lu.upper[q]] * x[lu.upper_column[q]]
        x[lu.order[k]] = total * values[lu.diagonal[k]]


def bring_largest_reference(dense: FloatArray, k: int) -> int:
    """Swap the row with the largest entry of column k into row k."""
    best = k + int(np.argmax(np.abs(dense[k:, k])))
    dense[[k, best]] = dense[[best, k]]
    return best


@kernel(reference=bring_largest_reference, allocates=False)
def bring_largest(dense: FloatArray, k: int) -> int:
    """Swap the row with the largest entry of column k into row k."""
    best = k
    for i in range(k + 1, dense.shape[0]):
        if abs(dense[i, k]) > abs(dense[best, k]):
            best = i
    for j in range(dense.shape[0]):
        dense[k, j], dense[best, j] = dense[best, j], dense[k, j]
    return best


def dense_factor_reference(
    lu: Elimination, jacobian: FloatArray, shift: float, dense: FloatArray, swaps: IntArray
) -> bool:
    """Partial-pivot LU of ``shift I - J``; SciPy's, in the same layout."""
    from scipy.linalg import lu_factor

    n = lu.order.size
    matrix = np.zeros((n, n))
    matrix[lu.rows[lu.entry], lu.columns[lu.entry]] = -jacobian
    matrix[np.arange(n), np.arange(n)] += shift
    dense[:], swaps[:] = lu_factor(matrix)
    return bool(np.all(np.diag(dense) != 0.0))


@kernel(reference=dense_factor_reference, allocates=False)
def dense_factor(
    lu: Elimination, jacobian: FloatArray, shift: float, dense: FloatArray, swaps: IntArray
) -> bool:
    """Partial-pivot LU of ``shift I - J``; False where it is singular."""
    n = lu.order.size
    dense[:, :] = 0.0
    for k in range(jacobian.size):
        dense[lu.rows[lu.entry[k]], lu.columns[lu.entry[k]]] = -jacobian[k]
    for k in range(n):
        dense[k, k] += shift
    for k in range(n):
        swaps[k] = bring_largest(dense, k)
        if not abs(dense[k, k]) > 0.0:
            return False
        for i in range(k + 1, n):
            dense[i, k] /= dense[k, k]
            for j in range(k + 1, n):
                dense[i, j] -= dense[i, k] * dense[k, j]
    return True


def dense_solve_reference(dense: FloatArray, swaps: IntArray, x: FloatArray) -> None:
    """Solve in place with dense factors; SciPy's."""
    from scipy.linalg import lu_solve

    x[:] = lu_solve((dense, swaps), x)


@kernel(reference=dense_solve_reference, allocates=False)
def dense_solve(dense: FloatArray, swaps: IntArray, x: FloatArray) -> None:
    """Solve in place with dense factors."""
    n = x.size
    for k in range(n):
        x[k], x[swaps[k]] = x[swaps[k]], x[k]
    for k in range(n):
        for j in range(k):
            x[k] -= dense[k, j] * x[j]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            x[k] -= dense[k, j] * x[j]
        x[k] /= dense[k, k]
