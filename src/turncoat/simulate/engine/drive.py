"""From one time to another: step sizes, break-points, outputs, events and status.

Doses, infusions and surgery happen at break-points where integration stops and starts again;
the right-hand side never sees them. Outputs are read from the steps' own polynomials, so
that asking for more of them costs no steps.
"""

from typing import Any, NamedTuple

import numpy as np

from turncoat.kernel import AS_WRITTEN, kernel
from turncoat.simulate.engine.explicit import between
from turncoat.simulate.engine.linear import put
from turncoat.simulate.engine.sparse import Elimination
from turncoat.simulate.engine.steps import (
    LAST,
    SOLVER,
    Functions,
    Settings,
    Work,
    resolve,
    rodas_dense,
    slope,
)
from turncoat.simulate.engine.tableaux import GAMMAS, STAGES
from turncoat.tables import FloatArray, IntArray

DONE, TOO_MANY_STEPS, STEP_TOO_SMALL, NOT_FINITE = 0, 1, 2, 3
ADD, SCALE, SET, SCALE_BY, FORCE, PARAMETER = 0, 1, 2, 3, 4, 5
MOST_CASCADES = 20
BISECTIONS = 50
SMALL_START = 1e-6


class Actions(NamedTuple):
    """What the schedule does, sorted by time: kind, what it acts on, by how much."""

    time: FloatArray
    kind: IntArray
    target: IntArray
    value: FloatArray


class Switches(NamedTuple):
    """Conditions of the model's own events: before, now, and what they set."""

    on: FloatArray
    now: FloatArray
    after: FloatArray


def act_reference(
    actions: Actions, k: int, y: FloatArray, p: FloatArray, untouched: FloatArray, work: Work
) -> None:
    """Apply one action of the schedule."""
    index, value = int(actions.target[k]), float(actions.value[k])
    target: dict[int, Any] = {
        ADD: (y, y[min(index, y.size - 1)] + value),
        SCALE: (y, y[min(index, y.size - 1)] * value),
        SET: (y, value),
        SCALE_BY: (y, y[min(index, y.size - 1)] * p[min(int(abs(value)), p.size - 1)]),
        FORCE: (work.forcing, work.forcing[min(index, y.size - 1)] + value),
        PARAMETER: (p, untouched[min(index, p.size - 1)] * value),
    }
    array, new = target[int(actions.kind[k])]
    array[index] = new


@kernel(reference=act_reference, allocates=False)
def act(
    actions: Actions, k: int, y: FloatArray, p: FloatArray, untouched: FloatArray, work: Work
) -> None:
    """Apply one action of the schedule."""
    kind, index, value = actions.kind[k], actions.target[k], actions.value[k]
    if kind == ADD:
        y[index] += value
    elif kind == SCALE:
        y[index] *= value
    elif kind == SET:
        y[index] = value
    elif kind == SCALE_BY:
        y[index] *= p[int(value)]
    elif kind == FORCE:
        work.forcing[index] += value
    else:
        p[index] = untouched[index] * value


def first_step_reference(
    functions: Functions, settings: Settings, work: Work, t: float, y: FloatArray, p: FloatArray
) -> float:
    """Guess a first step from the sizes of the states, slopes and bends."""
    weight = settings.atol + settings.rtol * np.abs(y)
    size = float(np.sqrt(np.mean((y / weight) ** 2)))
    speed = float(np.sqrt(np.mean((work.base / weight) ** 2)))
    h = 1e-6 if size < 1e-5 or speed < 1e-5 else 0.01 * size / speed
    work.stage[:] = y + h * work.base
    functions.rates(t + h, work.stage, p, work.slope)
    work.slope[:] += work.forcing
    bend = float(np.sqrt(np.mean(((work.slope - work.base) / weight) ** 2))) / h
    steepest = max(speed, bend)
    second = max(1e-6, h * 1e-3) if steepest <= 1e-15 else (0.01 / steepest) ** 0.2
    step = min(100.0 * h, second)
    return step if step > 0.0 else SMALL_START


