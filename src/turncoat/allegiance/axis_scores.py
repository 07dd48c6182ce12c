"""Scores of both axes for every donor and tissue, without any contrast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.allegiance.background import fit_background, log_rates
from turncoat.allegiance.contamination import take_off
from turncoat.allegiance.gather import Knowledge, known_programmes, polluting_populations
from turncoat.allegiance.programmes import AXES, Programme
from turncoat.allegiance.scores import cell_weights, gene_levels
from turncoat.tables import Column, TableSchema, store
from turncoat.tally.arms import DonorArms, counts_beside, donor_tissues


@dataclass(frozen=True, slots=True)
class AxisScores:
    """What :func:`turncoat.tl.axis_scores` found.

    Parameters
    ----------
    table
        One row per population, axis, donor and tissue.
    params
        Every argument.
    """

    table: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Cell population, as the study calls it."),
            Column("programme", "text", "", "Programme used."),
            Column("axis", "text", "", "anti_tumour or pro_tumour."),
            Column("donor", "text", "", "Donor."),
            Column("tissue", "text", "", "Tissue."),
            Column("n_cells", "whole", "cells", "Cells of the population."),
            Column("weight", "real", "", "Weight by cells: n / (n + median n)."),
            Column(
                "score",
                "real",
                "log2",
                "Programme level above what the unit's other genes lead one to expect.",
            ),
        ),
        key=("population", "axis", "donor", "tissue"),
    )

    def __post_init__(self) -> None:
        self.schema.check(self.table)


def axis_scores(
    tally: ad.AnnData,
    *,
    programmes: pd.DataFrame | None = None,
    matches: Mapping[str, str] | None = None,
    contaminants: Sequence[str] | None = None,
    key_added: str | None = "axis_scores",
) -> AxisScores:
    """Score every population of every donor and tissue on both axes.

    What is expected is fitted over all donors and tissues of a population together, so that
    scores can be compared between tissues.

    Parameters
    ----------
    tally
        A tally.
    programmes, matches, contaminants
        As in :func:`turncoat.tl.allegiance`.
    key_added
        Where the result is kept in ``tally.uns["turncoat"]``; None to keep it nowhere.

    Returns
    -------
    AxisScores
        Refused axes are absent.

    Raises
    ------
    KnowledgeError
        When the programmes are unusable, or share no gene with the tally.
    MissingKeyError
        When a contaminant does not occur.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.tl.axis_scores(tally).table  # doctest: +SKIP
    """
    knowledge = Knowledge(programmes, matches, contaminants)
    polluting = polluting_populations(tally, contaminants)
    rows: list[dict[str, Any]] = []
    for population, axes in known_programmes(tally, knowledge).items():
        if axes is None:
            continue
        arms = donor_tissues(tally, population)
        if polluting and population not in polluting:
            cleaned = take_off(arms.counts, counts_beside(tally, arms, polluting)).counts
        else:
            cleaned = arms.counts
        rows += _rows(arms, cleaned, axes)
    result = AxisScores(AxisScores.schema.build(rows), {"contaminants": list(polluting)})
    if key_added is not None:
        store(tally, key_added, result)
    return result


def _rows(
    arms: DonorArms, counts: np.ndarray, axes: tuple[Programme, Programme]
) -> list[dict[str, Any]]:
    if arms.table.empty:
        return []
    levels = log_rates(counts)
    background = fit_background(levels, np.concatenate([axis.genes for axis in axes]))
    n_cells = arms.table["n_cells"].to_numpy(dtype=float)
    weights = cell_weights(n_cells)
    rows = []
    for name, axis in zip(AXES, axes, strict=True):
        if axis.refusal:
            continue
        scores = gene_levels(levels, axis, background).scores
        rows += [
            {
                "population": arms.population,
                "programme": axis.population,
                "axis": name,
                "donor": arms.table["donor"].iloc[unit],
                "tissue": arms.table["arm"].iloc[unit],
                "n_cells": int(n_cells[unit]),
                "weight": weights[unit],
                "score": scores[unit],
            }
            for unit in range(len(arms.table))
        ]
    return rows
