"""Metastases as what they are: rare arrivals, each a small colony that mostly dies out.

Circulating cells lodge in an organ as a Poisson process. Each founds a colony whose cells
divide and die at random until it is gone or has a thousand cells; only then does it join
the organ's burden, which follows the model's own equation. Between two times of the grid
rates are constant, and the transition of a linear birth-death process is known exactly.

References
----------
Kendall (1948), Ann. Math. Stat. 19:1 (the transition); Bartlett (1955), *An introduction to
stochastic processes*.
"""

import math
from typing import NamedTuple

import numpy as np

from turncoat.kernel import AS_WRITTEN, kernel
from turncoat.simulate.stochastic.streams import exponential, normal, uniform
from turncoat.tables import FloatArray, IntArray

ESTABLISHED = 1000.0
CELLS_PER_MILLION = 1e6
# Below this a colony's cells are drawn one by one; above, as a normal with exact moments.
EXACT_BELOW = 32.0
MOST_COLONIES = 20_000
ARRIVALS, COLONY, RETURNED = np.uint64(16), np.uint64(32), np.uint64(0xFFFFFFFF)
DRAWS_PER_STEP = np.uint64(4096)


class Organ(NamedTuple):
    """What one organ of one mouse offers to colonies, along the grid of times.

    Rates are per day: ``arrivals`` of cells that lodge, ``death`` of a cell of a small
    colony, ``kill`` the part of it by natural killer cells, ``birth``. ``limits`` holds the
    burden (million cells) at which growth stops and at which killing is half as strong.
    """

    arrivals: FloatArray
    death: FloatArray
    kill: FloatArray
    birth: float
    limits: FloatArray


def transition_reference(birth: float, death: float, days: float) -> tuple[float, float]:
    """Chance that one cell's line dies out, and the ratio of its geometric size if not."""
    if abs(birth - death) < 1e-9:
        return (birth * days / (1 + birth * days),) * 2
    growth = math.expm1((birth - death) * days)
    below = birth * (growth + 1.0) - death
    return death * growth / below, birth * growth / below


@kernel(reference=transition_reference, allocates=False)
def transition(birth: float, death: float, days: float) -> tuple[float, float]:
    """Chance that one cell's line dies out, and the ratio of its geometric size if not."""
    if abs(birth - death) < 1e-9:
        same = birth * days / (1.0 + birth * days)
        return same, same
    growth = math.expm1((birth - death) * days)
    below = birth * (growth + 1.0) - death
    return death * growth / below, birth * growth / below


@kernel(reference=AS_WRITTEN, allocates=False)
def following_size(
    size: float, birth: float, death: float, days: float, stream: IntArray, words: IntArray
) -> float:
    """Cells of a colony some days later."""
    lost, ratio = transition(birth, death, days)
    if size >= EXACT_BELOW:
        mean = (1.0 - lost) / (1.0 - ratio)
        spread = (1.0 - lost) * (ratio + lost) / (1.0 - ratio) ** 2
        drawn = size * mean + math.sqrt(size * spread) * normal(stream, words)
        return max(0.0, float(math.floor(drawn + 0.5)))
    total = 0.0
    scale = 1.0 / math.log(ratio) if ratio > 0.0 else 0.0
    for _ in range(int(size)):
        # One draw decides both: above ``lost`` it is uniform again on what is left.
        drawn = uniform(stream, words)
        if drawn >= lost:
            total += 1.0 + math.floor(scale * math.log((1.0 - drawn) / (1.0 - lost)))
    return total


@kernel(reference=AS_WRITTEN, allocates=False)
def follow_colony(
    organ: Organ, times: FloatArray, step: int, share: float, stream: IntArray, words: IntArray
) -> tuple[float, int]:
    """Follow a colony from one cell; its last size, and the time at which it is established."""
    size, first = 1.0, stream[5]
    for k in range(step, times.size - 1):
        days = (times[k + 1] - times[k]) * (1.0 - share if k == step else 1.0)
        stream[2] = np.uint64(k) * DRAWS_PER_STEP
        stream[5] = first
        size = following_size(size, organ.birth, organ.death[k], days, stream, words)
        if size == 0.0:
            return 0.0, times.size
        if size >= ESTABLISHED:
            return size, k + 1
    return size, times.size


