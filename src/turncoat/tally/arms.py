"""The donors of a contrast, taken from a tally: one unit per donor and arm."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.errors import DesignError, MissingKeyError, StudyError, did_you_mean
from turncoat.stats.contrast import Contrast
from turncoat.stats.design import absent
from turncoat.stats.units import Units, arrange
from turncoat.tables import UNS_KEY, BoolArray, FloatArray
from turncoat.tally import layout
from turncoat.tally.counts import not_negative


@dataclass(frozen=True, slots=True)
class DonorArms:
    """One population's donors on the two sides of a contrast, samples added up.

    Parameters
    ----------
    population
        The population.
    tissue
        The tissue compared within; empty where it is not one.
    table
        One row per unit: donor, case (flag), arm, samples, n_cells, then block and covariates.
    counts
        Summed counts, shape ``(n_units, n_genes)``.
    samples
        Samples of each unit.
    dropped
        Rows left out: what, n_cells, reason.
    """

    population: str
    tissue: str
    table: pd.DataFrame
    counts: FloatArray
    samples: tuple[tuple[str, ...], ...] = ()
    dropped: list[dict[str, Any]] = field(default_factory=list)

    @property
    def case(self) -> BoolArray:
        """Whether each unit is in the case arm."""
        return self.table["case"].to_numpy(dtype=bool)

    def units(self, contrast: Contrast) -> Units:
        """Arrange the donors as the contrast asks."""
        donors = list(self.table[layout.DONOR])
        if contrast.block is None:
            return arrange(donors, self.case)
        if contrast.block == layout.DONOR:
            return arrange(donors, self.case, block="donor")
        return arrange(donors, self.case, block=block_labels(self.table[contrast.block], donors))


def block_labels(values: "pd.Series[Any]", donors: Sequence[str]) -> list[str]:
    """Read the block of each unit.

    Raises
    ------
    DesignError
        Where one is missing: those donors would otherwise be a block of their own.
    """
    missing = [donor for donor, gone in zip(donors, absent(values), strict=True) if gone]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise DesignError(
            f"The block '{values.name}' is missing for {', '.join(missing[:5])}{more}. Fill it in, "
            "or leave these donors out."
        )
    return list(values.astype(str))


def tally_meta(tally: ad.AnnData, name: str, default: Any = "") -> Any:
    """Read one of the facts a tally carries about itself (``layout.META_FIELDS``)."""
    return tally.uns.get(UNS_KEY, {}).get(layout.META_KEY, {}).get(name, default)


def check_contrast(tally: ad.AnnData, contrast: Contrast) -> None:
    """Refuse a contrast whose columns or levels the tally does not have.

    Raises
    ------
    MissingKeyError
        When a column or the counts are absent.
    StudyError
        When a level does not occur.
    """
    if layout.COUNTS not in tally.layers:
        raise MissingKeyError(
            f"The tally has no layer '{layout.COUNTS}'. Make one with turncoat.pp.tally. "
            f"{did_you_mean(layout.COUNTS, filter(None, tally.layers))}"
        )
    roles = [layout.DONOR, layout.SAMPLE, layout.POPULATION, layout.N_CELLS, contrast.variable]
    roles += [contrast.block] if contrast.block else []
    for column in [*roles, *contrast.covariates]:
        if column not in tally.obs:
            raise MissingKeyError(
                f"tally.obs has no column '{column}'. {did_you_mean(column, tally.obs.columns)}"
            )
    levels = sorted(set(tally.obs[contrast.variable].astype(str)))
    for level in (contrast.case, contrast.reference):
        if level not in levels:
            raise StudyError(
                f"The contrast's level '{level}' does not occur in '{contrast.variable}'. "
                f"{did_you_mean(level, levels)}"
            )


def tissues_within(tally: ad.AnnData, contrast: Contrast) -> list[str]:
    """List the tissues to compare within: those with both arms; one empty name for a tissue contrast."""
    if contrast.variable == layout.TISSUE or layout.TISSUE not in tally.obs:
        return [""]
    level = tally.obs[contrast.variable].astype(str)
    mine = level.isin([contrast.case, contrast.reference]).to_numpy()
    return sorted(set(tally.obs[layout.TISSUE].astype(str).to_numpy()[mine]))


def donor_arms(
    tally: ad.AnnData, contrast: Contrast, population: str, tissue: str, *, min_cells: int = 1
) -> DonorArms:
    """Add up one population's samples per donor and arm.

    Parameters
    ----------
    tally
        A tally.
    contrast
        What is compared; checked before by :func:`check_contrast`.
    population
        The population.
    tissue
        Tissue to stay within; empty for all.
    min_cells
        Units with fewer cells are left out, and listed.

    Returns
    -------
    DonorArms
        One unit per donor and arm, in a fixed order (donor, then arm).

    Raises
    ------
    DesignError
        When a donor has several values of the block or of a covariate within an arm.
    """
    level = tally.obs[contrast.variable].astype(str)
    chosen = (tally.obs[layout.POPULATION].astype(str) == population) & level.isin(
        [contrast.case, contrast.reference]
    )
    if tissue:
        chosen &= tally.obs[layout.TISSUE].astype(str) == tissue
    rows = np.flatnonzero(chosen)
    obs = tally.obs.iloc[rows].assign(case=(level.iloc[rows] == contrast.case).to_numpy())
    extra = [*([contrast.block] if contrast.block else []), *contrast.covariates]
    table, codes = _units_of(obs, contrast, [name for name in extra if name != layout.DONOR])
    counts = np.zeros((len(table), tally.n_vars))
    np.add.at(counts, codes, _dense(tally, rows))
    named = obs[layout.SAMPLE].astype(str).to_numpy()
    samples = tuple(tuple(sorted(set(named[codes == unit]))) for unit in range(len(table)))
    return _leave_out(DonorArms(population, tissue, table, counts, samples), min_cells)


def donor_tissues(tally: ad.AnnData, population: str) -> DonorArms:
    """Add up one population's samples per donor and tissue, without a contrast.

    Parameters
    ----------
    tally
        A tally.
    population
        The population.

    Returns
    -------
    DonorArms
        One unit per donor and tissue (column ``arm``), in a fixed order; ``case`` is False.
    """
    rows = np.flatnonzero(tally.obs[layout.POPULATION].astype(str) == population)
    obs = tally.obs.iloc[rows]
    keys = obs[[layout.DONOR, layout.TISSUE]].astype(str)
    grouped = keys.groupby([layout.DONOR, layout.TISSUE], sort=True)
    codes = grouped.ngroup().to_numpy()
    n_units = int(codes.max(initial=-1)) + 1
    first = [int(np.flatnonzero(codes == unit)[0]) for unit in range(n_units)]
    named = obs[layout.SAMPLE].astype(str).to_numpy()
    samples = tuple(tuple(sorted(set(named[codes == unit]))) for unit in range(n_units))
    n_cells = np.zeros(n_units, dtype=int)
    np.add.at(n_cells, codes, obs[layout.N_CELLS].to_numpy(dtype=int))
    table = pd.DataFrame(
        {
            layout.DONOR: keys[layout.DONOR].to_numpy()[first],
            "case": np.zeros(n_units, dtype=bool),
            "arm": keys[layout.TISSUE].to_numpy()[first],
            "samples": [", ".join(names) for names in samples],
            layout.N_CELLS: n_cells,
        }
    )
    counts = np.zeros((n_units, tally.n_vars))
    np.add.at(counts, codes, _dense(tally, rows))
    return _leave_out(DonorArms(population, "", table, counts, samples), 1)


def _dense(tally: ad.AnnData, rows: np.ndarray) -> FloatArray:
    picked = tally.layers[layout.COUNTS][rows]
    values = np.asarray(picked.todense() if hasattr(picked, "todense") else picked, dtype=float)
    return not_negative(values, layout.COUNTS)


def _units_of(
    obs: pd.DataFrame, contrast: Contrast, extra: list[str]
) -> tuple[pd.DataFrame, np.ndarray]:
    donor = obs[layout.DONOR].astype(str).to_numpy()
    case = obs["case"].to_numpy(dtype=bool)
    sample = obs[layout.SAMPLE].astype(str).to_numpy()
    n_cells = obs[layout.N_CELLS].to_numpy(dtype=int)
    columns = {name: obs[name].to_numpy() for name in extra}
    keys = sorted(set(zip(donor.tolist(), case.tolist(), strict=True)))
    number = {key: place for place, key in enumerate(keys)}
    codes = np.array([number[key] for key in zip(donor, case, strict=True)], dtype=np.int64)
    units = []
    for place, (name, side) in enumerate(keys):
        rows = np.flatnonzero(codes == place)
        unit = {
            layout.DONOR: name,
            "case": side,
            "arm": contrast.case if side else contrast.reference,
            "samples": ", ".join(sorted(set(sample[rows]))),
            layout.N_CELLS: int(n_cells[rows].sum()),
        }
        units.append(unit | {c: _one_value(v[rows], c, name) for c, v in columns.items()})
    names = [layout.DONOR, "case", "arm", "samples", layout.N_CELLS, *extra]
    return pd.DataFrame(units, columns=names), codes


def _one_value(values: np.ndarray, column: str, donor: str) -> Any:
    different = list(dict.fromkeys(values.tolist()))
    if len(different) > 1 and not pd.isna(values).all():
        raise DesignError(
            f"Donor '{donor}' has several values of '{column}' within one arm "
            f"({', '.join(map(str, different[:3]))}). A block or covariate should be constant there."
        )
    return values[0]


def _leave_out(arms: DonorArms, min_cells: int) -> DonorArms:
    n_cells = arms.table[layout.N_CELLS].to_numpy()
    keep = (n_cells >= max(min_cells, 1)) & (arms.counts.sum(axis=1) > 0)
    dropped = [
        {
            "what": f"donor {arms.table[layout.DONOR].iloc[row]} ({arms.table['arm'].iloc[row]})",
            "n_cells": int(n_cells[row]),
            "reason": f"fewer than {max(min_cells, 1)} cells or no counts",
        }
        for row in np.flatnonzero(~keep)
    ]
    table = arms.table[keep].reset_index(drop=True)
    samples = tuple(arms.samples[row] for row in np.flatnonzero(keep))
    return DonorArms(arms.population, arms.tissue, table, arms.counts[keep], samples, dropped)


def counts_beside(tally: ad.AnnData, arms: DonorArms, populations: Sequence[str]) -> FloatArray:
    """Sum other populations' counts over the samples of each unit.

    Parameters
    ----------
    tally
        A tally.
    arms
        The units.
    populations
        Which populations to sum.

    Returns
    -------
    FloatArray
        Shape ``(n_units, n_genes)``; a row of zeros where a unit's samples have none.
    """
    chosen = np.flatnonzero(tally.obs[layout.POPULATION].astype(str).isin(populations))
    dense = _dense(tally, chosen)
    sample = tally.obs[layout.SAMPLE].astype(str).to_numpy()[chosen]
    member = np.array([np.isin(sample, names) for names in arms.samples], dtype=float)
    summed: FloatArray = member.reshape(len(arms.samples), len(chosen)) @ dense
    return summed
