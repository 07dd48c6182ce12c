"""Random numbers by counter: the same for a mouse whatever thread, order or arm asks.

A number is a function of the seed, the mouse, what it is for and how many were drawn before
(Philox 4x32-10), so that there is no state to share or to seed. Two arms of one mouse meet
the same chance, which is what makes them counterfactuals of each other.

References
----------
Salmon et al. (2011), *Parallel random numbers: as easy as 1, 2, 3*, SC11. Hoermann (1993),
Insurance: Mathematics and Economics 12:39 (Poisson by transformed rejection).
"""

import math

import numpy as np

from turncoat.kernel import AS_WRITTEN, kernel
from turncoat.tables import FloatArray, IntArray

MASK = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)
FIRST, SECOND = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL_FIRST, WEYL_SECOND = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
ONE = np.uint64(1)
ROUNDS = 10
KEYS, COUNTERS = slice(0, 2), slice(2, 6)
# Where a mean is large enough for the rejection method.
POISSON_SWITCH = 10.0


def philox_reference(stream: IntArray, words: IntArray) -> None:
    """Ten rounds of Philox 4x32 in plain integers of Python."""
    key, x = [int(k) for k in stream[0:2]], [int(c) for c in stream[2:6]]
    for _ in range(ROUNDS):
        left, right = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [
            (right >> 32) ^ x[1] ^ key[0],
            right & 0xFFFFFFFF,
            (left >> 32) ^ x[3] ^ key[1],
            left & 0xFFFFFFFF,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    words[:] = x


@kernel(reference=philox_reference, allocates=False)
def philox(stream: IntArray, words: IntArray) -> None:
    """Four 32-bit words from a stream's key (0, 1) and counter (2 to 5)."""
    k0, k1 = stream[0], stream[1]
    a, b, c, d = stream[2], stream[3], stream[4], stream[5]
    for _ in range(ROUNDS):
        left, right = FIRST * a, SECOND * c
        a, b, c, d = (right >> SHIFT) ^ b ^ k0, right & MASK, (left >> SHIFT) ^ d ^ k1, left & MASK
        k0, k1 = (k0 + WEYL_FIRST) & MASK, (k1 + WEYL_SECOND) & MASK
    words[0], words[1], words[2], words[3] = a, b, c, d


@kernel(reference=AS_WRITTEN, allocates=False)
def uniform(stream: IntArray, words: IntArray) -> float:
    """Draw strictly between 0 and 1; the counter moves on by one."""
    philox(stream, words)
    stream[2] = (stream[2] + ONE) & MASK
    high = float(words[0] >> np.uint64(5))
    low = float(words[1] >> np.uint64(6))
    return (high * 67108864.0 + low + 0.5) / 9007199254740992.0


@kernel(reference=AS_WRITTEN, allocates=False)
def uniform_pair(stream: IntArray, words: IntArray) -> tuple[float, float]:
    """Two draws strictly between 0 and 1 for the price of one."""
    first = uniform(stream, words)
    high = float(words[2] >> np.uint64(5))
    low = float(words[3] >> np.uint64(6))
    return first, (high * 67108864.0 + low + 0.5) / 9007199254740992.0


@kernel(reference=AS_WRITTEN, allocates=False)
def exponential(stream: IntArray, words: IntArray) -> float:
    """Draw a waiting time of mean one."""
    return -math.log(uniform(stream, words))


@kernel(reference=AS_WRITTEN, allocates=False)
def normal(stream: IntArray, words: IntArray) -> float:
    """Draw a standard normal (Box and Muller, one of the pair)."""
    first, second = uniform_pair(stream, words)
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


@kernel(reference=AS_WRITTEN, allocates=False)
def poisson(mean: float, stream: IntArray, words: IntArray) -> float:
    """Draw a Poisson number, as a float."""
    if mean <= 0.0:
        return 0.0
    if mean < POISSON_SWITCH:
        limit, product, count = math.exp(-mean), uniform(stream, words), 0.0
        while product > limit:
            product *= uniform(stream, words)
            count += 1.0
        return count
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u, v = uniform(stream, words) - 0.5, uniform(stream, words)
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2.0):
            return float(k)
        if k >= 0 and (us >= 0.013 or v <= us):
            left = math.log(v * inverse / (a / (us * us) + b))
            if left <= -mean + k * math.log(mean) - math.lgamma(k + 1.0):
                return float(k)


def stream_of(seed: int, mouse: int = 0, purpose: int = 0, item: int = 0) -> IntArray:
    """Make a stream from a seed (up to 64 bits) and what it is for."""
    parts = (seed, seed >> 32, 0, mouse, purpose, item)
    return np.array([part & 0xFFFFFFFF for part in parts], dtype=np.uint64)


@kernel(reference=AS_WRITTEN)
def uniform_matrix(seed_stream: IntArray, mice: IntArray, out: FloatArray) -> None:
    """One row of uniforms per mouse, each row from the mouse's own stream."""
    stream, words = seed_stream.copy(), np.zeros(4, np.uint64)
    for row in range(mice.size):
        stream[2], stream[3] = np.uint64(0), np.uint64(mice[row])
        for column in range(out.shape[1]):
            out[row, column] = uniform(stream, words)
