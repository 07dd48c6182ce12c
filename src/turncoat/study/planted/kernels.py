"""Random counts from counters: the same cell comes out whatever the chunk or thread.

Every number is a hash of (seed, cell, draw), SplitMix64 of Steele 2014; so no generator
state is carried from cell to cell, as a NumPy generator's would be.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray

UInt = npt.NDArray[np.uint64]

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
MULTIPLY_A: Final = np.uint64(0xBF58476D1CE4E5B9)
MULTIPLY_B: Final = np.uint64(0x94D049BB133111EB)
SHIFT_A: Final = np.uint64(30)
SHIFT_B: Final = np.uint64(27)
SHIFT_C: Final = np.uint64(31)
SHIFT_UNIT: Final = np.uint64(11)
UNIT: Final = 1.0 / 9007199254740992.0  # 2**-53
#: Draws below this number describe the cell (population, depth …), those above its counts.
FIRST_EVENT: Final = 64
#: A burst beyond this many copies has a probability below 1e-12 at any level in use.
MAX_BURST: Final = 100_000


def mix_reference(value: Any) -> Any:
    """Hash 64 bits into 64 bits (SplitMix64's finaliser)."""
    with np.errstate(over="ignore"):
        value = (value ^ (value >> SHIFT_A)) * MULTIPLY_A
        value = (value ^ (value >> SHIFT_B)) * MULTIPLY_B
        return value ^ (value >> SHIFT_C)


@kernel(reference=mix_reference)
def mix(value: Any) -> Any:
    """Hash 64 bits into 64 bits (SplitMix64's finaliser)."""
    value = (value ^ (value >> SHIFT_A)) * MULTIPLY_A
    value = (value ^ (value >> SHIFT_B)) * MULTIPLY_B
    return value ^ (value >> SHIFT_C)


def uniforms(keys: UInt, draw: int) -> FloatArray:
    """Draw number ``draw`` of every cell, uniform on [0, 1), shape as ``keys``."""
    with np.errstate(over="ignore"):
        hashed = mix_reference(keys + np.uint64(draw + 1) * GOLDEN)
    return np.asarray((hashed >> SHIFT_UNIT) * UNIT, dtype=np.float64)


def cell_keys(seed: int, start: int, stop: int) -> UInt:
    """One key per cell of a study, shape ``(stop - start,)``."""
    cells = np.arange(start + 1, stop + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        base = mix_reference(np.uint64(seed) + GOLDEN)
        return np.asarray(mix_reference(base + cells * GOLDEN), dtype=np.uint64)


def alias_table_reference(weights: FloatArray) -> tuple[FloatArray, IntArray]:
    """Prepare each row for draws in constant time (Vose 1991), as plain Python."""
    n_rows, n_genes = weights.shape
    keep = np.ones((n_rows, n_genes), dtype=np.float32)
    other = np.zeros((n_rows, n_genes), dtype=np.int32)
    for row in range(n_rows):
        scaled = weights[row] * (n_genes / weights[row].sum())
        small = [g for g in range(n_genes) if scaled[g] < 1]
        large = [g for g in range(n_genes) if scaled[g] >= 1]
        while small and large:
            low, high = small.pop(), large[-1]
            keep[row, low], other[row, low] = scaled[low], high
            scaled[high] -= 1 - scaled[low]
            if scaled[high] < 1:
                small.append(large.pop())
    return keep, other


@kernel(reference=alias_table_reference)
def alias_table(weights: FloatArray) -> tuple[FloatArray, IntArray]:
    """Prepare each row for draws in constant time (Vose 1991)."""
    n_rows, n_genes = weights.shape
    keep = np.ones((n_rows, n_genes), dtype=np.float32)
    other = np.zeros((n_rows, n_genes), dtype=np.int32)
    small = np.empty(n_genes, dtype=np.int64)
    large = np.empty(n_genes, dtype=np.int64)
    for row in range(n_rows):
        scaled = weights[row] * (n_genes / weights[row].sum())
        n_small, n_large = 0, 0
        for gene in range(n_genes):
            if scaled[gene] < 1:
                small[n_small] = gene
                n_small += 1
            else:
                large[n_large] = gene
                n_large += 1
        while n_small > 0 and n_large > 0:
            n_small -= 1
            low, high = small[n_small], large[n_large - 1]
            keep[row, low], other[row, low] = scaled[low], high
            scaled[high] -= 1 - scaled[low]
            if scaled[high] < 1:
                n_large -= 1
                small[n_small] = high
                n_small += 1
    return keep, other


def burst_reference(x: float, coin: float) -> int:
    """Count the copies that one event brings, in plain Python."""
    if x <= 0:
        return 1
    log_term = float(np.log1p(x))
    if coin * x >= log_term:
        return 0
    left, share = coin * x / log_term, x / (1 + x)
    term, size = share / log_term, 1
    while left >= term and size < MAX_BURST:
        left -= term
        term *= share * size / (size + 1)
        size += 1
    return size


@kernel(reference=burst_reference)
def burst(x: float, coin: float) -> int:
    """Count the copies that one event brings: none if thinned, else a logarithmic number.

    A negative binomial of mean ``m`` and size ``r`` is a Poisson number, of mean
    ``r log(1 + m/r)``, of bursts with logarithmic sizes. Thinning those from a Poisson number of
    mean ``m`` lets one alias table serve cells of every depth; ``x`` is ``m/r``, ``coin`` is
    uniform, and ``x = 0`` stands for the Poisson limit.
    """
    if x <= 0:
        return 1
    log_term = np.log1p(x)
    if coin * x >= log_term:
        return 0
    left, share = coin * x / log_term, x / (1 + x)
    term, size = share / log_term, 1
    while left >= term and size < MAX_BURST:
        left -= term
        term *= share * size / (size + 1)
        size += 1
    return size


def add_events_reference(
    counts: IntArray,
    state: np.uint64,
    n_events: int,
    keep: FloatArray,
    other: IntArray,
    ratio: FloatArray,
    scale: float,
) -> np.uint64:
    """Add events to one cell's counts, all at once."""
    n_genes = counts.size
    with np.errstate(over="ignore"):
        states = state + np.arange(1, 2 * n_events + 1, dtype=np.uint64) * GOLDEN
        last = state + np.uint64(2 * n_events) * GOLDEN
    drawn = (mix_reference(states) >> SHIFT_UNIT) * UNIT
    place, coin = drawn[::2] * n_genes, drawn[1::2]
    column = place.astype(np.int64)
    chosen = np.where(place - column < keep[column], column, other[column])
    sizes = [
        burst_reference(scale * float(ratio[gene]), c) for gene, c in zip(chosen, coin, strict=True)
    ]
    np.add.at(counts, chosen, np.array(sizes, dtype=counts.dtype))
    return np.uint64(last)


@kernel(reference=add_events_reference)
def add_events(
    counts: IntArray,
    state: np.uint64,
    n_events: int,
    keep: FloatArray,
    other: IntArray,
    ratio: FloatArray,
    scale: float,
) -> np.uint64:
    """Add events to one cell's counts and return the state of its counter."""
    n_genes = counts.size
    for _ in range(n_events):
        state += GOLDEN
        place = (mix(state) >> SHIFT_UNIT) * UNIT * n_genes
        state += GOLDEN
        coin = (mix(state) >> SHIFT_UNIT) * UNIT
        column = int(place)
        chosen = column if place - column < keep[column] else other[column]
        counts[chosen] += burst(scale * ratio[chosen], coin)
    return state


def sample_counts_reference(
    keys: UInt,
    events: IntArray,
    rows: IntArray,
    scale: FloatArray,
    keep: FloatArray,
    other: IntArray,
    ratio: FloatArray,
) -> tuple[FloatArray, IntArray, IntArray]:
    """Draw the counts of some cells as a dense matrix, then list what is not zero."""
    dense = np.zeros((keys.size, keep.shape[1]), dtype=np.int32)
    for cell in range(keys.size):
        with np.errstate(over="ignore"):
            state = np.uint64(keys[cell] + np.uint64(FIRST_EVENT) * GOLDEN)
        for part in range(events.shape[1]):
            row = rows[cell, part]
            depth = scale[cell] if part == 0 else 0.0
            state = add_events_reference(
                dense[cell],
                state,
                int(events[cell, part]),
                keep[row],
                other[row],
                ratio[row],
                depth,
            )
    cells, genes = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=keys.size))])
    return dense[cells, genes].astype(np.float32), genes.astype(np.int32), indptr.astype(np.int64)


