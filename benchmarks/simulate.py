"""In-silico mice: accuracy, speed per core against peers, scaling, the papers' signs.

About three minutes on two cores. Peers in the same run: libroadrunner (SBML events), SciPy's
LSODA with a numba right-hand side, and where environments named by TURNCOAT_PEERS have them
diffrax (Tsit5, vmap) and COPASI (agreement only). All solve the shipped model over 100 days with daily output and the
same 33 actions at 17 times (weekly doxorubicin, daily LGK-974, anti-PD-L1, anti-CD25,
mastectomy), for mice drawn from the priors. Rates are mice per CPU second of one thread,
compilation and loading left out. Error: largest over days and states of |difference| /
(|reference| + 0.001 max|reference| + 1e-9), median over mice, days of actions left out; the
reference is SciPy's Radau with the analytic Jacobian at rtol 1e-10.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__)
ROOT = HERE.parent.parent
TIMES = np.arange(0.0, 101.0)
WORDS = (
    "dox 5 mg/kg weekly d14-42 + lgk974 5 mg/kg daily d14-28 + anti_pdl1 10 mg/kg q3d d14-32"
    " + anti_cd25 10 mg/kg d14,d21 + mastectomy d35"
)
N_JUDGED = 4
SHARED = ROOT / "build" / "simulate_benchmark.npz"


def setting(n_mice: int) -> tuple[Any, Any, Any]:
    from turncoat.simulate.mouse import mouse, values
    from turncoat.simulate.population import draw_mice
    from turncoat.simulate.words import parse_arm

    model = mouse()
    return (
        model,
        draw_mice(model, values("thacker"), np.arange(n_mice), 1),
        parse_arm(WORDS, end=100),
    )


def error_of(states: np.ndarray, stored: Any) -> float:
    true, judged = stored["reference"], stored["judged"]
    found = states[: len(true)]
    scale = np.abs(true) + 1e-3 * np.abs(true).max(axis=1, keepdims=True) + 1e-9
    return float(
        np.median(
            (np.abs(found - true[: len(found)]) / scale[: len(found)])[:, judged].max(axis=(1, 2))
        )
    )


def say(**facts: Any) -> None:
    print(json.dumps(facts))


def acts_at(arm: Any, model: Any) -> dict[float, list[tuple[int, int, float]]]:
    found: dict[float, list[tuple[int, int, float]]] = {}
    actions = arm.actions(model)
    for row in zip(actions.time, actions.kind, actions.target, actions.value, strict=True):
        found.setdefault(float(row[0]), []).append((int(row[1]), int(row[2]), float(row[3])))
    return found


def apply_acts(acts: list[tuple[int, int, float]], y: np.ndarray, p: np.ndarray) -> None:
    for kind, target, value in acts:
        y[target] = y[target] + value if kind == 0 else y[target] * p[int(value)]


def in_segments(arm: Any, model: Any, y: np.ndarray, p: np.ndarray, solve: Any) -> np.ndarray:
    """Integrate between the actions with any solver; daily output, after the actions."""
    acts, rows, t = acts_at(arm, model), np.full((TIMES.size, y.size), np.nan), 0.0
    apply_acts(acts.get(0.0, []), y, p)
    rows[0] = y
    for stop in [*sorted(a for a in acts if a > 0), float(TIMES[-1])]:
        days = TIMES[(t < TIMES) & (stop >= TIMES)]
        asked = np.unique(np.append(days, stop))
        solved = solve(t, y, p, asked)
        for day, state in zip(asked, solved, strict=True):
            if day in days:
                rows[int(day)] = state
        y, t = solved[-1].copy(), stop
        apply_acts(acts.get(stop, []), y, p)
        if stop in TIMES:
            rows[int(stop)] = y
    return rows


def compiled_functions(model: Any) -> tuple[Any, Any]:
    import numba

    module, n = model.module, len(model.form.states)
    rates = numba.njit(error_model="numpy")(module.rates)
    values_of = numba.njit(error_model="numpy")(module.jacobian)
    rows, columns = (np.array(x) for x in zip(*module.PATTERN, strict=True))

    def slope(t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        dy = np.empty(n)
        rates(t, y, p, dy)
        return dy

    def jacobian(t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        values, dense = np.zeros(rows.size), np.zeros((n, n))
        values_of(t, y, p, values, np.zeros(n))
        dense[rows, columns] = values
        return dense

    return slope, jacobian


def scipy_solver(model: Any, method: str, rtol: float, atol: Any) -> Any:
    from scipy.integrate import solve_ivp

    slope, jacobian = compiled_functions(model)

    def solve(t: float, y: np.ndarray, p: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return np.asarray(solve_ivp(
            slope, (t, asked[-1]), y, method, asked, args=(p,), jac=jacobian, rtol=rtol, atol=atol,
        ).y.T)  # fmt: skip

    return solve


def job_reference() -> None:
    model, mice, arm = setting(N_JUDGED)
    solve = scipy_solver(model, "Radau", 1e-10, 1e-14)
    solved = [
        in_segments(arm, model, mice.starts[k].copy(), mice.constants[k], solve)
        for k in range(N_JUDGED)
    ]
    judged = ~np.isin(TIMES, sorted(acts_at(arm, model)))
    SHARED.parent.mkdir(exist_ok=True)
    np.savez(SHARED, reference=np.array(solved), judged=judged)
    say(mice=N_JUDGED)


def job_ours(rtol: float, method: str) -> None:
    from turncoat.simulate.mouse import tolerances

    model, mice, arm = setting(400)
    actions, stored = arm.actions(model), np.load(SHARED)
    named: dict[str, Any] = {
        "actions": actions,
        "rtol": rtol,
        "atol": tolerances(rtol),
        "method": method,
    }
    model.integrate(TIMES, constants=mice.constants[:8], starts=mice.starts[:8], **named)
    began = time.process_time()
    solution = model.integrate(TIMES, constants=mice.constants, starts=mice.starts, **named)
    rate = 400 / (time.process_time() - began)
    say(rate=rate, error=error_of(solution.states, stored), steps=float(solution.counts[:, 2].mean()),
        failed=int((solution.status != 0).sum()), lowest=float(np.nanmin(solution.states)))  # fmt: skip


def job_lsoda() -> None:
    from turncoat.simulate.mouse import tolerances

    model, mice, arm = setting(N_JUDGED)
    solve = scipy_solver(model, "LSODA", 1e-6, tolerances(1e-6))
    in_segments(arm, model, mice.starts[0].copy(), mice.constants[0], solve)
    began = time.process_time()
    solved = [
        in_segments(arm, model, mice.starts[k].copy(), mice.constants[k], solve)
        for k in range(N_JUDGED)
    ]
    rate = N_JUDGED / (time.process_time() - began)
    say(rate=rate, error=error_of(np.array(solved), np.load(SHARED)))


def sbml_with_events(arm: Any, model: Any, changes: dict[str, float] | None = None) -> str:
    """The shipped SBML with a schedule as its own events, and some values set otherwise."""
    import libsbml

    names, constants = model.form.state_names, model.form.constant_names
    document = libsbml.readSBMLFromFile(str(ROOT / "src/turncoat/simulate/model/turncoat.xml"))
    sbml = document.getModel()
    for name, value in (changes or {}).items():
        if sbml.getParameter(name) is not None:
            sbml.getParameter(name).setValue(value)
        elif sbml.getSpecies(name) is not None:
            sbml.getSpecies(name).setInitialAmount(value)
    for day, acts in acts_at(arm, model).items():
        event = sbml.createEvent()
        event.setId(f"at_{day:g}".replace(".", "_"))
        event.setUseValuesFromTriggerTime(True)
        trigger = event.createTrigger()
        trigger.setInitialValue(False)
        trigger.setPersistent(True)
        trigger.setMath(libsbml.parseL3Formula(f"time >= {day}"))
        for kind, target, value in acts:
            assignment = event.createEventAssignment()
            assignment.setVariable(names[target])
            formula = (
                f"{names[target]} + {value}"
                if kind == 0
                else f"{names[target]} * {constants[int(value)]}"
            )
            assignment.setMath(libsbml.parseL3Formula(formula))
    return str(libsbml.writeSBMLToString(document))


def job_roadrunner() -> None:
    import roadrunner

    roadrunner.Logger.disableLogging()
    n_mice = 40
    model, mice, arm = setting(n_mice)
    names, constants = model.form.state_names, model.form.constant_names
    referee = roadrunner.RoadRunner(sbml_with_events(arm, model))
    referee.integrator.relative_tolerance = 1e-6
    referee.integrator.absolute_tolerance = 1e-10
    referee.timeCourseSelections = ["time", *names]
    varying = [k for k in range(len(constants)) if np.ptp(mice.constants[:, k]) > 0]

    def solve(k: int) -> np.ndarray:
        referee.resetAll()
        for j in varying:
            referee.model[constants[j]] = mice.constants[k, j]
        for j, name in enumerate(names):
            referee.model[name] = mice.starts[k, j]
        return np.asarray(referee.simulate(0.0, 100.0, 101))[:, 1:]

    solve(0)
    began = time.process_time()
    solved = np.array([solve(k) for k in range(n_mice)])
    rate = n_mice / (time.process_time() - began)
    say(rate=rate, error=error_of(solved[:N_JUDGED], np.load(SHARED)))


def job_inputs() -> None:
    """What an interpreter without turncoat needs to run the same mice."""
    model, mice, arm = setting(64)
    acts = acts_at(arm, model)
    surgical = [[int(v) for k, _, v in a if k != 0][:1] for a in acts.values()]
    np.savez(
        SHARED.with_name("simulate_inputs.npz"), starts=mice.starts, constants=mice.constants,
        module=str(model.module.__file__), acts=json.dumps({str(k): v for k, v in acts.items()}),
        surgical=json.dumps(surgical),
    )  # fmt: skip
    write_for_copasi(arm, model)
    say(mice=64)


def write_for_copasi(arm: Any, model: Any) -> None:
    """Every context, untreated and dosed: its SBML, and what we say of it."""
    from turncoat.simulate.mouse import context_names, tolerances, values
    from turncoat.simulate.population import draw_mice
    from turncoat.simulate.words import parse_arm

    kept: dict[str, Any] = {"names": np.array(model.form.state_names)}
    for context in context_names():
        changes = values(context)
        middle = draw_mice(model, changes, np.arange(1), 1, spread=0.0)
        for label, chosen in (("untreated", parse_arm("control", end=100)), ("dosed", arm)):
            kept[f"sbml {context} {label}"] = sbml_with_events(chosen, model, changes)
            kept[f"states {context} {label}"] = model.integrate(
                TIMES, constants=middle.constants, starts=middle.starts,
                actions=chosen.actions(model), atol=tolerances(),
            ).states[0]  # fmt: skip
    np.savez(SHARED.with_name("simulate_copasi.npz"), **kept)


def job_copasi() -> None:
    """Run inside the peer's interpreter; the largest relative difference from ours."""
    import basico

    given = np.load(SHARED.with_name("simulate_copasi.npz"))
    judged, worst = np.load(SHARED)["judged"], {}
    for name in given.files:
        if not name.startswith("sbml "):
            continue
        basico.load_model_from_string(str(given[name]))
        method = {"Relative Tolerance": 1e-9, "Absolute Tolerance": 1e-13}
        basico.set_task_settings(
            "Time-Course", {"method": {"name": "Deterministic (LSODA)", **method}}
        )
        course = basico.run_time_course(
            start_time=0, duration=100, intervals=100, use_numbers=False, use_sbml_id=True
        )
        theirs = course[[str(state) for state in given["names"]]].to_numpy()
        ours = given[name.replace("sbml ", "states ")]
        scale = np.abs(theirs) + 1e-3 * np.abs(theirs).max(axis=0) + 1e-9
        worst[name[5:]] = float((np.abs(ours - theirs) / scale)[judged].max())
    say(worst=max(worst.values()), cases=worst)


