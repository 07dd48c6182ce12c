"""Edges in the shapes of other tools, and theirs in ours."""

from typing import Final

import numpy as np
import pandas as pd

from turncoat.crosstalk.result import Crosstalk
from turncoat.errors import ArgumentError, TableError, did_you_mean

#: LIANA's names of our columns.
LIANA: Final = {
    "sender": "source",
    "ligand": "ligand_complex",
    "receiver": "target",
    "receptor": "receptor_complex",
}
#: Joins the two populations of a column in CellPhoneDB's tables, and a pair's partners.
BETWEEN: Final = "|"
PARTNERS: Final = "_"
#: Columns of a classic table, and of a contrast's, that fill CellPhoneDB's means and p-values.
CLASSIC: Final = ("lr_means", "label_pvalue")
OF_CONTRAST: Final = ("strength_case", "pvalue")
CELLPHONEDB: Final = ("interacting_pair",)


def edges(result: Crosstalk, *, fdr: float | None = None) -> pd.DataFrame:
    """Give the edges as one tidy table, optionally those that changed.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.crosstalk` found.
    fdr
        Keep edges gained, lost or opposed with a q-value at most this; None keeps all.

    Returns
    -------
    DataFrame
        A copy, best supported first.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.get.edges(result, fdr=0.1)  # doctest: +SKIP
    """
    table = result.table.copy()
    if fdr is None:
        return table
    changed = table["verdict"].isin(["gained", "lost", "opposed"]) & (table["qvalue"] <= fdr)
    return table[changed].reset_index(drop=True)


def edge_programmes(result: Crosstalk, *, changed: bool = False) -> pd.DataFrame:
    """Give what the receivers' programmes do as each signal rises, as one tidy table.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.crosstalk` found.
    changed
        Keep only programmes that rise or fall with their signal.

    Returns
    -------
    DataFrame
        A copy: one row per edge and programme of its receiver, best supported edges first.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.get.edge_programmes(result, changed=True)  # doctest: +SKIP
    """
    table = result.programmes.copy()
    if not changed:
        return table
    return table[table["answer"].isin(["rises", "falls"])].reset_index(drop=True)


def to_liana(table: pd.DataFrame) -> pd.DataFrame:
    """Rename the columns of edges as in LIANA's long tables.

    Parameters
    ----------
    table
        Edges, e.g. ``result.table`` or :func:`classic_edges`.

    Returns
    -------
    DataFrame
        source, ligand_complex, target, receptor_complex, then the other columns as they are.

    Raises
    ------
    TableError
        When one of the four is missing.

    Examples
    --------
    >>> row = {"sender": ["NK"], "ligand": ["WNT2"], "receiver": ["Tumour"], "receptor": ["FZD1_LRP6"]}
    >>> list(to_liana(pd.DataFrame(row)))
    ['source', 'ligand_complex', 'target', 'receptor_complex']
    """
    _need(table, tuple(LIANA))
    first = table[list(LIANA)].rename(columns=LIANA)
    return first.join(table.drop(columns=list(LIANA)))


def from_liana(table: pd.DataFrame) -> pd.DataFrame:
    """Read one of LIANA's long tables, so that its scores can be set beside ours.

    Subunits are sorted by name, as in the bundled pairs, so that the keys of both fit.

    Parameters
    ----------
    table
        With source, ligand_complex, target, receptor_complex.

    Returns
    -------
    DataFrame
        sender, ligand, receiver, receptor, then the other columns as they are.

    Raises
    ------
    TableError
        When one of the four is missing.

    Examples
    --------
    >>> row = {"source": ["A"], "ligand_complex": ["L"], "target": ["B"], "receptor_complex": ["Y_X"]}
    >>> from_liana(pd.DataFrame(row))["receptor"].item()
    'X_Y'
    """
    _need(table, tuple(LIANA.values()))
    ours = {theirs: name for name, theirs in LIANA.items()}
    first = table[list(ours)].rename(columns=ours).astype(str)
    for name in ("ligand", "receptor"):
        first[name] = ["_".join(sorted(text.split("_"))) for text in first[name]]
    return first.join(table.drop(columns=list(ours)))


