"""Mice side by side: each lane at its own time, with its own step, on its own schedule.

All lanes try a step together, in vector instructions; then each is judged, reports, meets its
break-points and goes on by itself, and a finished mouse makes room for the next. What is
rare (a pivot in doubt, a step that fails) is not handled here: the mouse is handed back, and
the loop for single mice runs it from the start. Both give the same numbers.
"""

from typing import NamedTuple

import numpy as np

from turncoat.kernel import AS_WRITTEN, kernel
from turncoat.simulate.engine.batch import (
    ACCEPTED,
    GROW,
    REJECTED,
    SAFETY,
    SHRINK,
    SMALLEST_STEP,
    TRIED,
)
from turncoat.simulate.engine.drive import DONE, Actions, act, first_step, record
from turncoat.simulate.engine.lane_code import LANES, N_STAGES, Layout
from turncoat.simulate.engine.linear import LARGEST_MULTIPLIER, put
from turncoat.simulate.engine.sparse import Elimination
from turncoat.simulate.engine.steps import (
    LAST,
    SOLVER,
    UNROLLED,
    Compiled,
    Functions,
    Settings,
    Work,
    slope,
)
from turncoat.simulate.engine.tableaux import EXPONENTS
from turncoat.tables import FloatArray, IntArray

HANDED_BACK = -1
NOBODY = -1


class LaneFunctions(NamedTuple):
    """The compiled functions of one model for all lanes at once."""

    lane_rates: Compiled
    lane_jacobian: Compiled
    lane_factor: Compiled
    lane_solve: Compiled
    lane_mix: Compiled
    lane_judge: Compiled


class Lanes(NamedTuple):
    """Where every lane stands: whose mouse, next action, time and where it stops."""

    memory: FloatArray
    rows: Layout
    mouse: IntArray
    action: IntArray
    time: FloatArray
    stop: FloatArray
    constants: FloatArray
    state: FloatArray


class Task(NamedTuple):
    """The mice to follow, the times to report, and where results go."""

    starts: FloatArray
    constants: FloatArray
    times: FloatArray
    out: FloatArray
    status: IntArray
    counts: IntArray


def read_reference(memory: FloatArray, row: int, lane: int, vector: FloatArray) -> None:
    """Copy one lane's rows into a vector."""
    vector[:] = memory.reshape(-1, LANES)[row : row + vector.size, lane]


@kernel(reference=read_reference, allocates=False)
def read(memory: FloatArray, row: int, lane: int, vector: FloatArray) -> None:
    """Copy one lane's rows into a vector."""
    for k in range(vector.size):
        vector[k] = memory[(row + k) * LANES + lane]


def write_reference(vector: FloatArray, memory: FloatArray, row: int, lane: int) -> None:
    """Copy a vector into one lane's rows."""
    memory.reshape(-1, LANES)[row : row + vector.size, lane] = vector


@kernel(reference=write_reference, allocates=False)
def write(vector: FloatArray, memory: FloatArray, row: int, lane: int) -> None:
    """Copy a vector into one lane's rows."""
    for k in range(vector.size):
        memory[(row + k) * LANES + lane] = vector[k]


@kernel(reference=AS_WRITTEN, allocates=False)
def attempt_all(fast: LaneFunctions, memory: FloatArray) -> None:
    """Try one step of RODAS5P in every lane."""
    for s in range(N_STAGES):
        fast.lane_mix(s, memory)
        fast.lane_rates(memory)
        if s == 0:
            fast.lane_jacobian(memory)
            fast.lane_factor(memory)
        fast.lane_solve(memory)
    fast.lane_judge(memory)


@kernel(reference=AS_WRITTEN, allocates=False)
def set_step(lanes: Lanes, lane: int, h: float) -> None:
    """Fit a step into what is left before the break-point."""
    rest = lanes.stop[lane] - lanes.time[lane]
    fitted = rest if h * 1.01 >= rest else min(h, 0.5 * rest)
    lanes.memory[lanes.rows.step * LANES + lane] = fitted
    lanes.memory[lanes.rows.start * LANES + lane] = lanes.time[lane]


@kernel(reference=AS_WRITTEN, allocates=False)
def break_point(
    functions: Functions, settings: Settings, work: Work, lanes: Lanes, lane: int,
    actions: Actions, task: Task,
) -> bool:  # fmt: skip
    """Act at a break-point and set off towards the next. False where the mouse is done."""
    rows, mouse, t = lanes.rows, lanes.mouse[lane], lanes.time[lane]
    y, p, times = lanes.state[lane], lanes.constants[lane], task.times
    read(lanes.memory, rows.forcing, lane, work.forcing)
    k = lanes.action[lane]
    while k < actions.time.size and actions.time[k] <= t:
        act(actions, k, y, p, task.constants[mouse], work)
        k += 1
    lanes.action[lane] = k
    q = np.searchsorted(times, t)
    if times[q] == t:
        put(y, task.out[mouse, q])
    if t >= times[-1]:
        return False
    lanes.stop[lane] = min(times[-1], actions.time[k]) if k < actions.time.size else times[-1]
    slope(functions.rates, t, y, p, work.forcing, work.base)
    h = min(first_step(functions, settings, work, t, y, p), lanes.stop[lane] - t)
    write(y, lanes.memory, rows.before, lane)
    write(p, lanes.memory, rows.constants, lane)
    write(work.forcing, lanes.memory, rows.forcing, lane)
    lanes.memory[rows.accepted * LANES + lane] = 0.0
    set_step(lanes, lane, h)
    return True


