"""Expected expression of every population before any effect, in counts per 10,000."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from turncoat.study.planted.atlas import (
    ANTAGONISTS,
    CYCLE,
    DISSOCIATION,
    HOUSEKEEPING,
    LEVELS,
    MACHINERY,
    MITOCHONDRIAL,
    NAMES,
    POPULATIONS,
    PROGRAMMES,
    RESPONSES,
    RIBOSOMAL,
)
from turncoat.study.planted.genes import signal_genes
from turncoat.study.planted.plan import Edge, Plan
from turncoat.tables import FloatArray

PER: Final = 10_000.0
#: Levels by role, counts per 10,000; the order of magnitude seen in droplet data.
RIBOSOMAL_LEVEL: Final = 60.0
MITOCHONDRIAL_LEVEL: Final = 30.0
HOUSEKEEPING_LEVEL: Final = 50.0
MARKER_LEVEL: Final = 8.0
ELSEWHERE: Final = 0.03
STRESS_LEVEL: Final = 1.0
CYCLE_LEVEL: Final = 0.1
PROGRAMME_LEVEL: Final = 1.5
RESPONSE_LEVEL: Final = 1.0
RESPONSE_ELSEWHERE: Final = 0.3
LIGAND_LEVEL: Final = 1.2
RECEPTOR_LEVEL: Final = 1.2
MACHINERY_LEVEL: Final = 0.8
SIGNAL_GENE_LEVEL: Final = 0.6
SIGNAL_GENE_SHARE: Final = 0.25
#: Spread of the remaining genes, natural log; gives 8 % stored values at 20,000 genes.
REST_SD: Final = 1.9
REST_POPULATION_SD: Final = 0.5


def base_levels(genes: tuple[str, ...], plan: Plan, draw: np.random.Generator) -> FloatArray:
    """Set the level of every gene in every population.

    Parameters
    ----------
    genes
        Gene symbols.
    plan
        Its edges decide which ligands, receptors and responses are expressed where.
    draw
        Source of the levels that no role fixes.

    Returns
    -------
    FloatArray
        Counts per 10,000, shape ``(populations, genes)``; every row sums to 10,000.
    """
    number = {gene: column for column, gene in enumerate(genes)}
    fixed = np.full((len(NAMES), len(genes)), np.nan)
    _set_roles(fixed, number, draw)
    for edge in plan.edges:
        _set(fixed, number, edge.ligand.split("_"), ELSEWHERE)
    for edge in plan.edges:
        _set_edge(fixed, number, edge)
    rest = np.exp(
        REST_SD * draw.standard_normal(len(genes))
        + REST_POPULATION_SD * draw.standard_normal(fixed.shape)
    )
    free = np.isnan(fixed)
    taken = np.where(free, 0.0, fixed).sum(axis=1)
    left = np.maximum(PER - taken, 0.2 * PER)
    rest_sum = np.where(free, rest, 0.0).sum(axis=1)
    scaled = rest * (left / np.where(rest_sum > 0, rest_sum, 1.0))[:, np.newaxis]
    levels = np.where(free, scaled, fixed)
    return np.asarray(levels * (PER / levels.sum(axis=1, keepdims=True)))


def _set_roles(fixed: FloatArray, number: dict[str, int], draw: np.random.Generator) -> None:
    _set(fixed, number, signal_genes(), 0.02)
    for gene in signal_genes():
        level = SIGNAL_GENE_LEVEL * np.exp(0.8 * draw.standard_normal(len(NAMES)))
        where = draw.random(len(NAMES)) < SIGNAL_GENE_SHARE
        if gene in number:
            fixed[where, number[gene]] = level[where]
    _set(fixed, number, DISSOCIATION, STRESS_LEVEL)
    _set(fixed, number, MACHINERY, MACHINERY_LEVEL)
    for up, down in RESPONSES.values():
        _set(fixed, number, (*up, *down), RESPONSE_ELSEWHERE)
    _set(fixed, number, CYCLE, CYCLE_LEVEL)
    for programme in PROGRAMMES.values():
        _set(fixed, number, programme, RESPONSE_ELSEWHERE / 3)
    for (population, _), programme in PROGRAMMES.items():
        _set(fixed, number, programme, PROGRAMME_LEVEL, population)
    markers = {gene for population in POPULATIONS for gene in population.markers}
    kept = {gene for genes in PROGRAMMES.values() for gene in genes}
    _set(fixed, number, sorted(markers - kept), ELSEWHERE)
    for each in POPULATIONS:
        _set(fixed, number, each.markers, MARKER_LEVEL, each.name)
    for (name, gene), fixed_level in LEVELS.items():
        _set(fixed, number, [gene], fixed_level, name)
    _set(fixed, number, HOUSEKEEPING, HOUSEKEEPING_LEVEL)
    _set(fixed, number, RIBOSOMAL, RIBOSOMAL_LEVEL)
    _set(fixed, number, MITOCHONDRIAL, MITOCHONDRIAL_LEVEL)


def _set_edge(fixed: FloatArray, number: dict[str, int], edge: Edge) -> None:
    ligand, receptor = edge.ligand.split("_"), edge.receptor.split("_")
    _set(fixed, number, ligand, LIGAND_LEVEL, edge.sender)
    _raise(fixed, number, receptor, RECEPTOR_LEVEL, edge.receiver)
    if edge.decoy == "receptor_absent":
        _set(fixed, number, receptor, 0.0, edge.receiver)
    if edge.decoy == "subunit_missing":
        _set(fixed, number, receptor[-1:], 0.0, edge.receiver)
    if edge.decoy == "antagonist_up":
        _set(fixed, number, ANTAGONISTS.get(edge.response, ()), LIGAND_LEVEL, edge.sender)
    if edge.response and not edge.decoy:
        up, down = RESPONSES[edge.response]
        _raise(fixed, number, (*up, *down), RESPONSE_LEVEL, edge.receiver)


def _set(
    fixed: FloatArray,
    number: dict[str, int],
    genes: Iterable[str],
    level: float,
    population: str | None = None,
) -> None:
    columns = [number[gene] for gene in genes if gene in number]
    rows = slice(None) if population is None else NAMES.index(population)
    fixed[rows, columns] = level


def _raise(
    fixed: FloatArray, number: dict[str, int], genes: Iterable[str], level: float, population: str
) -> None:
    columns = [number[gene] for gene in genes if gene in number]
    row = NAMES.index(population)
    fixed[row, columns] = np.fmax(fixed[row, columns], level)
