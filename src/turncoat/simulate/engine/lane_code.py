"""Functions of a model for mice side by side, so that the processor's vectors are full.

Everything that a step touches lies in one array of rows, one number per lane, at places fixed
when the code is written. The compiler then sees that nothing overlaps and turns each loop over
lanes into vector instructions. Lanes never mix: a mouse gives the same in any company.
"""

from typing import NamedTuple

from turncoat.simulate.engine.graph import Graph, Node
from turncoat.simulate.engine.lu_code import factor_lines, solve_lines
from turncoat.simulate.engine.sparse import Elimination
from turncoat.simulate.engine.tableaux import (
    GAMMAS,
    RODAS5P,
    STAGES,
    STEP_A,
    STEP_C,
    STEP_D,
    STEP_TIME,
)
from turncoat.simulate.engine.writer import Writer

# Four fill a vector of AVX2 and leave everything a step touches in the nearest cache; eight do not.
LANES = 4
N_STAGES = int(STAGES[RODAS5P])


class Layout(NamedTuple):
    """First row of each quantity; ``rows`` is their number."""

    before: int
    following: int
    stage: int
    slope: int
    right: int
    solved: int
    forcing: int
    atol: int
    floor: int
    ft: int
    stages: int
    constants: int
    values: int
    factors: int
    start: int
    step: int
    time: int
    share: int
    inverse: int
    shift: int
    accepted: int
    rtol: int
    size: int
    doubt: int
    rows: int


def layout(n_states: int, n_constants: int, lu: Elimination) -> Layout:
    """Lay the quantities of a model one after another."""
    lengths = [n_states] * 10 + [N_STAGES * n_states, n_constants, lu.entry.size, lu.rows.size]
    lengths += [1] * (len(Layout._fields) - len(lengths) - 1)
    starts = [sum(lengths[:k]) for k in range(len(lengths) + 1)]
    return Layout(*starts)


