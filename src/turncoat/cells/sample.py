"""Cells to learn from, and the columns of their markers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from turncoat.cells.evidence import NodeGenes
from turncoat.cells.learn import Linear, depths
from turncoat.cells.markers import Node
from turncoat.cells.model import Annotator
from turncoat.cells.states import StateModel
from turncoat.tables import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Sample:
    """Cells to learn from: counts, depth, gene names."""

    counts: sp.csr_matrix
    depth: FloatArray
    genes: tuple[str, ...]

    @classmethod
    def of(cls, counts: sp.csr_matrix, genes: Sequence[str]) -> "Sample":
        """Take counts as they are; a gene's first column stands for it."""
        matrix = sp.csr_matrix(counts, dtype=np.float64)
        return cls(matrix, depths(matrix), tuple(map(str, genes)))

    def rows(self, chosen: IntArray) -> "Sample":
        """Take some of the cells."""
        return Sample(self.counts[chosen], self.depth[chosen], self.genes)

    def resolve(self, nodes: Sequence[tuple[int, Node]]) -> list[NodeGenes]:
        """Find the columns of the markers of some nodes."""
        place: dict[str, int] = {}
        for column, gene in enumerate(self.genes):
            place.setdefault(gene, column)

        def columns(genes: Sequence[str]) -> IntArray:
            return np.array([place[gene] for gene in genes if gene in place], dtype=np.int64)

        return [
            NodeGenes(
                node.name,
                columns(node.positive),
                columns(node.negative),
                columns(node.core),
                node.rate,
                owner,
            )
            for owner, node in nodes
        ]


@dataclass(frozen=True, slots=True)
class Class:
    """One class of the annotator: what is learnt, and what it counts for."""

    name: str
    population: str
    lineage: str


def annotator_of(
    model: Linear,
    genes: Sequence[str],
    classes: Sequence[Class],
    states: Sequence[StateModel],
    about: dict[str, object],
) -> Annotator:
    """Put a linear model and the names of its classes together."""
    return Annotator(
        genes=tuple(genes[int(column)] for column in model.columns),
        centre=model.centre,
        scale=model.scale,
        weights=model.weights,
        bias=model.bias,
        classes=tuple(one.name for one in classes),
        populations=tuple(one.population for one in classes),
        lineages=tuple(one.lineage for one in classes),
        states=tuple(states),
        about=about,
    )


def columns_of(nodes: Sequence[NodeGenes]) -> IntArray:
    """Collect the columns of all markers of some nodes, sorted."""
    found: IntArray = np.unique(
        np.concatenate([np.r_[node.positive, node.negative] for node in nodes])
    ).astype(np.int64)
    return found


def localise(nodes: Sequence[NodeGenes], used: IntArray) -> list[NodeGenes]:
    """Renumber markers within the columns ``used``; core genes keep their columns."""
    return [
        NodeGenes(
            node.name,
            np.searchsorted(used, node.positive),
            np.searchsorted(used, node.negative),
            node.core,
            node.rate,
            node.owner,
        )
        for node in nodes
    ]
