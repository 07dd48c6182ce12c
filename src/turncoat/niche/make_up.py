"""Cells per donor, arm and population, taken from a tally."""

from typing import Any

import anndata as ad
import pandas as pd

from turncoat.errors import DesignError
from turncoat.niche.quantities import Ratio, ratio_interval
from turncoat.stats.contrast import Contrast
from turncoat.tally import layout

NAN = float("nan")


def cells_per_unit(
    tally: ad.AnnData, contrast: Contrast, populations: list[str], tissue: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count cells per donor and arm (rows) and population (columns).

    Returns
    -------
    tuple
        Cells, and for each row its donor and whether it is in the case arm.
    """
    obs = tally.obs
    level = obs[contrast.variable].astype(str)
    chosen = level.isin([contrast.case, contrast.reference])
    if tissue:
        chosen &= obs[layout.TISSUE].astype(str) == tissue
    table = pd.DataFrame(
        {
            "donor": obs[layout.DONOR].astype(str)[chosen],
            "case": (level == contrast.case)[chosen],
            "population": obs[layout.POPULATION].astype(str)[chosen],
            "n_cells": obs[layout.N_CELLS].astype(int)[chosen],
        }
    )
    wide = table.pivot_table(
        index=["donor", "case"], columns="population", values="n_cells", aggfunc="sum"
    )
    cells = wide.reindex(columns=populations).fillna(0).astype(int)
    present = cells.columns[cells.sum() > 0]
    return cells[present], cells.index.to_frame(index=False)


def unit_columns(
    tally: ad.AnnData, contrast: Contrast, facts: pd.DataFrame, tissue: str
) -> pd.DataFrame:
    """Look up the block and the covariates of each donor and arm.

    Returns
    -------
    DataFrame
        One row per unit, in the order of ``facts``; NaN where nothing is known.

    Raises
    ------
    DesignError
        When a donor has several values within an arm.
    """
    block = [] if contrast.block in (None, layout.DONOR) else [str(contrast.block)]
    obs = tally.obs
    if tissue:
        obs = obs[obs[layout.TISSUE].astype(str) == tissue]
    donor, level = obs[layout.DONOR].astype(str), obs[contrast.variable].astype(str)
    columns: dict[str, list[Any]] = {name: [] for name in (*block, *contrast.covariates)}
    for name, case in zip(facts["donor"], facts["case"], strict=True):
        own = obs[(donor == name) & (level == (contrast.case if case else contrast.reference))]
        for column, values in columns.items():
            different = own[column].drop_duplicates()
            if len(different) > 1:
                shown = ", ".join(map(str, different.head(3)))
                raise DesignError(
                    f"Donor '{name}' has several values of '{column}' within one arm ({shown}). "
                    "A block or covariate should be constant there."
                )
            values.append(different.iloc[0])
    return pd.DataFrame(columns, index=facts.index)


def composition_rows(cells: pd.DataFrame, facts: pd.DataFrame, tissue: str) -> list[dict[str, Any]]:
    """Tabulate every donor's shares."""
    counts = cells.to_numpy(dtype=int)
    totals = counts.sum(axis=1)
    return [
        {
            "tissue": tissue,
            "donor": facts["donor"].iloc[unit],
            "arm": "case" if facts["case"].iloc[unit] else "reference",
            "population": str(population),
            "n_cells": counts[unit, place],
            "share": counts[unit, place] / totals[unit],
        }
        for unit in range(len(cells))
        for place, population in enumerate(cells.columns)
    ]


def ratio_rows(
    cells: pd.DataFrame, facts: pd.DataFrame, named: list[Ratio], tissue: str
) -> list[dict[str, Any]]:
    """Tabulate every donor's named ratios."""
    rows = []
    for ratio in named:
        above = cells[[p for p in ratio.above if p in cells]].sum(axis=1).to_numpy()
        below = cells[[p for p in ratio.below if p in cells]].sum(axis=1).to_numpy()
        for unit in range(len(cells)):
            empty = above[unit] + below[unit] == 0
            value, lower, upper = (
                (NAN,) * 3 if empty else ratio_interval(float(above[unit]), float(below[unit]))
            )
            rows.append(
                {
                    "tissue": tissue,
                    "donor": facts["donor"].iloc[unit],
                    "arm": "case" if facts["case"].iloc[unit] else "reference",
                    "ratio": ratio.name,
                    "value": value,
                    "lower": lower,
                    "upper": upper,
                }
            )
    return rows
