"""Does the receiver answer? Its response against the signal, over donors, with a sign."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import stdtr

from turncoat.crosstalk.by_unit import AT_ONCE
from turncoat.stats.laws import never_zero
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Degrees of freedom that must be left after adjustment; with fewer, one donor decides.
MIN_FREEDOM: Final = 4
#: Genes that a response needs on the panel, and share of its weight.
MIN_GENES: Final = 5
MIN_COVERAGE: Final = 0.3
#: Two columns of covariates that explain each other to this degree are one.
COLLINEAR: Final = 1e-8


@dataclass(frozen=True, slots=True)
class Responses:
    """What receivers do when a ligand reaches them, as weights over genes.

    Parameters
    ----------
    names
        Name of each response.
    weights
        Shape ``(n_genes, n_responses)``; every column has mean 0 and the sum of its absolute
        values is 1.
    coverage
        Share of the response's weight whose genes the panel has.
    n_genes
        Genes with weight on the panel.
    """

    names: tuple[str, ...]
    weights: FloatArray
    coverage: FloatArray
    n_genes: IntArray

    def take(self, some: IntArray) -> "Responses":
        """Keep some of the responses."""
        return Responses(
            tuple(self.names[number] for number in some),
            self.weights[:, some],
            self.coverage[some],
            self.n_genes[some],
        )

    @property
    def usable(self) -> BoolArray:
        """Whether enough of the response is measured."""
        return (self.coverage >= MIN_COVERAGE) & (self.n_genes >= MIN_GENES)


@dataclass(frozen=True, slots=True)
class Answers:
    """How each receiver's response follows each signal, as arrays over tests.

    Parameters
    ----------
    correlation
        Partial correlation of response and signal over donors.
    pvalue
        Two-sided.
    within, within_pvalue
        The same within the arms, where a difference between the arms cannot make it.
    held_out
        Correlation of each donor's response with its prediction from the other donors; NaN where
        it cannot be had.
    n_units
        Donors (or pairs) that enter.
    freedom
        Degrees of freedom left.
    """

    correlation: FloatArray
    pvalue: FloatArray
    within: FloatArray
    within_pvalue: FloatArray
    held_out: FloatArray
    n_units: IntArray
    freedom: IntArray

    @classmethod
    def none(cls, n_tests: int) -> "Answers":
        """Nothing asked yet."""
        correlation, pvalue, within, within_pvalue, held_out = np.full((5, n_tests), np.nan)
        n_units, freedom = np.zeros((2, n_tests), dtype=np.int64)
        return cls(correlation, pvalue, within, within_pvalue, held_out, n_units, freedom)

    def take(self, some: IntArray) -> "Answers":
        """Give the answers of some tests."""
        return Answers(*(getattr(self, name)[some] for name in self.__slots__))

    def put(self, some: IntArray, given: "Answers") -> None:
        """Write the answers of some tests into their places."""
        for name in self.__slots__:
            getattr(self, name)[some] = getattr(given, name)


def standard_weights(table: pd.DataFrame, genes: tuple[str, ...]) -> Responses:
    """Turn a table of responses into weights over a panel.

    Parameters
    ----------
    table
        Index: genes; columns: responses; values: signed weights, 0 for none.
    genes
        The panel.

    Returns
    -------
    Responses
        Every gene of the panel without weight takes part of the centring, so that a change of
        depth, which moves all genes alike, moves no response.
    """
    on_panel = np.zeros((len(genes), table.shape[1]))
    place = table.index.get_indexer(pd.Index(genes, dtype=object))
    values = table.to_numpy(dtype=np.float64)
    on_panel[place >= 0] = values[place[place >= 0]]
    total = np.abs(values).sum(axis=0)
    found = np.abs(on_panel).sum(axis=0)
    coverage = found / np.where(total > 0, total, 1.0)
    n_genes = np.count_nonzero(on_panel, axis=0)
    on_panel /= np.where(found > 0, found, 1.0)
    return Responses(
        names=tuple(str(name) for name in table.columns),
        weights=on_panel,
        coverage=coverage,
        n_genes=n_genes.astype(np.int64),
    )


def activity(level: FloatArray, known: BoolArray, responses: Responses) -> FloatArray:
    """Score every response in every unit and population.

    Parameters
    ----------
    level
        log level, shape ``(units, populations, genes)``.
    known
        Whether a population is measured in a unit, shape ``(units, populations)``.
    responses
        The responses.

    Returns
    -------
    FloatArray
        Weighted mean change from the population's own average over units, minus the same of all
        expressed genes, shape ``(units, populations, responses)``; NaN where not measured.
    """
    weight = known[..., np.newaxis].astype(float)
    mean = (level * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
    centred = np.where(known[..., np.newaxis], level - mean, 0.0)
    overall = (centred * (mean > 0)).sum(axis=2) / np.maximum((mean > 0).sum(axis=1), 1)
    weighted = np.flatnonzero((responses.weights != 0).any(axis=1))
    score = _products(centred[..., weighted], responses.weights[weighted])
    net = responses.weights.sum(axis=0)
    adjusted = score - overall[..., np.newaxis] * net
    return np.asarray(np.where(known[..., np.newaxis], adjusted, np.nan))


def _products(levels: FloatArray, weights: FloatArray) -> FloatArray:
    """Multiply levels of each unit by weights, so little at once that no thread is woken for it."""
    columns = max(AT_ONCE // max(levels.shape[1] * levels.shape[2], 1), 1)
    parts = [weights[:, n : n + columns] for n in range(0, max(weights.shape[1], 1), columns)]
    return np.concatenate([levels @ part for part in parts], axis=2)


def answers(
    signal: FloatArray,
    response: FloatArray,
    covariates: FloatArray,
    shared: FloatArray,
    arm: FloatArray,
) -> Answers:
    """Correlate signals and responses over donors, adjusted, many tests at once.

    Parameters
    ----------
    signal, response
        Shape ``(n_units, n_tests)``, no NaN: all tests have the same units.
    covariates
        One covariate of each test (the receiver's own ligand), same shape.
    shared
        Covariates of all tests, shape ``(n_units, n_covariates)``.
    arm
        Arm of each unit; constant where arms were subtracted.

    Returns
    -------
    Answers
        NaN where too few degrees of freedom are left or a side does not vary.

    Notes
    -----
    Both sides are first freed of the shared covariates (Frisch-Waugh-Lovell), then of the test's
    own one; what is left is correlated. Done without the arm, the difference between arms counts
    as evidence; done with it, only differences between donors of one arm do. The held-out check
    predicts each donor with a slope that does not know it.
    """
    sides = np.stack([signal, response, covariates])
    total = squares(sides - sides.mean(axis=1, keepdims=True))
    x, y, freedom = residuals(sides, total, shared)
    correlation, pvalue = correlate(x, y, freedom, total)
    inner = residuals(sides, total, np.column_stack([shared, arm]))
    within, within_pvalue = correlate(*inner, total)
    held_out = np.where(np.isfinite(correlation), _held_out(x, y), np.nan)
    number = np.full(signal.shape[1], signal.shape[0], dtype=np.int64)
    return Answers(correlation, pvalue, within, within_pvalue, held_out, number, freedom)


def squares(values: FloatArray) -> FloatArray:
    """Sum the squares over units, the last axis but one."""
    return np.asarray(np.einsum("...ut,...ut->...t", values, values))


def residuals(
    sides: FloatArray, total: FloatArray, shared: FloatArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Free signal and response of the covariates; also give the degrees of freedom left.

    Parameters
    ----------
    sides
        Signal, response and own covariate of each test, shape ``(3, n_units, n_tests)``.
    total
        Their sums of squares around the mean, shape ``(3, n_tests)``.
    shared
        Covariates of all tests, shape ``(n_units, n_covariates)``.
    """
    n_units = sides.shape[1]
    basis = independent(np.hstack([np.ones((n_units, 1)), shared]))
    rest = sides - basis @ (basis.T @ sides)
    own = rest[2]
    own_square = squares(own)
    has_own = own_square > COLLINEAR * np.maximum(total[2], 1e-12)
    weight = has_own / np.where(has_own, own_square, 1.0)
    slopes = np.einsum("sut,ut->st", rest[:2], own) * weight
    x, y = rest[:2] - own * slopes[:, np.newaxis]
    freedom = n_units - basis.shape[1] - has_own.astype(np.int64) - 1
    return x, y, np.asarray(freedom)


def correlate(
    x: FloatArray, y: FloatArray, freedom: IntArray, total: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Correlate residuals and test the correlation, NaN where it cannot be had."""
    xx, yy, xy = squares(x), squares(y), np.einsum("ut,ut->t", x, y)
    varies = _varies(xx, total[0]) & _varies(yy, total[1]) & (freedom >= MIN_FREEDOM)
    correlation = np.where(varies, xy / np.sqrt(np.where(varies, xx * yy, 1.0)), np.nan)
    correlation = np.clip(correlation, -1, 1)
    left = np.maximum(1 - correlation**2, 1e-15)
    statistic = correlation * np.sqrt(np.maximum(freedom, 1) / left)
    return correlation, never_zero(2 * stdtr(np.maximum(freedom, 1), -np.abs(statistic)))


def independent(columns: FloatArray) -> FloatArray:
    """Give an orthonormal basis of some columns, dropping those that others explain."""
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left[:, values > np.sqrt(COLLINEAR) * values.max()])


def _varies(square: FloatArray, total: FloatArray) -> BoolArray:
    return np.asarray((total > 1e-12) & (square > COLLINEAR * total))


def _held_out(x: FloatArray, y: FloatArray) -> FloatArray:
    square, product = x**2, x * y
    rest = square.sum(axis=0) - square
    slope = (product.sum(axis=0) - product) / np.where(rest > 0, rest, np.inf)
    predicted = slope * x
    product = np.einsum("ut,ut->t", predicted, y)
    size = np.sqrt(squares(predicted) * squares(y))
    return np.asarray(np.where(size > 0, product / np.where(size > 0, size, 1.0), np.nan))