@kernel(reference=sample_counts_reference)
def sample_counts(
    keys: UInt,
    events: IntArray,
    rows: IntArray,
    scale: FloatArray,
    keep: FloatArray,
    other: IntArray,
    ratio: FloatArray,
) -> tuple[FloatArray, IntArray, IntArray]:
    """Draw the counts of some cells: part 0 negative binomial, the other parts Poisson."""
    n_cells, n_genes = keys.size, keep.shape[1]
    room = 0
    for cell in range(n_cells):
        room += min(events[cell].sum(), n_genes)
    data = np.empty(room, dtype=np.float32)
    indices = np.empty(room, dtype=np.int32)
    indptr = np.zeros(n_cells + 1, dtype=np.int64)
    counts = np.zeros(n_genes, dtype=np.int32)
    n_stored = 0
    for cell in range(n_cells):
        state = keys[cell] + np.uint64(FIRST_EVENT) * GOLDEN
        for part in range(events.shape[1]):
            row = rows[cell, part]
            depth = scale[cell] if part == 0 else 0.0
            state = add_events(
                counts, state, events[cell, part], keep[row], other[row], ratio[row], depth
            )
        for gene in range(n_genes):
            if counts[gene] > 0:
                data[n_stored] = counts[gene]
                indices[n_stored] = gene
                n_stored += 1
                counts[gene] = 0
        indptr[cell + 1] = n_stored
    return data[:n_stored].copy(), indices[:n_stored].copy(), indptr