@kernel(reference=first_step_reference, allocates=False)
def first_step(
    functions: Functions, settings: Settings, work: Work, t: float, y: FloatArray, p: FloatArray
) -> float:
    """Guess a first step from the sizes of the states, slopes and bends."""
    size, speed, bend, n = 0.0, 0.0, 0.0, y.size
    for i in range(n):
        weight = settings.atol[i] + settings.rtol * abs(y[i])
        size += (y[i] / weight) ** 2
        speed += (work.base[i] / weight) ** 2
    size, speed = np.sqrt(size / n), np.sqrt(speed / n)
    h = 1e-6 if size < 1e-5 or speed < 1e-5 else 0.01 * size / speed
    for i in range(n):
        work.stage[i] = y[i] + h * work.base[i]
    slope(functions.rates, t + h, work.stage, p, work.forcing, work.slope)
    for i in range(n):
        weight = settings.atol[i] + settings.rtol * abs(y[i])
        bend += ((work.slope[i] - work.base[i]) / weight) ** 2
    bend = np.sqrt(bend / n) / h
    steepest = max(speed, bend)
    second = max(1e-6, h * 1e-3) if steepest <= 1e-15 else (0.01 / steepest) ** 0.2
    step = min(100.0 * h, second)
    # Rates that are not numbers say nothing of a step; the step itself will fail and say so.
    return step if step > 0.0 else SMALL_START


def error_size_reference(settings: Settings, work: Work) -> float:
    """Root mean square of the step's error in units of tolerance; infinite if not finite."""
    larger = np.maximum(np.abs(work.before), np.abs(work.following))
    weight = settings.atol + settings.rtol * larger
    size = float(np.sqrt(np.mean((work.error / weight) ** 2)))
    below = np.where(settings.non_negative, -work.following - weight, -1.0)
    return np.inf if not np.isfinite(size) or bool(np.any(below > 0)) else size


@kernel(reference=error_size_reference, allocates=False)
def error_size(settings: Settings, work: Work) -> float:
    """Root mean square of the step's error in units of tolerance; infinite if not finite."""
    total = 0.0
    for i in range(work.error.size):
        larger = max(abs(work.before[i]), abs(work.following[i]))
        weight = settings.atol[i] + settings.rtol * larger
        total += (work.error[i] / weight) ** 2
        # Below zero by more than the tolerance is an error the estimate may not see.
        if settings.non_negative[i] and -work.following[i] > weight:
            total = np.inf
    size = np.sqrt(total / work.error.size)
    return size if np.isfinite(size) else np.inf


def correct_reference(
    functions: Functions, lu: Elimination, work: Work, at: float, share: float,
    h: float, y: FloatArray, p: FloatArray,
) -> None:  # fmt: skip
    """Take out of an interpolated state what its own equation shows to be wrong."""
    n = y.size
    jacobian = np.zeros((n, n))
    jacobian[lu.rows[lu.entry], lu.columns[lu.entry]] = work.jacobian
    bent = (1 - 2 * share) * work.first + (2 * share - 3 * share**2) * work.second
    bent += (3 * share**2 - 4 * share**3) * work.third
    functions.rates(at, y, p, work.slope)
    defect = work.slope + work.forcing - (work.following - work.before + bent) / h
    y += np.linalg.solve(
        np.eye(n) / (h * GAMMAS[int(work.counts[LAST] == STAGES[1] - 1)]) - jacobian, defect
    )


@kernel(reference=correct_reference, allocates=False)
def correct(
    functions: Functions, lu: Elimination, work: Work, at: float, share: float,
    h: float, y: FloatArray, p: FloatArray,
) -> None:  # fmt: skip
    """Take out of an interpolated state what its own equation shows to be wrong.

    The polynomial of a step is poor for fast states that follow slow ones. One simplified
    Newton step on the defect, with the factors of the step, restores them.
    """
    slope(functions.rates, at, y, p, work.forcing, work.slope)
    for i in range(y.size):
        bent = (1.0 - 2.0 * share) * work.first[i]
        bent += (2.0 * share - 3.0 * share * share) * work.second[i]
        bent += (3.0 - 4.0 * share) * share * share * work.third[i]
        work.stage[i] = work.slope[i] - (work.following[i] - work.before[i] + bent) / h
    resolve(functions, lu, work, work.counts[SOLVER], work.stage)
    for i in range(y.size):
        y[i] += work.stage[i]


