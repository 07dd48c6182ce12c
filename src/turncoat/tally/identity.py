"""Which genes and rows of several tallies are the same."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from turncoat.errors import StudyError
from turncoat.study.genes import Species, symbols_by_id
from turncoat.tables import IntArray
from turncoat.tally import layout


def union_genes(
    several: Sequence[pd.DataFrame], species: Species
) -> tuple[pd.DataFrame, list[IntArray]]:
    """Name the genes of several tallies together and number each one's columns.

    Two genes are the same when they have one symbol, or one Ensembl id under two symbols (an
    alias) that no single tally has both of.

    Parameters
    ----------
    several
        ``var`` of each tally: index symbol, column ``ensembl``.
    species
        Species of all of them: decides which of two aliases is current.

    Returns
    -------
    tuple
        Genes (index symbol, column ``ensembl``) and codes per tally. The order is that of the
        tallies where all agree, else alphabetical: it does not depend on which comes first.
    """
    name_of = _aliases(several, species)
    named = [pd.Index([name_of.get(str(s), str(s)) for s in var.index]) for var in several]
    same = all(list(one) == list(named[0]) for one in named[1:])
    symbols = list(named[0]) if same else sorted(set().union(*named))
    number = {symbol: code for code, symbol in enumerate(symbols)}
    codes: list[IntArray] = [
        np.array([number[symbol] for symbol in one], dtype=np.int64) for one in named
    ]
    ensembl: list[set[str]] = [set() for _ in symbols]
    for var, code in zip(several, codes, strict=True):
        for gene, stated in zip(code.tolist(), _ids(var), strict=True):
            ensembl[gene].add(stated)
    chosen = [min((i for i in ids if i), default="") for ids in ensembl]
    index = pd.Index(symbols, dtype=object, name="symbol")
    return pd.DataFrame({"ensembl": np.array(chosen, dtype=object)}, index=index), codes


def _ids(var: pd.DataFrame) -> list[str]:
    return [str(i) for i in var["ensembl"]] if "ensembl" in var else [""] * len(var)


def _aliases(several: Sequence[pd.DataFrame], species: Species) -> dict[str, str]:
    """Map each symbol that goes by another name in another tally to the name to use."""
    symbols_of: dict[str, set[str]] = {}
    for var in several:
        for symbol, ensembl in zip(var.index, _ids(var), strict=True):
            if ensembl:
                symbols_of.setdefault(ensembl, set()).add(str(symbol))
    present = [set(map(str, var.index)) for var in several]
    current = symbols_by_id(species)
    name_of: dict[str, str] = {}
    for ensembl, symbols in sorted(symbols_of.items()):
        apart = any(len(symbols & one) > 1 for one in present)
        if len(symbols) < 2 or apart or symbols & name_of.keys():
            continue
        name = current.get(ensembl, "")
        chosen = name if name in symbols else min(symbols)
        name_of |= dict.fromkeys(symbols, chosen)
    return name_of


def union_rows(several: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, list[IntArray]]:
    """Put the rows of several tallies together, sorted, and number each one's rows.

    Raises
    ------
    StudyError
        When two tallies describe one sample differently.
    """
    labels = [obs.drop(columns=layout.N_CELLS) for obs in several]
    columns = list(dict.fromkeys(str(name) for obs in labels for name in obs.columns))
    order = [name for name in layout.OBS_COLUMNS if name in columns]
    columns = [*order, *sorted(name for name in columns if name not in order)]
    rows = pd.concat([obs.reindex(columns=columns).astype(object) for obs in labels])
    _refuse_contradictions(rows, columns)
    # The first value that is there, whichever tally has it.
    filled = rows.groupby(level=0, sort=True)[columns].first()
    filled.index = pd.Index(filled.index.astype(str), name=None)
    names = pd.Index(sorted(filled.index))
    filled = filled.loc[names].apply(_restore_kind)
    return filled, [names.get_indexer(obs.index.astype(str)).astype(np.int64) for obs in several]


def _refuse_contradictions(rows: pd.DataFrame, columns: list[str]) -> None:
    by_sample = rows.drop(columns=layout.POPULATION).groupby(layout.SAMPLE)
    for column in columns:
        if column in {layout.SAMPLE, layout.POPULATION}:
            continue
        levels = by_sample[column].agg(lambda values: sorted({str(v) for v in values.dropna()}))
        several = levels[levels.map(len) > 1]
        if not several.empty:
            raise StudyError(
                f"The tallies disagree on sample '{several.index[0]}': its {column} is "
                f"{' and '.join(repr(level) for level in several.iloc[0][:3])}. If these are two "
                "samples, give each site its own names: merge_tallies(…, sites=[…])."
            )


def _restore_kind(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if column.name in layout.OBS_COLUMNS:
        return column.astype(str)
    whole = column.infer_objects()
    return whole.fillna("") if whole.dtype == object else whole
