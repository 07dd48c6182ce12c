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
from turncoat.simulate.stochastic.inversion import binomial, negative_binomial
from turncoat.simulate.stochastic.streams import normal, uniform_pair
from turncoat.tables import FloatArray, IntArray

ESTABLISHED = 1000.0
CELLS_PER_MILLION = 1e6
# Below this a colony's next size is drawn exactly; above, as a normal with exact moments.
EXACT_BELOW = 32.0
# Inversion counts up to the growth drawn: not for transitions in which lines grow manyfold.
LARGEST_RATIO = 0.75
MOST_COLONIES = 20_000
ARRIVALS, COLONY, RETURNED = np.uint64(16), np.uint64(32), np.uint64(0xFFFFFFFF)
DRAWS_PER_STEP = np.uint64(4096)
NONE_SPARE = -1.0


class Organ(NamedTuple):
    """What one organ of one mouse offers to colonies, along the grid of times.

    Rates are per day: ``arrivals`` of cells that lodge, ``death`` of a cell of a small
    colony, ``kill`` the part of it by natural killer cells, ``birth``. ``limits`` holds the
    burden (million cells) at which growth stops and at which killing is half as strong;
    ``lost`` and ``ratio`` the :func:`transition` over each interval.
    """

    arrivals: FloatArray
    death: FloatArray
    kill: FloatArray
    birth: float
    limits: FloatArray
    lost: FloatArray
    ratio: FloatArray


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
    size: float, lost: float, ratio: float, stream: IntArray, words: IntArray
) -> float:
    """Cells of a colony after a transition: its living lines, and what they grew by.

    Each line dies out with chance ``lost``, else it has one cell and a geometric number
    more. The lines left are binomial and their growth negative binomial, both exact.
    """
    if size >= EXACT_BELOW or ratio > LARGEST_RATIO:
        mean = (1.0 - lost) / (1.0 - ratio)
        spread = (1.0 - lost) * (ratio + lost) / (1.0 - ratio) ** 2
        if size >= EXACT_BELOW:
            drawn = size * mean + math.sqrt(size * spread) * normal(stream, words)
            return max(0.0, float(math.floor(drawn + 0.5)))
        return lines_one_by_one(size, lost, ratio, stream, words)
    first, second = uniform_pair(stream, words)
    alive = binomial(first, size, 1.0 - lost)
    return alive + negative_binomial(second, alive, ratio) if alive > 0.0 else 0.0


@kernel(reference=AS_WRITTEN, allocates=False)
def lines_one_by_one(
    size: float, lost: float, ratio: float, stream: IntArray, words: IntArray
) -> float:
    """Cells after a transition so long that inversion would count very far."""
    total, scale = 0.0, 1.0 / math.log(ratio)
    for _ in range(int(size)):
        first, second = uniform_pair(stream, words)
        if first >= lost:
            total += 1.0 + math.floor(scale * math.log(second))
    return total


@kernel(reference=AS_WRITTEN, allocates=False)
def follow_colony(
    organ: Organ, times: FloatArray, step: int, share: float, stream: IntArray, words: IntArray
) -> tuple[float, int]:
    """Follow a colony from one cell; its last size, and the time at which it is established."""
    size, first = 1.0, stream[5]
    days = (times[step + 1] - times[step]) * (1.0 - share)
    lost, ratio = transition(organ.birth, organ.death[step], days)
    for k in range(step, times.size - 1):
        stream[2] = np.uint64(k) * DRAWS_PER_STEP
        stream[5] = first
        if k > step:
            lost, ratio = organ.lost[k], organ.ratio[k]
        size = following_size(size, lost, ratio, stream, words)
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
            if burden[k] * CELLS_PER_MILLION < ESTABLISHED:
                cells = following_size(cells, organ.lost[k], organ.ratio[k], stream, words)
            size = cells / CELLS_PER_MILLION
        burden[k + 1] += size


@kernel(reference=AS_WRITTEN, allocates=False)
def next_gap(spare: float, lodged: float, stream: IntArray, words: IntArray) -> tuple[float, float]:
    """Give the expected arrivals before the next one, and the gap drawn with it for the one after."""
    if spare != NONE_SPARE:
        return spare, NONE_SPARE
    stream[2], stream[5] = np.uint64(lodged), np.uint64(0)
    first, second = uniform_pair(stream, words)
    return -math.log(first), -math.log(second)


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
    stream[4] = purpose + ARRIVALS
    passed = 0.0
    waiting, spare = next_gap(NONE_SPARE, lodged, stream, words)
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
            stream[4] = purpose + ARRIVALS
            gap, spare = next_gap(spare, lodged, stream, words)
            waiting += gap
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
    lost, ratio = np.zeros(times.size - 1), np.zeros(times.size - 1)
    for row in range(mice.size):
        stream[3] = np.uint64(mice[row])
        for k in range(lost.size):
            lost[k], ratio[k] = transition(birth[row], death[row, k], times[k + 1] - times[k])
        organ = Organ(arrivals[row], death[row], kill[row], birth[row], limits[row], lost, ratio)
        lodged, established, small = colonise(organ, times, stream, words, burden[row])
        counts[row, 0] = lodged
        counts[row, 1] = established
        counts[row, 2] = small
