"""Some mice through the compiled loops: in lanes where that is possible, one by one else."""

from dataclasses import dataclass

import numpy as np

from turncoat.simulate.engine.batch import integrate_batch
from turncoat.simulate.engine.drive import Actions, Switches
from turncoat.simulate.engine.form import Form
from turncoat.simulate.engine.lane_code import LANES, layout
from turncoat.simulate.engine.lanes import (
    HANDED_BACK,
    LaneFunctions,
    Lanes,
    Task,
    integrate_lanes,
)
from turncoat.simulate.engine.sparse import Elimination
from turncoat.simulate.engine.steps import Functions, Settings, Work

VECTORS = (
    "stage", "slope", "forcing", "ft", "following", "error", "first", "second", "third",
    "before", "base",
)  # fmt: skip


@dataclass(frozen=True)
class Engine:
    """A model's compiled functions; without ``fast``, mice are followed one by one."""

    form: Form
    lu: Elimination
    functions: Functions
    fast: LaneFunctions | None

    def follow(self, settings: Settings, actions: Actions, task: Task) -> None:
        """Follow every mouse of a task and write where it says."""
        if self.fast is None:
            self._singly(settings, actions, task)
            return
        integrate_lanes(
            self.functions, self.fast, self.lu, settings, work_for(self.form, self.lu),
            lanes_for(self.form, self.lu), actions, task,
        )  # fmt: skip
        for row in np.flatnonzero(task.status == HANDED_BACK):
            one = slice(int(row), int(row) + 1)
            task.out[one] = np.nan
            self._singly(settings, actions, part_of(task, one))

    def _singly(self, settings: Settings, actions: Actions, task: Task) -> None:
        integrate_batch(
            self.functions, self.lu, settings, switches_for(self.form),
            work_for(self.form, self.lu), actions, *task,
        )  # fmt: skip


def part_of(task: Task, rows: slice) -> Task:
    """Give some mice of a task; what is written for them is written for the whole."""
    return Task(
        task.starts[rows], task.constants[rows], task.times, task.out[rows], task.status[rows],
        task.counts[rows],
    )  # fmt: skip


def switches_for(form: Form) -> Switches:
    """Make room for the conditions of a model's events."""
    n_events, n_states = len(form.events), len(form.states)
    return Switches(np.zeros(n_events), np.zeros(n_events), np.zeros((n_events + 1, n_states)))


def work_for(form: Form, lu: Elimination) -> Work:
    """Make room for the steps of one mouse."""
    n = len(form.states)
    return Work(
        stages=np.zeros((8, n)),
        jacobian=np.zeros(lu.entry.size),
        factors=np.zeros(lu.rows.size),
        dense=np.zeros((n, n)),
        swaps=np.zeros(n, dtype=np.int64),
        counts=np.zeros(6, dtype=np.int64),
        **{name: np.zeros(n) for name in VECTORS},
    )


def lanes_for(form: Form, lu: Elimination) -> Lanes:
    """Make room for the steps of a mouse in every lane."""
    n_states, n_constants = len(form.states), len(form.constants)
    rows = layout(n_states, n_constants, lu)
    return Lanes(
        memory=np.zeros(rows.rows * LANES),
        rows=rows,
        mouse=np.zeros(LANES, dtype=np.int64),
        action=np.zeros(LANES, dtype=np.int64),
        time=np.zeros(LANES),
        stop=np.zeros(LANES),
        constants=np.zeros((LANES, n_constants)),
        state=np.zeros((LANES, n_states)),
    )
