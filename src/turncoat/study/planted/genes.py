"""Which genes a planted study has."""

import functools
from typing import Final

import numpy as np

from turncoat.errors import ArgumentError
from turncoat.knowledge.registry import catalogue, read_table
from turncoat.study.planted.atlas import (
    ANTAGONISTS,
    CYCLE,
    DISSOCIATION,
    HOUSEKEEPING,
    LEVELS,
    MACHINERY,
    MITOCHONDRIAL,
    POPULATIONS,
    PROGRAMMES,
    RESPONSES,
    RIBOSOMAL,
)
from turncoat.study.planted.plan import Plan

#: Names of genes that stand for the rest of the genome: plainly not real ones.
REST_PREFIX: Final = "PLANTED"
#: Genes of the bundled ligand-receptor pairs fill at most this share of a study's genes.
SIGNAL_SHARE: Final = 0.4


@functools.cache
def signal_genes() -> tuple[str, ...]:
    """Every human gene of the bundled ligand-receptor pairs, sorted."""
    found: set[str] = set()
    for name in ("signals", "signals_removed"):
        if name in catalogue():
            pairs = read_table(name)
            pairs = pairs[pairs["species"] == "human"]
            for column in ("ligand", "receptor"):
                found.update(gene for text in pairs[column].unique() for gene in text.split("_"))
    return tuple(sorted(found))


def role_genes(plan: Plan) -> list[str]:
    """Every gene with a role in the plan or in a population, sorted."""
    found = {*CYCLE, *DISSOCIATION, *HOUSEKEEPING, *MACHINERY, *MITOCHONDRIAL, *RIBOSOMAL}
    for population in POPULATIONS:
        found.update(population.markers)
    for programme in PROGRAMMES.values():
        found.update(programme)
    for up, down in RESPONSES.values():
        found.update(up, down)
    for antagonists in ANTAGONISTS.values():
        found.update(antagonists)
    found.update(gene for _, gene in LEVELS)
    for edge in plan.edges:
        found.update(edge.ligand.split("_"), edge.receptor.split("_"))
    return sorted(found)


def choose_genes(n_genes: int, plan: Plan, draw: np.random.Generator) -> tuple[str, ...]:
    """Name the genes of a study: those with a role, those of signals, and the rest.

    Parameters
    ----------
    n_genes
        How many.
    plan
        What will be planted.
    draw
        Chooses among the genes of signals when not all fit, and shuffles the order.

    Returns
    -------
    tuple of str
        Distinct gene names in the order of the columns.

    Raises
    ------
    ArgumentError
        When not even the genes with a role fit.
    """
    roles = role_genes(plan)
    if n_genes < len(roles):
        raise ArgumentError(
            f"A planted study needs at least {len(roles)} genes for its populations, programmes "
            f"and signals; got n_genes={n_genes}."
        )
    signals = sorted(set(signal_genes()) - set(roles))
    n_signals = min(len(signals), int(SIGNAL_SHARE * n_genes), n_genes - len(roles))
    chosen = sorted(draw.choice(signals, size=n_signals, replace=False).tolist()) if signals else []
    n_rest = n_genes - len(roles) - len(chosen)
    rest = [f"{REST_PREFIX}{number:05d}" for number in range(1, n_rest + 1)]
    names = [*roles, *chosen, *rest]
    return tuple(names[place] for place in draw.permutation(len(names)))
