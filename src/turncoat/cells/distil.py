"""One linear model out of what was settled step by step: lineages, and populations within each.

Within a lineage the model is taught by that lineage's cells alone, so that what tells a regulatory
from a helper T cell is not drowned by what tells either from a fibroblast. The lineages' own
weights are then learnt on top of it. Both add up to one weight per gene and class.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import logsumexp

from turncoat.cells.learn import THINNED, Linear, depths, log_features, telling_genes, thin
from turncoat.cells.regression import fit_softmax
from turncoat.cells.sample import Class, Sample
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Genes learnt from beside the markers: those that tell all classes apart, and those that tell the
#: populations within a lineage.
N_GENES, N_WITHIN_GENES = 600, 150
#: Cells per class that the model is taught with.
MAX_PER_CLASS: Final = 300
#: A cell teaches the populations of a lineage that it is of with at least this probability.
LEAST_SHARE: Final = 0.2
#: Weight of the squared coefficients within a lineage, and between lineages.
WITHIN_RIDGE: Final = 1e-2
LINEAGE_RIDGE: Final = 1e-3


def distil(
    sample: Sample,
    joint: FloatArray,
    classes: Sequence[Class],
    markers: IntArray,
    rng: np.random.Generator,
) -> Linear:
    """Teach one linear model what each cell is.

    Parameters
    ----------
    sample
        Cells.
    joint
        Probability of each class, shape ``(n_cells, n_classes)``.
    classes
        Name, population and lineage of each class.
    markers
        Columns that are always learnt from.
    rng
        For drawing and thinning examples.

    Returns
    -------
    Linear
        Weights of the classes.
    """
    top = joint.argmax(axis=1)
    rows = np.concatenate(
        [rng.permutation(np.flatnonzero(top == k))[:MAX_PER_CLASS] for k in range(len(classes))]
    )
    names = np.array([one.lineage for one in classes])
    members = [names == lineage for lineage in dict.fromkeys(names)]
    examples, targets = sample.rows(rows), joint[rows]
    columns = _columns(examples, top[rows], members, markers)
    copies = [
        examples.counts if share == 1 else thin(examples.counts, share, rng) for share in THINNED
    ]
    features = np.vstack([log_features(copy, depths(copy), columns) for copy in copies])
    features = features.astype(np.float32)
    centre, scale = features.mean(axis=0), features.std(axis=0) + 0.1
    weights, bias = _fit((features - centre) / scale, np.vstack([targets] * len(copies)), members)
    return Linear(columns, centre.astype(np.float64), scale.astype(np.float64), weights, bias)


def _columns(
    examples: Sample, classes: IntArray, members: Sequence[BoolArray], markers: IntArray
) -> IntArray:
    chosen = [markers, telling_genes(examples.counts, examples.depth, classes, N_GENES)]
    for member in members:
        rows = np.flatnonzero(member[classes])
        if np.unique(classes[rows]).size > 1:
            mine = examples.rows(rows)
            chosen.append(telling_genes(mine.counts, mine.depth, classes[rows], N_WITHIN_GENES))
    found: IntArray = np.unique(np.concatenate(chosen))
    return found


def _fit(
    features: FloatArray, targets: FloatArray, members: Sequence[BoolArray]
) -> tuple[FloatArray, FloatArray]:
    n_classes = targets.shape[1]
    weights, bias = np.zeros((features.shape[1], n_classes)), np.zeros(n_classes)
    lineage = np.stack([targets[:, member].sum(axis=1) for member in members], axis=1)
    for member, share in zip(members, lineage.T, strict=True):
        rows = share > LEAST_SHARE
        if member.sum() < 2 or not rows.any():
            continue
        within = (targets[np.ix_(rows, member)] / share[rows, np.newaxis]).astype(features.dtype)
        heard = share[rows] * rarity(within)
        weights[:, member], bias[member] = fit_softmax(
            features[rows], within, heard.astype(features.dtype), ridge=WITHIN_RIDGE
        )
    logits = features @ weights.astype(features.dtype) + bias.astype(features.dtype)
    known = np.stack([logsumexp(logits[:, member], axis=1) for member in members], axis=1)
    table, level = fit_softmax(
        features,
        lineage.astype(features.dtype),
        rarity(targets).astype(features.dtype),
        ridge=LINEAGE_RIDGE,
        offset=known.astype(features.dtype),
    )
    for number, member in enumerate(members):
        weights[:, member] += table[:, [number]]
        bias[member] += level[number]
    return weights, bias


def rarity(targets: FloatArray) -> FloatArray:
    """Weigh rows between "all cells count alike" and "all classes count alike": hear rare ones."""
    heard: FloatArray = targets @ (1 / np.sqrt(np.maximum(targets.sum(axis=0), 1)))
    return heard
