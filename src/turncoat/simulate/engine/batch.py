"""Many mice, one after another, on one core; the caller gives each thread its own mice."""

import numpy as np

from turncoat.kernel import AS_WRITTEN, kernel
from turncoat.simulate.engine.drive import (
    BISECTIONS,
    DONE,
    NOT_FINITE,
    STEP_TOO_SMALL,
    TOO_MANY_STEPS,
    Actions,
    Switches,
    act,
    error_size,
    fire,
    first_step,
    record,
    rises,
)
from turncoat.simulate.engine.explicit import between, dopri_step
from turncoat.simulate.engine.linear import put
from turncoat.simulate.engine.sparse import Elimination
from turncoat.simulate.engine.steps import Compiled, Functions, Settings, Work, rodas_step, slope
from turncoat.simulate.engine.tableaux import EXPONENTS
from turncoat.tables import FloatArray, IntArray

ACCEPTED, REJECTED, TRIED, DENSE = 0, 1, 2, 3
SAFETY, SHRINK, GROW = 0.9, 0.2, 6.0
SMALLEST_STEP = 1e-14


@kernel(reference=AS_WRITTEN, allocates=False)
def attempt(
    functions: Functions, lu: Elimination, settings: Settings, work: Work, t: float,
    y: FloatArray, p: FloatArray, h: float,
) -> float:  # fmt: skip
    """Try one step and give its error in units of tolerance."""
    work.counts[TRIED] += 1
    if settings.stiff:
        solved = rodas_step(functions, lu, work, t, y, p, h, settings)
    else:
        solved = dopri_step(functions.rates, work, t, y, p, h)
    if not solved:
        return np.inf
    return error_size(settings, work)


@kernel(reference=AS_WRITTEN, allocates=False)
def locate(
    functions: Functions, settings: Settings, switches: Switches, work: Work, t: float,
    h: float, p: FloatArray,
) -> float:  # fmt: skip
    """Share of the last step at which a condition first turned true; above one for none."""
    if switches.now.size == 0 or not rises(functions, switches, work, settings, t, h, 1.0, p):
        return 2.0
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if rises(functions, switches, work, settings, t, h, middle, p):
            high = middle
        else:
            low = middle
    return high


@kernel(reference=AS_WRITTEN, allocates=False)
def renew(
    functions: Functions, settings: Settings, work: Work, t: float, y: FloatArray,
    p: FloatArray, moved: bool,
) -> None:  # fmt: skip
    """Slope and Jacobian at the start of a step."""
    if moved or settings.stiff:
        slope(functions.rates, t, y, p, work.forcing, work.base)
    else:
        put(work.stages[6], work.base)
    if settings.stiff:
        functions.jacobian(t, y, p, work.jacobian, work.ft)


@kernel(reference=AS_WRITTEN, allocates=False)
def take(settings: Settings, work: Work, y: FloatArray, share: float) -> None:
    """Make the end of the last step, or a share of it, the new state."""
    if share <= 1.0:
        between(work, share, settings.stiff, y)
    else:
        put(work.following, y)
    for i in range(y.size):
        if settings.non_negative[i] and y[i] < 0.0:
            y[i] = 0.0


