"""Covariates made fit for a model: unknown values, repeats, strata."""

from typing import Final

import numpy as np

from turncoat.tables import FloatArray, IntArray

#: Share of patients whose covariate may be unknown before it is left out.
MAX_UNKNOWN: Final = 0.3
#: Strata of a covariate that breaks proportionality: its values, or its tertiles if it has more.
MAX_STRATA: Final = 4


def fill_unknown(values: FloatArray, name: str) -> tuple[FloatArray, tuple[str, ...]]:
    """Give patients with an unknown covariate its median, and mark them where there are many.

    Leaving them out would cost events; the score and the outcome are never filled in.
    """
    unknown = np.isnan(values)
    if unknown.mean() > MAX_UNKNOWN or np.nanstd(values) == 0:
        return np.empty((values.size, 0)), ()
    filled = np.where(unknown, np.nanmedian(values), values)
    if unknown.mean() < 0.05:
        return filled[:, None], (name,)
    return np.column_stack([filled, unknown.astype(float)]), (name, f"{name} unknown")


def independent(covariates: FloatArray, names: tuple[str, ...], score: FloatArray) -> list[int]:
    """Find the covariates, in order, that the score and those before do not already determine."""
    kept: list[int] = []
    basis = [np.ones(score.size), score]
    for k in range(len(names)):
        tried = np.column_stack([*basis, covariates[:, k]])
        scaled = tried / np.maximum(np.linalg.norm(tried, axis=0), 1e-12)
        if np.linalg.svd(scaled, compute_uv=False)[-1] > 1e-4:
            kept.append(k)
            basis.append(covariates[:, k])
    return kept


def strata_of(values: FloatArray) -> IntArray:
    """Cut a covariate into its values, or into tertiles when it has many."""
    levels, codes = np.unique(values, return_inverse=True)
    if levels.size <= MAX_STRATA:
        return np.asarray(codes, dtype=np.int64)
    return np.asarray(np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values), dtype=np.int64)
