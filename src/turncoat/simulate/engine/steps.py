"""One step of RODAS4 or RODAS5P, for stiff models, and the arrays that steps share.

References
----------
Hairer and Wanner (1996), *Solving Ordinary Differential Equations II*, section IV.7 and the
code RODAS.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from turncoat.kernel import AS_WRITTEN, kernel
from turncoat.simulate.engine.linear import dense_factor, dense_solve, factor, put, solve, trusted
from turncoat.simulate.engine.sparse import Elimination
from turncoat.simulate.engine.tableaux import (
    DENSE,
    GAMMAS,
    STAGES,
    STEP_A,
    STEP_C,
    STEP_D,
    STEP_TIME,
)
from turncoat.tables import BoolArray, FloatArray, IntArray

Compiled = Callable[..., Any]


class Functions(NamedTuple):
    """The compiled functions of one model."""

    rates: Compiled
    jacobian: Compiled
    factor: Compiled
    solve: Compiled
    triggers: Compiled
    effects: Compiled


class Settings(NamedTuple):
    """How accurately to integrate, and what a state may be."""

    rtol: float
    atol: FloatArray
    non_negative: BoolArray
    stiff: bool
    tableau: int
    unrolled: bool
    max_steps: int
    initially: FloatArray


class Work(NamedTuple):
    """Arrays that every step writes to: allocated once per batch."""

    stages: FloatArray
    stage: FloatArray
    slope: FloatArray
    forcing: FloatArray
    ft: FloatArray
    jacobian: FloatArray
    factors: FloatArray
    dense: FloatArray
    swaps: IntArray
    following: FloatArray
    error: FloatArray
    first: FloatArray
    second: FloatArray
    third: FloatArray
    before: FloatArray
    base: FloatArray
    counts: IntArray


NONE, UNROLLED, LISTED, PIVOTED = 0, 1, 2, 3
# Where ``counts`` notes which solver goes with the factors of the last step.
SOLVER = 4
# Where it notes the number of the last stage.
LAST = 5


def slope_reference(
    rates: Compiled, t: float, y: FloatArray, p: FloatArray, forcing: FloatArray, dy: FloatArray
) -> None:
    """Rates of change, infusions included."""
    rates(t, y, p, dy)
    dy += forcing


@kernel(reference=slope_reference, allocates=False)
def slope(
    rates: Compiled, t: float, y: FloatArray, p: FloatArray, forcing: FloatArray, dy: FloatArray
) -> None:
    """Rates of change, infusions included."""
    rates(t, y, p, dy)
    for i in range(y.size):
        dy[i] += forcing[i]


def combine_reference(
    weights: FloatArray, n_stages: int, stages: FloatArray, total: FloatArray
) -> None:
    """Sum weighted stages."""
    total[:] = weights[:n_stages] @ stages[:n_stages]


@kernel(reference=combine_reference, allocates=False)
def combine(weights: FloatArray, n_stages: int, stages: FloatArray, total: FloatArray) -> None:
    """Sum weighted stages."""
    if n_stages == 0:
        total[:] = 0.0
        return
    for i in range(total.size):
        total[i] = weights[0] * stages[0, i]
    for j in range(1, n_stages):
        weight = weights[j]
        for i in range(total.size):
            total[i] += weight * stages[j, i]


@kernel(reference=AS_WRITTEN, allocates=False)
def decompose(
    functions: Functions, lu: Elimination, work: Work, settings: Settings, shift: float
) -> int:
    """Factorise ``shift I - J`` and say which solver goes with the factors."""
    if settings.unrolled:
        functions.factor(shift, work.jacobian, work.factors)
    else:
        factor(lu, work.jacobian, shift, work.factors)
    if trusted(lu, work.factors):
        return UNROLLED if settings.unrolled else LISTED
    work.counts[3] += 1
    if dense_factor(lu, work.jacobian, shift, work.dense, work.swaps):
        return PIVOTED
    return NONE


@kernel(reference=AS_WRITTEN, allocates=False)
def resolve(functions: Functions, lu: Elimination, work: Work, solver: int, x: FloatArray) -> None:
    """Solve in place with whichever factors there are."""
    if solver == UNROLLED:
        functions.solve(work.factors, x)
    elif solver == LISTED:
        solve(lu, work.factors, x)
    else:
        dense_solve(work.dense, work.swaps, x)


def rodas_step_reference(
    functions: Functions, lu: Elimination, work: Work, t: float, y: FloatArray, p: FloatArray,
    h: float, settings: Settings,
) -> bool:  # fmt: skip
    """Take one RODAS4 step with dense linear algebra; the Jacobian is in ``work``."""
    n, m = y.size, settings.tableau
    jacobian = np.zeros((n, n))
    jacobian[lu.rows[lu.entry], lu.columns[lu.entry]] = work.jacobian
    matrix = np.eye(n) / (h * GAMMAS[m]) - jacobian
    for s in range(STAGES[m]):
        work.stage[:] = y + STEP_A[m, s, :s] @ work.stages[:s]
        at = t + STEP_TIME[m, s] * h
        slope_reference(functions.rates, at, work.stage, p, work.forcing, work.slope)
        right = work.slope + STEP_C[m, s, :s] @ work.stages[:s] / h + STEP_D[m, s] * h * work.ft
        work.stages[s] = np.linalg.solve(matrix, right)
    work.counts[LAST] = STAGES[m] - 1
    rodas_finish_reference(work, y)
    return True


@kernel(reference=rodas_step_reference, allocates=False)
def rodas_step(
    functions: Functions, lu: Elimination, work: Work, t: float, y: FloatArray, p: FloatArray,
    h: float, settings: Settings,
) -> bool:  # fmt: skip
    """Take one RODAS4 step from slope and Jacobian in ``work``. False where no solve succeeds."""
    n, m = y.size, settings.tableau
    solver = decompose(functions, lu, work, settings, 1.0 / (h * GAMMAS[m]))
    work.counts[SOLVER] = solver
    work.counts[LAST] = STAGES[m] - 1
    if solver == NONE:
        return False
    for s in range(STAGES[m]):
        k = work.stages[s]
        if s == 0:
            put(work.base, work.slope)
        else:
            combine(STEP_A[m, s], s, work.stages, work.stage)
            for i in range(n):
                work.stage[i] += y[i]
            at = t + STEP_TIME[m, s] * h
            slope(functions.rates, at, work.stage, p, work.forcing, work.slope)
        combine(STEP_C[m, s], s, work.stages, k)
        inverse, share = 1.0 / h, STEP_D[m, s] * h
        for i in range(n):
            k[i] = work.slope[i] + (inverse * k[i] + share * work.ft[i])
        resolve(functions, lu, work, solver, k)
    rodas_finish(work, y)
    return True


def rodas_finish_reference(work: Work, y: FloatArray) -> None:
    """Write result and error of a step from its stages."""
    last = work.stages[work.counts[LAST]]
    work.following[:] = work.stage + last
    work.error[:] = last
    work.before[:] = y


@kernel(reference=rodas_finish_reference, allocates=False)
def rodas_finish(work: Work, y: FloatArray) -> None:
    """Write result and error of a step from its stages."""
    last = work.stages[work.counts[LAST]]
    for i in range(y.size):
        work.following[i] = work.stage[i] + last[i]
        work.error[i] = last[i]
        work.before[i] = y[i]


def rodas_dense_reference(work: Work, tableau: int) -> None:
    """Coefficients of the step's polynomial from its stages."""
    n_stages = STAGES[tableau]
    for row, target in enumerate((work.first, work.second, work.third)):
        target[:] = DENSE[tableau, row, :n_stages] @ work.stages[:n_stages]


@kernel(reference=rodas_dense_reference, allocates=False)
def rodas_dense(work: Work, tableau: int) -> None:
    """Coefficients of the step's polynomial from its stages."""
    work.first[:] = 0.0
    work.second[:] = 0.0
    work.third[:] = 0.0
    for j in range(STAGES[tableau]):
        for i in range(work.first.size):
            work.first[i] += DENSE[tableau, 0, j] * work.stages[j, i]
            work.second[i] += DENSE[tableau, 1, j] * work.stages[j, i]
            work.third[i] += DENSE[tableau, 2, j] * work.stages[j, i]
