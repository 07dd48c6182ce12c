"""Making an annotator from unlabelled cells and markers, or from labelled cells.

First the lineage is settled over all cells, then the population within each lineage; both are
distilled into one linear model that names any further cell in a single pass over its counts.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy.sparse as sp
from scipy.special import softmax

from turncoat.cells.calibration import FITTED, FITTED_CONFIDENCE
from turncoat.cells.distil import distil
from turncoat.cells.evidence import NodeGenes, by_owner, learn_rates, score_nodes
from turncoat.cells.learn import (
    MARKER_WEIGHT,
    enough_examples,
    first_examples,
    self_train,
)
from turncoat.cells.markers import MarkerSet, Node
from turncoat.cells.model import Annotator
from turncoat.cells.reference import advise
from turncoat.cells.result import UNASSIGNED
from turncoat.cells.sample import Class, Sample, annotator_of, columns_of, localise
from turncoat.cells.states import StateModel, learn_states
from turncoat.errors import CountsError, DroppedDataWarning, warn
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Genes learnt from beside the markers: at the level of lineages, and of populations.
N_LINEAGE_GENES, N_POPULATION_GENES = 800, 400
#: Weight of the marker scores beside a reference's log-probabilities (tuned).
MARKERS_BESIDE_REFERENCE: Final = 0.5
#: A lineage with fewer cells is settled by markers (and the reference) alone.
MIN_LINEAGE: Final = 20


def fit_annotator(
    counts: sp.csr_matrix,
    genes: Sequence[str],
    markers: MarkerSet,
    *,
    references: Sequence[Annotator] = (),
    seed: int = 0,
) -> Annotator:
    """Learn to annotate from unlabelled cells and markers.

    Parameters
    ----------
    counts
        Raw counts of a sample of the cells, shape ``(n_cells, n_genes)``.
    genes
        Symbols of the columns.
    markers
        Markers of the species.
    references
        Annotators trained on labelled cells, asked within the lineages that they know.
    seed
        For thinning and drawing examples.

    Returns
    -------
    Annotator
        The model, with what the panel cannot tell under ``about["untold"]``.

    Raises
    ------
    CountsError
        When the panel tells no lineage at all.
    """
    rng = np.random.default_rng(seed)
    sample = Sample.of(counts, genes)
    panel = frozenset(sample.genes)
    lineages = [node for node in markers.at("lineage") if node.told_by(panel)]
    if not lineages:
        raise CountsError(
            f"None of the {len(markers.at('lineage'))} lineages can be told: fewer than three of "
            f"the markers of each are among the {len(panel)} genes. Expected {markers.species} gene "
            f"symbols; found for example {', '.join(sample.genes[:5])}. Bring labels, an annotator "
            "trained on cells with these genes, or a marker file that describes lineages by them."
        )
    probable, scores = _settle_lineages(sample, lineages, rng)
    classes, joint = _settle_populations(sample, markers, lineages, probable, references, rng)
    strange = strangers(scores, probable.argmax(axis=1))
    classes, joint = _set_apart(classes, joint, strange)
    place = {gene: column for column, gene in enumerate(sample.genes)}
    known = np.array([place[gene] for gene in markers.genes() if gene in place], dtype=np.int64)
    model = distil(sample, joint, classes, known, rng)
    states = _learn_states(sample, markers, classes, joint, rng)
    untold = [node.name for node in markers.nodes if not node.told_by(panel)]
    about = {
        "made_from": "markers",
        "species": markers.species,
        "n_cells": int(sample.depth.size),
        "n_genes": len(panel),
        "untold": untold,
        "n_strange": int(strange.sum()),
        "seed": seed,
    }
    named = annotator_of(model, sample.genes, classes, states, about)
    return dataclasses.replace(named, calibration=FITTED, confidence=FITTED_CONFIDENCE)


def _settle_lineages(
    sample: Sample, lineages: list[Node], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    nodes = sample.resolve(list(enumerate(lineages)))
    used = columns_of(nodes)
    dense = sample.counts[:, used].toarray()
    local = localise(nodes, used)
    ambient = 0.05 * (dense / sample.depth[:, np.newaxis]).mean(axis=0)
    scores = score_nodes(
        dense, sample.depth, local, learn_rates(dense, sample.depth, local, ambient)
    )
    owners = np.arange(len(lineages))
    allowed = _has_core(sample, nodes)
    learnt, _ = self_train(
        sample.counts, scores, owners, allowed, used, rng, n_genes=N_LINEAGE_GENES
    )
    probable: FloatArray = softmax(learnt + MARKER_WEIGHT * scores, axis=1)
    return probable, scores


def strangers(scores: FloatArray, called: IntArray) -> BoolArray:
    """Find cells of a kind that no lineage of the table describes, such as glia.

    Every cell resembles some lineage most. Where the markers speak against most of the cells that
    resemble one, those that they speak against are of another kind.

    Parameters
    ----------
    scores
        Marker scores, shape ``(n_cells, n_lineages)``: below zero speaks against.
    called
        The lineage that each cell resembles most, shape ``(n_cells,)``.

    Returns
    -------
    BoolArray
        Shape ``(n_cells,)``.

    Examples
    --------
    >>> scores = np.array([[3.0, -2.0]] * 9 + [[-4.0, -1.0]] * 20 + [[-4.0, 2.0]])
    >>> int(strangers(scores, np.repeat([0, 1], [9, 21])).sum())
    20
    """
    own = scores[np.arange(called.size), called]
    strange = np.zeros(called.size, dtype=bool)
    for lineage in np.unique(called):
        mine = called == lineage
        if np.median(own[mine]) < 0 and (own[mine] < 0).sum() >= MIN_LINEAGE:
            strange |= mine & (own < 0)
    return strange


def _set_apart(
    classes: list[Class], joint: FloatArray, strange: BoolArray
) -> tuple[list[Class], FloatArray]:
    """Give cells that no lineage describes a class of their own, which is never called."""
    if not strange.any():
        return classes, joint
    warn(
        f"{int(strange.sum()):,} of {strange.size:,} cells learnt from are like no lineage of the "
        "marker table; they and cells like them are left unassigned. Describe them in a marker "
        "file (argument 'markers'), or bring labels.",
        DroppedDataWarning,
    )
    apart = np.hstack([np.where(strange[:, np.newaxis], 0.0, joint), strange[:, np.newaxis] * 1.0])
    return [*classes, Class(UNASSIGNED, UNASSIGNED, UNASSIGNED)], apart


def _settle_populations(
    sample: Sample,
    markers: MarkerSet,
    lineages: list[Node],
    probable: FloatArray,
    references: Sequence[Annotator],
    rng: np.random.Generator,
) -> tuple[list[Class], FloatArray]:
    called = probable.argmax(axis=1)
    panel = frozenset(sample.genes)
    classes: list[Class] = []
    blocks: list[FloatArray] = []
    for number, lineage in enumerate(lineages):
        leaves = [(who, leaf) for who, leaf in markers.leaves(lineage.name) if leaf.told_by(panel)]
        if len(leaves) < 2:
            everyone = markers.at("population", lineage.name)
            sole = everyone[0].name if len(everyone) == 1 else lineage.name
            name = leaves[0][0] if leaves else sole
            classes.append(Class(name, name, lineage.name))
            blocks.append(probable[:, [number]])
            continue
        classes += [Class(leaf.name, who, lineage.name) for who, leaf in leaves]
        within = np.full((called.size, len(leaves)), 1 / len(leaves))
        rows = np.flatnonzero(called == number)
        if rows.size:
            ambient = _ambient(sample, called, number)
            within[rows] = _within(sample.rows(rows), leaves, ambient, references, rng)
        blocks.append(probable[:, [number]] * within)
    return classes, np.hstack(blocks)


def _ambient(sample: Sample, called: IntArray, number: int) -> FloatArray:
    """Least mean rate of each gene over the other lineages: what is there without reason."""
    means = [
        np.asarray(
            sample.counts[called == other].multiply(1 / sample.depth[called == other, np.newaxis])
            .tocsr().mean(axis=0)
        ).ravel()
        for other in np.unique(called)
        if other != number and (called == other).sum() >= MIN_LINEAGE
    ]  # fmt: skip
    if len(means) < 2:
        return np.zeros(sample.counts.shape[1])
    least: FloatArray = np.min(means, axis=0)
    return least


def _within(
    sample: Sample,
    leaves: Sequence[tuple[str, Node]],
    ambient: FloatArray,
    references: Sequence[Annotator],
    rng: np.random.Generator,
) -> FloatArray:
    """Probability of each leaf within its lineage, shape ``(n_cells, n_leaves)``."""
    owners_of = list(dict.fromkeys(who for who, _ in leaves))
    nodes = sample.resolve([(owners_of.index(who), leaf) for who, leaf in leaves])
    used = columns_of(nodes)
    dense = sample.counts[:, used].toarray()
    local = localise(nodes, used)
    owners = np.array([node.owner for node in nodes])
    rates = learn_rates(dense, sample.depth, local, ambient[used])
    scores = score_nodes(dense, sample.depth, local, rates)
    advice = advise(sample, [who for who, _ in leaves], references)
    allowed = _has_core(sample, nodes)
    if advice.any() and not enough_examples(first_examples(scores, owners, allowed), owners):
        return _told(advice, scores, owners)
    learnt = np.zeros_like(scores)
    if sample.depth.size >= MIN_LINEAGE:
        learnt, _ = self_train(
            sample.counts, scores, owners, allowed, used, rng, n_genes=N_POPULATION_GENES
        )
    within: FloatArray = softmax(learnt + MARKER_WEIGHT * scores + advice, axis=1)
    return within


def _told(advice: FloatArray, scores: FloatArray, owners: IntArray) -> FloatArray:
    """Join a reference's advice on populations with markers, which also choose the prototype."""
    joined = advice + MARKERS_BESIDE_REFERENCE * scores
    # A population with three prototypes is no likelier than one with none.
    best = by_owner(joined, owners, int(owners.max()) + 1)
    population = softmax(best, axis=1)
    told = np.zeros_like(joined)
    for owner in np.unique(owners):
        mine = owners == owner
        told[:, mine] = population[:, [owner]] * softmax(joined[:, mine], axis=1)
    return told


def _has_core(sample: Sample, nodes: Sequence[NodeGenes]) -> BoolArray:
    allowed = np.ones((sample.depth.size, len(nodes)), dtype=bool)
    for k, node in enumerate(nodes):
        if node.core.size:
            allowed[:, k] = np.asarray(sample.counts[:, node.core].sum(axis=1)).ravel() > 0
    return allowed


def _learn_states(
    sample: Sample,
    markers: MarkerSet,
    classes: Sequence[Class],
    joint: FloatArray,
    rng: np.random.Generator,
) -> list[StateModel]:
    panel = frozenset(sample.genes)
    found = []
    for population in dict.fromkeys(one.population for one in classes):
        states = [node for node in markers.at("state", population) if node.told_by(panel)]
        member = np.array([one.population == population for one in classes])
        rows = np.flatnonzero(joint[:, member].sum(axis=1) > 0.5)
        mine = sample.rows(rows)
        nodes = sample.resolve(list(enumerate(states)))
        model = learn_states(population, mine.counts, mine.depth, sample.genes, nodes, rng)
        if model is not None:
            found.append(model)
    return found
