"""The solvers against tight references, and the order that their tables promise."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from simulate import problems
from turncoat.errors import ArgumentError, ModelError
from turncoat.simulate.engine.follow import work_for
from turncoat.simulate.engine.form import Constant, Form, Reaction, State, from_json
from turncoat.simulate.engine.simulator import Method, Simulator
from turncoat.tables import FloatArray


def reference(form: Form, times: FloatArray) -> FloatArray:
    """The generated module, run as plain Python by SciPy's Radau at tight tolerance."""
    simulator = Simulator(form)
    module, p, n = simulator.module, simulator.defaults, len(form.states)

    def rates(t: float, y: FloatArray) -> FloatArray:
        dy = np.zeros(n)
        module.rates(t, y, p, dy)
        return dy

    def jacobian(t: float, y: FloatArray) -> FloatArray:
        values, ft, dense = np.zeros(len(module.PATTERN)), np.zeros(n), np.zeros((n, n))
        module.jacobian(t, y, p, values, ft)
        for (i, j), value in zip(module.PATTERN, values, strict=True):
            dense[i, j] = value
        return dense

    start = np.zeros(n)
    module.start(0.0, p, start)
    solved = solve_ivp(
        rates, (times[0], times[-1]), start, "Radau", times, jac=jacobian, rtol=1e-11, atol=1e-14
    )
    return np.asarray(solved.y.T)


def error(found: FloatArray, true: FloatArray) -> float:
    scale = np.abs(true) + 1e-3 * np.abs(true).max(axis=0) + 1e-12
    return float((np.abs(found - true) / scale).max())


STIFF = [
    (problems.robertson(), np.array([0.0, 0.4, 4.0, 40.0, 400.0, 4000.0])),
    (problems.hires(), np.array([0.0, 1.0, 50.0, 321.8122])),
    (problems.oregonator(), np.array([0.0, 30.0, 60.0, 120.0])),
    (problems.van_der_pol(1e3), np.array([0.0, 0.2, 0.5, 0.7])),
]


@pytest.mark.parametrize(("form", "times"), STIFF, ids=lambda case: getattr(case, "name", ""))
@pytest.mark.parametrize("method", ["rodas4", "rodas5p"])
def test_stiff_problems_meet_their_references(
    form: Form, times: FloatArray, method: Method
) -> None:
    solution = Simulator(form).integrate(times, method=method, rtol=1e-7, atol=1e-12)
    assert solution.status[0] == 0
    assert error(solution.states[0], reference(form, times)) < 1e-5


def fixed_step_error(form: Form, method: str, n_steps: int, end: float, true: FloatArray) -> float:
    """Error at the end when the steps are all equal: the tolerance accepts every one."""
    from turncoat.simulate.engine import batch, drive, explicit, steps

    simulator = Simulator(form)
    work, settings = (
        work_for(simulator.form, simulator.elimination),
        simulator._settings(method, 0.5, 1e6, 10),  # type: ignore[arg-type]
    )
    y, p, h = simulator.starts(simulator.constants())[0], simulator.defaults, end / n_steps
    for k in range(n_steps):
        batch.renew(simulator.functions, settings, work, k * h, y, p, True)
        if method != "dopri5":
            steps.rodas_step(
                simulator.functions, simulator.elimination, work, k * h, y, p, h, settings
            )
        else:
            explicit.dopri_step(simulator.functions.rates, work, k * h, y, p, h)
        y = work.following.copy()
    assert drive.error_size(settings, work) < 1.0
    return float(np.abs(y - true).max())


@pytest.mark.parametrize(("method", "order"), [("rodas4", 4), ("rodas5p", 5), ("dopri5", 5)])
@pytest.mark.parametrize("form", [problems.predators(), problems.forced_decay()])
def test_halving_the_step_gains_the_order(form: Form, method: str, order: int) -> None:
    end = 2.0
    true = reference(form, np.array([0.0, end]))[-1]
    n_steps = np.array([20, 40, 80])
    errors = [fixed_step_error(form, method, int(n), end, true) for n in n_steps]
    measured = -np.polyfit(np.log(n_steps), np.log(errors), 1)[0]
    assert order - 0.3 < measured < order + 0.8


@pytest.mark.parametrize("method", ["rodas4", "rodas5p", "dopri5"])
def test_outputs_between_steps_are_as_good_as_the_steps(method: str) -> None:
    form, times = problems.van_der_pol(5.0), np.linspace(0.0, 3.0, 301)
    solution = Simulator(form).integrate(times, method=method, rtol=1e-8, atol=1e-10)  # type: ignore[arg-type]
    assert error(solution.states[0], reference(form, times)) < 1e-5


def test_invariants_are_kept_and_nothing_is_negative() -> None:
    solution = Simulator(problems.robertson()).integrate(np.geomspace(1e-3, 1e6, 40), atol=1e-12)
    np.testing.assert_allclose(solution.states[0].sum(axis=1), 1.0, rtol=1e-9)
    assert solution.states.min() >= 0.0


def test_events_on_states_are_found_and_applied() -> None:
    # Height 1, g 2: it lands at t = 1 and returns to 1 at t = 2, again and again.
    solution = Simulator(problems.bouncing()).integrate([0.0, 1.0, 2.0, 4.0, 5.0], rtol=1e-9)
    np.testing.assert_allclose(solution.states[0, :, 0], [1.0, 0.0, 1.0, 1.0, 0.0], atol=1e-6)


def exploding() -> Form:
    growth = Reaction("growth", ("*", "k", ("^", "x", 2.0)), (("x", 1.0, ""),))
    return Form(
        "exploding",
        (State("x", 1.0, "", True),),
        (Constant("k", 1.0, "1/day"),),
        (),
        (growth,),
        (),
        (),
    )


def test_a_mouse_that_blows_up_has_a_status_and_leaves_the_others_alone() -> None:
    simulator = Simulator(exploding())
    constants = np.array([[0.1], [1.0], [0.2]])
    solution = simulator.integrate([0.0, 1.0, 2.0], constants=constants)
    assert list(solution.status == 0) == [True, False, True]
    assert np.isnan(solution.states[1, 2, 0])
    np.testing.assert_allclose(solution.states[[0, 2], 2, 0], [1 / 0.8, 1 / 0.6], rtol=1e-5)


def test_too_many_steps_is_a_status() -> None:
    solution = Simulator(problems.van_der_pol(1e3)).integrate([0.0, 2.0], max_steps=5)
    assert solution.status[0] == 1


def test_threads_do_not_change_a_bit() -> None:
    simulator = Simulator(problems.robertson())
    constants = np.zeros((300, 0))
    one = simulator.integrate([0.0, 1.0, 10.0], constants=constants, threads=1)
    two = simulator.integrate([0.0, 1.0, 10.0], constants=constants, threads=2)
    np.testing.assert_array_equal(one.states, two.states)


def test_bad_arguments_are_refused() -> None:
    simulator = Simulator(exploding())
    with pytest.raises(ArgumentError, match="increase strictly"):
        simulator.integrate([0.0, 0.0])
    with pytest.raises(ArgumentError, match="positive and rtol below 1"):
        simulator.integrate([0.0, 1.0], rtol=-1.0)
    with pytest.raises(ArgumentError, match="Did you mean 'rodas4'"):
        simulator.integrate([0.0, 1.0], method="rodas")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no parameter 'kk'"):
        simulator.constants({"kk": 1.0})


def test_forms_survive_json() -> None:
    for form, _ in STIFF:
        assert from_json(form.to_json()) == form
