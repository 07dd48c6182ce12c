"""A model ready to run: its compiled functions, and integration of many mice at once."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np

from turncoat.errors import ArgumentError, ModelError, did_you_mean
from turncoat.kernel import compile_address
from turncoat.simulate.engine import cache
from turncoat.simulate.engine.batch import assigned_batch, start_batch
from turncoat.simulate.engine.drive import Actions
from turncoat.simulate.engine.follow import Engine, part_of
from turncoat.simulate.engine.form import Form
from turncoat.simulate.engine.lane_code import LANES
from turncoat.simulate.engine.lanes import LaneFunctions, Task
from turncoat.simulate.engine.sparse import Elimination, eliminate
from turncoat.simulate.engine.steps import Compiled, Functions, Settings
from turncoat.simulate.engine.threads import each
from turncoat.tables import FloatArray, IntArray

Method = Literal["rodas4", "rodas5p", "dopri5"]
METHODS = ("rodas4", "rodas5p", "dopri5")
STATUSES = ("done", "too_many_steps", "step_too_small", "not_finite")
DEFAULT_RTOL = 1e-6
# Absolute tolerance of a state without one of its own, in its unit.
DEFAULT_ATOL = 1e-9
MOST_STEPS = 100_000
# Mice that a thread takes at once: large enough to hide the call, small enough to balance.
MICE_PER_CALL = 128

ADDRESSES = {
    "rates": ("real", "vector", "vector", "vector"),
    "jacobian": ("real", "vector", "vector", "vector", "vector"),
    "triggers": ("real", "vector", "vector", "vector"),
    "effects": ("real", "vector", "vector", "matrix"),
    "factor": ("real", "vector", "vector"),
    "solve": ("vector", "vector"),
    "start": ("real", "vector", "vector"),
    "fluxes": ("real", "vector", "vector", "vector"),
    "assigned": ("real", "vector", "vector", "vector"),
    "lane_mix": ("whole", "vector"),
}
OF_LANES = ("vector",)

NO_ACTIONS = Actions(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True, slots=True)
class Solution:
    """States of a batch of mice at the times asked for.

    Parameters
    ----------
    times
        Days, shape ``(n_times,)``.
    states
        Shape ``(n_mice, n_times, n_states)``; NaN after the time at which a mouse failed.
    status
        Code per mouse, an index into :data:`STATUSES`.
    counts
        Per mouse: steps accepted, rejected and tried, dense fall-backs, and two internal notes.
    """

    times: FloatArray
    states: FloatArray
    status: IntArray
    counts: IntArray


@dataclass(frozen=True)
class Simulator:
    """A model's form with its compiled functions.

    Parameters
    ----------
    form
        The model.
    shipped
        Its generated module as shipped, if any.
    physical
        Whether no state may be negative, those of rate rules included.
    """

    form: Form
    shipped: Path | None = field(default=None, repr=False)
    physical: bool = False

    @functools.cached_property
    def module(self) -> ModuleType:
        """The generated module, plain Python."""
        return cache.load(self.form, self.shipped)

    @functools.cached_property
    def functions(self) -> Functions:
        """The compiled functions that integration needs."""
        made = Functions(*(self._compile(name) for name in Functions._fields))
        cache.seal(cache.model_folder(self.form))
        return made

    def _compile(self, name: str) -> Compiled:
        arguments = ADDRESSES.get(name, OF_LANES)
        return compile_address(getattr(self.module, name), arguments)  # type: ignore[no-any-return]

    @functools.cached_property
    def lane_functions(self) -> LaneFunctions:
        """The compiled functions that take a mouse in every lane."""
        made = LaneFunctions(*(self._compile(name) for name in LaneFunctions._fields))
        cache.seal(cache.model_folder(self.form))
        return made

    @functools.cached_property
    def compiled_start(self) -> Compiled:
        """The compiled states at time zero."""
        return self._compile("start")

    @functools.cached_property
    def compiled_assigned(self) -> Compiled:
        """The compiled rules."""
        return self._compile("assigned")

    @functools.cached_property
    def compiled_fluxes(self) -> Compiled:
        """The compiled rates of the reactions."""
        return self._compile("fluxes")

    @functools.cached_property
    def elimination(self) -> Elimination:
        """The lists of the sparse LU."""
        return eliminate(len(self.form.states), self.module.PATTERN)

    @functools.cached_property
    def defaults(self) -> FloatArray:
        """The model's own value of every parameter."""
        return np.array([constant.value for constant in self.form.constants])

    def state(self, name: str) -> int:
        """Position of a state."""
        return _position(name, self.form.state_names, "state")

    def constant(self, name: str) -> int:
        """Position of a parameter."""
        return _position(name, self.form.constant_names, "parameter")

    def constants(self, values: Mapping[str, float] | None = None, n_mice: int = 1) -> FloatArray:
        """Parameters of some equal mice, with the given ones set.

        Raises
        ------
        ModelError
            When the model has no such parameter.
        """
        made = np.tile(self.defaults, (n_mice, 1))
        for name, value in (values or {}).items():
            made[:, self.constant(name)] = value
        return made

    def starts(self, constants: FloatArray) -> FloatArray:
        """States at time zero of mice with these parameters."""
        states = np.zeros((constants.shape[0], len(self.form.states)))
        start_batch(self.compiled_start, np.ascontiguousarray(constants), states)
        return states

    def assigned(self, solution: Solution, constants: FloatArray) -> dict[str, FloatArray]:
        """Quantities given by rules along a solution, each ``(n_mice, n_times)``."""
        names = [rule.name for rule in self.form.assignments]
        values = np.zeros((*solution.states.shape[:2], len(names)))
        assigned_batch(self.compiled_assigned, solution.times, solution.states, constants, values)
        return {name: values[:, :, k] for k, name in enumerate(names)}

    def integrate(
        self,
        times: Sequence[float] | FloatArray,
        *,
        constants: FloatArray | None = None,
        starts: FloatArray | None = None,
        actions: Actions = NO_ACTIONS,
        method: Method = "rodas5p",
        rtol: float = DEFAULT_RTOL,
        atol: float | FloatArray = DEFAULT_ATOL,
        max_steps: int = MOST_STEPS,
        threads: int | None = 1,
    ) -> Solution:
        """Follow mice through time.

        Parameters
        ----------
        times
            Days to report, increasing; the first is where integration starts.
        constants
            Parameters, shape ``(n_mice, n_parameters)``; the model's own by default.
        starts
            States at the first time, shape ``(n_mice, n_states)``; by default the model's.
        actions
            What the schedule does.
        method
            ``"rodas4"`` or ``"rodas5p"`` (stiff, orders 4 and 5), ``"dopri5"`` (explicit).
        rtol
            Relative tolerance of one step.
        atol
            Absolute tolerance, one for all states or one each, in their units.
        max_steps
            Steps between two break-points before a mouse is given up.
        threads
            Threads; the result does not depend on it. None for one per core.

        Returns
        -------
        Solution
            States, and per mouse how it went. A mouse that fails has a status and NaN from
            then on; the others are unaffected.

        Raises
        ------
        ArgumentError
            When times, tolerances or shapes are unusable.

        Examples
        --------
        >>> from turncoat.simulate.engine.form import Constant, Form, Reaction, State
        >>> decay = Reaction("decay", ("*", "k", "A"), (("A", -1.0, ""),))
        >>> form = Form("decay", (State("A", 1.0, "", True),), (Constant("k", 1.0, "1/day"),),
        ...             (), (decay,), (), ())
        >>> solution = Simulator(form).integrate([0.0, 1.0])
        >>> print(round(float(solution.states[0, 1, 0]), 6))
        0.367879
        """
        grid = _times(times)
        constants = self.constants() if constants is None else np.ascontiguousarray(constants)
        if starts is None:
            starts = self.starts(constants)
        settings = self._settings(method, rtol, atol, max_steps)
        n_mice = starts.shape[0]
        out = np.full((n_mice, grid.size, starts.shape[1]), np.nan)
        status = np.zeros(n_mice, dtype=np.int64)
        counts = np.zeros((n_mice, 6), dtype=np.int64)
        task = Task(np.ascontiguousarray(starts, dtype=float), constants, grid, out, status, counts)
        engine = self._engine(method, n_mice)

        def run(first: int) -> None:
            engine.follow(settings, actions, part_of(task, slice(first, first + MICE_PER_CALL)))

        each(run, range(0, n_mice, MICE_PER_CALL), threads)
        return Solution(grid, out, status, counts)

    def _engine(self, method: Method, n_mice: int) -> Engine:
        """Lanes know no events, and neither other methods nor a listed elimination."""
        laned = method == "rodas5p" and self.module.UNROLLED and not self.form.events
        fast = self.lane_functions if laned and n_mice >= LANES else None
        return Engine(self.form, self.elimination, self.functions, fast)

    def _settings(
        self, method: Method, rtol: float, atol: float | FloatArray, max_steps: int
    ) -> Settings:
        if method not in METHODS:
            raise ArgumentError(f"Unknown method {method!r}. {did_you_mean(method, METHODS)}")
        tolerances = np.broadcast_to(np.asarray(atol, dtype=float), (len(self.form.states),))
        if not (0 < rtol < 1 and np.all(tolerances > 0)):
            raise ArgumentError(
                f"Tolerances should be positive and rtol below 1; got rtol={rtol}, "
                f"smallest atol={tolerances.min()}."
            )
        non_negative = np.array([state.non_negative or self.physical for state in self.form.states])
        initially = np.array([1.0 if event.initially else 0.0 for event in self.form.events])
        return Settings(
            rtol, tolerances.copy(), non_negative, method != "dopri5", METHODS.index(method) % 2, self.module.UNROLLED,
            max_steps, initially,
        )  # fmt: skip


def _position(name: str, names: list[str], what: str) -> int:
    if name not in names:
        raise ModelError(f"The model has no {what} '{name}'. {did_you_mean(name, names)}")
    return names.index(name)


def _times(times: Sequence[float] | FloatArray) -> FloatArray:
    grid = np.asarray(times, dtype=float)
    if grid.ndim != 1 or grid.size == 0 or not np.all(np.isfinite(grid)):
        raise ArgumentError("'times' should be a list of finite numbers, at least one.")
    if np.any(np.diff(grid) <= 0):
        raise ArgumentError("'times' should increase strictly.")
    return grid
