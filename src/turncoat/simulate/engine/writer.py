"""Graph nodes as lines of Python that numba compiles.

Nodes used more than once become a variable; the rest are written in place, up to a depth
that keeps lines readable.
"""

from collections.abc import Callable

from turncoat.simulate.engine.graph import (
    ARITHMETIC,
    FUNCTIONS,
    LARGEST_UNROLLED_POWER,
    LOGIC,
    RELATIONS,
    SMALLEST_BASE,
    Graph,
    Node,
)

DEEPEST = 8


class Writer:
    """Lines of one function, each node computed once.

    Parameters
    ----------
    graph
        Where the nodes live.
    leaves
        Code of each symbol, such as ``y[3]``.
    """

    def __init__(self, graph: Graph, leaves: dict[str, str]) -> None:
        self.graph = graph
        self.leaves = leaves
        self.lines: list[str] = []
        self._uses: dict[Node, int] = {}
        self._code: dict[Node, tuple[str, int]] = {}

    def count(self, nodes: list[Node]) -> None:
        """Note every use of the nodes below some roots, before any is written."""
        pending = list(nodes)
        while pending:
            node = pending.pop()
            self._uses[node] = self._uses.get(node, 0) + 1
            if self._uses[node] == 1 and self.graph.nodes[node][0] not in ("number", "symbol"):
                pending.extend(self.graph.nodes[node][1:])

    def code(self, node: Node) -> str:
        """Write what a node depends on and return the code that stands for it."""
        return self._written(node)[0]

    def _written(self, node: Node) -> tuple[str, int]:
        if node in self._code:
            return self._code[node]
        operator, *arguments = self.graph.nodes[node]
        if operator == "number":
            text, depth = repr(arguments[0]), 0
        elif operator == "symbol":
            text, depth = self.leaves[arguments[0]], 1
            if self._uses.get(node, 0) > 1:
                depth = DEEPEST
        else:
            written = [self._written(argument) for argument in arguments]
            text = self._operation(operator, [w[0] for w in written], arguments)
            depth = 1 + max(w[1] for w in written)
            if self._uses.get(node, 0) > 1:
                depth = DEEPEST
        if depth >= DEEPEST:
            name = f"v{node}"
            self.lines.append(f"{name} = {text}")
            text, depth = name, 1
        self._code[node] = (text, depth)
        return self._code[node]

    def _operation(self, operator: str, texts: list[str], arguments: list[Node]) -> str:
        pattern = ARITHMETIC.get(operator) or FUNCTIONS.get(operator) or LOGIC.get(operator)
        if pattern is not None:
            return pattern.format(*texts)
        if operator in RELATIONS:
            return f"({texts[0]} {RELATIONS[operator]} {texts[1]})"
        if operator == "neg":
            return f"(-{texts[0]})"
        if operator == "piecewise":
            return self._pieces(texts)
        return self._power(texts, self.graph.value(arguments[1]))

    @staticmethod
    def _pieces(texts: list[str]) -> str:
        code = texts[-1] if len(texts) % 2 else "math.nan"
        for k in range(len(texts) // 2 * 2 - 2, -1, -2):
            code = f"({texts[k]} if {texts[k + 1]} else {code})"
        return code

    @staticmethod
    def _power(texts: list[str], exponent: float | None) -> str:
        base = texts[0]
        if exponent is not None and exponent.is_integer():
            if 1 < exponent <= LARGEST_UNROLLED_POWER:
                return "(" + " * ".join([base] * int(exponent)) + ")"
            if exponent == -1.0:
                return f"(1.0 / {base})"
            return f"({base} ** {int(exponent)})"
        # A fractional power of a rounding error below zero would be NaN.
        return f"(max({base}, {SMALLEST_BASE!r}) ** {texts[1]})"


def function(
    name: str, arguments: str, doc: str, writer: Writer, results: Callable[[], list[str]]
) -> list[str]:
    """Write one function: its lines, then its results."""
    stores = results()
    body = [*writer.lines, *stores] or ["pass"]
    return [f"def {name}({arguments}):", f'    """{doc}"""', *(f"    {line}" for line in body), ""]