@kernel(reference=AS_WRITTEN, allocates=False)
def advance(
    functions: Functions, lu: Elimination, settings: Settings, switches: Switches, work: Work,
    span: tuple[float, float], y: FloatArray, p: FloatArray, times: FloatArray, out: FloatArray,
) -> int:  # fmt: skip
    """Integrate from one break-point to the next; outputs before the second are written."""
    t, stop = span
    power = EXPONENTS[settings.tableau]
    renew(functions, settings, work, t, y, p, True)
    h = min(first_step(functions, settings, work, t, y, p), stop - t)
    while t < stop:
        if work.counts[TRIED] >= settings.max_steps:
            return TOO_MANY_STEPS
        rest = stop - t
        last = h * 1.01 >= rest
        h = rest if last else min(h, 0.5 * rest)
        size = attempt(functions, lu, settings, work, t, y, p, h)
        if size > 1.0:
            work.counts[REJECTED] += 1
            h *= max(0.1, SAFETY * size**-power) if np.isfinite(size) else 0.1
            if h < SMALLEST_STEP * max(1.0, abs(t)):
                return STEP_TOO_SMALL if np.isfinite(size) else NOT_FINITE
            continue
        work.counts[ACCEPTED] += 1
        share = locate(functions, settings, switches, work, t, h, p)
        until = stop if last and share > 1.0 else t + h * min(share, 1.0)
        record(functions, lu, settings, work, t, h, until, p, times, out)
        take(settings, work, y, share)
        t = until
        moved = share <= 1.0 and fire(functions, switches, t, y, p)
        if t < stop:
            renew(functions, settings, work, t, y, p, moved or share <= 1.0)
        h *= min(GROW, max(SHRINK, SAFETY * max(size, 1e-10) ** -power))
        if moved:
            h = first_step(functions, settings, work, t, y, p)
    return DONE


@kernel(reference=AS_WRITTEN, allocates=False)
def integrate_one(
    functions: Functions, lu: Elimination, settings: Settings, switches: Switches, work: Work,
    actions: Actions, y: FloatArray, p: FloatArray, untouched: FloatArray, times: FloatArray,
    out: FloatArray,
) -> int:  # fmt: skip
    """Follow one mouse through its schedule; ``out`` holds its states at ``times``."""
    t, end, k = times[0], times[-1], 0
    work.forcing[:] = 0.0
    work.ft[:] = 0.0
    work.counts[:] = 0
    put(settings.initially, switches.on)
    while True:
        while k < actions.time.size and actions.time[k] <= t:
            act(actions, k, y, p, untouched, work)
            k += 1
        if switches.on.size > 0:
            fire(functions, switches, t, y, p)
        q = np.searchsorted(times, t)
        if times[q] == t:
            put(y, out[q])
        if t >= end:
            return DONE
        stop = min(end, actions.time[k]) if k < actions.time.size else end
        status = advance(functions, lu, settings, switches, work, (t, stop), y, p, times, out)
        if status != DONE:
            for q in range(np.searchsorted(times, t, side="right"), times.size):
                out[q, :] = np.nan
            return status
        t = stop


@kernel(reference=AS_WRITTEN)
def integrate_batch(
    functions: Functions, lu: Elimination, settings: Settings, switches: Switches, work: Work,
    actions: Actions, starts: FloatArray, constants: FloatArray, times: FloatArray,
    out: FloatArray, status: IntArray, counts: IntArray,
) -> None:  # fmt: skip
    """Follow every mouse of a batch; rows of ``starts`` and ``constants`` are mice."""
    for mouse in range(starts.shape[0]):
        y, p = starts[mouse].copy(), constants[mouse].copy()
        status[mouse] = integrate_one(
            functions,
            lu,
            settings,
            switches,
            work,
            actions,
            y,
            p,
            constants[mouse],
            times,
            out[mouse],
        )
        counts[mouse, :] = work.counts


@kernel(reference=AS_WRITTEN)
def start_batch(start: Compiled, constants: FloatArray, states: FloatArray) -> None:
    """States of every mouse at time zero."""
    for mouse in range(constants.shape[0]):
        start(0.0, constants[mouse], states[mouse])


@kernel(reference=AS_WRITTEN)
def assigned_batch(
    assigned: Compiled, times: FloatArray, states: FloatArray, constants: FloatArray,
    values: FloatArray,
) -> None:  # fmt: skip
    """Quantities given by rules, of every mouse at every time."""
    for mouse in range(states.shape[0]):
        for k in range(times.size):
            assigned(times[k], states[mouse, k], constants[mouse], values[mouse, k])