@kernel(reference=AS_WRITTEN, allocates=False)
def burden_slope(organ: Organ, k: int, burden: float) -> float:
    """Growth rate of the established burden, the equation of the model."""
    room = (organ.limits[0] - burden) / organ.limits[0]
    kill = organ.kill[k] * organ.limits[1] / (organ.limits[1] + burden)
    slope: float = organ.birth * room - (organ.death[k] - organ.kill[k]) - kill
    return slope


@kernel(reference=AS_WRITTEN, allocates=False)
def grow(
    organ: Organ, times: FloatArray, stream: IntArray, words: IntArray, burden: FloatArray
) -> None:
    """Integrate the burden, given what joins it at each time; below 1000 cells by chance."""
    for k in range(times.size - 1):
        size, days = burden[k], times[k + 1] - times[k]
        if size * CELLS_PER_MILLION >= ESTABLISHED:
            middle = size * math.exp(0.5 * days * burden_slope(organ, k, size))
            size *= math.exp(days * burden_slope(organ, k, middle))
        if 0.0 < size * CELLS_PER_MILLION < ESTABLISHED:
            stream[2], stream[5] = np.uint64(k) * DRAWS_PER_STEP, RETURNED
            cells = math.floor(size * CELLS_PER_MILLION)
            death = organ.death[k]
            if burden[k] * CELLS_PER_MILLION < ESTABLISHED:
                cells = following_size(cells, organ.birth, death, days, stream, words)
            size = cells / CELLS_PER_MILLION
        burden[k + 1] += size


@kernel(reference=AS_WRITTEN, allocates=False)
def colonise(
    organ: Organ, times: FloatArray, stream: IntArray, words: IntArray, burden: FloatArray
) -> tuple[float, float, float]:
    """Seed and follow all colonies of one organ of one mouse.

    Returns the cells that lodged, the colonies that reached a thousand cells, and those
    alive but smaller at the end; ``burden`` receives the established cells in millions.
    """
    purpose = stream[4]
    lodged, established, small = 0.0, 0.0, 0.0
    passed, waiting = 0.0, 0.0
    stream[2], stream[4], stream[5] = np.uint64(0), purpose + ARRIVALS, np.uint64(0)
    next_draw = np.uint64(0)
    waiting = exponential(stream, words)
    next_draw = stream[2]
    for k in range(times.size - 1):
        expected = organ.arrivals[k] * (times[k + 1] - times[k])
        while waiting < passed + expected and lodged < MOST_COLONIES:
            share = (waiting - passed) / expected
            stream[4], stream[5] = purpose + COLONY, np.uint64(lodged)
            size, when = follow_colony(organ, times, k, share, stream, words)
            lodged += 1.0
            if when < times.size:
                established += 1.0
                burden[when] += size / CELLS_PER_MILLION
            elif size > 0.0:
                small += 1.0
            stream[2], stream[4], stream[5] = next_draw, purpose + ARRIVALS, np.uint64(0)
            waiting += exponential(stream, words)
            next_draw = stream[2]
        passed += expected
    stream[4] = purpose + COLONY
    grow(organ, times, stream, words, burden)
    stream[4] = purpose
    return lodged, established, small


@kernel(reference=AS_WRITTEN)
def colonise_batch(
    arrivals: FloatArray, death: FloatArray, kill: FloatArray, birth: FloatArray,
    limits: FloatArray, times: FloatArray, mice: IntArray, seed_stream: IntArray,
    counts: FloatArray, burden: FloatArray,
) -> None:  # fmt: skip
    """Seed and follow one organ of every mouse, each from the mouse's own stream."""
    stream, words = seed_stream.copy(), np.zeros(4, np.uint64)
    for row in range(mice.size):
        stream[3] = np.uint64(mice[row])
        organ = Organ(arrivals[row], death[row], kill[row], birth[row], limits[row])
        lodged, established, small = colonise(organ, times, stream, words, burden[row])
        counts[row, 0] = lodged
        counts[row, 1] = established
        counts[row, 2] = small
