"""Expressions as one shared graph: built once, simplified, differentiated, written as code.

Equal sub-expressions are one node, so that a term of the rates is computed once and used
again by the Jacobian.
"""

import math
from collections.abc import Callable
from typing import Any

from turncoat.errors import ModelError
from turncoat.simulate.engine.form import Expression

Node = int

FUNCTIONS = {
    "exp": "math.exp({0})",
    "ln": "math.log({0})",
    "log10": "math.log10({0})",
    "sqrt": "math.sqrt({0})",
    "abs": "abs({0})",
    "sin": "math.sin({0})",
    "cos": "math.cos({0})",
    "tan": "math.tan({0})",
    "tanh": "math.tanh({0})",
    "floor": "math.floor({0})",
    "ceil": "math.ceil({0})",
    "min": "min({0}, {1})",
    "max": "max({0}, {1})",
}
RELATIONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!="}
LOGIC = {"and": "({0} and {1})", "or": "({0} or {1})", "not": "(not {0})"}
ARITHMETIC = {"+": "({0} + {1})", "-": "({0} - {1})", "*": "({0} * {1})", "/": "({0} / {1})"}
# Below this a power's base counts as zero: slopes of Hill terms stay finite there.
SMALLEST_BASE = 1e-150
LARGEST_UNROLLED_POWER = 4


class Graph:
    """Nodes ``(operator, *arguments)``, numbers and symbols, each kept once."""

    def __init__(self) -> None:
        self.nodes: list[tuple[Any, ...]] = []
        self._known: dict[tuple[Any, ...], Node] = {}
        self._slopes: dict[tuple[Node, str], Node] = {}

    def _keep(self, *node: Any) -> Node:
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
        return self._known[node]

    def number(self, value: float) -> Node:
        """Keep a number."""
        return self._keep("number", float(value))

    def symbol(self, name: str) -> Node:
        """Keep a symbol."""
        return self._keep("symbol", name)

    def value(self, node: Node) -> float | None:
        """Give a node's number, or None where it is not one."""
        kind, *rest = self.nodes[node]
        return rest[0] if kind == "number" else None

    def add(self, expression: Expression, names: dict[str, Node]) -> Node:
        """Add an expression; ``names`` gives the nodes of symbols already defined."""
        if isinstance(expression, str):
            return names[expression] if expression in names else self.symbol(expression)
        if not isinstance(expression, tuple):
            return self.number(expression)
        operator, *arguments = expression
        return self.make(operator, *(self.add(argument, names) for argument in arguments))

    def make(self, operator: str, *arguments: Node) -> Node:
        """Apply an operator, simplified where a number decides."""
        if operator in ("+", "*"):
            return self._chain(operator, arguments)
        if operator in ("-", "/", "^", "neg"):
            values = [self.value(argument) for argument in arguments]
            return getattr(self, f"_{NAMES[operator]}")(arguments, values)  # type: ignore[no-any-return]
        known = operator in FUNCTIONS or operator in RELATIONS or operator in LOGIC
        if not known and operator != "piecewise":
            raise ModelError(f"The engine has no function '{operator}'.")
        return self._keep(operator, *arguments)

    def _chain(self, operator: str, arguments: tuple[Node, ...]) -> Node:
        neutral = 0.0 if operator == "+" else 1.0
        constant, rest = neutral, []
        for argument in arguments:
            value = self.value(argument)
            if value is None:
                rest.append(argument)
            else:
                constant = constant + value if operator == "+" else constant * value
        if operator == "*" and constant == 0.0:
            return self.number(0.0)
        if constant != neutral or not rest:
            rest.append(self.number(constant))
        total = rest[0]
        for argument in rest[1:]:
            total = self._keep(operator, total, argument)
        return total

    def _minus(self, arguments: tuple[Node, ...], values: list[float | None]) -> Node:
        left, right = arguments
        if values[1] == 0.0:
            return left
        if values[0] == 0.0:
            return self.make("neg", right)
        if values[0] is not None and values[1] is not None:
            return self.number(values[0] - values[1])
        return self.number(0.0) if left == right else self._keep("-", left, right)

    def _divide(self, arguments: tuple[Node, ...], values: list[float | None]) -> Node:
        left, right = arguments
        if values[0] == 0.0:
            return self.number(0.0)
        if values[1] == 1.0:
            return left
        if values[0] is not None and values[1]:
            return self.number(values[0] / values[1])
        return self._keep("/", left, right)

    def _negative(self, arguments: tuple[Node, ...], values: list[float | None]) -> Node:
        if values[0] is not None:
            return self.number(-values[0])
        kind, *rest = self.nodes[arguments[0]]
        if kind == "neg":
            return int(rest[0])
        return self._keep("neg", arguments[0])

    def _power(self, arguments: tuple[Node, ...], values: list[float | None]) -> Node:
        base, exponent = arguments
        if values[1] == 0.0:
            return self.number(1.0)
        if values[1] == 1.0:
            return base
        if values[0] is not None and values[1] is not None:
            return self.number(values[0] ** values[1])
        return self._keep("^", base, exponent)

    def slope(self, node: Node, variable: str) -> Node:
        """Differentiate a node by a symbol."""
        key = (node, variable)
        if key not in self._slopes:
            self._slopes[key] = self._differentiate(node, variable)
        return self._slopes[key]

    def _differentiate(self, node: Node, variable: str) -> Node:
        operator, *arguments = self.nodes[node]
        if operator == "number":
            return self.number(0.0)
        if operator == "symbol":
            return self.number(1.0 if arguments[0] == variable else 0.0)
        if operator in RELATIONS or operator in LOGIC or operator in ("floor", "ceil"):
            return self.number(0.0)
        if operator == "piecewise":
            return self._slope_of_pieces(arguments, variable)
        slopes = [self.slope(argument, variable) for argument in arguments]
        if all(self.value(slope) == 0.0 for slope in slopes):
            return self.number(0.0)
        return SLOPES[operator](self, node, arguments, slopes)

    def _slope_of_pieces(self, arguments: list[Node], variable: str) -> Node:
        pieces = list(arguments)
        for k in range(0, len(pieces), 2):
            pieces[k] = self.slope(arguments[k], variable)
        if all(self.value(pieces[k]) == 0.0 for k in range(0, len(pieces), 2)):
            return self.number(0.0)
        return self._keep("piecewise", *pieces)


