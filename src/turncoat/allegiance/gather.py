"""From a tally and a contrast to one line per population, for all tools of this room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anndata as ad
import pandas as pd

from turncoat.allegiance.contamination import DOUBTS, take_off
from turncoat.allegiance.lines import Line, make_line
from turncoat.allegiance.programmes import (
    Programme,
    check_programmes,
    find_programmes,
    programme_for,
)
from turncoat.allegiance.science import AxesPlan
from turncoat.errors import KnowledgeError, MissingKeyError, did_you_mean
from turncoat.knowledge.registry import read_table
from turncoat.knowledge.vocabulary import match_population
from turncoat.stats.contrast import Contrast
from turncoat.tally import layout
from turncoat.tally.arms import (
    DonorArms,
    check_contrast,
    counts_beside,
    donor_arms,
    tally_meta,
    tissues_within,
)

#: The vocabulary's name for cells whose RNA pollutes others by default.
MALIGNANT = "Malignant"

Found = dict[str, tuple[Programme, Programme] | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a population must have to be tested."""

    min_cells: int
    min_donors: int
    fdr: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """Every population of a tally, scored and tested as far as its donors allow.

    Parameters
    ----------
    lines
        Populations with a known programme.
    others
        Populations without one.
    programmes
        Both axes per population; None without a programme.
    polluting
        Populations whose RNA was taken off the others.
    shares
        Rows of the contamination table.
    """

    lines: list[Line]
    others: list[Line]
    programmes: Found
    polluting: tuple[str, ...]
    shares: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a call of this room takes as given.

    Parameters
    ----------
    programmes
        The table of programmes; the bundled one for None.
    matches
        The user's own matches of labels to programmes.
    contaminants
        Populations whose RNA pollutes others; by their labels for None.
    """

    programmes: pd.DataFrame | None = None
    matches: Mapping[str, str] | None = None
    contaminants: Sequence[str] | None = None


def gather(
    tally: ad.AnnData, contrast: Contrast, knowledge: Knowledge, plan: AxesPlan, limits: Limits
) -> Gathered:
    """Score and test every population of a tally.

    Raises
    ------
    MissingKeyError, StudyError, DesignError
        When the contrast does not fit the tally.
    KnowledgeError
        When the programmes are unusable, or share no gene with the tally.
    """
    check_contrast(tally, contrast)
    found = known_programmes(tally, knowledge)
    polluting = polluting_populations(tally, knowledge.contaminants)
    every, shares = _lines(tally, contrast, found, plan, limits, polluting)
    known = [line for line in every if line.axes is not None]
    others = [line for line in every if line.axes is None]
    return Gathered(known, others, found, polluting, shares)


def known_programmes(tally: ad.AnnData, knowledge: Knowledge) -> Found:
    """Find both axes of every population of a tally.

    Raises
    ------
    KnowledgeError
        When the programmes are unusable, or share no gene with the tally.
    """
    table = check_programmes(
        read_table("programmes") if knowledge.programmes is None else knowledge.programmes,
        str(tally_meta(tally, "species")),
    )
    if not set(table["gene"]) & set(tally.var_names.astype(str)):
        raise KnowledgeError(
            "The tally and the programmes have no gene in common. Expected gene symbols of "
            f"{tally_meta(tally, 'species') or 'the same species'}; the tally starts with "
            f"{', '.join(map(str, tally.var_names[:3]))}."
        )
    names = [str(name) for name in dict.fromkeys(table["population"])]
    found: Found = {}
    for label in sorted(set(tally.obs[layout.POPULATION].astype(str))):
        name = programme_for(label, names, knowledge.matches or {})
        found[label] = find_programmes(table, name, tally.var_names) if name else None
    return found


def polluting_populations(tally: ad.AnnData, chosen: Sequence[str] | None) -> tuple[str, ...]:
    """List the populations whose RNA is to be taken off the others.

    Raises
    ------
    MissingKeyError
        When a chosen one does not occur.
    """
    present = sorted(set(tally.obs[layout.POPULATION].astype(str)))
    if chosen is None:
        return tuple(p for p in present if match_population(p).population == MALIGNANT)
    for name in chosen:
        if name not in present:
            raise MissingKeyError(
                f"The tally has no population '{name}' (argument 'contaminants'). "
                f"{did_you_mean(name, present)}"
            )
    return tuple(chosen)


def _lines(
    tally: ad.AnnData,
    contrast: Contrast,
    found: Found,
    plan: AxesPlan,
    limits: Limits,
    polluting: tuple[str, ...],
) -> tuple[list[Line], list[dict[str, Any]]]:
    lines: list[Line] = []
    shares: list[dict[str, Any]] = []
    for tissue in tissues_within(tally, contrast):
        for population, axes in found.items():
            arms = donor_arms(tally, contrast, population, tissue, min_cells=limits.min_cells)
            if arms.table.empty and not arms.dropped:
                continue
            doubtful: list[DonorArms] = []
            if polluting and axes and population not in polluting:
                arms, doubtful, rows = _clean(tally, arms, polluting)
                shares += rows
            line, *also = (
                make_line(
                    some,
                    some.units(contrast),
                    axes,
                    plan,
                    min_donors=limits.min_donors,
                    fdr=limits.fdr,
                    covariates=contrast.covariates,
                )
                for some in (arms, *doubtful)
            )
            lines.append(replace(line, also=tuple(also)))
    return lines, shares


def _clean(
    tally: ad.AnnData, arms: DonorArms, polluting: tuple[str, ...]
) -> tuple[DonorArms, list[DonorArms], list[dict[str, Any]]]:
    """Take the contamination off; also nothing of it, and twice as much, where there is any."""
    beside = counts_beside(tally, arms, polluting)
    cleaned = take_off(arms.counts, beside)
    doubts = DOUBTS if cleaned.share.any() else ()
    doubtful = [
        replace(arms, counts=take_off(arms.counts, beside, times=times).counts) for times in doubts
    ]
    rows = [
        {
            "population": arms.population,
            "tissue": arms.tissue,
            "donor": arms.table["donor"].iloc[unit],
            "arm": arms.table["arm"].iloc[unit],
            "share": cleaned.share[unit],
            "n_markers": cleaned.n_markers,
        }
        for unit in range(len(arms.table))
    ]
    return replace(arms, counts=cleaned.counts), doubtful, rows