def job_diffrax() -> None:
    """Run inside the peer's interpreter, which has neither turncoat nor numba."""
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    import importlib.util

    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    given = np.load(SHARED.with_name("simulate_inputs.npz"))
    spec = importlib.util.spec_from_file_location("generated", str(given["module"]))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    acts = {float(k): v for k, v in json.loads(str(given["acts"])).items()}
    n, n_mice = given["starts"].shape[1], len(given["starts"])

    def field(t: Any, y: Any, p: Any) -> Any:
        dy = [jnp.zeros(())] * n
        module.rates(t, [y[k] for k in range(n)], [p[k] for k in range(p.shape[0])], dy)
        return jnp.stack(dy)

    def solve(y: Any, p: Any, t0: Any, t1: Any) -> Any:
        asked = jnp.linspace(t0, t1, 8)
        return diffrax.diffeqsolve(
            diffrax.ODETerm(field), diffrax.Tsit5(), t0, t1, None, y, args=p,
            saveat=diffrax.SaveAt(ts=asked), max_steps=200_000,
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-8),
        ).ys  # fmt: skip

    batched = jax.jit(jax.vmap(solve, in_axes=(0, 0, None, None)))
    stops = [*sorted(acts), 100.0]

    def run() -> np.ndarray:
        y, p, t = jnp.asarray(given["starts"]), jnp.asarray(given["constants"]), 0.0
        for stop in stops:
            if stop > t:
                y = batched(y, p, t, stop)[:, -1]
            t = stop
            state = np.array(y)
            for kind, target, value in acts.get(stop, []):
                factor = given["constants"][:, int(value)] if kind != 0 else 1.0
                state[:, target] = state[:, target] * factor + (value if kind == 0 else 0.0)
            y = jnp.asarray(state)
        return np.asarray(y)

    run()
    began = time.process_time()
    last = run()
    rate = n_mice / (time.process_time() - began)
    true = np.load(SHARED)["reference"]
    scale = np.abs(true[:, -1]) + 1e-3 * np.abs(true).max(axis=1) + 1e-9
    error = float(np.median((np.abs(last[: len(true)] - true[:, -1]) / scale).max(axis=1)))
    say(rate=rate, error=error)


