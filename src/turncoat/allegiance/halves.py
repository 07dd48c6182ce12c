"""Sub-states found on some donors and some genes, and looked at on others.

A cluster is always different from the rest in the genes and the cells that made it. Here the
donors are halved, and the genes too: one half of the donors and genes makes the clusters, the
cells of the other donors are assigned by the same genes, and the question is put to the genes
and donors that had no say.
"""

from dataclasses import dataclass

import numpy as np

from turncoat.tables import BoolArray, FloatArray, IntArray

#: Principal components that clusters are made in: lineages rarely hold more independent axes.
N_COMPONENTS = 10
#: k-means runs from this many starts; the tightest is kept.
N_STARTS = 8
N_ROUNDS = 50
#: Markers per state, and control genes per marker.
N_MARKERS = 20
N_CONTROLS = 20
#: A donor speaks of a state with at least this many cells inside and outside.
MIN_CELLS = 3


@dataclass(frozen=True, slots=True)
class States:
    """Clusters made on the training donors with half of the genes.

    Parameters
    ----------
    assigned
        State of every cell, training or not, shape ``(n_cells,)``.
    markers
        Marker genes of each state among the other half, best first.
    controls
        Control genes of each marker, shape ``(n_markers, n_controls)`` per state.
    difference
        Mean difference of every gene, state minus rest, over training donors, shape
        ``(n_states, n_genes)``.
    """

    assigned: IntArray
    markers: list[IntArray]
    controls: list[IntArray]
    difference: FloatArray


def centre_by_donor(levels: FloatArray, donors: IntArray, depth: FloatArray) -> FloatArray:
    """Take each donor's mean, and the slope on log depth within donors, out of every gene.

    Parameters
    ----------
    levels
        log levels, shape ``(n_cells, n_genes)``.
    donors
        Donor number of each cell.
    depth
        Counts per cell.

    Returns
    -------
    FloatArray
        What is left, same shape.
    """
    left = levels.astype(float)
    x = np.log(np.maximum(depth, 1.0))
    for donor in np.unique(donors):
        own = donors == donor
        left[own] -= left[own].mean(axis=0)
        x[own] -= x[own].mean()
    slope = x @ left / max(float(x @ x), 1e-12)
    rest: FloatArray = left - np.outer(x, slope)
    return rest


def find_states(
    left: FloatArray,
    mean: FloatArray,
    donors: IntArray,
    training: BoolArray,
    making: BoolArray,
    *,
    n_states: int,
    rng: np.random.Generator,
) -> States:
    """Make states on training cells and the making genes; choose markers among the others.

    Parameters
    ----------
    left
        Centred levels of all cells, shape ``(n_cells, n_genes)``.
    mean
        Mean level of each gene, for choosing controls.
    donors
        Donor number of each cell.
    training
        Cells of the training donors.
    making
        Genes that make the states; the others are kept for questions.
    n_states
        States to make.
    rng
        For the starts of k-means.

    Returns
    -------
    States
        With every cell assigned.
    """
    base = left[np.ix_(training, making)]
    centred = base - base.mean(axis=0)
    spots = (left[:, making] - base.mean(axis=0)) @ _axes(centred)
    centres = _k_means(spots[training], n_states, rng)
    assigned = _nearest(spots, centres)
    difference, steadiness = _differences(
        left[training], assigned[training], donors[training], n_states
    )
    kept = np.flatnonzero(~making)
    markers: list[IntArray] = []
    controls: list[IntArray] = []
    for state in range(n_states):
        best = kept[np.argsort(-steadiness[state, kept], kind="stable")][:N_MARKERS]
        markers.append(best)
        controls.append(_controls(mean, best, np.setdiff1d(kept, best)))
    return States(assigned, markers, controls, difference)


def _axes(centred: FloatArray) -> FloatArray:
    """Give the first principal axes, by way of the smaller of genes × genes and cells × cells."""
    if len(centred) >= centred.shape[1]:
        return np.asarray(np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :N_COMPONENTS])
    spots = np.linalg.eigh(centred @ centred.T)[1][:, ::-1][:, :N_COMPONENTS]
    axes = centred.T @ spots
    length: FloatArray = np.linalg.norm(axes, axis=0)
    return np.asarray(axes / np.maximum(length, 1e-12))


def _k_means(spots: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    best, least = spots[:k], np.inf
    for _ in range(N_STARTS):
        centres = spots[rng.choice(len(spots), k, replace=False)]
        for _ in range(N_ROUNDS):
            nearest = _nearest(spots, centres)
            inside = (nearest == np.arange(k)[:, np.newaxis]).astype(float)
            cells = inside.sum(axis=1)[:, np.newaxis]
            moved = np.where(cells > 0, inside @ spots / np.maximum(cells, 1), centres)
            if np.allclose(moved, centres):
                break
            centres = moved
        spread = float(((spots - centres[_nearest(spots, centres)]) ** 2).sum())
        if spread < least:
            best, least = centres, spread
    return best


def _nearest(spots: FloatArray, centres: FloatArray) -> IntArray:
    distance = (centres**2).sum(axis=1) - 2 * spots @ centres.T
    nearest: IntArray = distance.argmin(axis=1)
    return nearest


def _differences(
    left: FloatArray, assigned: IntArray, donors: IntArray, n_states: int
) -> tuple[FloatArray, FloatArray]:
    shape = (n_states, left.shape[1])
    difference, steadiness = np.zeros(shape), np.full(shape, -np.inf)
    for state in range(n_states):
        each = donor_differences(left, assigned == state, donors)[1]
        if len(each) < 2:
            continue
        difference[state] = each.mean(axis=0)
        spread = each.std(axis=0, ddof=1) / np.sqrt(len(each))
        # A small constant keeps silent genes, steady at nothing, from leading.
        steadiness[state] = difference[state] / (spread + 0.05)
    return difference, steadiness


def donor_differences(
    left: FloatArray, inside: BoolArray, donors: IntArray
) -> tuple[IntArray, FloatArray]:
    """Take each donor's mean inside a state minus outside, where it has cells of both.

    Returns
    -------
    tuple
        Donor numbers and differences, shape ``(n_donors, n_genes)``.
    """
    named: list[int] = []
    rows: list[FloatArray] = []
    for donor in np.unique(donors):
        own = donors == donor
        if min((own & inside).sum(), (own & ~inside).sum()) < MIN_CELLS:
            continue
        named.append(int(donor))
        rows.append(left[own & inside].mean(axis=0) - left[own & ~inside].mean(axis=0))
    return np.array(named, dtype=np.int64), np.array(rows).reshape(len(named), left.shape[1])


def _controls(mean: FloatArray, markers: IntArray, free: IntArray) -> IntArray:
    ordered = free[np.argsort(mean[free], kind="stable")]
    n_controls = min(N_CONTROLS, max(len(ordered) // 2, 1))
    place = np.searchsorted(mean[ordered], mean[markers])
    start = np.clip(place - n_controls // 2, 0, max(len(ordered) - n_controls, 0))
    chosen: IntArray = ordered[start[:, np.newaxis] + np.arange(n_controls)]
    return chosen
