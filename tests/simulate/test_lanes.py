"""Mice side by side give, to the last bit, what they give alone."""

from typing import Any

import numpy as np
import pytest

from simulate import problems
from turncoat.simulate.engine import lanes, steps
from turncoat.simulate.engine.drive import ADD, FORCE, PARAMETER, SCALE, Actions
from turncoat.simulate.engine.follow import lanes_for, work_for
from turncoat.simulate.engine.lane_code import LANES, layout
from turncoat.simulate.engine.simulator import NO_ACTIONS, Simulator, Solution
from turncoat.simulate.mouse import mouse, tolerances, values
from turncoat.simulate.population import draw_mice

TIMES = np.arange(0.0, 31.0)


def alone(model: Simulator, constants: np.ndarray, starts: np.ndarray, **named: Any) -> Solution:
    rows = [
        model.integrate(TIMES, constants=constants[k : k + 1], starts=starts[k : k + 1], **named)
        for k in range(len(starts))
    ]
    return Solution(
        TIMES, *(np.concatenate([getattr(row, name) for row in rows]) for name in
                 ("states", "status", "counts"))
    )  # fmt: skip


def busy_schedule() -> Actions:
    """Doses, an infusion from 3 to 8.5, half of the states gone, a parameter halved for a while."""
    model = mouse()
    dox, stem, rate = (
        model.state("dox_central"), model.state("stem"), model.constant("r_stem"),
    )  # fmt: skip
    rows = [
        (0.0, ADD, dox, 5.0), (3.0, FORCE, dox, 2.0), (8.5, FORCE, dox, -2.0),
        (10.0, SCALE, stem, 0.5), (12.0, PARAMETER, rate, 0.5), (20.25, PARAMETER, rate, 1.0),
    ]  # fmt: skip
    time, kind, target, value = zip(*rows, strict=True)
    return Actions(np.array(time), np.array(kind), np.array(target), np.array(value))


@pytest.mark.parametrize("n_mice", [LANES, LANES + 3, 4 * LANES])
def test_company_does_not_change_a_bit(n_mice: int) -> None:
    model = mouse()
    mice = draw_mice(model, values("kep"), np.arange(n_mice), 5)
    named: Any = {"actions": busy_schedule(), "atol": tolerances()}
    together = model.integrate(TIMES, constants=mice.constants, starts=mice.starts, **named)
    single = alone(model, mice.constants, mice.starts, **named)
    np.testing.assert_array_equal(together.states, single.states)
    np.testing.assert_array_equal(together.status, 0)
    np.testing.assert_array_equal(together.counts[:, :4], single.counts[:, :4])


def test_models_that_know_the_time_run_in_lanes() -> None:
    model = Simulator(problems.forced_decay())
    starts = np.linspace(0.5, 2.0, LANES + 1)[:, None] * model.starts(model.constants())
    constants = model.constants(n_mice=LANES + 1)
    together = model.integrate(TIMES, constants=constants, starts=starts)
    np.testing.assert_array_equal(together.states, alone(model, constants, starts).states)


def test_a_mouse_in_trouble_is_run_alone_and_its_neighbours_do_not_notice() -> None:
    model = mouse()
    mice = draw_mice(model, values("thacker"), np.arange(LANES), 5)
    well = model.integrate(TIMES, constants=mice.constants, starts=mice.starts)
    constants = mice.constants.copy()
    constants[1, model.constant("r_stem")] = np.nan
    ill = model.integrate(TIMES, constants=constants, starts=mice.starts)
    assert ill.status[1] == 3
    assert np.isnan(ill.states[1, 1:]).all()
    others = np.arange(LANES) != 1
    np.testing.assert_array_equal(ill.states[others], well.states[others])
    few = model.integrate(TIMES, constants=mice.constants, starts=mice.starts, max_steps=10)
    assert (few.status == 1).all()


def test_lanes_do_what_their_plain_twin_does() -> None:
    model, n_mice = mouse(), LANES + 1
    mice = draw_mice(model, values("thacker"), np.arange(n_mice), 5)
    times = np.array([0.0, 0.01, 0.02])
    plain = steps.Functions(*(getattr(model.module, name) for name in steps.Functions._fields))
    fast = lanes.LaneFunctions(
        *(getattr(model.module, name) for name in lanes.LaneFunctions._fields)
    )
    task = lanes.Task(
        mice.starts, mice.constants, times, np.full((n_mice, 3, mice.starts.shape[1]), np.nan),
        np.zeros(n_mice, np.int64), np.zeros((n_mice, 6), np.int64),
    )  # fmt: skip
    settings = model._settings("rodas5p", 1e-4, tolerances(1e-4), 100)
    lanes.integrate_lanes.reference(
        plain,
        fast,
        model.elimination,
        settings,
        work_for(model.form, model.elimination),
        lanes_for(model.form, model.elimination),
        NO_ACTIONS,
        task,
    )
    found = model.integrate(
        times, constants=mice.constants, starts=mice.starts, rtol=1e-4, atol=tolerances(1e-4)
    )
    np.testing.assert_allclose(task.out, found.states, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(task.counts[:, :3], found.counts[:, :3])


def test_rows_of_lanes_do_not_overlap() -> None:
    model = mouse()
    rows = layout(len(model.form.states), len(model.form.constants), model.elimination)
    assert list(rows) == sorted(set(rows))
    vector, memory = np.arange(3.0), np.zeros(rows.rows * LANES)
    lanes.write(vector, memory, rows.solved, 1)
    again = np.zeros(3)
    lanes.read(memory, rows.solved, 1, again)
    lanes.read.reference(memory, rows.solved, 1, vector)
    np.testing.assert_array_equal(again, vector)
    twin = np.zeros_like(memory)
    lanes.write.reference(np.arange(3.0), twin, rows.solved, 1)
    np.testing.assert_array_equal(memory, twin)