def job_chance() -> None:
    """Organs of the Kos trial's own mice, seeded and followed again and again."""
    from turncoat.simulate import run_mice
    from turncoat.simulate.experiments import KOS, KOS_DAYS
    from turncoat.simulate.trial import _plan, run_chunk

    plan = _plan("kep", KOS, 250, 1, KOS_DAYS, None, 1.0, 1000.0, True)
    calls: list[tuple[Any, ...]] = []
    real = run_mice.colonise_batch
    run_mice.colonise_batch = lambda *a: (calls.append(a), real(*a))[1]  # type: ignore[assignment]
    run_chunk(plan, 250, 0)
    run_mice.colonise_batch = real
    # Two calls (node, lung) of the control arm follow the two of the enrolment.
    pair = calls[2:4]
    began, done, lodged = time.process_time(), 0, 0.0
    while time.process_time() - began < 3.0:
        for arguments in pair:
            arguments[8][:], arguments[9][:] = 0.0, 0.0
            real(*arguments)
            lodged += float(arguments[8][:, 0].sum())
        done += len(pair[0][6])
    say(rate=done / (time.process_time() - began), lodged=lodged / done)


def job_trial(n_mice: int, threads: int) -> None:
    import turncoat as tc

    if n_mice > 100:  # what is measured is the trial; "first_trial" measures how it starts
        tc.sim.trial("thacker", {"dosed": WORDS}, 8, 1, days=100)
    began, cpu = time.perf_counter(), time.process_time()
    tc.sim.trial(
        "thacker", {"dosed": WORDS}, n_mice, 1, days=100, threads=threads, keep_curves=False
    )
    say(wall=time.perf_counter() - began, cpu=time.process_time() - cpu)


