"""Which side a state is on: its duty and harm against the rest of its population."""

from typing import Any

import numpy as np

from turncoat.allegiance.background import fit_background, log_rates
from turncoat.allegiance.halves import MIN_CELLS
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.scores import gene_levels
from turncoat.allegiance.substates_ask import LEVEL, NAN, in_pairs, mean_interval
from turncoat.stats.permutation import N_PERMUTATIONS, permute
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Donors needed: with fewer no two-sided p-value falls below 0.05.
MIN_DONORS = 6
#: Draws of as many cells and counts of the larger part as the smaller has; their mean is taken.
N_DRAWS = 5
ENDS = ("", "_lower", "_upper")
NAMES = ("duty", "harm")


def side_of(
    counts: FloatArray,
    inside: BoolArray,
    donors: IntArray,
    axes: tuple[Programme, Programme] | None,
    making: IntArray,
    *,
    seed: int,
) -> dict[str, Any]:
    """Set a state's duty and harm against the rest of its population, donor by donor.

    Programme genes make no state, so every donor may answer. A donor's two sums are made of as
    many cells and as many counts each: logarithms of sparse sums are biased downwards, and a state
    of few cells would otherwise look as if it had lost its weak genes.

    Parameters
    ----------
    counts
        Raw counts of all genes, shape ``(n_cells, n_all)``.
    inside
        Cells of the state.
    donors
        Donor number of each cell.
    axes
        Both programmes; None where none is known.
    making
        Genes (of all) that made the states: they are up by making, and count for nothing here.
    seed
        Fixes the draws.
    """
    row: dict[str, Any] = {"side": "not shown", "n_donors": 0, "status": "abstained"}
    row |= {f"{axis}{end}": NAN for axis in NAMES for end in ENDS}
    row |= {"pvalue": NAN, "p_floor": NAN}
    refused = "; ".join(axis.refusal for axis in axes or () if axis.refusal)
    if not axes or all(axis.refusal for axis in axes):
        return row | {"reason": refused or "no programme is known"}
    both = [
        donor
        for donor in np.unique(donors)
        if min((inside & (donors == donor)).sum(), (~inside & (donors == donor)).sum()) >= MIN_CELLS
    ]
    if len(both) < MIN_DONORS:
        why = f"{len(both)} donors have cells of the state and of the rest; {MIN_DONORS} are needed"
        return row | {"status": "not_testable", "reason": why, "n_donors": len(both)}
    rng = np.random.default_rng(seed)
    kept = np.array(counts, dtype=np.float64)
    kept[:, making] = 0
    draws = [
        _differences(_matched_sums(kept, inside, donors, both, rng), axes, making)
        for _ in range(N_DRAWS)
    ]
    difference = np.mean(draws, axis=0)
    for place, axis in enumerate(axes):
        if not axis.refusal:
            found = mean_interval(difference[:, place], LEVEL)
            row |= dict(zip([f"{NAMES[place]}{end}" for end in ENDS], found, strict=True))
    balance = difference[:, 1] - difference[:, 0]
    flat = np.concatenate([balance, np.zeros(len(both))])[:, np.newaxis]
    units = in_pairs(len(both))
    pvalue = float(permute(flat, units).pvalue()[0])
    row |= {"status": "tested", "reason": refused, "n_donors": len(both), "pvalue": pvalue}
    row["p_floor"] = units.floor(N_PERMUTATIONS)
    return row | {"side": "pro-tumour" if balance.mean() > 0 else "anti-tumour"}


def _matched_sums(
    counts: FloatArray,
    inside: BoolArray,
    donors: IntArray,
    both: list[int],
    rng: np.random.Generator,
) -> FloatArray:
    """Sum as many cells and counts of the state as of the rest; state rows first."""
    sums = np.zeros((2, len(both), counts.shape[1]))
    for place, donor in enumerate(both):
        parts = [np.flatnonzero(part & (donors == donor)) for part in (inside, ~inside)]
        n_cells = min(len(part) for part in parts)
        for half, part in enumerate(parts):
            drawn = rng.choice(part, n_cells, replace=False)
            sums[half, place] = counts[drawn].sum(axis=0)
        depth = sums[:, place].sum(axis=1)
        share = depth.min() / np.maximum(depth, 1)
        sums[:, place] = rng.binomial(sums[:, place].astype(np.int64), share[:, np.newaxis])
    return sums.reshape(2 * len(both), -1)


def _differences(
    sums: FloatArray, axes: tuple[Programme, Programme], making: IntArray
) -> FloatArray:
    """Score both axes, state minus rest, shape ``(n_donors, 2)``; 0 for a refused axis."""
    excluded = np.union1d(np.concatenate([axis.genes for axis in axes]), making)
    logged = log_rates(sums)
    background = fit_background(logged, excluded)
    found = np.zeros((len(sums) // 2, 2))
    for place, axis in enumerate(axes):
        if not axis.refusal:
            state, rest = gene_levels(logged, axis, background).scores.reshape(2, -1)
            found[:, place] = state - rest
    return found
