"""One step of DOPRI5, and reading any method between two steps.

References
----------
Dormand and Prince (1980), J. Comput. Appl. Math. 6:19; Hairer, Norsett and Wanner (1993),
*Solving Ordinary Differential Equations I*, section II.6 (dense output).
"""

import numpy as np

from turncoat.kernel import kernel
from turncoat.simulate.engine.linear import put
from turncoat.simulate.engine.steps import Compiled, Work, slope, slope_reference
from turncoat.tables import FloatArray

DOPRI_TIME = np.array([0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0])
DOPRI_A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1 / 5, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0],
        [44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0],
        [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
DOPRI_ERROR = np.array(
    [71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40]
)
DOPRI_DENSE = np.array(
    [
        -12715105075 / 11282082432, 0.0, 87487479700 / 32700410799, -10690763975 / 1880347072,
        701980252875 / 199316789632, -1453857185 / 822651844, 69997945 / 29380423,
    ]
)  # fmt: skip


def dopri_step_reference(
    rates: Compiled, work: Work, t: float, y: FloatArray, p: FloatArray, h: float
) -> bool:
    """Take one DOPRI5 step from the slope in ``work``, in matrix form."""
    work.stages[0] = work.base
    for s in range(1, 7):
        work.stage[:] = y + h * (DOPRI_A[s, :s] @ work.stages[:s])
        at = t + DOPRI_TIME[s] * h
        slope_reference(rates, at, work.stage, p, work.forcing, work.stages[s])
    work.following[:] = work.stage
    work.error[:] = h * (DOPRI_ERROR @ work.stages[:7])
    work.before[:] = y
    change = work.following - y
    work.first[:] = h * work.stages[0] - change
    work.second[:] = change - h * work.stages[6] - work.first
    work.third[:] = h * (DOPRI_DENSE @ work.stages[:7])
    return True


@kernel(reference=dopri_step_reference, allocates=False)
def dopri_step(
    rates: Compiled, work: Work, t: float, y: FloatArray, p: FloatArray, h: float
) -> bool:
    """Take one DOPRI5 step from the slope in ``work``."""
    n = y.size
    put(work.base, work.stages[0])
    for s in range(1, 7):
        put(y, work.stage)
        for j in range(s):
            for i in range(n):
                work.stage[i] += h * DOPRI_A[s, j] * work.stages[j, i]
        slope(rates, t + DOPRI_TIME[s] * h, work.stage, p, work.forcing, work.stages[s])
    for i in range(n):
        error, third = 0.0, 0.0
        for j in range(7):
            error += DOPRI_ERROR[j] * work.stages[j, i]
            third += DOPRI_DENSE[j] * work.stages[j, i]
        change = work.stage[i] - y[i]
        work.following[i] = work.stage[i]
        work.error[i] = h * error
        work.before[i] = y[i]
        work.first[i] = h * work.stages[0, i] - change
        work.second[i] = change - h * work.stages[6, i] - work.first[i]
        work.third[i] = h * third
    return True


def between_reference(work: Work, share: float, stiff: bool, y: FloatArray) -> None:
    """States at a share of the last step, by the method's own polynomial."""
    rest = 1.0 - share
    if stiff:
        inner = work.first + share * (work.second + share * work.third)
        y[:] = work.before * rest + share * (work.following + rest * inner)
        return
    change = work.following - work.before
    inner = work.second + rest * work.third
    y[:] = work.before + share * (change + rest * (work.first + share * inner))


@kernel(reference=between_reference, allocates=False)
def between(work: Work, share: float, stiff: bool, y: FloatArray) -> None:
    """States at a share of the last step, by the method's own polynomial."""
    rest = 1.0 - share
    for i in range(y.size):
        if stiff:
            inner = work.first[i] + share * (work.second[i] + share * work.third[i])
            y[i] = work.before[i] * rest + share * (work.following[i] + rest * inner)
        else:
            inner = work.second[i] + rest * work.third[i]
            change = work.following[i] - work.before[i]
            y[i] = work.before[i] + share * (change + rest * (work.first[i] + share * inner))
