"""From a model's form to the text of a Python module that computes it.

The module needs nothing but ``math``: plain Python runs it as it is, numba compiles it. Its
functions fill arrays given to them: rates, the Jacobian's values in pattern order, fluxes,
assigned quantities, triggers and event assignments.
"""

from dataclasses import dataclass

from turncoat.errors import ModelError
from turncoat.simulate.engine.form import TIME, Expression, Form, Rule, symbols
from turncoat.simulate.engine.graph import Graph, Node
from turncoat.simulate.engine.lane_code import LaneWriter
from turncoat.simulate.engine.lu_code import factor_lines, solve_lines
from turncoat.simulate.engine.sparse import Elimination, eliminate
from turncoat.simulate.engine.writer import Writer, function

CODE_VERSION = 6
# Above this the LU is run from lists: unrolled code would take long to compile.
MOST_UNROLLED = 2000


@dataclass(frozen=True)
class Build:
    """A form's expressions as nodes of one graph."""

    form: Form
    graph: Graph
    names: dict[str, Node]
    rates: list[Node]
    pattern: list[tuple[int, int]]
    slopes: list[Node]
    time_slopes: list[Node]


def ordered(assignments: tuple[Rule, ...]) -> list[Rule]:
    """Order assignments so that each uses only those before it.

    Raises
    ------
    ModelError
        When some depend on each other in a circle.
    """
    waiting = {rule.name: rule for rule in assignments}
    done: list[Rule] = []
    while waiting:
        free = [r for r in waiting.values() if not symbols(r.expression) & set(waiting)]
        if not free:
            raise ModelError(f"Assignments depend on each other in a circle: {sorted(waiting)}.")
        done += free
        for rule in free:
            del waiting[rule.name]
    return done


def build(form: Form) -> Build:
    """Turn a form into nodes: rates, the Jacobian's non-zeros and slopes in time."""
    graph = Graph()
    names: dict[str, Node] = {}
    for rule in ordered(form.assignments):
        names[rule.name] = graph.add(rule.expression, names)
    rates = _rates(form, graph, names)
    pattern, slopes = [], []
    for i, rate in enumerate(rates):
        for j, state in enumerate(form.states):
            slope = graph.slope(rate, state.name)
            if graph.value(slope) != 0.0:
                pattern.append((i, j))
                slopes.append(slope)
    time_slopes = [graph.slope(rate, TIME) for rate in rates]
    return Build(form, graph, names, rates, pattern, slopes, time_slopes)


def _rates(form: Form, graph: Graph, names: dict[str, Node]) -> list[Node]:
    index = {state.name: k for k, state in enumerate(form.states)}
    rates = [graph.number(0.0)] * len(form.states)
    for reaction in form.reactions:
        flux = graph.add(reaction.rate, names)
        for name, stoichiometry, divisor in reaction.changes:
            change = graph.make("*", graph.number(stoichiometry), flux)
            if stoichiometry == -1.0:
                change = graph.make("neg", flux)
            if divisor:
                change = graph.make("/", change, graph.add(divisor, names))
            rates[index[name]] = _sum(graph, rates[index[name]], change)
    for rule in form.rate_rules:
        rates[index[rule.name]] = graph.add(rule.expression, names)
    return rates


def _sum(graph: Graph, total: Node, change: Node) -> Node:
    kind, *rest = graph.nodes[change]
    if kind == "neg":
        return graph.make("-", total, rest[0])
    return graph.make("+", total, change)


def generate(form: Form) -> str:
    """Write the module of a form.

    Parameters
    ----------
    form
        The model.

    Returns
    -------
    str
        Python source; the same form gives the same text.

    Raises
    ------
    ModelError
        When an expression uses a name that the model does not define.
    """
    built = build(form)
    _check_names(form, built)
    lu = eliminate(len(form.states), built.pattern)
    unrolled = lu.target.size + 2 * lu.rows.size <= MOST_UNROLLED
    lines = [
        f'"""Equations of the model {form.name!r}, written by turncoat from its text."""',
        "",
        "import math",
        "",
        f"DIGEST = {form.digest!r}",
        f"CODE_VERSION = {CODE_VERSION}",
        f"PATTERN = {built.pattern!r}",
        f"USES_TIME = {any(built.graph.value(s) != 0.0 for s in built.time_slopes)!r}",
        f"UNROLLED = {unrolled!r}",
        "",
        "",
    ]
    for part in (_start, _rate_function, _jacobian, _fluxes, _assigned, _triggers, _effects):
        lines += [*part(built), ""]
    for writing in (factor_code, solve_code):
        lines += [*writing(lu, unrolled=unrolled), ""]
    lines += _lanes(built, lu) if unrolled else []
    return "\n".join(lines).rstrip() + "\n"


def _check_names(form: Form, built: Build) -> None:
    known = {*form.state_names, *form.constant_names, TIME}
    for operator, *rest in built.graph.nodes:
        if operator == "symbol" and rest[0] not in known:
            raise ModelError(f"The model '{form.name}' uses '{rest[0]}', which it does not define.")


