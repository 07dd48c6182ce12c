"""Every kernel of the cells' room meets its plain twin."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.cells.evidence import LEAST, MOST, log_ratio
from turncoat.cells.kernels import (
    linear_scores,
    linear_scores_reference,
    pick_columns,
    pick_columns_reference,
)


def some_cells(seed: int, n_cells: int, n_genes: int) -> sp.csr_matrix:
    rng = np.random.default_rng(seed)
    return sp.csr_matrix(rng.poisson(0.4, (n_cells, n_genes)).astype(float))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(1, 30), st.integers(1, 5))
def test_linear_scores(seed: int, n_cells: int, n_genes: int, n_classes: int) -> None:
    rng = np.random.default_rng(seed)
    cells = some_cells(seed, n_cells, n_genes)
    slots = np.where(rng.random(n_genes) < 0.6, np.arange(n_genes), -1)
    weights, offset = rng.normal(size=(n_genes, n_classes)), rng.normal(size=n_classes)
    arrays = (cells.data, cells.indices, cells.indptr.astype(np.int64), slots, weights, offset, 1e4)
    ours = np.empty((n_cells, n_classes)), np.empty(n_cells)
    twin = np.empty((n_cells, n_classes)), np.empty(n_cells)
    linear_scores(*arrays, *ours)
    linear_scores_reference(*arrays, *twin)
    np.testing.assert_allclose(ours[0], twin[0], rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(ours[1], twin[1])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(1, 30))
def test_pick_columns(seed: int, n_cells: int, n_genes: int) -> None:
    rng = np.random.default_rng(seed)
    cells = some_cells(seed, n_cells, n_genes)
    slots = np.where(rng.random(n_genes) < 0.5, rng.integers(0, 4, n_genes), -1)
    ours, twin = np.ones((n_cells, 4)), np.zeros((n_cells, 4))
    arrays = (cells.data, cells.indices, cells.indptr.astype(np.int64), slots)
    pick_columns(*arrays, ours)
    pick_columns_reference(*arrays, twin)
    np.testing.assert_array_equal(ours, twin)


@settings(deadline=None)
@given(st.integers(0, 50), st.floats(1e-3, 50), st.floats(1e-4, 1))
def test_evidence_is_bounded_and_grows_with_counts(count: int, on: float, leak: float) -> None:
    off = on * leak * 0.9
    now = log_ratio(np.array(float(count)), np.array(on), np.array(off))
    more = log_ratio(np.array(count + 1.0), np.array(on), np.array(off))
    assert LEAST <= now <= more <= MOST


def test_a_shallow_cell_has_little_evidence() -> None:
    rate_on, rate_off = 1e-3, 1e-5
    silent = [
        abs(float(log_ratio(np.array(0.0), np.array(rate_on * depth), np.array(rate_off * depth))))
        for depth in (10_000, 1_000, 100, 10)
    ]
    assert silent == sorted(silent, reverse=True)
    assert silent[-1] < 0.01