def job_signs() -> None:
    from turncoat.simulate import experiments, signs

    tables = {
        "Thacker 2023, context thacker": signs.thacker_signs(experiments.thacker(500)),
        "Kos 2022, context kep": signs.kos_signs(experiments.kos(500)),
        "context 4t1": signs.kos_signs(experiments.kos(500, context="4t1")),
    }
    for name in experiments.ABLATIONS:
        tables[f"ablation: {name}"] = experiments.ablation(name, 500)
    say(**{
        name: [
            f"{row.claim}: {row.estimate:.2f} ({row.low:.2f} to {row.high:.2f}), expected {row.expected}: "
            + ("supported" if row.supported else "not supported")
            for row in found.table.itertuples()
        ]
        for name, found in tables.items()
    })  # fmt: skip


JOBS: dict[str, Any] = {
    "reference": job_reference,
    "inputs": job_inputs,
    "ours": lambda: job_ours(1e-6, "rodas5p"),
    "ours_1e-4": lambda: job_ours(1e-4, "rodas5p"),
    "ours_1e-8": lambda: job_ours(1e-8, "rodas5p"),
    "ours_rodas4": lambda: job_ours(1e-6, "rodas4"),
    "ours_dopri5": lambda: job_ours(1e-6, "dopri5"),
    "roadrunner": job_roadrunner,
    "lsoda": job_lsoda,
    "diffrax": job_diffrax,
    "copasi": job_copasi,
    "ours_1e-5": lambda: job_ours(1e-5, "rodas5p"),
    "chance": job_chance,
    "first_trial": lambda: job_trial(100, 1),
    "one_thread": lambda: job_trial(10_000, 1),
    "two_threads": lambda: job_trial(10_000, 2),
    "signs": job_signs,
}


