"""One step of RODAS4, the method for stiff models, and the arrays that steps share.

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
GAMMA = 0.25
RODAS_A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [1.544, 0.0, 0.0, 0.0, 0.0],
        [0.9466785280815826, 0.2557011698983284, 0.0, 0.0, 0.0],
        [3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0, 0.0],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 0.0],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0],
    ]
)
RODAS_C = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [-5.6688, 0.0, 0.0, 0.0, 0.0],
        [-2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0],
        [-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0],
        [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0.0],
        [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
         -6.058818238834054],
    ]
)  # fmt: skip
RODAS_TIME = np.array([0.0, 0.386, 0.21, 0.63, 1.0, 1.0])
RODAS_GAMMA = np.array([0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0])
RODAS_DENSE = np.array(
    [
        [10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823,
         1.025137723295662],
        [-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386,
         -6.594389125716872],
    ]
)  # fmt: skip


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
    weights: FloatArray, scale: float, n_stages: int, stages: FloatArray, base: FloatArray,
    total: FloatArray,
) -> None:  # fmt: skip
    """Add weighted stages to a base."""
    total[:] = base + scale * (weights[:n_stages] @ stages[:n_stages])


@kernel(reference=combine_reference, allocates=False)
def combine(
    weights: FloatArray, scale: float, n_stages: int, stages: FloatArray, base: FloatArray,
    total: FloatArray,
) -> None:  # fmt: skip
    """Add weighted stages to a base."""
    for i in range(base.size):
        total[i] = base[i]
    for j in range(n_stages):
        weight = scale * weights[j]
        for i in range(base.size):
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
    h: float, settings: Settings,  # noqa: ARG001
) -> bool:  # fmt: skip
    """Take one RODAS4 step with dense linear algebra; the Jacobian is in ``work``."""
    n = y.size
    jacobian = np.zeros((n, n))
    jacobian[lu.rows[lu.entry], lu.columns[lu.entry]] = work.jacobian
    matrix = np.eye(n) / (h * GAMMA) - jacobian
    for s in range(6):
        work.stage[:] = y + RODAS_A[s, :s] @ work.stages[:s]
        slope_reference(
            functions.rates, t + RODAS_TIME[s] * h, work.stage, p, work.forcing, work.slope
        )
        right = work.slope + RODAS_C[s, :s] @ work.stages[:s] / h + RODAS_GAMMA[s] * h * work.ft
        work.stages[s] = np.linalg.solve(matrix, right)
    rodas_finish_reference(work, y)
    return True


@kernel(reference=rodas_step_reference, allocates=False)
def rodas_step(
    functions: Functions, lu: Elimination, work: Work, t: float, y: FloatArray, p: FloatArray,
    h: float, settings: Settings,
) -> bool:  # fmt: skip
    """Take one RODAS4 step from slope and Jacobian in ``work``. False where no solve succeeds."""
    n = y.size
    solver = decompose(functions, lu, work, settings, 1.0 / (h * GAMMA))
    work.counts[SOLVER] = solver
    if solver == NONE:
        return False
    for s in range(6):
        k = work.stages[s]
        if s == 0:
            put(work.base, work.slope)
        else:
            combine(RODAS_A[s], 1.0, s, work.stages, y, work.stage)
            slope(functions.rates, t + RODAS_TIME[s] * h, work.stage, p, work.forcing, work.slope)
        combine(RODAS_C[s], 1.0 / h, s, work.stages, work.slope, k)
        if s < 4:
            for i in range(n):
                k[i] += RODAS_GAMMA[s] * h * work.ft[i]
        resolve(functions, lu, work, solver, k)
    rodas_finish(work, y)
    return True


def rodas_finish_reference(work: Work, y: FloatArray) -> None:
    """Write result and error of a step from its stages."""
    work.following[:] = work.stage + work.stages[5]
    work.error[:] = work.stages[5]
    work.before[:] = y


@kernel(reference=rodas_finish_reference, allocates=False)
def rodas_finish(work: Work, y: FloatArray) -> None:
    """Write result and error of a step from its stages."""
    for i in range(y.size):
        work.following[i] = work.stage[i] + work.stages[5, i]
        work.error[i] = work.stages[5, i]
        work.before[i] = y[i]


def rodas_dense_reference(work: Work) -> None:
    """Coefficients of the step's polynomial from its stages."""
    work.first[:] = RODAS_DENSE[0] @ work.stages[:5]
    work.second[:] = RODAS_DENSE[1] @ work.stages[:5]


@kernel(reference=rodas_dense_reference, allocates=False)
def rodas_dense(work: Work) -> None:
    """Coefficients of the step's polynomial from its stages."""
    work.first[:] = 0.0
    work.second[:] = 0.0
    for j in range(5):
        for i in range(work.first.size):
            work.first[i] += RODAS_DENSE[0, j] * work.stages[j, i]
            work.second[i] += RODAS_DENSE[1, j] * work.stages[j, i]
