"""What is known of a population before looking: its states' markers, and its programmes."""

from collections.abc import Mapping, Sequence

import pandas as pd

from turncoat.allegiance.programmes import Programme, find_programmes, programme_for
from turncoat.knowledge.registry import read_table
from turncoat.knowledge.vocabulary import match_population


def _of_species(table: pd.DataFrame, genes: pd.Index) -> pd.DataFrame:
    """Keep the species whose gene names these are; human and mouse symbols hardly overlap."""
    if "species" not in table.columns:
        return table
    present = table["gene"].isin(set(genes.astype(str)))
    counts = table.loc[present, "species"].value_counts()
    return table[table["species"] == counts.index[0]] if len(counts) else table.iloc[:0]


def _sets(population: str, genes: pd.Index) -> dict[str, tuple[str, list[str]]]:
    table = _of_species(read_table("markers"), genes)
    meant = match_population(population).population or population
    chosen = table[
        (table["sign"] > 0)
        & (
            ((table["level"] == "state") & (table["parent"] == meant))
            | ((table["level"] == "population") & (table["name"] != meant))
        )
    ]
    return {
        str(name): (str(part["level"].iloc[0]), [str(gene) for gene in part["gene"]])
        for name, part in chosen.groupby("name", sort=True)
    }


def known_kinds(population: str, genes: pd.Index) -> dict[str, str]:
    """Tell of each known set of markers whether it is a state or another population's."""
    return {name: kind for name, (kind, _) in _sets(population, genes).items()}


def known_markers(population: str, genes: pd.Index) -> dict[str, Sequence[str]]:
    """Give the markers of a population's known states and of all other populations.

    Examples
    --------
    >>> sorted(known_markers("NK", pd.Index(["SELL", "GZMK", "CD68"])))[:2]
    ['B', 'CD4 T']
    """
    return {name: own for name, (_, own) in _sets(population, genes).items()}


def own_programmes(
    population: str, genes: pd.Index, programmes: pd.DataFrame | None
) -> tuple[Programme, Programme] | None:
    """Find both axes of a population, by its name; None where none is known."""
    table = _of_species(read_table("programmes") if programmes is None else programmes, genes)
    names = [str(name) for name in dict.fromkeys(table["population"])]
    matches: Mapping[str, str] = {}
    name = programme_for(population, names, matches)
    return find_programmes(table, name, genes) if name else None