def to_cellphonedb(
    table: pd.DataFrame, *, value: str | None = None, pvalue: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay edges out as CellPhoneDB's means and p-values: pairs × ordered pairs of populations.

    Parameters
    ----------
    table
        Edges with the two columns named next.
    value, pvalue
        Columns that fill the two tables: ``lr_means`` and ``label_pvalue`` of a classic table, else
        ``strength_case`` and ``pvalue`` of a contrast, by default.

    Returns
    -------
    tuple of DataFrame
        Means (0 where there is no edge) and p-values (1 there, as CellPhoneDB writes them).

    Raises
    ------
    TableError
        When a column is missing.
    ArgumentError
        When an edge occurs twice, e.g. in two tissues.

    Examples
    --------
    >>> row = {"sender": ["A"], "ligand": ["L"], "receiver": ["B"], "receptor": ["R"],
    ...        "lr_means": [0.5], "label_pvalue": [0.01]}
    >>> means, pvalues = to_cellphonedb(pd.DataFrame(row))
    >>> means.loc["L_R", "A|B"].item()
    0.5
    """
    own = CLASSIC if CLASSIC[0] in table else OF_CONTRAST
    value, pvalue = value or own[0], pvalue or own[1]
    _need(table, (*LIANA, value, pvalue))
    if table.duplicated(list(LIANA)).any():
        raise ArgumentError(
            "An edge occurs twice (in two tissues?). Choose one tissue before the export."
        )
    pair = table["ligand"] + PARTNERS + table["receptor"]
    cells = table["sender"] + BETWEEN + table["receiver"]
    wide = pd.DataFrame({"interacting_pair": pair, "cells": cells, value: table[value]})
    wide[pvalue] = table[pvalue].to_numpy()
    filled = [
        wide.pivot_table(index="interacting_pair", columns="cells", values=name, aggfunc="first")
        for name in (value, pvalue)
    ]
    # Pivoting leaves out pairs and cells without any number; both tables keep all of them.
    rows, columns = pd.Index(sorted(set(pair)), name="interacting_pair"), sorted(set(cells))
    means, pvalues = (each.reindex(index=rows, columns=columns) for each in filled)
    return means.fillna(0.0), pvalues.fillna(1.0)


def from_cellphonedb(means: pd.DataFrame, pvalues: pd.DataFrame) -> pd.DataFrame:
    """Read CellPhoneDB's means and p-values as one long table.

    Parameters
    ----------
    means, pvalues
        As CellPhoneDB writes them: rows are pairs, a column for each ``sender|receiver``, and
        descriptive columns (``interacting_pair``, ``gene_a`` …) which are recognised and kept
        out.

    Returns
    -------
    DataFrame
        sender, receiver, interacting_pair, mean, pvalue; one row per cell of the tables.

    Raises
    ------
    TableError
        When the two tables do not fit together or name no pairs.

    Examples
    --------
    >>> means = pd.DataFrame({"interacting_pair": ["L_R"], "A|B": [0.5]})
    >>> pvalues = pd.DataFrame({"interacting_pair": ["L_R"], "A|B": [0.01]})
    >>> from_cellphonedb(means, pvalues)["sender"].item()
    'A'
    """
    parts = []
    for name, table in (("mean", means), ("pvalue", pvalues)):
        indexed = table.reset_index() if "interacting_pair" not in table else table
        _need(indexed, CELLPHONEDB)
        columns = [column for column in indexed if BETWEEN in str(column)]
        long = indexed.melt(
            id_vars=["interacting_pair"], value_vars=columns, var_name="cells", value_name=name
        )
        parts.append(long.set_index(["interacting_pair", "cells"])[name])
    if not parts[0].index.sort_values().equals(parts[1].index.sort_values()):
        raise TableError("The tables of means and p-values do not have the same pairs and cells.")
    joined = pd.concat(parts, axis=1).reset_index()
    populations = joined["cells"].str.split(BETWEEN, n=1, expand=True, regex=False)
    joined.insert(0, "sender", populations[0])
    joined.insert(1, "receiver", populations[1])
    joined["mean"] = joined["mean"].astype(np.float64)
    return joined.drop(columns="cells")


def _need(table: pd.DataFrame, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in table:
            raise TableError(
                f"The table of edges has no column '{name}'. {did_you_mean(name, table.columns)}"
            )
