"""Where the zeros stay: elimination order, fill and the list of operations of a sparse LU.

The pattern of a model's Jacobian never changes, so the order, the fill and every
multiply-subtract are found once, from the pattern alone. The kernels then only run lists.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from turncoat.tables import IntArray


class Elimination(NamedTuple):
    """Lists that the factorisation and the two triangular solves run through.

    ``order[k]`` is the state eliminated k-th and ``diagonal[k]`` the position of its pivot.
    Factorisation: ``scaled[scaled_start[k]:scaled_start[k+1]]`` are divided by pivot k, then
    ``target -= left * right``. Solves: the entries of L and U by pivot, with their states.
    ``entry`` maps the Jacobian's values to positions, ``rows`` and ``columns`` all positions.
    """

    order: IntArray
    diagonal: IntArray
    scaled_start: IntArray
    scaled: IntArray
    product_start: IntArray
    target: IntArray
    left: IntArray
    right: IntArray
    lower_row: IntArray
    upper_start: IntArray
    upper: IntArray
    upper_column: IntArray
    entry: IntArray
    rows: IntArray
    columns: IntArray


@dataclass(frozen=True)
class Fill:
    """What elimination does to a pattern.

    Parameters
    ----------
    order
        States in order of elimination.
    positions
        Position of each stored entry, fill included.
    """

    order: list[int]
    positions: dict[tuple[int, int], int]


def fill_in(n_states: int, pattern: list[tuple[int, int]]) -> Fill:
    """Choose an elimination order by least Markowitz cost and find the fill it makes."""
    entries = set(pattern) | {(k, k) for k in range(n_states)}
    stored, left, order = set(entries), set(range(n_states)), []
    while left:
        rows = {k: {i for i, j in entries if j == k and i != k} for k in left}
        columns = {k: {j for i, j in entries if i == k and j != k} for k in left}
        pivot = min(left, key=lambda k: (len(rows[k]) * len(columns[k]), k))
        new = {(i, j) for i in rows[pivot] for j in columns[pivot]}
        stored |= new
        entries = {(i, j) for i, j in entries | new if pivot not in (i, j)}
        order.append(pivot)
        left.remove(pivot)
    return Fill(order, {entry: k for k, entry in enumerate(sorted(stored))})


def eliminate(n_states: int, pattern: list[tuple[int, int]]) -> Elimination:
    """Write down a sparse LU without pivoting as lists of operations.

    Parameters
    ----------
    n_states
        Size of the matrix.
    pattern
        Row and column of each value of the Jacobian, in the order of its values.

    Returns
    -------
    Elimination
        The lists; entries outside the pattern are fill and start at zero.
    """
    fill = fill_in(n_states, pattern)
    at = fill.positions
    rank = {state: k for k, state in enumerate(fill.order)}
    lists: dict[str, list[int]] = {name: [] for name in Elimination._fields}
    for state in fill.order:
        below = [i for i, j in at if j == state and rank[i] > rank[state]]
        beyond = [j for i, j in at if i == state and rank[j] > rank[state]]
        lists["scaled_start"].append(len(lists["scaled"]))
        lists["product_start"].append(len(lists["target"]))
        lists["upper_start"].append(len(lists["upper"]))
        lists["scaled"] += [at[i, state] for i in below]
        lists["lower_row"] += below
        for i in below:
            lists["target"] += [at[i, j] for j in beyond]
            lists["left"] += [at[i, state] for _ in beyond]
            lists["right"] += [at[state, j] for j in beyond]
        lists["upper"] += [at[state, j] for j in beyond]
        lists["upper_column"] += beyond
    lists["scaled_start"].append(len(lists["scaled"]))
    lists["product_start"].append(len(lists["target"]))
    lists["upper_start"].append(len(lists["upper"]))
    lists["order"] = fill.order
    lists["diagonal"] = [at[state, state] for state in fill.order]
    lists["entry"] = [at[entry] for entry in pattern]
    lists["rows"] = [i for i, _ in sorted(at)]
    lists["columns"] = [j for _, j in sorted(at)]
    # Unsigned positions spare the compiled loops a check for negative indices.
    kinds = {name: np.int64 if name.endswith("_start") else np.uint64 for name in lists}
    return Elimination(**{k: np.array(v, dtype=kinds[k]) for k, v in lists.items()})
