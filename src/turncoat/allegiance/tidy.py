"""Genes and states as tidy tables."""

import pandas as pd

from turncoat.allegiance.genes_result import Genes
from turncoat.allegiance.substates_result import Substates


def genes(
    result: Genes, *, population: str | None = None, fdr: float | None = None
) -> pd.DataFrame:
    """Give the genes as one tidy table, surest first.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.genes` found.
    population
        One population; all for None.
    fdr
        Keep genes with a q-value at most this; None keeps all.

    Returns
    -------
    DataFrame
        A copy.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.get.genes(result, population="NK", fdr=0.05)  # doctest: +SKIP
    """
    table = result.table
    if population is not None:
        table = table[table["population"] == population]
    if fdr is not None:
        table = table[table["qvalue"] <= fdr]
    return table.sort_values("pvalue", kind="stable").reset_index(drop=True)


def substates(result: Substates, *, found: bool = True) -> pd.DataFrame:
    """Give one row per state: what it is, its markers, its side.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.substates` found.
    found
        Whether to keep the states that passed alone.

    Returns
    -------
    DataFrame
        A copy of the result's table with the columns markers, side, duty and harm.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.get.substates(result)  # doctest: +SKIP
    """
    markers = result.markers.groupby("state")["gene"].agg(", ".join).rename("markers")
    sides = result.sides.set_index("state")[["side", "duty", "harm"]]
    table = result.table[result.table["verdict"] == "found"] if found else result.table
    return table.join(markers, on="state").join(sides, on="state").reset_index(drop=True)
