"""A linear classifier learnt from the clearest cells, thinned so that it knows shallow ones.

Markers call the clear cells; a softmax regression over many more genes learns what those cells
have in common and calls the rest; clear cells are then chosen anew. Copies of every example
thinned to half and a quarter of its counts teach it to be less sure of shallow cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy.sparse as sp
from scipy.special import log_softmax, softmax

from turncoat.cells.evidence import by_owner, lead
from turncoat.cells.regression import RIDGE, fit_softmax
from turncoat.tables import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Counts per cell after normalisation (the tally's convention).
TARGET_SUM: Final = 10_000.0
#: Shares of its counts that an example keeps in its copies.
THINNED: Final = (1.0, 0.5, 0.25)
#: Examples per node: more cost time and teach little; fewer than MIN_EXAMPLES teach nothing.
MAX_EXAMPLES, MIN_EXAMPLES = 400, 5
#: A cell whose markers lead by this much is an example; where few do, the best of the rest.
CLEAR_LEAD, POOR_LEAD, WANTED_EXAMPLES = 2.0, 0.5, 25
#: In later rounds an example is a cell that the classifier is this sure of …
SURE: Final = 0.95
#: … and whose markers do not prefer another population by more than this.
MARKER_VETO: Final = 1.0
N_ROUNDS: Final = 2
#: Weight of the marker scores beside the classifier's log-probabilities.
MARKER_WEIGHT: Final = 1.0
#: Log-probability of a node that had too few examples to be learnt.
UNLEARNT: Final = -5.0


@dataclass(frozen=True, slots=True)
class Linear:
    """Softmax regression on standardised log counts.

    Parameters
    ----------
    columns
        Column numbers of its genes, shape ``(n_features,)``.
    centre, scale
        Mean and spread of log1p counts per 10,000, same shape.
    weights
        Shape ``(n_features, n_classes)``.
    bias
        Shape ``(n_classes,)``.
    """

    columns: IntArray
    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray

    def log_probabilities(self, counts: sp.csr_matrix, depth: FloatArray) -> FloatArray:
        """Log-probability of every class, shape ``(n_cells, n_classes)``."""
        features = log_features(counts, depth, self.columns)
        standard = (features - self.centre) / self.scale
        answer: FloatArray = log_softmax(standard @ self.weights + self.bias, axis=1)
        return answer


def log_features(counts: sp.csr_matrix, depth: FloatArray, columns: IntArray) -> FloatArray:
    """log1p of counts per 10,000 of some genes, shape ``(n_cells, n_columns)``."""
    dense = counts[:, columns].toarray()
    logged: FloatArray = np.log1p(dense * (TARGET_SUM / depth)[:, np.newaxis])
    return logged


def depths(counts: sp.csr_matrix) -> FloatArray:
    """Add up the counts of each cell; at least one."""
    return np.maximum(np.asarray(counts.sum(axis=1), dtype=np.float64).ravel(), 1.0)


def thin(counts: sp.csr_matrix, share: float, rng: np.random.Generator) -> sp.csr_matrix:
    """Keep each count with probability ``share``, as a shallower run would have."""
    thinned = counts.copy()
    thinned.data = rng.binomial(counts.data.astype(np.int64), share).astype(np.float64)
    return thinned


def telling_genes(
    counts: sp.csr_matrix, depth: FloatArray, classes: IntArray, n_genes: int
) -> IntArray:
    """Genes whose mean differs most between classes, relative to their variance."""
    logged = sp.csr_matrix(counts.multiply((TARGET_SUM / depth)[:, np.newaxis]))
    logged.data = np.log1p(logged.data)
    means = np.stack(
        [np.asarray(logged[classes == k].mean(axis=0)).ravel() for k in np.unique(classes)]
    )
    mean = np.asarray(logged.mean(axis=0)).ravel()
    variance = np.asarray(logged.multiply(logged).mean(axis=0)).ravel() - mean**2
    # 0.05: a gene hardly ever seen has a variance too small to divide by.
    telling = ((means - means.mean(axis=0)) ** 2).mean(axis=0) / (variance + 0.05)
    found: IntArray = np.argsort(-telling, kind="stable")[:n_genes]
    return found


def learn_linear(
    counts: sp.csr_matrix,
    targets: FloatArray,
    columns: IntArray,
    rng: np.random.Generator,
    *,
    thinned: Sequence[float] = THINNED,
    ridge: float = RIDGE,
) -> Linear:
    """Learn classes from example cells and thinned copies of them.

    Parameters
    ----------
    counts
        Counts of the examples, shape ``(n_examples, n_genes)``.
    targets
        Probabilities of the classes, shape ``(n_examples, n_classes)``.
    columns
        Genes to learn from.
    rng
        For the thinning.
    thinned
        Shares of the counts kept, one copy of all examples each.
    ridge
        Weight of the squared coefficients.

    Returns
    -------
    Linear
        The classifier.
    """
    copies = [counts if share == 1 else thin(counts, share, rng) for share in thinned]
    stacked = np.vstack([log_features(copy, depths(copy), columns) for copy in copies])
    stacked = stacked.astype(np.float32)
    centre, scale = stacked.mean(axis=0), stacked.std(axis=0) + 0.1
    many = np.vstack([targets] * len(copies))
    share = many.sum(axis=0)
    # Between "all cells count alike" and "all classes count alike": rare ones must be heard.
    weight = many @ (1 / np.sqrt(np.maximum(share, 1)))
    many, weight = many.astype(np.float32), weight.astype(np.float32)
    weights, bias = fit_softmax((stacked - centre) / scale, many, weight, ridge=ridge)
    centre, scale = centre.astype(np.float64), scale.astype(np.float64)
    return Linear(columns, centre, scale, weights, bias)


def first_examples(scores: FloatArray, owners: IntArray, allowed: BoolArray) -> dict[int, IntArray]:
    """Cells whose markers are clear, per node; a node with too few is left out."""
    best_of = by_owner(scores, owners, int(owners.max()) + 1)
    _, best, margin = lead(best_of)
    nearest = scores.argmax(axis=1)
    good = allowed[np.arange(nearest.size), nearest] & (best > POOR_LEAD)
    examples: dict[int, IntArray] = {}
    for k in range(scores.shape[1]):
        mine = np.flatnonzero((nearest == k) & good)
        clear = mine[margin[mine] > CLEAR_LEAD]
        if clear.size < WANTED_EXAMPLES:
            ranked = mine[np.argsort(-margin[mine], kind="stable")][:WANTED_EXAMPLES]
            clear = ranked[margin[ranked] > POOR_LEAD]
        if clear.size >= MIN_EXAMPLES:
            examples[k] = clear
    return examples


def enough_examples(examples: "Mapping[int, IntArray]", owners: IntArray) -> bool:
    """Whether the markers alone show enough clear cells of every population."""
    counted = [
        sum(rows.size for k, rows in examples.items() if owners[k] == owner)
        for owner in np.unique(owners)
    ]
    return min(counted) >= WANTED_EXAMPLES


def next_examples(
    scores: FloatArray, learnt: FloatArray, owners: IntArray, allowed: BoolArray
) -> dict[int, IntArray]:
    """Cells that the classifier is sure of and whose markers do not object, per node."""
    n_owners = int(owners.max()) + 1
    probable = softmax(learnt + MARKER_WEIGHT * scores, axis=1)
    summed = np.stack([probable[:, owners == k].sum(axis=1) for k in range(n_owners)], axis=1)
    owner = summed.argmax(axis=1)
    within = np.where(owners[np.newaxis, :] == owner[:, np.newaxis], probable, -1)
    node = within.argmax(axis=1)
    rows = np.arange(node.size)
    best_of = by_owner(scores, owners, n_owners)
    willing = best_of[rows, owner] > best_of.max(axis=1) - MARKER_VETO
    good = (summed.max(axis=1) > SURE) & willing & allowed[rows, node]
    found = {k: np.flatnonzero(good & (node == k)) for k in range(scores.shape[1])}
    return {k: rows_of for k, rows_of in found.items() if rows_of.size >= MIN_EXAMPLES}


def self_train(
    counts: sp.csr_matrix,
    scores: FloatArray,
    owners: IntArray,
    allowed: BoolArray,
    markers: IntArray,
    rng: np.random.Generator,
    *,
    n_genes: int,
) -> tuple[FloatArray, IntArray]:
    """Turn marker scores into log-probabilities with a classifier taught by the clear cells.

    Parameters
    ----------
    counts
        Counts, shape ``(n_cells, n_genes)``.
    scores
        Marker scores, shape ``(n_cells, n_nodes)``.
    owners
        Population of each node, shape ``(n_nodes,)``.
    allowed
        Whether a cell may be an example of a node, shape ``(n_cells, n_nodes)``.
    markers
        Columns that are always learnt from.
    rng
        For thinning and for drawing examples.
    n_genes
        Further genes to learn from, the most telling.

    Returns
    -------
    log_probabilities, columns
        Shape ``(n_cells, n_nodes)``; zeros where fewer than two populations could be learnt.
        The genes that were used.
    """
    learnt = np.zeros_like(scores)
    columns = markers
    examples = first_examples(scores, owners, allowed)
    depth = depths(counts)
    for _ in range(N_ROUNDS):
        kept = np.array(sorted(examples), dtype=np.int64)
        if np.unique(owners[kept]).size < 2:
            break
        rows, classes = _draw(examples, kept, rng)
        telling = telling_genes(counts[rows], depth[rows], classes, n_genes)
        columns = np.union1d(telling, markers)
        model = learn_linear(counts[rows], np.eye(kept.size)[classes], columns, rng, ridge=RIDGE)
        learnt = np.full_like(scores, UNLEARNT)
        learnt[:, kept] = model.log_probabilities(counts, depth)
        examples = next_examples(scores, learnt, owners, allowed)
    return learnt, columns


def _draw(
    examples: "Mapping[int, IntArray]", kept: IntArray, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    drawn = [rng.permutation(examples[int(k)])[:MAX_EXAMPLES] for k in kept]
    classes = np.repeat(np.arange(kept.size), [rows.size for rows in drawn])
    return np.concatenate(drawn), classes
