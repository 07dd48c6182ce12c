"""The sparse LU of a model written out as straight lines, for one mouse or for lanes of them."""

from collections.abc import Callable

from turncoat.simulate.engine.sparse import Elimination
from turncoat.tables import IntArray

# Where a function finds entry ``k`` of an array: ``place("factors", 3)``.
Place = Callable[[str, int], str]


def factor_lines(lu: Elimination, place: Place, shift: str) -> list[str]:
    """Write the LU of ``shift I - J``."""
    lines = []
    filled = set(range(lu.rows.size)) - {int(k) for k in lu.entry}
    diagonal = {int(k) for k in lu.diagonal}
    source = {int(position): k for k, position in enumerate(lu.entry)}
    for position in range(lu.rows.size):
        value = "0.0" if position in filled else f"-{place('values', source[position])}"
        if position in diagonal:
            value = shift if position in filled else f"{shift} {value.replace('-', '- ', 1)}"
        lines.append(f"a{position} = {value}")
    for k, pivot in enumerate(lu.diagonal):
        lines.append(f"a{pivot} = 1.0 / a{pivot}")
        lines += [f"a{q} *= a{pivot}" for q in _part(lu.scaled, lu.scaled_start, k)]
        products = (_part(x, lu.product_start, k) for x in (lu.target, lu.left, lu.right))
        lines += [f"a{t} -= a{m} * a{u}" for t, m, u in zip(*products, strict=True)]
    return lines + [f"{place('factors', k)} = a{k}" for k in range(lu.rows.size)]


def solve_lines(lu: Elimination, place: Place) -> list[str]:
    """Write the two triangular solves; the right side is in ``x0, x1, ...``, and the result."""
    lines = []
    for k, state in enumerate(lu.order):
        entries = zip(
            _part(lu.scaled, lu.scaled_start, k),
            _part(lu.lower_row, lu.scaled_start, k),
            strict=True,
        )
        lines += [f"x{row} -= {place('factors', at)} * x{state}" for at, row in entries]
    for k in range(lu.order.size - 1, -1, -1):
        entries = zip(
            _part(lu.upper, lu.upper_start, k),
            _part(lu.upper_column, lu.upper_start, k),
            strict=True,
        )
        state = lu.order[k]
        terms = "".join(f" - {place('factors', at)} * x{column}" for at, column in entries)
        lines.append(f"x{state} = (x{state}{terms}) * {place('factors', int(lu.diagonal[k]))}")
    return lines


def _part(values: IntArray, starts: IntArray, k: int) -> list[int]:
    return [int(value) for value in values[starts[k] : starts[k + 1]]]
