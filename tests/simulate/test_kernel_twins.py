"""Compiled loops against their plain twins, on the mouse model and on random systems."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.simulate.engine import drive, explicit, linear, steps
from turncoat.simulate.engine.follow import work_for
from turncoat.simulate.engine.simulator import Method
from turncoat.simulate.engine.sparse import eliminate
from turncoat.simulate.mouse import mouse, tolerances
from turncoat.tables import FloatArray


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 8), st.integers(0, 2**31), st.floats(5.0, 1e4))
def test_sparse_and_dense_systems_are_solved_alike(n: int, seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    pattern = [(i, j) for i in range(n) for j in range(n) if rng.random() < 0.5]
    values = rng.normal(size=len(pattern))
    lu, matrix = eliminate(n, pattern), np.eye(n) * shift
    for (i, j), value in zip(pattern, values, strict=True):
        matrix[i, j] -= value
    factors, twin = np.zeros(lu.rows.size), np.zeros(lu.rows.size)
    linear.factor(lu, values, shift, factors)
    linear.factor.reference(lu, values, shift, twin)
    np.testing.assert_allclose(factors, twin, rtol=1e-9, atol=1e-12)
    assert linear.trusted(lu, factors) == linear.trusted.reference(lu, factors)
    right = rng.normal(size=n)
    true = np.linalg.solve(matrix, right)
    for solve in (linear.solve, linear.solve.reference):
        x = right.copy()
        solve(lu, factors, x)
        np.testing.assert_allclose(x, true, rtol=1e-8, atol=1e-10)
    dense, swaps, x = np.zeros((n, n)), np.zeros(n, np.int64), right.copy()
    assert linear.dense_factor(lu, values, shift, dense, swaps)
    linear.dense_solve(dense, swaps, x)
    np.testing.assert_allclose(x, true, rtol=1e-8, atol=1e-10)


def test_a_vanishing_pivot_is_not_trusted_and_the_dense_solver_takes_over() -> None:
    # [[shift - 1, -1], [-1, shift]] at shift 1: the first pivot is zero.
    lu = eliminate(2, [(0, 0), (0, 1), (1, 0)])
    values, factors = np.array([1.0, 1.0, 1.0]), np.zeros(4)
    order = [int(k) for k in lu.order]
    shift = 1.0 if order[0] == 0 else 0.0
    linear.factor(lu, values, shift, factors)
    assert not linear.trusted(lu, factors)
    dense, swaps, x = np.zeros((2, 2)), np.zeros(2, np.int64), np.array([1.0, 2.0])
    assert linear.dense_factor(lu, values, 1.0, dense, swaps)
    linear.dense_solve(dense, swaps, x)
    np.testing.assert_allclose(np.array([[0.0, -1.0], [-1.0, 1.0]]) @ x, [1.0, 2.0], atol=1e-12)


def prepared(method: Method) -> tuple[steps.Work, steps.Settings, FloatArray, FloatArray]:
    model = mouse()
    states = model.integrate([0.0, 25.0]).states[0, 1]
    states[model.state("dox_central")] = 3.0
    work = work_for(model.form, model.elimination)
    settings_ = model._settings(method, 1e-6, tolerances(), 100)
    rates(states, work.base)
    model.module.jacobian(25.0, states, model.defaults, work.jacobian, work.ft)
    return work, settings_, states, model.defaults


def rates(y: FloatArray, dy: FloatArray) -> None:
    mouse().module.rates(25.0, y, mouse().defaults, dy)


@pytest.mark.parametrize("method", ["rodas4", "rodas5p"])
def test_stiff_steps_and_their_outputs_are_those_of_the_twins(method: Method) -> None:
    model = mouse()
    work, settings_, y, p = prepared(method)
    twin, _, _, _ = prepared(method)
    plain = steps.Functions(*(getattr(model.module, name) for name in steps.Functions._fields))
    h = 0.01
    assert steps.rodas_step(model.functions, model.elimination, work, 25.0, y, p, h, settings_)
    steps.rodas_step.reference(plain, model.elimination, twin, 25.0, y, p, h, settings_)
    np.testing.assert_allclose(work.following, twin.following, rtol=1e-9, atol=1e-12)
    assert drive.error_size(settings_, work) == pytest.approx(
        drive.error_size.reference(settings_, twin), rel=1e-4
    )
    steps.rodas_dense(work, settings_.tableau)
    steps.rodas_dense.reference(twin, settings_.tableau)
    half, other = np.zeros_like(y), np.zeros_like(y)
    explicit.between(work, 0.5, True, half)
    explicit.between.reference(twin, 0.5, True, other)
    np.testing.assert_allclose(half, other, rtol=1e-9, atol=1e-12)
    drive.correct(model.functions, model.elimination, work, 25.005, 0.5, h, half, p)
    drive.correct.reference(plain, model.elimination, twin, 25.005, 0.5, h, other, p)
    np.testing.assert_allclose(half, other, rtol=1e-9, atol=1e-12)


def test_explicit_steps_are_those_of_the_twin() -> None:
    model = mouse()
    work, settings_, y, p = prepared("dopri5")
    twin, _, _, _ = prepared("dopri5")
    explicit.dopri_step(model.functions.rates, work, 25.0, y, p, 0.001)
    explicit.dopri_step.reference(model.module.rates, twin, 25.0, y, p, 0.001)
    np.testing.assert_allclose(work.following, twin.following, rtol=1e-12)
    np.testing.assert_allclose(work.third, twin.third, rtol=1e-6, atol=1e-12)
    plain = steps.Functions(*(getattr(model.module, name) for name in steps.Functions._fields))
    assert drive.first_step(model.functions, settings_, work, 25.0, y, p) == pytest.approx(
        drive.first_step.reference(plain, settings_, twin, 25.0, y, p), rel=1e-9
    )