def main() -> None:
    from harness import Job, bar, compare, peer_python, version_in, versions, write_results

    began = time.time()
    environment = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}

    def job(name: str, python: str = sys.executable) -> Job:
        return Job(name, [python, str(HERE), "--job", name], environment)

    compare([job("reference"), job("inputs")], repeats=1, warm_up=False)
    compare([job("first_trial")], repeats=1, warm_up=False)
    diffrax = peer_python("diffrax")
    fast = compare([job("ours"), job("roadrunner"), job("lsoda")], repeats=2, warm_up=False)
    more = compare(
        [
            job("ours_1e-4"),
            job("ours_1e-5"),
            job("ours_1e-8"),
            job("ours_rodas4"),
            job("ours_dopri5"),
            job("chance"),
        ],
        repeats=1,
        warm_up=False,
    )
    copasi = peer_python("copasi-basico")
    slow = compare(
        [job(name, python) for name, python in (("diffrax", diffrax), ("copasi", copasi)) if python],
        repeats=1, warm_up=False,
    )  # fmt: skip
    whole = compare(
        [job("first_trial"), job("one_thread"), job("two_threads"), job("signs")],
        repeats=1,
        warm_up=False,
    )
    said = {
        name: found.said for group in (fast, more, slow, whole) for name, found in group.items()
    }

    def get(name: str, fact: str) -> float:
        return float(said.get(name, {}).get(fact, float("nan")))

    def against(peer: str, least: float) -> dict[str, Any]:
        return bar(
            f"Dosed mice per CPU second, rtol 1e-6, against {peer}", get("ours", "rate"),
            unit="mice/s", peer=get(peer, "rate"), peer_name=peer, max_ratio=least, at_least=True,
            note=f"error {get('ours', 'error'):.1e} against {get(peer, 'error'):.1e}",
        )  # fmt: skip

    def no_worse(peer: str) -> dict[str, Any]:
        return bar(
            f"Error at rtol 1e-6 beside {peer}", get("ours", "error"), unit="relative",
            peer=get(peer, "error"), peer_name=peer, max_ratio=1.0,
        )  # fmt: skip

    bars = [
        bar("Error of the dosed model at rtol 1e-6", get("ours", "error"), unit="relative", limit=1e-5),
        bar("Error at rtol 1e-8", get("ours_1e-8", "error"), unit="relative", limit=1e-6),
        bar("Lowest state of all mice", get("ours", "lowest"), unit="", limit=0.0, at_least=True),
        against("roadrunner", 3.5),
        against("lsoda", 10.0),
        against("diffrax", 10.0),
        *(no_worse(peer) for peer in ("roadrunner", "lsoda", "diffrax")),
        bar("Largest difference from COPASI: three contexts, untreated and dosed",
            get("copasi", "worst"), unit="relative", limit=1e-4,
            note=f"COPASI {version_in(copasi, 'python-copasi')}" if copasi else "COPASI not there"),
        bar("10^5 dosed mice at rtol 1e-4, one core", 1e5 / get("ours_1e-4", "rate"), unit="s",
            limit=90.0, note=f"scaled from 400 mice; error {get('ours_1e-4', 'error'):.1e}"),
        bar("Mice per CPU second of the stochastic stage, both organs", get("chance", "rate"),
            unit="mice/s", limit=25_000.0, at_least=True,
            note=f"{get('chance', 'lodged'):.0f} founders lodged per mouse"),
        bar("Speed-up of a trial by a second thread", get("one_thread", "wall") / get("two_threads", "wall"),
            unit="", limit=1.8, at_least=True,
            note=f"10,000 dosed mice; {get('one_thread', 'wall'):.1f} s alone, {get('two_threads', 'wall'):.1f} s together, "
            f"CPU {get('one_thread', 'cpu'):.1f} and {get('two_threads', 'cpu'):.1f} s"),
        bar("First trial of 100 mice from a warm cache, imports included",
            whole["first_trial"].wall_s, unit="s", limit=2.0),
    ]  # fmt: skip
    notes = [f"{name}: {line}" for name, lines in said.get("signs", {}).items() for line in lines]
    notes.append(
        f"DOPRI5 at rtol 1e-6: {get('ours_dopri5', 'rate'):.0f} mice/s, error {get('ours_dopri5', 'error'):.1e}."
    )
    notes.append(
        f"RODAS4 at rtol 1e-6: {get('ours_rodas4', 'rate'):.0f} mice/s, error {get('ours_rodas4', 'error'):.1e}."
    )
    notes += [
        f"At rtol {r}: {get(f'ours_{r}', 'rate'):.0f} mice/s, error {get(f'ours_{r}', 'error'):.1e}."
        for r in ("1e-4", "1e-5", "1e-8")
    ]
    packages = versions("turncoat", "numpy", "numba", "scipy", "libroadrunner")
    if diffrax:
        packages["diffrax"] = version_in(diffrax, "diffrax")
    write_results(
        "simulate", bars, title="In-silico mice", measured=[fast, more, slow, whole],
        packages=packages, notes=notes, started=began,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--job", choices=sorted(JOBS))
    chosen = parser.parse_args().job
    JOBS[chosen]() if chosen else main()
