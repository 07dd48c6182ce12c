"""Ligand-receptor pairs as arrays of gene numbers, checked."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from turncoat.errors import KnowledgeError, MissingKeyError, did_you_mean
from turncoat.knowledge.registry import read_table
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Joins the subunits of a complex, as in all public collections of pairs.
SUBUNITS: Final = "_"
#: A panel that shows less than this share of the bundled pairs is looked at twice.
FEW: Final = 0.01
NEEDED: Final = ("ligand", "receptor")
ANNOTATION: Final = ("kind", "pathway", "caution")
#: Whom a signal serves.
UNKNOWN: Final = "unknown"
EFFECTS: Final = ("pro_tumour", "anti_tumour", UNKNOWN)


@dataclass(frozen=True, slots=True)
class Complexes:
    """Ligands or receptors, each one gene or several subunits.

    Parameters
    ----------
    names
        As written in the table of pairs.
    genes
        Gene numbers of all subunits, one complex after the other.
    starts
        Where each complex begins in ``genes``.
    """

    names: tuple[str, ...]
    genes: IntArray
    starts: IntArray

    def weakest(self, values: FloatArray) -> FloatArray:
        """Take each complex's smallest subunit along the last axis."""
        if not self.names:
            return np.empty((*values.shape[:-1], 0), dtype=values.dtype)
        return np.asarray(np.minimum.reduceat(values[..., self.genes], self.starts, axis=-1))

    def all_of(self, flags: BoolArray) -> BoolArray:
        """Whether every subunit of each complex is flagged, along the last axis."""
        if not self.names:
            return np.empty((*flags.shape[:-1], 0), dtype=bool)
        return np.asarray(np.logical_and.reduceat(flags[..., self.genes], self.starts, axis=-1))


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs that a panel of genes can show.

    Parameters
    ----------
    table
        Columns ligand, receptor, kind, pathway, caution, n_sources and own_effect (what the
        user's table says of whom the signal serves; empty for nothing); one row per pair.
    ligands, receptors
        The distinct ones.
    ligand, receptor
        Number of each pair's ligand and receptor, shape ``(n_pairs,)``.
    missing
        Pairs left out because the panel lacks one of their genes: ligand, receptor, genes.
    """

    table: pd.DataFrame
    ligands: Complexes
    receptors: Complexes
    ligand: IntArray
    receptor: IntArray
    missing: pd.DataFrame = field(default_factory=pd.DataFrame)


def renumbered(pairs: Pairs, genes: Sequence[str], panel: Sequence[str]) -> Pairs:
    """Give the genes of pairs the numbers that they have on a smaller panel which holds them all."""
    place = {gene: number for number, gene in enumerate(panel)}
    number = np.full(len(genes), -1, dtype=np.int64)
    for side in (pairs.ligands, pairs.receptors):
        for gene in side.genes.tolist():
            number[gene] = place[genes[gene]]
    ligands, receptors = (
        Complexes(side.names, number[side.genes], side.starts)
        for side in (pairs.ligands, pairs.receptors)
    )
    return Pairs(pairs.table, ligands, receptors, pairs.ligand, pairs.receptor, pairs.missing)


def find_pairs(genes: Sequence[str], species: str, pairs: pd.DataFrame | None = None) -> Pairs:
    """Match ligand-receptor pairs to the genes of a panel.

    Parameters
    ----------
    genes
        Gene symbols in the order of the tally's columns.
    species
        ``human`` or ``mouse``; chooses among the bundled pairs.
    pairs
        Own pairs, with columns ligand and receptor (subunits joined by ``_``) and optionally
        kind, pathway, caution, n_sources and effect (pro_tumour, anti_tumour or unknown); the
        bundled table by default.

    Returns
    -------
    Pairs
        What can be looked at, and what cannot.

    Raises
    ------
    KnowledgeError
        When the table is malformed, has no pair of the species, or shares no pair with the panel.
    MissingKeyError
        When a needed column is absent.
    """
    table = _of_species(species) if pairs is None else _checked(pairs)
    number = {gene: column for column, gene in enumerate(genes)}
    sides = [_lacking(table[name], number) for name in NEEDED]
    known = ~(sides[0].astype(bool) | sides[1].astype(bool))
    if not known.any() or (pairs is None and _other_species(genes, table, int(known.sum()))):
        raise KnowledgeError(_nothing_in_common(list(genes), table, species))
    kept = table[known].reset_index(drop=True)
    ligands, ligand = _complexes(kept["ligand"], number)
    receptors, receptor = _complexes(kept["receptor"], number)
    missing = table.loc[~known, list(NEEDED)].reset_index(drop=True)
    lacking = zip(*(side[~known] for side in sides), strict=True)
    missing["genes"] = [", ".join(filter(None, both)) for both in lacking]
    return Pairs(kept, ligands, receptors, ligand, receptor, missing)


def _lacking(names: "pd.Series[str]", number: dict[str, int]) -> Any:
    """Name the genes of each complex that the panel lacks, looked up once per complex."""
    codes, distinct = pd.factorize(names)
    absent = [
        ""
        if name in number
        else ", ".join(part for part in name.split(SUBUNITS) if part not in number)
        for name in distinct
    ]
    return np.array(absent, dtype=object)[codes]


@functools.cache
def _of_species(species: str) -> pd.DataFrame:
    table = read_table("signals")
    mine = table[table["species"] == species]
    if mine.empty:
        raise KnowledgeError(
            f"There are no bundled pairs for species '{species}'. "
            f"{did_you_mean(species, table['species'].unique())}"
        )
    return mine.assign(own_effect="").reset_index(drop=True)


def _checked(pairs: pd.DataFrame) -> pd.DataFrame:
    for column in NEEDED:
        if column not in pairs:
            raise MissingKeyError(
                f"The table of pairs (argument 'pairs') has no column '{column}'. "
                f"{did_you_mean(column, pairs.columns)}"
            )
    table = pairs.reset_index(drop=True).copy()
    for column in NEEDED:
        for row, name in enumerate(table[column]):
            if not isinstance(name, str) or not all(name.split(SUBUNITS)):
                raise KnowledgeError(
                    f"Row {row} of the table of pairs has a malformed {column} {name!r}: expected "
                    f"a gene symbol, or the subunits of a complex joined by '{SUBUNITS}'."
                )
    for column in ANNOTATION:
        table[column] = table[column].astype(str) if column in table else ""
    table["n_sources"] = table.get("n_sources", 0)
    table["own_effect"] = _checked_effects(table)
    repeated = table.duplicated(list(NEEDED))
    return table[~repeated].reset_index(drop=True)


def _checked_effects(table: pd.DataFrame) -> "pd.Series[str]":
    """Take the effects that a user's own pairs state, empty where they state none."""
    if "effect" not in table:
        return pd.Series("", index=table.index, dtype=object)
    stated = table["effect"].fillna("").astype(str)
    wrong = ~stated.isin(["", *EFFECTS])
    if wrong.any():
        raise KnowledgeError(
            f"Row {int(np.flatnonzero(wrong)[0])} of the table of pairs has the effect "
            f"'{stated[wrong].iloc[0]}'; it should be one of {list(EFFECTS)}, or empty."
        )
    return stated


def _complexes(names: "pd.Series[str]", number: dict[str, int]) -> tuple[Complexes, IntArray]:
    codes, distinct = pd.factorize(names, sort=True)
    parts = [[number[gene] for gene in name.split(SUBUNITS)] for name in distinct]
    starts = np.cumsum([0, *[len(part) for part in parts[:-1]]])
    genes = np.array([gene for part in parts for gene in part], dtype=np.int64)
    return Complexes(tuple(distinct), genes, starts.astype(np.int64)), codes.astype(np.int64)


def _other_species(genes: Sequence[str], table: pd.DataFrame, n_known: int) -> bool:
    """Tell whether the panel fits the table by its letters but not by their case."""
    if n_known > FEW * len(table):
        return False
    wanted = {gene for name in table["ligand"] for gene in name.split(SUBUNITS)}
    folded = {gene.upper() for gene in wanted}
    return sum(gene.upper() in folded for gene in genes) > 2 * len(wanted & set(genes))


def _nothing_in_common(genes: list[str], table: pd.DataFrame, species: str) -> str:
    wanted = {gene.upper() for name in table["ligand"] for gene in name.split(SUBUNITS)}
    cased = sum(gene.upper() in wanted for gene in genes)
    hint = (
        f" {cased} genes match when upper and lower case are ignored: is the tally's species, "
        f"'{species}', the right one?"
        if cased
        else ""
    )
    return (
        f"No ligand-receptor pair has all its genes among the tally's {len(genes)} genes "
        f"({', '.join(genes[:3])}, ...).{hint}"
    )
