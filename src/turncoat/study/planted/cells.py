"""Cells of a planted study, drawn block by block: the same whatever the blocks."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri, pdtrik

from turncoat.study.planted.atlas import NAMES, POPULATIONS
from turncoat.study.planted.kernels import (
    UInt,
    alias_table,
    cell_keys,
    sample_counts,
    uniforms,
)
from turncoat.study.planted.model import Model
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Natural-log spread of counts per cell within a population.
CELL_DEPTH_SD: Final = 0.45
#: Natural-log spread of the ambient fraction between cells.
AMBIENT_SD: Final = 0.5
MAX_AMBIENT: Final = 0.9
#: Share of a cycling cell's counts that come from the cell-cycle programme.
CYCLE_FRACTION: Final = 0.03
#: Poisson quantiles are taken no closer to 0 or 1 than this.
EDGE_OF_UNIT: Final = 1e-12


@dataclass(frozen=True, slots=True)
class CellBlock:
    """Consecutive cells of one sample.

    Parameters
    ----------
    start
        Number of the first cell in the study.
    sample
        Row of the table of samples.
    population
        Number of each cell's population.
    cycling
        Whether each cell is in cycle.
    data, indices, indptr
        Counts, as the arrays of a CSR matrix.
    """

    start: int
    sample: int
    population: IntArray
    cycling: BoolArray
    data: FloatArray
    indices: IntArray
    indptr: IntArray


@dataclass(frozen=True, slots=True)
class _SampleTables:
    keep: FloatArray
    other: IntArray
    ratio: FloatArray
    cumulative: FloatArray
    depth: float


def blocks(
    model: Model, *, depth: float, ambient: float, rows_per_block: int, n_threads: int
) -> Iterator[CellBlock]:
    """Draw every cell of a study, in order.

    Parameters
    ----------
    model
        What to draw from.
    depth
        Median counts per cell.
    ambient
        Mean share of counts from the sample's ambient RNA.
    rows_per_block
        Most cells per block; blocks never span samples.
    n_threads
        Blocks drawn at the same time.

    Yields
    ------
    CellBlock
        Blocks in the order of the cells.
    """
    waiting: deque[Future[CellBlock]] = deque()
    first = 0
    with ThreadPoolExecutor(n_threads) as pool:
        for sample, n_cells in enumerate(model.samples["n_cells"]):
            tables = _tables(model, sample, depth)
            for start in range(first, first + n_cells, rows_per_block):
                stop = min(start + rows_per_block, first + n_cells)
                keys = cell_keys(model.seed, start, stop)
                waiting.append(pool.submit(_draw, keys, start, sample, tables, ambient))
                if len(waiting) > 2 * n_threads:
                    yield waiting.popleft().result()
            first += n_cells
        while waiting:
            yield waiting.popleft().result()


def _tables(model: Model, sample: int, depth: float) -> _SampleTables:
    profiles = model.profiles(sample)
    share = model.composition[sample]
    relative = np.array([population.depth for population in POPULATIONS])
    soup = (share * relative) @ profiles
    weights = np.vstack([profiles, soup / soup.sum(), model.cycle_profile()])
    keep, other = alias_table(np.ascontiguousarray(weights))
    return _SampleTables(
        keep=keep,
        other=other,
        ratio=(weights / model.sizes).astype(np.float32),
        cumulative=np.cumsum(share),
        depth=depth * model.sample_depth(sample),
    )


def _draw(keys: UInt, start: int, sample: int, tables: _SampleTables, ambient: float) -> CellBlock:
    last = len(NAMES) - 1
    population = np.minimum(np.searchsorted(tables.cumulative, uniforms(keys, 0), "right"), last)
    relative = np.array([each.depth for each in POPULATIONS])[population]
    cycling = uniforms(keys, 1) < np.array([each.cycling for each in POPULATIONS])[population]
    depth = tables.depth * relative * np.exp(CELL_DEPTH_SD * _normal(keys, 2))
    soup = ambient * np.exp(AMBIENT_SD * _normal(keys, 3) - AMBIENT_SD**2 / 2)
    soup = np.minimum(soup, MAX_AMBIENT)
    cycle = np.where(cycling, CYCLE_FRACTION, 0.0)
    parts = np.column_stack([(1 - soup) * (1 - cycle), soup, (1 - soup) * cycle])
    events = np.column_stack(
        [_poisson(keys, 4 + part, depth * parts[:, part]) for part in range(parts.shape[1])]
    )
    n_profiles = len(NAMES)
    rows = np.column_stack(
        [population, np.full(keys.size, n_profiles), np.full(keys.size, n_profiles + 1)]
    )
    data, indices, indptr = sample_counts(
        keys, events, rows, depth * parts[:, 0], tables.keep, tables.other, tables.ratio
    )
    return CellBlock(start, sample, population, cycling, data, indices, indptr)


def _normal(keys: UInt, draw: int) -> FloatArray:
    unit = np.clip(uniforms(keys, draw), EDGE_OF_UNIT, 1 - EDGE_OF_UNIT)
    return np.asarray(ndtri(unit))


def _poisson(keys: UInt, draw: int, mean: FloatArray) -> IntArray:
    unit = np.clip(uniforms(keys, draw), EDGE_OF_UNIT, 1 - EDGE_OF_UNIT)
    some = mean > 0
    number = np.zeros(mean.size, dtype=np.int64)
    # pdtrik inverts the distribution at real numbers; the quantile is the next whole one.
    number[some] = np.maximum(np.ceil(pdtrik(unit[some], mean[some])), 0).astype(np.int64)
    return number
