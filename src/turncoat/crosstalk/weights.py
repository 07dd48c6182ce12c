"""How much each edge counts: by its strength, as far as the data show that strength matters."""

from typing import Final

import numpy as np

from turncoat.tables import FloatArray, IntArray

#: Powers of the mean strength that are tried, flat weights first: they win ties.
POWERS: Final = (0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.0, 3.0)
#: No weight lies further from 1 than this factor, before they are brought to a mean of 1.
REACH: Final = 10.0
#: False-discovery rates at which what is found is counted, together steadier than one.
RATES: Final = (0.05, 0.1, 0.2)
#: Parts into which the ligands fall; each part's weights are learnt from the others.
PARTS: Final = 5


def strength_weights(strength: FloatArray) -> FloatArray:
    """Weigh edges by their mean strength over all donors, 1 on average.

    What both sides hardly express can hardly be seen to change, and says little when it seems
    to. Strength over both arms together says nothing of their difference, so that weighting
    p-values by it keeps the false-discovery rate.

    Parameters
    ----------
    strength
        Shape ``(n_units, n_edges)``, NaN where not measured.

    Returns
    -------
    FloatArray
        Shape ``(n_edges,)``; divide p-values by it.

    References
    ----------
    Genovese, Roeder and Wasserman (2006), *Biometrika* 93:509 (weighted p-values); Bourgon,
    Gentleman and Huber (2010), *PNAS* 107:9546 (filters independent of the test).

    Examples
    --------
    >>> strength_weights(np.array([[1.0, 3.0], [1.0, 3.0]]))
    array([0.5, 1.5])
    """
    known = np.isfinite(strength)
    mean = np.where(known, strength, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    average = mean.mean() if mean.size else 0.0
    return np.asarray(mean / average if average > 0 else np.ones(mean.size))


def learned_weights(pvalues: FloatArray, strength: FloatArray, ligand: IntArray) -> FloatArray:
    """Weigh p-values by a power of the mean strength that the other ligands' edges choose.

    In one study weak edges hardly ever change beyond noise; in another signals are switched on
    from nothing, and their mean strength is low. So the data choose: the power that finds most
    among the edges of four fifths of the ligands weighs the remaining fifth, whose own p-values
    have no say. Strength over both arms together says nothing of their difference. The power 0,
    all alike, stands unless another finds more.

    Parameters
    ----------
    pvalues
        Shape ``(n_edges,)``, NaN where not tested.
    strength
        Mean strength over all donors, 1 on average (:func:`strength_weights`).
    ligand
        Number of each edge's ligand.

    Returns
    -------
    FloatArray
        Shape ``(n_edges,)``, 1 on average over each part's tested edges; divide p-values by it.

    References
    ----------
    Ignatiadis and Huber (2021), *Journal of the Royal Statistical Society B* 83:720 (weights
    learnt on other folds keep the false-discovery rate).

    Examples
    --------
    >>> learned_weights(np.full(4, 0.5), np.array([1.0, 2.0, 0.5, 0.5]), np.arange(4))
    array([1., 1., 1., 1.])
    """
    weight = np.ones(pvalues.size)
    tested = np.flatnonzero(np.isfinite(pvalues))
    given = pvalues[tested]
    candidates = [
        np.clip(np.maximum(strength[tested], 1e-3) ** power, 1 / REACH, REACH) for power in POWERS
    ]
    part = ligand[tested] % PARTS
    for number in np.unique(part):
        others, mine = part != number, part == number
        if not others.any():
            # Nothing to learn from: all alike.
            continue
        found = [
            _n_found(given[others] / each[others] * each[others].mean()) for each in candidates
        ]
        best = candidates[int(np.argmax(found))]
        weight[tested[mine]] = best[mine] / best[mine].mean()
    return weight


def _n_found(pvalues: FloatArray) -> int:
    """Count what Benjamini and Hochberg find at :data:`RATES`, together."""
    ordered = np.sort(pvalues[pvalues <= max(RATES)])
    rank = np.arange(1, ordered.size + 1)
    hits = (np.flatnonzero(ordered <= rate * rank / pvalues.size) for rate in RATES)
    return sum(int(each[-1]) + 1 for each in hits if each.size)