def _writer(built: Build) -> Writer:
    leaves = {state.name: f"y[{k}]" for k, state in enumerate(built.form.states)}
    leaves |= {constant.name: f"p[{k}]" for k, constant in enumerate(built.form.constants)}
    return Writer(built.graph, leaves | {TIME: "t"})


def _filling(
    built: Build, head: tuple[str, str, str], targets: list[tuple[str, Node]]
) -> list[str]:
    """Write a function that stores each node where its target says."""
    writer = _writer(built)
    writer.count([node for _, node in targets])

    def stores() -> list[str]:
        codes = [(target, writer.code(node)) for target, node in targets]
        return [f"{target} = {code}" for target, code in codes]

    return function(*head, writer, stores)


def _start(built: Build) -> list[str]:
    """Write the states at time zero, from parameters alone."""
    form, graph = built.form, built.graph
    initial = tuple(Rule(state.name, state.initial) for state in form.states)
    names: dict[str, Node] = {}
    for rule in ordered((*initial, *form.assignments)):
        names[rule.name] = graph.add(rule.expression, names)
    targets = [(f"y[{k}]", names[name]) for k, name in enumerate(form.state_names)]
    return _filling(built, ("start", "t, p, y", "States at time zero."), targets)


def _rate_function(built: Build) -> list[str]:
    head = ("rates", "t, y, p, dy", "Rate of change of every state.")
    return _filling(built, head, [(f"dy[{k}]", node) for k, node in enumerate(built.rates)])


def _jacobian(built: Build) -> list[str]:
    head = ("jacobian", "t, y, p, values, ft", "Non-zeros of the Jacobian, and slopes in time.")
    targets = [(f"values[{k}]", node) for k, node in enumerate(built.slopes)]
    moving = [
        (f"ft[{k}]", node)
        for k, node in enumerate(built.time_slopes)
        if built.graph.value(node) != 0.0
    ]
    return _filling(built, head, targets + moving)


def _nodes(built: Build, expressions: list[Expression]) -> list[Node]:
    return [built.graph.add(expression, built.names) for expression in expressions]


def _fluxes(built: Build) -> list[str]:
    nodes = _nodes(built, [reaction.rate for reaction in built.form.reactions])
    head = ("fluxes", "t, y, p, v", "Rate of every reaction.")
    return _filling(built, head, [(f"v[{k}]", node) for k, node in enumerate(nodes)])


def _assigned(built: Build) -> list[str]:
    nodes = [built.names[rule.name] for rule in built.form.assignments]
    head = ("assigned", "t, y, p, a", "Every quantity given by a rule.")
    return _filling(built, head, [(f"a[{k}]", node) for k, node in enumerate(nodes)])


def _triggers(built: Build) -> list[str]:
    nodes = _nodes(built, [event.trigger for event in built.form.events])
    head = ("triggers", "t, y, p, on", "One where an event's condition holds, else zero.")
    one, zero = built.graph.number(1.0), built.graph.number(0.0)
    held = [built.graph._keep("piecewise", one, node, zero) for node in nodes]
    return _filling(built, head, [(f"on[{k}]", node) for k, node in enumerate(held)])


def _effects(built: Build) -> list[str]:
    """Write what every event sets, as new values of all states in a matrix."""
    index = {state.name: k for k, state in enumerate(built.form.states)}
    targets = []
    for k, event in enumerate(built.form.events):
        nodes = _nodes(built, [rule.expression for rule in event.assignments])
        names = [rule.name for rule in event.assignments]
        targets += [
            (f"after[{k}, {index[name]}]", node) for name, node in zip(names, nodes, strict=True)
        ]
    return _filling(built, ("effects", "t, y, p, after", "States that each event sets."), targets)


def factor_code(lu: Elimination, *, unrolled: bool) -> list[str]:
    """Write the LU of ``shift I - J`` in one straight line."""
    body = factor_lines(lu, _array, "shift")
    return _straight("factor(shift, values, factors)", "Sparse LU of shift I - J.", body, unrolled)


def solve_code(lu: Elimination, *, unrolled: bool) -> list[str]:
    """Write the two triangular solves in one straight line."""
    body = [f"x{state} = x[{state}]" for state in range(lu.order.size)]
    body += solve_lines(lu, _array)
    body += [f"x[{state}] = x{state}" for state in range(lu.order.size)]
    return _straight("solve(factors, x)", "Solve in place with the factors.", body, unrolled)


def _array(name: str, k: int) -> str:
    return f"{name}[{k}]"


def _straight(head: str, doc: str, body: list[str], unrolled: bool) -> list[str]:
    lines = body if unrolled else ["raise NotImplementedError"]
    return [f"def {head}:", f'    """{doc}"""', *(f"    {line}" for line in lines), ""]


def _lanes(built: Build, lu: Elimination) -> list[str]:
    symbols = (built.form.state_names, built.form.constant_names, TIME)
    writer = LaneWriter(built.graph, symbols, lu)
    return writer.functions(built.rates, built.slopes, built.time_slopes)