class LaneWriter:
    """Writes the lane functions of one model.

    Parameters
    ----------
    graph
        The model's expressions.
    symbols
        States and parameters in order, and the name of time.
    lu
        The elimination of its Jacobian.
    """

    def __init__(
        self, graph: Graph, symbols: tuple[list[str], list[str], str], lu: Elimination
    ) -> None:
        states, constants, time = symbols
        self.graph, self.lu, self.n = graph, lu, len(states)
        self.rows = layout(self.n, len(constants), lu)
        self.leaves = {name: self.place("stage", k) for k, name in enumerate(states)}
        self.leaves |= {name: self.place("constants", k) for k, name in enumerate(constants)}
        self.leaves[time] = self.place("time")

    def place(self, what: str, k: int = 0) -> str:
        """Code of one quantity of lane ``l``."""
        return f"m[{(getattr(self.rows, what) + k) * LANES} + l]"

    def functions(self, rates: list[Node], slopes: list[Node], moving: list[Node]) -> list[str]:
        """Write all of them."""
        timed = any(self.graph.value(node) != 0.0 for node in moving)
        return [
            *self._filling("lane_rates", "Rates of change.", {"slope": rates}),
            *self._filling("lane_jacobian", "Jacobian.", {"values": slopes, "ft": moving}),
            *self._factor(),
            *self._solve(timed),
            *self._mix(timed),
            *self._judge(),
        ]

    def _filling(self, name: str, doc: str, targets: dict[str, list[Node]]) -> list[str]:
        writer = Writer(self.graph, self.leaves)
        wanted = [
            (self.place(what, k), node)
            for what, nodes in targets.items()
            for k, node in enumerate(nodes)
            if what != "ft" or self.graph.value(node) != 0.0
        ]
        writer.count([node for _, node in wanted])
        stores = [f"{target} = {writer.code(node)}" for target, node in wanted]
        return _function(f"{name}(m)", doc, _each_lane([*writer.lines, *stores]))

    def _factor(self) -> list[str]:
        """Also the sum of multipliers and inverse pivots: large or NaN where digits are lost."""
        lines = factor_lines(self.lu, self.place, self.place("shift"))
        watched = [int(k) for k in (*self.lu.scaled, *self.lu.diagonal)]
        # Four sums, so that none waits for the other.
        sums = [" + ".join(f"abs(a{k})" for k in watched[part::4]) for part in range(4)]
        lines.append(f"{self.place('doubt')} = {' + '.join(f'({sum_})' for sum_ in sums if sum_)}")
        return _function("lane_factor(m)", "Sparse LU of shift I - J.", _each_lane(lines))

    def _solve(self, timed: bool) -> list[str]:
        lines = [f"inverse = {self.place('inverse')}"]
        for k in range(self.n):
            moved = f" + {self.place('share')} * {self.place('ft', k)}" if timed else ""
            lines.append(
                f"x{k} = ({self.place('slope', k)} + {self.place('forcing', k)})"
                f" + (inverse * {self.place('right', k)}{moved})"
            )
        lines += solve_lines(self.lu, self.place)
        lines += [f"{self.place('solved', k)} = x{k}" for k in range(self.n)]
        return _function("lane_solve(m)", "One stage of the step.", _each_lane(lines))

    def _mix(self, timed: bool) -> list[str]:
        lines = ["if s == 0:", *_indent(self._beginning(timed))]
        for s in range(1, N_STAGES):
            lines += [f"elif s == {s}:", *_indent(self._mixing(s)), *_indent(self._clock(s, timed))]
        return _function("lane_mix(s, m)", "What stage s starts from.", lines)

    def _beginning(self, timed: bool) -> list[str]:
        h, gamma = self.place("step"), float(GAMMAS[RODAS5P])
        lines = [f"{self.place('inverse')} = 1.0 / {h}"]
        lines += [f"{self.place('shift')} = 1.0 / ({h} * {gamma!r})"]
        lines += [f"taken = {self.place('accepted')}"]
        for k in range(self.n):
            lines += [
                f"new = {self.place('following', k)}",
                f"new = 0.0 if new * {self.place('floor', k)} < 0.0 else new",
                f"old = {self.place('before', k)}",
                "new = new if taken > 0.5 else old",
                f"{self.place('before', k)} = new",
                f"{self.place('stage', k)} = new",
                f"{self.place('right', k)} = 0.0",
            ]
        return _each_lane(lines) + self._clock(0, timed)

    def _clock(self, s: int, timed: bool) -> list[str]:
        if not timed:
            return []
        at, share = float(STEP_TIME[RODAS5P, s]), float(STEP_D[RODAS5P, s])
        h = self.place("step")
        return _each_lane([
            f"{self.place('time')} = {self.place('start')} + {at!r} * {h}",
            f"{self.place('share')} = {share!r} * {h}",
        ])  # fmt: skip

    def _mixing(self, s: int) -> list[str]:
        def row(what: str, skipped: int = 0) -> str:
            return f"m[{(getattr(self.rows, what) + skipped) * LANES} + q]"

        kept = [f"k{s - 1} = {row('solved')}", f"{row('stages', (s - 1) * self.n)} = k{s - 1}"]
        kept += [f"k{j} = {row('stages', j * self.n)}" for j in range(s - 1)]
        sums = [
            " + ".join(f"{float(weights[RODAS5P, s, j])!r} * k{j}" for j in range(s))
            for weights in (STEP_A, STEP_C)
        ]
        kept += [f"{row('stage')} = {row('before')} + ({sums[0]})", f"{row('right')} = {sums[1]}"]
        return [f"for q in range({self.n * LANES}):", *_indent(kept)]

    def _judge(self) -> list[str]:
        """Write the end of a step: the new state, and its error as of a single mouse."""
        lines = ["total = 0.0", f"rtol = {self.place('rtol')}"]
        for k in range(self.n):
            lines += [
                f"error = {self.place('solved', k)}",
                f"new = {self.place('stage', k)} + error",
                f"{self.place('following', k)} = new",
                f"old = {self.place('before', k)}",
                "larger = abs(old) if abs(old) >= abs(new) else abs(new)",
                f"weight = {self.place('atol', k)} + rtol * larger",
                "total += (error / weight) * (error / weight)",
                f"total = math.inf if -new * {self.place('floor', k)} > weight else total",
            ]
        lines.append(f"{self.place('size')} = math.sqrt(total / {float(self.n)!r})")
        return _function("lane_judge(m)", "State after the step, and its error.", _each_lane(lines))


def _indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _each_lane(lines: list[str]) -> list[str]:
    return [f"for l in range({LANES}):", *_indent(lines or ["pass"])]


def _function(head: str, doc: str, lines: list[str]) -> list[str]:
    return [f"def {head}:", *_indent([f'"""{doc}"""', *lines]), "", ""]
