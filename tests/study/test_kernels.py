"""The readers' compiled loop against its plain twin."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.study.sources.kernels import (
    checksum,
    count_cells,
    deal_values,
    keep_stored,
    place_values,
    unpack_lzf,
    unshuffle,
)
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


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(1, 99)), max_size=60))
def test_counting_and_dealing_values_meet_their_twins(drawn: list[tuple[int, int, int]]) -> None:
    cells, genes, values = (np.array([t[i] for t in drawn], dtype=np.int32) for i in range(3))
    window_of = np.array([0, 0, 1, 1, 1, 2], dtype=np.int32)
    starts = np.array([0, 2, 5])
    found = []
    for count, deal in (
        (count_cells, deal_values),
        (count_cells.reference, deal_values.reference),
    ):
        counts, cursor = np.zeros(6, np.int64), np.zeros(4, np.int64)
        count(cells, counts)
        own, gene = (np.zeros(len(drawn), np.uint16) for _ in range(2))
        value = np.zeros(len(drawn), np.float32)
        deal(cells, genes, values.astype(np.float32), window_of, starts, cursor, own, gene, value)
        found.append((counts, cursor, own, gene, value))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 5), st.integers(1, 7), st.data())
def test_keeping_what_is_stored_meets_its_twin(
    n_cells: int, n_genes: int, data: st.DataObject
) -> None:
    drawn = data.draw(
        st.lists(st.sampled_from([0.0, 0.0, 1.0, -2.0, float("nan")]), min_size=n_cells * n_genes,
                 max_size=n_cells * n_genes)
    )  # fmt: skip
    dense = np.array(drawn, dtype=np.float32).reshape(n_cells, n_genes)
    found = []
    for keep in (keep_stored, keep_stored.reference):
        values, indices = np.zeros(dense.size + 1, np.float32), np.zeros(dense.size + 1, np.int32)
        indptr = np.empty(n_cells + 1, np.int64)
        keep(dense, values, indices, indptr)
        found.append((values[: indptr[-1]], indices[: indptr[-1]], indptr))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=60), st.sampled_from([1, 2, 4, 8]))
def test_unshuffling_and_checksums_meet_their_twins(raw: bytes, item_size: int) -> None:
    stored = np.frombuffer(raw, dtype=np.uint8)
    found = []
    for undo in (unshuffle, unshuffle.reference):
        out = np.zeros(stored.size, np.uint8)
        undo(stored, out, item_size)
        found.append(out)
    np.testing.assert_array_equal(found[0], found[1])
    assert checksum(stored) == checksum.reference(stored)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from([0, 1, 2, 5, 32, 33, 64, 224, 225, 255]), max_size=25))
def test_unpacking_any_bytes_meets_its_twin_and_leaves_no_bounds(raw: list[int]) -> None:
    stored, found = np.array(raw, dtype=np.uint8), []
    for unpack in (unpack_lzf, unpack_lzf.reference):
        out = np.zeros(40, np.uint8)
        size = unpack(stored, out)
        found.append((size, out[: max(size, 0)].tobytes()))
    assert found[0] == found[1]
