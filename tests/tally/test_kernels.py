"""Every kernel of the tally against its plain twin."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tally.cells_for_kernels import Drawn, drawn_cells
from turncoat.tally.kernels import cells, units, values


def run(function: Any, drawn: Drawn) -> tuple[Any, ...]:
    sums = np.zeros((drawn.n_slots, drawn.n_genes, units.N_SUMS), dtype=np.int64)
    squares = np.zeros(drawn.n_genes, dtype=np.int64)
    measures = np.zeros((drawn.n_cells, units.N_MEASURES), dtype=np.int64)
    scratch = np.zeros(drawn.n_genes + drawn.columns.size, dtype=np.int64)
    said = function(
        drawn.data, drawn.indices, drawn.indptr, drawn.cells, drawn.slots, drawn.columns,
        drawn.kinds, 1e4, sums, squares, measures, scratch,
    )  # fmt: skip
    assert not scratch.any()
    return tuple(int(x) for x in said), sums, squares, measures


@settings(deadline=None)
@given(drawn_cells())
def test_tally_cells_meets_its_twin(drawn: Drawn) -> None:
    compiled = run(cells.tally_cells, drawn)
    plain = run(cells.tally_cells.reference, drawn)
    assert compiled[0] == plain[0]
    if compiled[0][0]:
        return
    np.testing.assert_array_equal(compiled[1][:, :, :2], plain[1][:, :, :2])
    # Two libraries' logarithms may round one grid step apart per cell.
    assert np.abs(compiled[1][:, :, 2:] - plain[1][:, :, 2:]).max(initial=0) <= drawn.n_cells
    np.testing.assert_array_equal(compiled[2], plain[2])
    np.testing.assert_array_equal(compiled[3], plain[3])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (np.nan, units.NOT_FINITE),
        (np.inf, units.NOT_FINITE),
        (-1.0, units.NEGATIVE),
        (-0.5, units.NEGATIVE),
        (1.5, units.FRACTIONAL),
        (2.0**54, units.NOT_FINITE),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_no_count_is_found_wherever_it_is(
    value: float, problem: int, dtype: type[np.floating[Any]]
) -> None:
    for place in (0, 5, 11):
        data = np.ones(12, dtype=dtype)
        data[place] = value
        indices = np.tile(np.arange(4, dtype=np.int32), 3)
        chosen = np.arange(3)
        drawn = Drawn(
            data, indices, np.array([0, 4, 8, 12]), chosen, np.zeros(3, np.int64),
            np.arange(4), np.ones(4, np.int64), 1, 4,
        )  # fmt: skip
        said = run(cells.tally_cells, drawn)[0]
        assert said == (problem, place // 4, place)
        assert values.find_problem(data, indices, 0, 12, 4) == (problem, place)
        assert values.find_problem.reference(data, indices, 0, 12, 4) == (problem, place)


@pytest.mark.parametrize("index", [-1, 4, 2**31 - 1])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_gene_number_outside_the_matrix_is_found(index: int, place: int) -> None:
    indices = np.arange(4, dtype=np.int32)
    indices[place] = index
    drawn = Drawn(
        np.ones(4, np.float32), indices, np.array([0, 4]), np.arange(1), np.zeros(1, np.int64),
        np.arange(4), np.ones(4, np.int64), 1, 4,
    )  # fmt: skip
    assert run(cells.tally_cells, drawn)[0] == (units.OUT_OF_RANGE, 0, place)