@kernel(reference=AS_WRITTEN, allocates=False)
def record(
    functions: Functions, lu: Elimination, settings: Settings, work: Work, t: float, h: float,
    until: float, p: FloatArray, times: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    """Read the states at the output times inside the last step, up to a time."""
    start, end = np.searchsorted(times, t), np.searchsorted(times, until)
    if end > start and settings.stiff:
        rodas_dense(work, settings.tableau)
    for k in range(start, end):
        share = (times[k] - t) / h
        between(work, share, settings.stiff, out[k])
        if settings.stiff and 0.0 < share < 1.0:
            correct(functions, lu, work, times[k], share, h, out[k], p)
        for i in range(out.shape[1]):
            if settings.non_negative[i] and out[k, i] < 0.0:
                out[k, i] = 0.0


def fire_reference(
    functions: Functions, switches: Switches, t: float, y: FloatArray, p: FloatArray
) -> bool:
    """Apply the events whose condition turned true, until no more turn."""
    fired = False
    for _ in range(MOST_CASCADES):
        functions.triggers(t, y, p, switches.now)
        rising = np.flatnonzero((switches.now > 0.5) & (switches.on < 0.5))
        switches.on[:] = switches.now
        switches.after[:] = y
        before = y.copy()
        functions.effects(t, y, p, switches.after)
        for k in rising:
            changed = switches.after[k] != before
            y[changed] = switches.after[k][changed]
            fired = True
        if rising.size == 0:
            return fired
    return fired


@kernel(reference=fire_reference, allocates=False)
def fire(functions: Functions, switches: Switches, t: float, y: FloatArray, p: FloatArray) -> bool:
    """Apply the events whose condition turned true, until no more turn."""
    fired = False
    for _ in range(MOST_CASCADES):
        functions.triggers(t, y, p, switches.now)
        for k in range(switches.now.size + 1):
            put(y, switches.after[k])
        functions.effects(t, y, p, switches.after)
        rising = False
        for k in range(switches.now.size):
            if switches.now[k] > 0.5 and switches.on[k] < 0.5:
                rising = True
                for i in range(y.size):
                    if switches.after[k, i] != switches.after[-1, i]:
                        y[i] = switches.after[k, i]
            switches.on[k] = switches.now[k]
        if not rising:
            return fired
        fired = True
    return fired


def rises_reference(
    functions: Functions, switches: Switches, work: Work, settings: Settings, t: float, h: float,
    share: float, p: FloatArray,
) -> bool:  # fmt: skip
    """Whether a condition that was false holds at a share of the last step."""
    state = np.empty_like(work.before)
    if settings.stiff:
        rodas_dense.reference(work, settings.tableau)
    between.reference(work, share, settings.stiff, state)
    functions.triggers(t + share * h, state, p, switches.now)
    return bool(np.any((switches.now > 0.5) & (switches.on < 0.5)))


@kernel(reference=rises_reference, allocates=False)
def rises(
    functions: Functions, switches: Switches, work: Work, settings: Settings, t: float, h: float,
    share: float, p: FloatArray,
) -> bool:  # fmt: skip
    """Whether a condition that was false holds at a share of the last step."""
    if settings.stiff and share == 1.0:
        rodas_dense(work, settings.tableau)
    between(work, share, settings.stiff, work.stage)
    functions.triggers(t + share * h, work.stage, p, switches.now)
    for k in range(switches.now.size):
        if switches.now[k] > 0.5 and switches.on[k] < 0.5:
            return True
    return False
