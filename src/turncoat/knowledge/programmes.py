"""Anti- and pro-tumour programmes: which genes speak for which side, by publication."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from turncoat.errors import ArgumentError, MissingKeyError, did_you_mean
from turncoat.knowledge.registry import read_table

if TYPE_CHECKING:
    import pandas as pd

Species = Literal["human", "mouse"]


def programmes(population: str | None = None, *, species: Species = "human") -> "pd.DataFrame":
    """List the genes that speak for or against the tumour.

    Parameters
    ----------
    population
        A canonical population, or None for all.
    species
        Whose gene symbols.

    Returns
    -------
    pandas.DataFrame
        Columns population, axis (``anti_tumour`` or ``pro_tumour``), gene, species, weight
        (0.5 where tissue dissociation also induces the gene), publication (a key of the table
        ``publications``) and note.

    Raises
    ------
    MissingKeyError
        When the population has no programme.
    ArgumentError
        When the species is neither human nor mouse.

    Examples
    --------
    >>> nk = programmes("NK")
    >>> sorted(nk.loc[nk["publication"] == "Chan2020", "gene"])
    ['KLRG1', 'TIGIT']
    """
    if species not in {"human", "mouse"}:
        raise ArgumentError(f"Argument 'species' should be human or mouse; got {species!r}.")
    table = read_table("programmes")
    table = table[table["species"] == species]
    if population is not None:
        known = table["population"].unique()
        if population not in known:
            raise MissingKeyError(
                f"There is no programme for '{population}'. {did_you_mean(population, known)}"
            )
        table = table[table["population"] == population]
    return table.reset_index(drop=True)


def programme_coverage(genes: Iterable[str], *, species: Species = "human") -> "pd.DataFrame":
    """Say how much of each programme a panel of genes measures.

    Parameters
    ----------
    genes
        Symbols on the panel.
    species
        Whose symbols they are.

    Returns
    -------
    pandas.DataFrame
        One row per population and axis: n_genes, n_measured, coverage (0 to 1) and missing
        (symbols, separated by spaces).

    Examples
    --------
    >>> coverage = programme_coverage(["GZMB", "PRF1"]).set_index(["population", "axis"])
    >>> int(coverage.loc[("NK", "anti_tumour"), "n_measured"])
    2
    """
    table = programmes(species=species)
    measured = table["gene"].isin(set(genes))
    rows = []
    for (population, axis), group in table.groupby(["population", "axis"], sort=True):
        found = measured[group.index]
        rows.append(
            {
                "population": population,
                "axis": axis,
                "n_genes": len(group),
                "n_measured": int(found.sum()),
                "coverage": float(found.mean()),
                "missing": " ".join(group.loc[~found, "gene"]),
            }
        )
    import pandas as pd

    return pd.DataFrame(rows)
