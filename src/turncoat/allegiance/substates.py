"""New states within a lineage, without asking the data that made them."""

from collections.abc import Mapping, Sequence
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.allegiance.halves import (
    MIN_CELLS,
    States,
    centre_by_donor,
    find_states,
    held_out_differences,
)
from turncoat.allegiance.substates_result import Substates
from turncoat.errors import ArgumentError, DesignError, MissingKeyError, did_you_mean
from turncoat.stats.composition import HALF_CELL
from turncoat.stats.contrast import Contrast
from turncoat.stats.estimate import estimate
from turncoat.stats.multiplicity import benjamini_hochberg, simes
from turncoat.stats.permutation import permute
from turncoat.stats.units import arrange
from turncoat.tables import FloatArray, IntArray

NAN = float("nan")
#: Genes detected in fewer cells than this share say too little to make a state.
MIN_DETECTED = 0.05
#: Genes used at most, the most variable ones: memory of cells × genes.
MAX_GENES = 2_000
#: Held-out donors needed: with fewer no p-value falls below 0.05.
MIN_DONORS = 5


def substates(
    cells: ad.AnnData,
    contrast: Contrast | None = None,
    *,
    population: str,
    population_key: str = "population",
    donor_key: str = "donor",
    n_states: int = 3,
    known: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> Substates:
    """Look for states within a lineage, each tested on donors and genes that did not make it.

    Parameters
    ----------
    cells
        Cells with raw counts in ``X``.
    contrast
        Optionally: is a state commoner in one arm? The states know nothing of the arms, so all
        donors may answer.
    population
        The lineage, a level of ``population_key``.
    population_key, donor_key
        Columns of ``obs``.
    n_states
        States to make in each half.
    known
        Marker genes of known states, to name the nearest.
    seed
        Fixes the halves and the starts.

    Returns
    -------
    Substates
        ``params["pvalue"]`` is that of any sub-state at all: the halves' Simes p-values,
        merged by twice their mean, which holds however they depend on each other.

    Raises
    ------
    MissingKeyError
        When a column or the population is absent.
    DesignError
        With fewer than ten donors of enough cells.
    ArgumentError
        With fewer than two states.

    References
    ----------
    Zhang, Kamath and Tse (2019), *Cell Systems* 9:383 (why clusters must not test
    themselves). Rüschendorf (1982), *Advances in Applied Probability* 14:623; Vovk and Wang
    (2020), *Biometrika* 107:791 (merging).

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.tl.substates(cells, population="NK").table  # doctest: +SKIP
    """
    if n_states < 2:
        raise ArgumentError(f"'n_states' should be at least 2; got {n_states!r}.")
    own = _lineage(cells, population, population_key, donor_key, n_states)
    names, donors = np.unique(own.obs[donor_key].astype(str).to_numpy(), return_inverse=True)
    left, mean, genes = _levels(own, donors)
    rng = np.random.default_rng(seed)
    first_half = np.isin(np.arange(len(names)), rng.permutation(len(names))[: len(names) // 2])
    rows, markers, made = [], [], []
    for half, trains in enumerate((first_half, ~first_half), start=1):
        training = trains[donors]
        making = np.isin(np.arange(len(genes)), rng.permutation(len(genes))[: len(genes) // 2])
        states = find_states(left, mean, donors, training, making, n_states=n_states, rng=rng)
        made.append(states)
        for state in range(n_states):
            label = f"{half}.{state + 1}"
            row = _ask(left, states, state, donors, ~training)
            row |= _nearest_known(states, state, genes, known or {})
            row |= _abundance(own, states.assigned == state, names, donors, contrast, seed)
            rows.append({"state": label, **row})
            markers += [
                {"state": label, "gene": genes[g], "difference": states.difference[state, g]}
                for g in states.markers[state]
            ]
    table = _twins(pd.DataFrame(rows), made, n_states)
    return Substates(
        Substates.table_schema.build({str(name): list(table[name]) for name in table}),
        Substates.markers_schema.build(markers),
        Substates.cells_schema.build(_cell_states(own, made)),
        {
            "population": population,
            "contrast": contrast.label if contrast else "",
            "n_states": n_states,
            "seed": seed,
            "pvalue": _any_state(table, n_states),
        },
    )


def _cell_states(own: ad.AnnData, made: list[States]) -> dict[str, list[str]]:
    first, second = (
        [f"{half}.{state + 1}" for state in states.assigned]
        for half, states in enumerate(made, start=1)
    )
    return {"cell": [str(name) for name in own.obs_names], "first": first, "second": second}


def _lineage(
    cells: ad.AnnData, population: str, population_key: str, donor_key: str, n_states: int
) -> ad.AnnData:
    for key in (population_key, donor_key):
        if key not in cells.obs:
            raise MissingKeyError(
                f"cells.obs has no column '{key}'. {did_you_mean(key, cells.obs.columns)}"
            )
    labels = cells.obs[population_key].astype(str)
    if population not in set(labels):
        raise MissingKeyError(
            f"No cell is of the population '{population}'. {did_you_mean(population, set(labels))}"
        )
    own = cells[(labels == population).to_numpy()]
    counted = own.obs[donor_key].astype(str).value_counts()
    enough = counted.index[counted >= MIN_CELLS * n_states]
    if len(enough) < 2 * MIN_DONORS:
        raise DesignError(
            f"{len(enough)} donors have at least {MIN_CELLS * n_states} cells of '{population}'; "
            f"{2 * MIN_DONORS} are needed: one half finds the states, the other is asked."
        )
    return own[own.obs[donor_key].astype(str).isin(enough).to_numpy()].copy()


def _levels(own: ad.AnnData, donors: IntArray) -> tuple[FloatArray, FloatArray, list[str]]:
    raw = own.X
    counts = np.asarray(raw.todense() if hasattr(raw, "todense") else raw, dtype=np.float32)
    depth = counts.sum(axis=1)
    kept = np.flatnonzero((counts > 0).mean(axis=0) >= MIN_DETECTED)
    levels = np.log1p(counts[:, kept] / np.maximum(depth, 1)[:, np.newaxis] * 10_000)
    if kept.size > MAX_GENES:
        best = np.sort(np.argsort(-levels.var(axis=0), kind="stable")[:MAX_GENES])
        kept, levels = kept[best], levels[:, best]
    left = centre_by_donor(levels, donors, depth.astype(float))
    return left, levels.mean(axis=0), [str(own.var_names[g]) for g in kept]


def _ask(
    left: FloatArray, states: States, state: int, donors: IntArray, tested: np.ndarray
) -> dict[str, Any]:
    each = held_out_differences(left, states, state, donors, tested)
    row: dict[str, Any] = {
        "share": float((states.assigned == state).mean()),
        "n_held_out": len(each),
        "separation": float(each.mean()) if len(each) else NAN,
        "pvalue": NAN,
        "status": "not_testable",
        "reason": f"{len(each)} held-out donors have cells of both kinds; {MIN_DONORS} are needed",
    }
    if len(each) < MIN_DONORS:
        return row
    flat = np.concatenate([each, np.zeros(len(each))])[:, np.newaxis]
    numbers = [str(i) for i in range(len(each))]
    units = arrange(numbers * 2, [True] * len(each) + [False] * len(each), block="donor")
    return row | {
        "status": "tested",
        "reason": "",
        "pvalue": float(permute(flat, units).pvalue_greater()[0]),
    }


def _nearest_known(
    states: States, state: int, genes: list[str], known: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    profile = states.difference[state] / (states.difference.std() or 1.0)
    place = {gene: number for number, gene in enumerate(genes)}
    means = {
        name: float(np.mean([profile[place[g]] for g in wanted if g in place]))
        for name, wanted in known.items()
        if any(g in place for g in wanted)
    }
    return {"nearest": max(means, key=lambda name: means[name]) if means else ""}


def _abundance(
    own: ad.AnnData,
    inside: np.ndarray,
    names: np.ndarray,
    donors: IntArray,
    contrast: Contrast | None,
    seed: int,
) -> dict[str, float]:
    nothing = dict.fromkeys(
        ("abundance", "abundance_lower", "abundance_upper", "abundance_pvalue"), NAN
    )
    if contrast is None:
        return nothing
    if contrast.variable not in own.obs:
        raise MissingKeyError(f"cells.obs has no column '{contrast.variable}'.")
    level = own.obs[contrast.variable].astype(str).to_numpy()
    units, values = [], []
    for number, name in enumerate(names):
        for arm in (contrast.case, contrast.reference):
            member = (donors == number) & (level == arm)
            if member.any():
                n_in, n_out = (member & inside).sum(), (member & ~inside).sum()
                units.append((str(name), arm == contrast.case))
                values.append(np.log2((n_in + HALF_CELL) / (n_out + HALF_CELL)))
    case = [side for _, side in units]
    if min(sum(case), len(case) - sum(case)) < 3:
        return nothing
    arranged = arrange([name for name, _ in units], case, block="donor" if contrast.block else None)
    flat = np.array(values)[:, np.newaxis]
    found = estimate(flat, arranged)
    low, high = found.interval()
    pvalue = permute(flat, arranged, seed=seed).pvalue()
    return {
        "abundance": float(found.effect[0]),
        "abundance_lower": float(low[0]),
        "abundance_upper": float(high[0]),
        "abundance_pvalue": float(pvalue[0]),
    }


def _twins(table: pd.DataFrame, made: list[States], n_states: int) -> pd.DataFrame:
    alike = np.corrcoef(made[0].difference, made[1].difference)[:n_states, n_states:]
    alike = np.nan_to_num(alike)
    twins = [f"2.{c + 1}" for c in alike.argmax(axis=1)] + [
        f"1.{c + 1}" for c in alike.argmax(axis=0)
    ]
    likeness = np.concatenate([alike.max(axis=1), alike.max(axis=0)])
    qvalue = benjamini_hochberg(table["pvalue"].to_numpy(dtype=float))
    return table.assign(twin=twins, likeness=likeness, qvalue=qvalue)


def _any_state(table: pd.DataFrame, n_states: int) -> float:
    pvalues = table["pvalue"].to_numpy(dtype=float)
    merged = simes(pvalues[:n_states]) + simes(pvalues[n_states:])
    return min(1.0, merged) if np.isfinite(merged) else NAN