@kernel(reference=AS_WRITTEN, allocates=False)
def board(
    functions: Functions, settings: Settings, work: Work, lanes: Lanes, lane: int,
    actions: Actions, task: Task, waiting: int,
) -> int:  # fmt: skip
    """Let the next mouse into a free lane; how many have been let in so far."""
    work.forcing[:] = 0.0
    while waiting < task.starts.shape[0]:
        lanes.mouse[lane] = waiting
        lanes.action[lane] = 0
        lanes.time[lane] = task.times[0]
        put(task.starts[waiting], lanes.state[lane])
        put(task.constants[waiting], lanes.constants[lane])
        write(work.forcing, lanes.memory, lanes.rows.forcing, lane)
        waiting += 1
        if break_point(functions, settings, work, lanes, lane, actions, task):
            return waiting
    lanes.mouse[lane] = NOBODY
    return waiting


@kernel(reference=AS_WRITTEN, allocates=False)
def report(
    functions: Functions, lu: Elimination, settings: Settings, work: Work, lanes: Lanes,
    lane: int, until: float, task: Task,
) -> None:  # fmt: skip
    """Write the outputs inside a lane's last step, with the tools of a single mouse."""
    rows, memory, mouse, n = lanes.rows, lanes.memory, lanes.mouse[lane], task.starts.shape[1]
    for s in range(N_STAGES - 1):
        read(memory, rows.stages + s * n, lane, work.stages[s])
    read(memory, rows.solved, lane, work.stages[N_STAGES - 1])
    read(memory, rows.before, lane, work.before)
    read(memory, rows.following, lane, work.following)
    read(memory, rows.forcing, lane, work.forcing)
    read(memory, rows.factors, lane, work.factors)
    read(memory, rows.values, lane, work.jacobian)
    work.counts[SOLVER], work.counts[LAST] = UNROLLED, N_STAGES - 1
    h, t = memory[rows.step * LANES + lane], lanes.time[lane]
    record(
        functions, lu, settings, work, t, h, until, lanes.constants[lane], task.times,
        task.out[mouse],
    )  # fmt: skip


@kernel(reference=AS_WRITTEN, allocates=False)
def settle(
    functions: Functions, lu: Elimination, settings: Settings, work: Work, lanes: Lanes,
    lane: int, actions: Actions, task: Task,
) -> bool:  # fmt: skip
    """Judge a lane's step and set its next. False where the lane is free for another mouse."""
    rows, memory, mouse, t = lanes.rows, lanes.memory, lanes.mouse[lane], lanes.time[lane]
    size, doubt = memory[rows.size * LANES + lane], memory[rows.doubt * LANES + lane]
    h = memory[rows.step * LANES + lane]
    counts, times = task.counts[mouse], task.times
    power = EXPONENTS[settings.tableau]
    counts[TRIED] += 1
    tiny = h * 0.1 < SMALLEST_STEP * max(1.0, abs(t))
    sound = doubt <= LARGEST_MULTIPLIER and size < np.inf and not tiny
    if not sound or counts[TRIED] >= settings.max_steps:
        task.status[mouse] = HANDED_BACK
        return False
    if size > 1.0:
        counts[REJECTED] += 1
        memory[rows.accepted * LANES + lane] = 0.0
        set_step(lanes, lane, h * max(0.1, SAFETY * size**-power))
        return True
    counts[ACCEPTED] += 1
    last = h == lanes.stop[lane] - t
    until = lanes.stop[lane] if last else t + h
    if np.searchsorted(times, t) < np.searchsorted(times, until):
        report(functions, lu, settings, work, lanes, lane, until, task)
    lanes.time[lane] = until
    if last:
        y = lanes.state[lane]
        read(memory, rows.following, lane, y)
        for i in range(y.size):
            if settings.non_negative[i] and y[i] < 0.0:
                y[i] = 0.0
        return break_point(functions, settings, work, lanes, lane, actions, task)
    memory[rows.accepted * LANES + lane] = 1.0
    set_step(lanes, lane, h * min(GROW, max(SHRINK, SAFETY * max(size, 1e-10) ** -power)))
    return True


@kernel(reference=AS_WRITTEN)
def integrate_lanes(
    functions: Functions, fast: LaneFunctions, lu: Elimination, settings: Settings, work: Work,
    lanes: Lanes, actions: Actions, task: Task,
) -> None:  # fmt: skip
    """Follow every mouse of a task; those handed back have that status."""
    memory, rows, n = lanes.memory, lanes.rows, task.starts.shape[1]
    for lane in range(LANES):
        memory[rows.rtol * LANES + lane] = settings.rtol
        write(settings.atol, memory, rows.atol, lane)
        for i in range(n):
            memory[(rows.floor + i) * LANES + lane] = 1.0 if settings.non_negative[i] else 0.0
    task.status[:] = DONE
    task.counts[:] = 0
    work.ft[:] = 0.0
    waiting = 0
    for lane in range(LANES):
        waiting = board(functions, settings, work, lanes, lane, actions, task, waiting)
    while np.any(lanes.mouse != NOBODY):
        attempt_all(fast, memory)
        for lane in range(LANES):
            if lanes.mouse[lane] != NOBODY and not settle(
                functions, lu, settings, work, lanes, lane, actions, task
            ):
                waiting = board(functions, settings, work, lanes, lane, actions, task, waiting)