NAMES = {"-": "minus", "/": "divide", "^": "power", "neg": "negative"}
Slope = Callable[[Graph, Node, list[Node], list[Node]], Node]


def _product(g: Graph, _: Node, a: list[Node], s: list[Node]) -> Node:
    return g.make("+", g.make("*", s[0], a[1]), g.make("*", a[0], s[1]))


def _quotient(g: Graph, node: Node, a: list[Node], s: list[Node]) -> Node:
    # (u/v)' = (u' - (u/v) v') / v uses the quotient that the rate already holds.
    return g.make("/", g.make("-", s[0], g.make("*", node, s[1])), a[1])


def _power_slope(g: Graph, node: Node, a: list[Node], s: list[Node]) -> Node:
    exponent = g.value(a[1])
    by_base = g.make("*", a[1], g.make("^", a[0], g.make("-", a[1], g.number(1.0))), s[0])
    if exponent is not None or g.value(s[1]) == 0.0:
        return by_base
    base = g.make("max", a[0], g.number(SMALLEST_BASE))
    return g.make("+", by_base, g.make("*", node, g.make("ln", base), s[1]))


def _extreme(g: Graph, node: Node, a: list[Node], s: list[Node]) -> Node:
    relation = "<=" if g.nodes[node][0] == "min" else ">="
    return g.make("piecewise", s[0], g.make(relation, a[0], a[1]), s[1])


def _through(factor: Callable[[Graph, Node, Node], Node]) -> Slope:
    return lambda g, node, a, s: g.make("*", factor(g, node, a[0]), s[0])


SLOPES: dict[str, Slope] = {
    "+": lambda g, _, a, s: g.make("+", s[0], s[1]),
    "-": lambda g, _, a, s: g.make("-", s[0], s[1]),
    "neg": lambda g, _, a, s: g.make("neg", s[0]),
    "*": _product,
    "/": _quotient,
    "^": _power_slope,
    "min": _extreme,
    "max": _extreme,
    "exp": _through(lambda g, node, a: node),
    "ln": _through(lambda g, node, a: g.make("/", g.number(1.0), a)),
    "log10": _through(lambda g, n, a: g.make("/", g.number(1.0 / math.log(10.0)), a)),
    "sqrt": _through(lambda g, node, a: g.make("/", g.number(0.5), node)),
    "sin": _through(lambda g, node, a: g.make("cos", a)),
    "cos": _through(lambda g, node, a: g.make("neg", g.make("sin", a))),
    "tan": _through(lambda g, n, a: g.make("+", g.number(1.0), g.make("*", n, n))),
    "tanh": _through(lambda g, n, a: g.make("-", g.number(1.0), g.make("*", n, n))),
    "abs": lambda g, _, a, s: g.make(
        "piecewise", s[0], g.make(">=", a[0], g.number(0.0)), g.make("neg", s[0])
    ),
}
