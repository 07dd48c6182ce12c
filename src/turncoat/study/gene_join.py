"""The genes of several files, numbered together."""

from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from turncoat.errors import StudyError
from turncoat.plain_table import PlainTable
from turncoat.study.genes import NamedGenes


def join_genes(
    named: list[NamedGenes], sources: list[str], how: Literal["intersection", "union"]
) -> tuple[PlainTable, tuple[npt.NDArray[np.int64], ...], list[tuple[str, int, str]]]:
    """Choose the genes of the tally and number every file's columns by them.

    Returns
    -------
    tuple
        Genes (index symbol, column ensembl), codes per file (-1 = left out), remarks.

    Raises
    ------
    StudyError
        When files are of different species, or have no gene in common.
    """
    _one_species(named, sources)
    lists = [list(dict.fromkeys(s for s in one.symbols if s)) for one in named]
    chosen = lists[0]
    remarks: list[tuple[str, int, str]] = []
    if any(one != lists[0] for one in lists[1:]):
        sets = [set(one) for one in lists]
        chosen = sorted(set.intersection(*sets) if how == "intersection" else set.union(*sets))
        remarks = _join_remarks(sets, set(chosen), sources, how)
    if not chosen:
        raise StudyError(
            f"The files have no gene in common: {_sizes(lists, sources)}. Do they name genes in the "
            "same way? Use gene_join='union' only if that is what you want."
        )
    number = {symbol: code for code, symbol in enumerate(chosen)}
    codes = tuple(
        np.array([number.get(s, -1) if s else -1 for s in one.symbols], dtype=np.int64)
        for one in named
    )
    ensembl = np.full(len(chosen), "", dtype=object)
    for one, code in zip(reversed(named), reversed(codes), strict=True):
        kept = np.flatnonzero((code >= 0) & (one.ensembl != ""))[::-1]
        ensembl[code[kept]] = one.ensembl[kept]
    genes = PlainTable(np.array(chosen, dtype=object), {"ensembl": ensembl}, "symbol")
    return genes, codes, remarks


def _one_species(named: list[NamedGenes], sources: list[str]) -> None:
    by_species: dict[str, str] = {}
    for one, source in zip(named, sources, strict=True):
        by_species.setdefault(one.species, source)
    if len(by_species) > 1:
        raise StudyError(
            f"{by_species['human']} has human genes but {by_species['mouse']} has mouse genes. "
            "Study the species apart."
        )


def _sizes(lists: list[list[Any]], sources: list[str]) -> str:
    pairs = zip(lists, sources, strict=True)
    return "; ".join(
        f"{source}: {len(one)} genes ({', '.join(one[:2])} …)" for one, source in pairs
    )


def _join_remarks(
    sets: list[set[str]], chosen: set[str], sources: list[str], how: str
) -> list[tuple[str, int, str]]:
    if how == "intersection":
        lost = len(cast("set[str]", set.union(*sets)) - chosen)
        return [("genes", lost, "not in every file (gene_join = intersection)")]
    return [
        ("genes", len(chosen - one), f"not measured in {source}: counted as zero there (union)")
        for one, source in zip(sets, sources, strict=True)
        if chosen - one
    ]
