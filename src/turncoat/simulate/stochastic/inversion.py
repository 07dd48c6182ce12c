"""Whole numbers from one uniform: the smallest whose cumulative probability reaches it.

For small numbers: the work grows with the number drawn.
"""

from turncoat.kernel import kernel


def binomial_reference(uniform: float, size: float, chance: float) -> float:
    """SciPy's quantile of the binomial law."""
    from scipy.stats import binom

    return float(max(0.0, binom.ppf(uniform, size, chance)))


@kernel(reference=binomial_reference, allocates=False)
def binomial(uniform: float, size: float, chance: float) -> float:
    """How many of some things happen, each with a chance; exact, for up to about 500."""
    # Counting the rarer of the two keeps the first probability away from zero.
    flipped = chance > 0.5
    rare = 1.0 - chance if flipped else chance
    left = 1.0 - uniform if flipped else uniform
    odds, count = rare / (1.0 - rare), 0.0
    probability = (1.0 - rare) ** int(size)
    while left > probability and count < size:
        left -= probability
        probability *= odds * (size - count) / (count + 1.0)
        count += 1.0
    return size - count if flipped else count


def negative_binomial_reference(uniform: float, size: float, ratio: float) -> float:
    """SciPy's quantile of the negative binomial law."""
    from scipy.stats import nbinom

    return float(nbinom.ppf(uniform, size, 1.0 - ratio)) if size else 0.0


@kernel(reference=negative_binomial_reference, allocates=False)
def negative_binomial(uniform: float, size: float, ratio: float) -> float:
    """Sum of some geometric numbers from zero, each of ``P(n) ~ ratio^n``."""
    probability, count, left = (1.0 - ratio) ** int(size), 0.0, uniform
    while left > probability and probability > 0.0:
        left -= probability
        probability *= ratio * (size + count) / (count + 1.0)
        count += 1.0
    return count
