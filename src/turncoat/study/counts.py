"""Are these raw counts? A look at a few stretches of cells before work starts."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from turncoat.errors import CountsError, FileFormatError
from turncoat.study.sources.annotation import features_of
from turncoat.study.sources.protocol import Block, CellSource
from turncoat.tables import FloatArray

#: Cells looked at in each of the stretches: start, middle and end of the file.
CELLS_PER_STRETCH = 64
#: Largest spread of cells' totals, relative, that still counts as normalised to one total.
SAME_TOTAL = 1e-3
#: log1p of a count above this (1e13) does not occur: larger values are not logarithms.
LARGEST_LOG = 30.0


def check_counts(source: CellSource) -> None:
    """Refuse a source whose first, middle or last cells are not raw counts.

    Raises
    ------
    CountsError
        When there are no cells or values are negative, fractional or NaN: names cell and gene,
        says what the values look like, and which other matrix of the file holds counts.
    """
    if source.n_cells == 0:
        raise CountsError(f"{source.name} has no cells: give a file with at least one.")
    if features_of(source).names.size == 0:
        raise CountsError(f"{source.name} has no genes: give a file with at least one.")
    for block in stretches(source):
        place = first_wrong(block)
        if place is not None:
            raise CountsError(describe_wrong(source, block, place) + advice(source))


def stretches(source: CellSource) -> Iterator[Block]:
    """Read a few cells at the start, in the middle and at the end."""
    n = min(CELLS_PER_STRETCH, source.n_cells)
    starts = dict.fromkeys((0, (source.n_cells - n) // 2, source.n_cells - n))
    for start in starts:
        yield from source.blocks(n, start=start, stop=start + n)


def first_wrong(block: Block) -> int | None:
    """Place of the first stored value that is no raw count, or None."""
    data = block.data
    if np.issubdtype(data.dtype, np.unsignedinteger) or data.dtype == bool:
        return None
    if not np.issubdtype(data.dtype, np.number) or np.issubdtype(data.dtype, np.complexfloating):
        return 0 if data.size else None
    with np.errstate(invalid="ignore"):
        wrong = ~((data >= 0) & (data == np.floor(data)) & np.isfinite(data))
    places = np.flatnonzero(wrong)
    return int(places[0]) if places.size else None


def describe_wrong(source: CellSource, block: Block, place: int) -> str:
    """Say where the first wrong value is and what the matrix seems to hold."""
    cell = block.start + int(np.searchsorted(block.indptr, place, side="right")) - 1
    gene = str(features_of(source).names[int(block.indices[place])])
    value = block.data[place]
    where = f"{source.name}: cell {cell}, gene {gene} holds {value:.6g}"
    return f"{where}, but raw counts (whole numbers from 0) are needed. {diagnose(block)}"


def diagnose(block: Block) -> str:
    """Tell what a block of values that are no counts has gone through."""
    data = np.asarray(block.data, dtype=np.float64)
    if np.isnan(data).any():
        return "There are NaN: find out where they come from; a missing count is not a zero."
    if (data < 0).any():
        return "Negative values: the matrix was scaled or corrected."
    if data.max() <= LARGEST_LOG and _same_totals(np.expm1(data), block):
        total = _totals(np.expm1(data), block).mean()
        return f"The matrix is log-normalised: log1p of counts per {total:,.0f}."
    if _same_totals(data, block):
        return f"The matrix is normalised: each cell sums to {_totals(data, block).mean():,.6g}."
    if data.max() <= LARGEST_LOG:
        return "Small fractional values: the matrix looks log-transformed."
    return (
        "Fractional values: ambient-corrected, normalised or estimated counts. Counts of SoupX or "
        'CellBender are taken where they are declared: counts = "corrected" under [cells], or '
        "turncoat.pp.corrected(source)."
    )


def _totals(values: FloatArray, block: Block) -> FloatArray:
    cells = np.repeat(np.arange(block.n_cells), np.diff(block.indptr))
    totals = np.bincount(cells, weights=values, minlength=block.n_cells).astype(np.float64)
    return totals[totals > 0]


def _same_totals(values: FloatArray, block: Block) -> bool:
    totals = _totals(values, block)
    return totals.size > 1 and bool(np.ptp(totals) <= SAME_TOTAL * totals.mean())


def advice(source: CellSource) -> str:
    """Name the matrices of the same file that do hold counts, or say what to look for."""
    good = [repr(layer) for layer, other in _alternatives(source) if _holds_counts(other)]
    if good:
        return f" Raw counts are in this file: use layer={' or layer='.join(good)}."
    return " No other matrix of the file holds counts: use the file from before normalisation."


def _alternatives(source: CellSource) -> list[tuple[str, Any]]:
    try:
        return list(source.alternatives().items())
    except FileFormatError:
        return []


def _holds_counts(source: CellSource) -> bool:
    try:
        blocks = list(itertools.islice(stretches(source), 3))
    except FileFormatError:
        return False
    return all(first_wrong(block) is None for block in blocks)
