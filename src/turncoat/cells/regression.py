"""Softmax regression on soft targets, the one thing that every annotator is learnt by."""

from typing import Final

import numpy as np

from turncoat.tables import FloatArray

#: Weight of the squared coefficients; features have unit variance.
RIDGE: Final = 3e-3
MAX_ITERATIONS: Final = 40


def fit_softmax(
    features: FloatArray,
    targets: FloatArray,
    weights: FloatArray,
    *,
    ridge: float = RIDGE,
    offset: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Fit a softmax regression to hard or soft targets.

    Parameters
    ----------
    features
        Standardised features, shape ``(n, d)``.
    targets
        Probabilities of the classes, shape ``(n, k)``, rows summing to one.
    weights
        Weight of each row, shape ``(n,)``.
    ridge
        Weight of the squared coefficients.
    offset
        What is already known of each class, added to the logits, shape ``(n, k)``.

    Returns
    -------
    weights, bias
        Shapes ``(d, k)`` and ``(k,)``.

    Examples
    --------
    >>> slope, bias = fit_softmax(
    ...     np.array([[-1.0], [1.0]]), np.eye(2), np.ones(2), ridge=0.1
    ... )
    >>> bool(slope[0, 1] > 0 > slope[0, 0])
    True
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    n_features, n_classes = features.shape[1], targets.shape[1]
    share = (weights / weights.sum())[:, np.newaxis]
    known = 0.0 if offset is None else offset

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        table = flat.reshape(n_features + 1, n_classes).astype(features.dtype)
        logged = log_softmax(features @ table[:-1] + table[-1] + known, axis=1)
        value = -(share * targets * logged).sum() + 0.5 * ridge * (table[:-1] ** 2).sum()
        error = share * (np.exp(logged) - targets)
        slope = np.vstack([features.T @ error + ridge * table[:-1], error.sum(axis=0)])
        return float(value), slope.ravel().astype(np.float64)

    start = np.zeros((n_features + 1) * n_classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS})
    table = found.x.reshape(n_features + 1, n_classes)
    return table[:-1], table[-1]
