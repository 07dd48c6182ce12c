"""New states within a population, without asking the data that made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.allegiance.halves import MIN_CELLS, States, centre_by_donor, find_states
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.substates_ask import (
    MIN_DONORS,
    Asked,
    how_common,
    liken,
    nearest_known,
    refusal,
    separation,
    tissues_of,
)
from turncoat.allegiance.substates_check import (
    check_arguments,
    check_cells,
    check_contrasts,
    check_genes,
    raw_counts,
)
from turncoat.allegiance.substates_flips import ask_states, depth_strata, shifts, smallest_pvalue
from turncoat.allegiance.substates_known import known_kinds, known_markers, own_programmes
from turncoat.allegiance.substates_result import Substates
from turncoat.allegiance.substates_side import side_of
from turncoat.allegiance.substates_table import assemble
from turncoat.errors import DesignError
from turncoat.stats.contrast import Contrast
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Genes detected in fewer cells than this share say too little to make a state.
MIN_DETECTED = 0.05
#: Genes used at most, the most variable ones: memory of cells × genes.
MAX_GENES = 2_000


def substates(
    cells: ad.AnnData,
    contrasts: Contrast | Sequence[Contrast] = (),
    *,
    population: str,
    population_key: str = "population",
    donor_key: str = "donor",
    tissue_key: str = "tissue",
    n_states: int = 3,
    known: Mapping[str, Sequence[str]] | None = None,
    programmes: pd.DataFrame | None = None,
    abundance_refused: str = "",
    fdr: float = 0.05,
    seed: int = 0,
) -> Substates:
    """Look for states within a population, each tested on donors and genes that did not make it.

    Parameters
    ----------
    cells
        Cells with raw counts in ``X``.
    contrasts
        Optionally: is a state commoner in one arm? The states know nothing of the arms, so all
        donors may answer.
    population
        A level of ``population_key``.
    population_key, donor_key, tissue_key
        Columns of ``obs``; tissues are optional.
    n_states
        States to make in each half; two where too few donors have the cells for more.
    known
        Marker genes of known states, to name the nearest; bundled ones for None.
    programmes
        Duty and harm genes, as :func:`turncoat.tl.allegiance` takes them. They make no state.
    abundance_refused
        Why shares within the population mean nothing in this study; empty where they do.
    fdr
        False-discovery rate, within this population, of each kind of question.
    seed
        Fixes the halves and the starts.

    Returns
    -------
    Substates
        ``params["pvalue"]`` is that of any sub-state at all, the smallest q-value: adjusted for
        the states of a half by their maximum under joint flips of signs, for two halves by Holm's
        rule, which holds however they depend on each other.

    Raises
    ------
    MissingKeyError
        When a column or the population is absent.
    DesignError
        With fewer than eight donors of enough cells, or fifty genes.
    CountsError
        When the matrix holds no raw counts.
    TableError
        When a cell has no donor, or cells share a name.
    ArgumentError
        With fewer than two states, a rate out of range, or a contrast that is none.

    References
    ----------
    Zhang, Kamath and Tse (2019), *Cell Systems* 9:383 (why clusters must not test
    themselves). Westfall and Young (1993), *Resampling-Based Multiple Testing*; Holm (1979),
    *Scandinavian Journal of Statistics* 6:65 (many states, two halves).

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.tl.substates(cells, population="NK").table  # doctest: +SKIP
    """
    asked = (contrasts,) if isinstance(contrasts, Contrast | str) else tuple(contrasts)
    check_arguments(n_states, fdr, asked)
    check_cells(cells, population, population_key, donor_key)
    keys = {population_key: "population", donor_key: "donor", tissue_key: "tissue"}
    own, n_states = _lineage(cells, population, keys, n_states)
    check_contrasts(own.obs, asked)
    axes = own_programmes(population, own.var_names, programmes)
    lineage = _Lineage.of(own, axes)
    kinds = known_kinds(population, own.var_names) if known is None else dict.fromkeys(known, "")
    genes = known_markers(population, own.var_names) if known is None else known
    made, rows = _both_halves(lineage, n_states, genes, asked, abundance_refused, seed)
    params = {
        "population": population,
        "contrasts": [contrast.label for contrast in asked],
        "n_states": n_states,
        "n_donors": int(lineage.donors.max()) + 1,
        "n_cells": int(own.n_obs),
        "fdr": fdr,
        "seed": seed,
        "reason": "",
    }
    names = [str(name) for name in own.obs_names]
    return assemble(rows, made, names, asked, kinds, params)


@dataclass(frozen=True, slots=True)
class _Lineage:
    """One population's cells, ready to be asked."""

    obs: pd.DataFrame
    counts: FloatArray
    donors: IntArray
    kept: IntArray
    genes: dict[str, int]
    axes: tuple[Programme, Programme] | None
    reserved: BoolArray

    @classmethod
    def of(cls, own: ad.AnnData, axes: tuple[Programme, Programme] | None) -> "_Lineage":
        counts = raw_counts(own)
        donors = np.unique(own.obs["donor"].to_numpy(), return_inverse=True)[1]
        depth = counts.sum(axis=1)
        kept = np.flatnonzero((counts > 0).mean(axis=0) >= MIN_DETECTED)
        check_genes(len(kept), str(own.obs["population"].iloc[0]), MIN_DETECTED)
        levels = np.log1p(counts[:, kept] / np.maximum(depth, 1)[:, np.newaxis] * 10_000)
        if kept.size > MAX_GENES:
            best = np.sort(np.argsort(-levels.var(axis=0), kind="stable")[:MAX_GENES])
            kept = kept[best]
        genes = {str(own.var_names[gene]): place for place, gene in enumerate(kept)}
        ruled = np.concatenate([axis.genes for axis in axes]) if axes else np.empty(0, np.int64)
        reserved = np.isin(kept, ruled)
        return cls(own.obs, counts, donors, kept, genes, axes, reserved)

    def levels(self, making: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Give centred levels and mean levels, making genes and others each in their own depth.

        In one common depth a strong gene that is up lowers all others: states made by those would
        then be told apart by it, and it would swear to a state that it made.
        """
        total = self.counts.sum(axis=1)
        made = self.counts[:, self.kept[making]].sum(axis=1)
        left = np.empty((len(total), len(self.kept)))
        mean = np.empty(len(self.kept))
        for own, depth in ((making, made), (~making, total - made)):
            scale = 10_000 * depth.sum() / total.sum()
            rates = self.counts[:, self.kept[own]] * (scale / np.maximum(depth, 1))[:, np.newaxis]
            levels = np.log1p(rates.astype(np.float32, copy=False))
            left[:, own] = centre_by_donor(levels, self.donors, depth.astype(float))
            mean[own] = levels.mean(axis=0)
        return left, mean

    def ask(self, states: States, trains: BoolArray, making: BoolArray) -> FloatArray:
        """Give each state's p-value, that adjusted for its half, and the floor: ``(n_states, 3)``."""
        counts = self.counts[:, self.kept[~making]]
        # Depth of the genes that made the states: of itself it says nothing of the others.
        strata = depth_strata(self.counts[:, self.kept[making]].sum(axis=1), self.donors)
        each = [
            shifts(counts, states.assigned == state, self.donors, strata)
            for state in range(len(states.markers))
        ]
        return np.column_stack([*ask_states(each, trains), [smallest_pvalue(one) for one in each]])


def _both_halves(
    lineage: _Lineage,
    n_states: int,
    known: Mapping[str, Sequence[str]],
    contrasts: tuple[Contrast, ...],
    refused: str,
    seed: int,
) -> tuple[list[States], list[dict[str, Any]]]:
    rng = np.random.default_rng(seed)
    n_donors, n_genes = int(lineage.donors.max()) + 1, len(lineage.kept)
    first_half = np.isin(np.arange(n_donors), rng.permutation(n_donors)[: n_donors // 2])
    made, rows = [], []
    for half, trains in enumerate((first_half, ~first_half), start=1):
        training = trains[lineage.donors]
        making = np.isin(np.arange(n_genes), rng.permutation(n_genes)[: n_genes // 2])
        making &= ~lineage.reserved
        left, mean = lineage.levels(making)
        states = find_states(
            left, mean, lineage.donors, training, making, n_states=n_states, rng=rng
        )
        made.append(states)
        pvalues = lineage.ask(states, trains, making)
        for state in range(n_states):
            asked = Asked(left, lineage.donors, states, state, ~training, ~making)
            row = _one_state(asked, pvalues[state], lineage, known, contrasts, refused, seed)
            rows.append({"state": f"{half}.{state + 1}", **row})
    return made, rows


def _one_state(
    asked: Asked,
    pvalues: FloatArray,
    lineage: _Lineage,
    known: Mapping[str, Sequence[str]],
    contrasts: tuple[Contrast, ...],
    refused: str,
    seed: int,
) -> dict[str, Any]:
    each, n_cells = asked.differences()
    row = separation(asked, each, n_cells, pvalues)
    alike = liken(asked, each, n_cells, lineage.genes, known)
    making = lineage.kept[~asked.free]
    names = list(lineage.genes)
    held_out = each.mean(axis=0) if len(each) else np.full(len(names), np.nan)
    return {
        "row": row | {"nearest": nearest_known(alike, row["separation"])},
        "known": alike,
        "side": side_of(
            lineage.counts, asked.inside, lineage.donors, lineage.axes, making, seed=seed
        ),
        "abundance": [
            refusal(contrast, tissue, refused)
            if refused
            else how_common(lineage.obs, asked.inside, contrast, tissue, seed=seed)
            for contrast in contrasts
            for tissue in tissues_of(lineage.obs, contrast)
        ],
        "markers": [
            {
                "gene": names[gene],
                "difference": asked.states.difference[asked.state, gene],
                "held_out": held_out[gene],
            }
            for gene in asked.states.markers[asked.state]
        ],
    }


def _lineage(
    cells: ad.AnnData, population: str, keys: Mapping[str, str], n_states: int
) -> tuple[ad.AnnData, int]:
    """Take one population's cells of donors with enough of them, in a fixed order."""
    population_key, donor_key = list(keys)[:2]
    labels = cells.obs[population_key].astype(str)
    own = cells[(labels == population).to_numpy()]
    donors = own.obs[donor_key].astype(str)
    counted = donors.value_counts()
    while n_states > 2 and (counted >= MIN_CELLS * n_states).sum() < 2 * MIN_DONORS:
        n_states -= 1
    enough = counted.index[counted >= MIN_CELLS * n_states]
    if len(enough) < 2 * MIN_DONORS:
        raise DesignError(
            f"{len(enough)} donors have at least {MIN_CELLS * n_states} cells of '{population}'; "
            f"{2 * MIN_DONORS} are needed: one half finds the states, the other is asked."
        )
    kept = np.flatnonzero(donors.isin(enough).to_numpy())
    # The order of the file must not matter: the starts of the states are drawn by place.
    kept = kept[np.lexsort((own.obs_names.to_numpy()[kept], donors.to_numpy()[kept]))]
    own = own[kept].copy()
    own.obs = own.obs.rename(columns=dict(keys)).assign(donor=donors.to_numpy()[kept])
    return own, n_states
