"""What the search for new states needs, and what it says when it does not get it."""

from collections.abc import Iterable

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.errors import (
    ArgumentError,
    CountsError,
    DesignError,
    MissingKeyError,
    TableError,
    did_you_mean,
)
from turncoat.stats.contrast import Contrast
from turncoat.tables import FloatArray

#: Genes that say something: half of them make states, and the others need markers and controls.
MIN_GENES = 50


def check_arguments(n_states: int, fdr: float, contrasts: Iterable[Contrast]) -> None:
    """Refuse numbers out of range and contrasts that are none."""
    if isinstance(n_states, bool) or not isinstance(n_states, int | np.integer):
        raise ArgumentError(f"'n_states' should be a whole number; got {n_states!r}.")
    if n_states < 2:
        raise ArgumentError(f"'n_states' should be at least 2; got {n_states!r}.")
    if not 0 < fdr < 1:
        raise ArgumentError(f"'fdr' should lie between 0 and 1; got {fdr!r}.")
    for contrast in contrasts:
        if not isinstance(contrast, Contrast):
            raise ArgumentError(
                f"'contrasts' should hold contrasts such as tc.Contrast('condition', 'case', "
                f"'control'); got {contrast!r}."
            )


def check_cells(cells: ad.AnnData, population: str, population_key: str, donor_key: str) -> None:
    """Refuse cells without the columns, the population, or names of their own."""
    for key in (population_key, donor_key):
        if key not in cells.obs:
            raise MissingKeyError(
                f"cells.obs has no column '{key}'. {did_you_mean(key, cells.obs.columns)}"
            )
    labels = cells.obs[population_key].astype(str)
    if population not in set(labels):
        raise MissingKeyError(
            f"No cell is of the population '{population}'. {did_you_mean(population, set(labels))}"
        )
    unnamed = int(cells.obs[donor_key][labels == population].isna().sum())
    if unnamed:
        raise TableError(
            f"{unnamed} cells of '{population}' have no donor in '{donor_key}': donors are what is "
            "tested. Fill the column, or leave these cells out."
        )
    names = cells.obs_names[labels == population]
    if not names.is_unique:
        repeated = names[names.duplicated()][0]
        raise TableError(
            f"Cell names should be unique; '{repeated}' repeats. Put the sample's name before them."
        )


def check_contrasts(obs: pd.DataFrame, contrasts: Iterable[Contrast]) -> None:
    """Refuse contrasts of columns that are not there."""
    for contrast in contrasts:
        block = (contrast.block,) if contrast.block else ()
        for column in (contrast.variable, *block, *contrast.covariates):
            if column not in obs:
                raise MissingKeyError(
                    f"cells.obs has no column '{column}'. {did_you_mean(column, obs.columns)}"
                )


def raw_counts(own: ad.AnnData) -> FloatArray:
    """Give the matrix densely, if it holds raw counts."""
    raw = own.X
    if raw is None:
        raise CountsError("The cells have no matrix X: give cells with raw counts.")
    counts = np.asarray(raw.todense() if hasattr(raw, "todense") else raw, dtype=np.float32)
    wrong = ~((counts >= 0) & (counts == np.floor(counts)) & np.isfinite(counts))
    if wrong.any():
        cell, gene = (int(place) for place in np.argwhere(wrong)[0])
        raise CountsError(
            f"Cell {own.obs_names[cell]}, gene {own.var_names[gene]} holds {counts[cell, gene]:g}, but "
            "raw counts (whole numbers from 0) are needed: depth is part of the test."
        )
    return counts


def check_genes(n_genes: int, population: str, share: float) -> None:
    """Refuse too few genes to make states and to ask about them."""
    if n_genes < MIN_GENES:
        raise DesignError(
            f"{n_genes} genes are seen in at least {share:.0%} of the cells of '{population}'; "
            f"{MIN_GENES} are needed: half of them make states, the others are asked."
        )
