"""The readers' compiled loop against its plain twin."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.study.sources.kernels import place_values
from turncoat.study.sources.matrix import lines_of


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(1, 99)), max_size=60))
def test_placing_values_meets_its_twin(drawn: list[tuple[int, int, int]]) -> None:
    cells, genes, values = (np.array([t[i] for t in drawn], dtype=np.int32) for i in range(3))
    begins = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=6))])
    found = []
    for function in (place_values, place_values.reference):
        data, indices = np.zeros(len(drawn), np.float32), np.zeros(len(drawn), np.int32)
        cursor = begins[:-1].copy()
        function(cells, genes, values.astype(np.float32), cursor, data, indices)
        np.testing.assert_array_equal(cursor, begins[1:])
        found.append((data, indices))
    np.testing.assert_array_equal(found[0], found[1])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.data())
def test_lines_of_any_stretch_of_values(sizes: list[int], data: st.DataObject) -> None:
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    begin = data.draw(st.integers(0, int(indptr[-1])))
    end = data.draw(st.integers(begin, int(indptr[-1])))
    every = np.repeat(np.arange(len(sizes)), sizes)
    np.testing.assert_array_equal(lines_of(indptr, begin, end), every[begin:end])
