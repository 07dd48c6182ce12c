"""Which genes speak for and against the tumour in a population, as far as they were measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from turncoat.errors import KnowledgeError, MissingKeyError, did_you_mean
from turncoat.knowledge.vocabulary import match_population, normal_form
from turncoat.tables import FloatArray, IntArray

ANTI = "anti_tumour"
PRO = "pro_tumour"
AXES = (ANTI, PRO)
COLUMNS = ("population", "axis", "gene", "weight")
#: An axis with fewer of its genes measured is refused: most of its meaning would be missing.
MIN_COVERAGE = 0.5
#: Fewer genes than this are genes, not a programme.
MIN_GENES = 3


@dataclass(frozen=True, slots=True)
class Programme:
    """The measured genes of one axis of one population.

    Parameters
    ----------
    population
        The programme's name for the population.
    axis
        ``anti_tumour`` or ``pro_tumour``.
    genes
        Column numbers of the measured genes, shape ``(n_genes,)``.
    weights
        Signed weight of each, same shape.
    missing
        Genes of the axis that were not measured.
    """

    population: str
    axis: str
    genes: IntArray
    weights: FloatArray
    missing: tuple[str, ...]

    @property
    def n_declared(self) -> int:
        """Genes of the axis, measured or not."""
        return int(self.genes.size) + len(self.missing)

    @property
    def coverage(self) -> float:
        """Share of the axis' genes that were measured."""
        return self.genes.size / self.n_declared

    @property
    def refusal(self) -> str:
        """Why no score is made of this axis; empty where one is."""
        if self.coverage < MIN_COVERAGE or self.genes.size < MIN_GENES:
            return (
                f"only {self.genes.size} of {self.n_declared} genes of the {self.axis} programme "
                f"were measured (at least {MIN_COVERAGE:.0%} and {MIN_GENES} needed)"
            )
        return ""


def programme_for(label: str, names: Sequence[str], chosen: Mapping[str, str]) -> str | None:
    """Find the programme for a population's label: the user's choice, else what the label means.

    Parameters
    ----------
    label
        The population as the study calls it.
    names
        Populations that have programmes.
    chosen
        The user's own matches, label to name.

    Returns
    -------
    str or None
        None where no programme is known.

    Raises
    ------
    MissingKeyError
        When the user chose a programme that does not exist.

    Examples
    --------
    >>> programme_for("NK_cells", ["NK", "Treg"], {}), programme_for("Hepatocyte", ["NK"], {})
    ('NK', None)
    """
    if label in chosen:
        if chosen[label] not in names:
            raise MissingKeyError(
                f"There is no programme '{chosen[label]}' (argument 'matches', population "
                f"'{label}'). {did_you_mean(chosen[label], names)}"
            )
        return chosen[label]
    written = {normal_form(name): name for name in names}
    if normal_form(label) in written:
        return written[normal_form(label)]
    meant = match_population(label).population
    return meant if meant in names else None


def check_programmes(table: pd.DataFrame, species: str) -> pd.DataFrame:
    """Check a table of programmes and keep the rows of one species.

    Parameters
    ----------
    table
        Columns population, axis, gene, weight; optionally species and publication.
    species
        Species of the study.

    Returns
    -------
    DataFrame
        One row per population, axis and gene.

    Raises
    ------
    KnowledgeError
        When a column, an axis or a weight is not what it should be, or no row is left.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise KnowledgeError(
            f"The programmes (argument 'programmes') should have the columns {list(COLUMNS)}; "
            f"missing: {missing}."
        )
    strange = sorted(set(table["axis"]) - set(AXES))
    if strange:
        raise KnowledgeError(
            f"The axes of the programmes should be {list(AXES)}; found '{strange[0]}'."
        )
    weights = pd.to_numeric(table["weight"], errors="coerce")
    if not (np.isfinite(weights) & (weights != 0)).all():
        gene = table.loc[~(np.isfinite(weights) & (weights != 0)), "gene"].iloc[0]
        raise KnowledgeError(f"The weight of gene '{gene}' should be a number other than 0.")
    kept = table
    if "species" in table.columns and species:
        kept = table[table["species"].astype(str).str.casefold() == species.casefold()]
    if kept.empty:
        raise KnowledgeError(f"The programmes have no row for the species '{species}'.")
    return kept.drop_duplicates(["population", "axis", "gene"]).assign(weight=weights)


def find_programmes(
    table: pd.DataFrame, population: str, genes: pd.Index
) -> tuple[Programme, Programme]:
    """Look up both axes of a population among the measured genes."""
    number = {str(gene): place for place, gene in enumerate(genes)}
    found = []
    for axis in AXES:
        rows = table[(table["population"] == population) & (table["axis"] == axis)]
        present = rows[rows["gene"].isin(list(number))]
        found.append(
            Programme(
                population,
                axis,
                np.array([number[gene] for gene in present["gene"]], dtype=np.int64),
                present["weight"].to_numpy(dtype=float),
                tuple(sorted(set(rows["gene"]) - set(number))),
            )
        )
    return found[0], found[1]
