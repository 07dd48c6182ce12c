"""The arrays that crosstalk works on, taken from a tally."""

from dataclasses import dataclass
from typing import Any, Final

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.errors import DesignError
from turncoat.stats.contrast import Contrast
from turncoat.tables import BoolArray, FloatArray, IntArray
from turncoat.tally import layout
from turncoat.tally.counts import not_negative

PER: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Field:
    """Expression of every population in every sample of a contrast.

    Parameters
    ----------
    populations, samples, genes
        Names along the axes.
    level
        Counts per 10,000 of the summed cells, shape ``(samples, populations, genes)``.
    detection
        Share of cells with a count, same shape.
    n_cells
        Cells, shape ``(samples, populations)``.
    depth
        Counts per cell, same shape.
    soup
        Counts per 10,000 of all cells of a sample together, shape ``(samples, genes)``.
    design
        One row per sample: donor, case, unit, then block and covariates.
    """

    populations: tuple[str, ...]
    samples: tuple[str, ...]
    genes: tuple[str, ...]
    level: FloatArray
    detection: FloatArray
    n_cells: IntArray
    depth: FloatArray
    soup: FloatArray
    design: pd.DataFrame

    @property
    def case(self) -> BoolArray:
        """Whether each sample is in the case arm."""
        return self.design["case"].to_numpy(dtype=bool)

    def measured(self, min_cells: int) -> BoolArray:
        """Whether a population has enough cells, shape ``(samples, populations)``."""
        return (self.n_cells >= max(min_cells, 1)) & (self.depth > 0)


def read_field(tally: ad.AnnData, contrast: Contrast, tissue: str, genes: list[str]) -> Field:
    """Take from a tally what concerns a contrast.

    Parameters
    ----------
    tally
        A tally.
    contrast
        What is compared; checked before.
    tissue
        Tissue to stay within; empty for all.
    genes
        Genes to take, all of them in the tally.

    Returns
    -------
    Field
        Samples of both arms; populations in alphabetical order.

    Raises
    ------
    DesignError
        When a sample has two values of the contrast's variable.
    CountsError
        When a layer holds negative or missing values.
    """
    obs = tally.obs
    level = obs[contrast.variable].astype(str)
    chosen = level.isin([contrast.case, contrast.reference])
    if tissue:
        chosen &= obs[layout.TISSUE].astype(str) == tissue
    rows = np.flatnonzero(chosen.to_numpy())
    obs = obs.iloc[rows]
    sample, samples = pd.factorize(obs[layout.SAMPLE].astype(str), sort=True)
    population, populations = pd.factorize(obs[layout.POPULATION].astype(str), sort=True)
    design = _design(obs, level.iloc[rows] == contrast.case, contrast, sample, len(samples))
    columns = tally.var_names.get_indexer(pd.Index(genes))
    shape = (len(samples), len(populations))
    totals, n_cells = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    every = tally.layers[layout.COUNTS]
    np.add.at(totals, (sample, population), np.asarray(every.sum(axis=1)).ravel()[rows])
    np.add.at(n_cells, (sample, population), obs[layout.N_CELLS].to_numpy(dtype=np.int64))
    summed = _placed(_dense(tally, layout.COUNTS, rows, columns), sample, population, shape)
    soup_counts = summed.sum(axis=1)
    detected = _placed(_dense(tally, layout.DETECTED, rows, columns), sample, population, shape)
    safe_totals, safe_cells = np.where(totals > 0, totals, 1.0), np.maximum(n_cells, 1)
    all_counts = totals.sum(axis=1, keepdims=True)
    return Field(
        populations=tuple(populations),
        samples=tuple(samples),
        genes=tuple(genes),
        level=summed * (PER / safe_totals)[..., np.newaxis],
        detection=detected / safe_cells[..., np.newaxis],
        n_cells=n_cells,
        depth=totals / safe_cells,
        soup=PER * soup_counts / np.where(all_counts > 0, all_counts, 1.0),
        design=design,
    )


def _dense(tally: ad.AnnData, name: str, rows: IntArray, columns: IntArray) -> FloatArray:
    layer: Any = tally.layers[name]
    if hasattr(layer, "toarray"):
        values = np.asarray(layer[rows][:, columns].toarray(), dtype=np.float64)
    else:
        values = np.asarray(layer[np.ix_(rows, columns)], dtype=np.float64)
    return not_negative(values, name)


def _placed(
    values: FloatArray, sample: IntArray, population: IntArray, shape: tuple[int, int]
) -> FloatArray:
    placed = np.zeros((*shape, values.shape[1]))
    cell = sample * shape[1] + population
    if np.unique(cell).size == cell.size:
        placed[sample, population] = values
    else:  # a tally has one row per sample and population, but a tissue contrast may split a sample
        np.add.at(placed, (sample, population), values)
    return placed


def _design(
    obs: pd.DataFrame, case: "pd.Series[bool]", contrast: Contrast, sample: IntArray, n_samples: int
) -> pd.DataFrame:
    extra = [*([contrast.block] if contrast.block else []), *contrast.covariates]
    columns = list(dict.fromkeys([layout.DONOR, layout.SAMPLE, *extra]))
    table = obs[columns].assign(case=case.to_numpy(dtype=bool), number=sample)
    distinct = table.drop_duplicates()
    if len(distinct) > n_samples:
        repeated = distinct.loc[distinct["number"].duplicated(), layout.SAMPLE].iloc[0]
        raise DesignError(
            f"Sample '{repeated}' has several values of one of {['case', *columns]}. In crosstalk "
            "a sample is where cells could meet: it belongs to one donor and one arm."
        )
    distinct = distinct.sort_values("number").reset_index(drop=True)
    keys = distinct[layout.DONOR].astype(str) + "\t" + distinct["case"].astype(str)
    distinct["unit"] = pd.factorize(keys, sort=True)[0]
    return distinct.drop(columns="number")
