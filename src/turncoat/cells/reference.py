"""Annotators trained on labelled cells: how to train one, and how to ask one for advice."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy.sparse as sp
from scipy.special import softmax

from turncoat.cells.learn import learn_linear, log_features, telling_genes
from turncoat.cells.model import Annotator
from turncoat.cells.sample import Class, Sample, annotator_of
from turncoat.tables import FloatArray, IntArray

#: Least probability, so that logarithms stay finite.
LEAST_PROBABILITY: Final = 1e-4
#: Genes learnt from, examples per class, and shares of the counts that their copies keep.
N_GENES: Final = 1_000
MAX_PER_CLASS: Final = 800
THINNED: Final = (1.0, 0.5, 0.25, 0.12)
#: A reference with fewer of its genes on the panel, or asked about fewer cells, is not heard.
MIN_SHARED_GENES, MIN_CENTRED = 100, 50


def advise(sample: Sample, owners: Sequence[str], references: Sequence[Annotator]) -> FloatArray:
    """Log-probability of each leaf's population by a reference, centred; zero without one."""
    advice = np.zeros((sample.depth.size, len(owners)))
    for reference in references:
        known = [who in reference.populations for who in owners]
        if len({who for who, yes in zip(owners, known, strict=True) if yes}) < 2:
            continue
        probable = reference_probabilities(reference, sample)
        if probable is None:
            continue
        for k, who in enumerate(owners):
            member = np.array([name == who for name in reference.populations])
            share = probable[:, member].sum(axis=1) if member.any() else np.zeros(len(probable))
            advice[:, k] += np.log(np.maximum(share, LEAST_PROBABILITY))
    centred: FloatArray = advice - advice.max(axis=1, keepdims=True)
    return centred


def reference_probabilities(reference: Annotator, sample: Sample) -> FloatArray | None:
    """Ask a reference about cells of another study, after moving them to its centre.

    The mean of each gene over these cells takes the place of the reference's own: two studies
    differ by depth and chemistry in every gene. With few cells the reference's mean stays.
    """
    place = {gene: column for column, gene in enumerate(sample.genes)}
    rows = [k for k, gene in enumerate(reference.genes) if gene in place]
    if len(rows) < min(MIN_SHARED_GENES, len(reference.genes)):
        return None
    columns = np.array([place[reference.genes[k]] for k in rows], dtype=np.int64)
    features = log_features(sample.counts, sample.depth, columns)
    centre, scale = reference.centre[rows], reference.scale[rows]
    if sample.depth.size >= MIN_CENTRED:
        centre, scale = features.mean(axis=0), features.std(axis=0) + 0.1
    scores = (features - centre) / scale @ reference.weights[rows] + reference.bias
    probable: FloatArray = softmax(scores / reference.temperature, axis=1)
    return probable


def train_linear(
    counts: sp.csr_matrix,
    genes: Sequence[str],
    classes: Sequence[Class],
    codes: IntArray,
    *,
    seed: int = 0,
    n_genes: int = N_GENES,
    ridge: float = 1e-2,
    about: dict[str, object] | None = None,
) -> Annotator:
    """Learn to annotate from labelled cells (``codes``: class of every cell)."""
    rng = np.random.default_rng(seed)
    sample = Sample.of(counts, genes)
    rows = np.concatenate(
        [rng.permutation(np.flatnonzero(codes == k))[:MAX_PER_CLASS] for k in range(len(classes))]
    )
    examples = sample.rows(rows)
    telling = telling_genes(examples.counts, examples.depth, codes[rows], n_genes)
    model = learn_linear(
        examples.counts,
        np.eye(len(classes))[codes[rows]],
        np.sort(telling),
        rng,
        thinned=THINNED,
        ridge=ridge,
    )
    stated = {"made_from": "labels", "n_cells": int(rows.size), "seed": seed} | (about or {})
    return annotator_of(model, sample.genes, classes, (), stated)
