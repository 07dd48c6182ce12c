"""What surrounds an edge: machinery of the sender, antagonists, and composition."""

import functools

import numpy as np
import pandas as pd

from turncoat.crosstalk.pairs import SUBUNITS, Pairs
from turncoat.crosstalk.read import Field
from turncoat.crosstalk.science import Limits
from turncoat.knowledge.registry import read_table
from turncoat.tables import FloatArray, TextArray

#: Added to the level of a gene in a whole sample, counts per 10,000: many cells are summed, so
#: far lower levels are measured than in one population.
SOUP_PRIOR = 0.02
#: Machinery is expressed at lower levels than what it sends: this share of the detection asked.
MACHINERY_SHARE = 0.4
EXPRESSED, ABSENT, NOT_MEASURED, NONE_NEEDED = "expressed", "absent", "not measured", "none needed"


@functools.cache
def essential_machinery(species: str) -> dict[str, list[str]]:
    """List the genes without which a ligand cannot leave its cell."""
    table = read_table("machinery")
    table = table[(table["species"] == species) & table["essential"]]
    needed: dict[str, list[str]] = {}
    for ligand, gene in zip(table["ligand"], table["gene"], strict=True):
        needed.setdefault(str(ligand), []).append(gene)
    return needed


def machinery_off_panel(genes: list[str], species: str) -> list[str]:
    """List the machinery without which a ligand cannot leave its cell, and that is not measured."""
    needed = {gene for names in essential_machinery(species).values() for gene in names}
    return sorted(needed - set(genes))


def machinery_status(field: Field, pairs: Pairs, limits: Limits, species: str) -> TextArray:
    """Tell, per population and ligand, whether the sender can send it.

    Detection is judged over all samples of the contrast together: machinery is expressed at
    levels that single samples of a rare population would miss.

    Returns
    -------
    ndarray
        One row per population, one column per ligand: expressed, ``absent: GENE``,
        ``not measured: GENE`` or none needed.
    """
    needed = essential_machinery(species)
    asked = {gene for genes in needed.values() for gene in genes}
    places = [place for place, gene in enumerate(field.genes) if gene in asked]
    number = {field.genes[place]: column for column, place in enumerate(places)}
    cells = field.n_cells.sum(axis=0)
    seen = (field.detection[..., places] * field.n_cells[..., np.newaxis]).sum(axis=0)
    share = seen / np.maximum(cells, 1)[:, np.newaxis]
    least = MACHINERY_SHARE * limits.min_detection
    status = np.full((cells.size, len(pairs.ligands.names)), NONE_NEEDED, dtype=object)
    for column, ligand in enumerate(pairs.ligands.names):
        genes = [gene for part in ligand.split(SUBUNITS) for gene in needed.get(part, [])]
        for population in range(cells.size if genes else 0):
            status[population, column] = _status(genes, number, share[population], least)
    return status


def _status(genes: list[str], number: dict[str, int], share: FloatArray, least: float) -> str:
    absent = [gene for gene in genes if gene in number and share[number[gene]] < least]
    if absent:
        return f"{ABSENT}: {', '.join(absent)}"
    unknown = [gene for gene in genes if gene not in number]
    return f"{NOT_MEASURED}: {', '.join(unknown)}" if unknown else EXPRESSED


def antagonists_of(species: str, genes: tuple[str, ...]) -> "pd.DataFrame":
    """List the antagonists on a panel: antagonist, ligand, mode."""
    table = read_table("antagonists")
    kept = (table["species"] == species) & table["antagonist"].isin(genes)
    return table[kept].reset_index(drop=True)


def soup_level(field: Field, genes: list[str]) -> FloatArray:
    """Level of some genes in all cells of a sample, log2, shape ``(samples, genes)``."""
    number = {gene: column for column, gene in enumerate(field.genes)}
    columns = [number[gene] for gene in genes]
    return np.asarray(np.log2(field.soup[:, columns] + SOUP_PRIOR))
