"""Spreads that learn from each other, where scores differ in design and noise.

With six donors an arm a score knows its own spread badly, and a test must allow for that. Other
scores of the study tell how far a spread may stray from what was expected of it; a score's own
spread is drawn towards that expectation, by as much as they agree (empirical Bayes, as limma
does for genes). What is expected of a score is given from outside, one value per score.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from turncoat.errors import DesignError
from turncoat.stats.estimate import Estimate
from turncoat.stats.moderated import inverse_trigamma
from turncoat.tables import FloatArray

#: Fewer scores than this do not tell how far their spreads stray.
MIN_SCORES = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """How far the variances of scores stray from what was expected of them.

    Parameters
    ----------
    factor
        Typical ratio of a variance to its expectation.
    freedom
        Degrees of freedom that the expectation is worth; 0 where it tells nothing.
    n_scores
        Scores that told it.
    """

    factor: float
    freedom: float
    n_scores: int


def learn_scale(ratio: FloatArray, freedom: FloatArray) -> Scale:
    """Learn from many scores how well their variances were expected.

    The ratios are taken to be scaled F variables. How much they stray beyond their own noise is
    itself uncertain with few scores: it is taken one standard error higher than estimated, so
    that the expectation is trusted rather too little than too much.

    Parameters
    ----------
    ratio
        Variance of each score over its expectation, shape ``(n_scores,)``.
    freedom
        Degrees of freedom of each variance, same shape.

    Returns
    -------
    Scale
        Worth at most as many degrees of freedom as all scores have together.

    Raises
    ------
    DesignError
        With fewer than 8 scores whose ratio is a positive number.

    References
    ----------
    Smyth (2004), *Statistical Applications in Genetics and Molecular Biology* 3:3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = learn_scale(2 * rng.chisquare(10, 500) / 10, np.full(500, 10.0))
    >>> 1.9 < found.factor < 2.1, found.freedom > 30
    (True, True)
    """
    usable = np.isfinite(ratio) & (ratio > 0) & (freedom > 0)
    if usable.sum() < MIN_SCORES:
        raise DesignError(
            f"{int(usable.sum())} scores do not tell how far their spreads stray; "
            f"at least {MIN_SCORES} are needed."
        )
    value, free = ratio[usable], freedom[usable]
    value = np.maximum(value, 1e-5 * np.median(value))
    logged = np.log(value) - special.digamma(free / 2) + np.log(free / 2)
    seen = float(logged.var(ddof=1))
    excess = seen * (1 + np.sqrt(2 / (value.size - 1))) - float(
        special.polygamma(1, free / 2).mean()
    )
    most = float(free.sum())  # not worth more than all that is known
    worth = most if excess <= 0 else min(2 * inverse_trigamma(excess), most)
    factor = np.exp(logged.mean() + special.digamma(worth / 2) - np.log(worth / 2))
    return Scale(float(factor), float(worth), int(value.size))


def moderate(found: Estimate, expected: FloatArray, scale: Scale) -> Estimate:
    """Draw standard errors towards what is expected of them.

    Parameters
    ----------
    found
        Effects with errors of their own.
    expected
        Expected squared error of each, shape ``(n_scores,)``.
    scale
        How much the expectation is worth.

    Returns
    -------
    Estimate
        The same effects; own error and degrees of freedom kept where nothing was expected.
    """
    prior = np.where(np.isfinite(expected) & np.isfinite(found.error), scale.freedom, 0.0)
    likely = np.where(prior > 0, expected * scale.factor, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = (prior * likely + found.freedom * found.error**2) / (prior + found.freedom)
    return Estimate(found.effect, np.sqrt(squared), found.freedom + prior)
