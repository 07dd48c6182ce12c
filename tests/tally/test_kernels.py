"""Every kernel of the tally against its plain twin."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tally.cells_for_kernels import COUNTS, Drawn, drawn_cells
from turncoat.kernel import KERNELS
from turncoat.tally.kernels import (
    adding,
    cells,
    finishing,
    holding,
    packing,
    relating,
    scoring,
    units,
    unpacking,
    values,
)

whole = settings(deadline=None, max_examples=60)
LARGE = [count for count in COUNTS if count >= units.ESCAPE]


def unpack(genes: Any, counts: Any, begin: int, length: int) -> list[tuple[int, int]]:
    """Read a packed cell as sorted pairs of gene and count."""
    tail, pairs = begin + length, []
    for place in range(begin, begin + length):
        count = int(counts[place])
        if count == units.ESCAPE:
            count = adding.read_large_reference(genes, counts, tail)
            tail += 2
        pairs.append((int(genes[place]), count))
    return sorted(pairs)


def table() -> Any:
    """Room to work in, as a thread brings it."""
    return np.zeros((2, units.TABLE_SIZE), dtype=np.int64)


def room() -> tuple[Any, Any]:
    """Room for projecting cells."""
    table = np.zeros((2, units.TABLE_SIZE + 1), dtype=np.int64)
    return table, np.zeros(scoring.STRETCH + 1, dtype=np.int64)


@whole
@given(drawn_cells())
def test_packing_meets_its_twin(drawn: Drawn) -> None:
    said, read, ledgers = [], [], []
    for function in (cells.pack_cells, cells.pack_cells.reference):
        (genes, counts), scratch = drawn.room(), drawn.scratch()
        ledger = np.zeros((drawn.n_cells, units.N_LEDGER), dtype=np.int64)
        block = (drawn.data, drawn.indices, drawn.indptr)
        said.append(function(*block, drawn.columns, genes, counts, 1, ledger, scratch))
        assert not scratch[0].any()
        whole_cells = ledger.tolist() if not said[-1][0] else []
        read.append([unpack(genes, counts, *line[:2]) for line in whole_cells])
        ledgers.append(ledger)
    assert tuple(map(int, said[0])) == tuple(map(int, said[1]))
    if said[0][0]:
        return
    assert read[0] == read[1]
    np.testing.assert_array_equal(ledgers[0], ledgers[1])


@whole
@given(drawn_cells(), st.integers(1, 3), st.randoms(use_true_random=False))
def test_adding_meets_its_twin(drawn: Drawn, n_slots: int, random: Any) -> None:
    genes, counts = drawn.room()
    ledger = np.zeros((drawn.n_cells, units.N_LEDGER), dtype=np.int64)
    said = cells.pack_cells.reference(
        drawn.data, drawn.indices, drawn.indptr, drawn.columns, genes, counts, 0, ledger,
        drawn.scratch(),
    )  # fmt: skip
    assume(said[0] == units.SOUND)
    order = np.array(random.sample(range(drawn.n_cells), drawn.n_cells))
    slots = np.array([random.randrange(n_slots) for _ in order])
    sums = []
    for function in (adding.add_cells, adding.add_cells.reference):
        total = np.zeros((n_slots, drawn.n_genes + 1, units.N_SUMS), dtype=np.int64)
        flat = total.reshape(n_slots, -1)
        function(genes, counts, ledger, order, slots, 1e4, flat, table())
        sums.append(total)
    np.testing.assert_array_equal(sums[0][:, :, 0], sums[1][:, :, 0])
    # Two libraries' logarithms may round one grid step apart per value.
    assert np.abs(sums[0] - sums[1])[:, :, 1:].max(initial=0) <= 8 * drawn.data.size


@whole
@given(drawn_cells())
def test_looking_and_packing_in_order_meet_their_twins(drawn: Drawn) -> None:
    for cell in range(drawn.n_cells):
        own = slice(drawn.indptr[cell], drawn.indptr[cell + 1])
        data, indices = drawn.data[own], drawn.indices[own]
        seen = values.look(data, indices, drawn.columns.size)
        assert seen == values.look.reference(data, indices, drawn.columns.size)
        outside = np.clip(indices, -1, drawn.columns.size - 2)
        bounds = drawn.columns.size - 1
        assert values.look(data, outside, bounds) == values.look.reference(data, outside, bounds)
        both = []
        for function in (packing.pack_ordered, packing.pack_ordered.reference):
            genes, counts = drawn.room()
            both.append((*function(data, indices, drawn.columns, genes, counts, 0), genes, counts))
        assert both[0][:3] == both[1][:3]
        np.testing.assert_array_equal(both[0][3], both[1][3])
        np.testing.assert_array_equal(both[0][4], both[1][4])


@whole
@given(drawn_cells())
def test_merging_meets_its_twin(drawn: Drawn) -> None:
    for cell in range(drawn.n_cells):
        own = slice(drawn.indptr[cell], drawn.indptr[cell + 1])
        both = []
        for function in (packing.pack_merged, packing.pack_merged.reference):
            genes, counts = drawn.room()
            found = function(
                drawn.data[own], drawn.indices[own], drawn.columns, genes, counts, 0,
                drawn.scratch(),
            )  # fmt: skip
            both.append((int(found[0]), *(found[1:] if found[0] >= 0 else ())))
            if found[0] >= 0:
                both[-1] = (*both[-1], unpack(genes, counts, 0, int(found[0])))
        assert both[0] == both[1]


@pytest.mark.parametrize("count", LARGE)
@pytest.mark.parametrize("width", [np.uint16, np.uint32])
def test_large_counts_survive_packing(count: int, width: Any) -> None:
    read = []
    for write in (packing.write_large, packing.write_large.reference):
        genes, counts = np.zeros(3, dtype=width), np.zeros(3, dtype=np.uint8)
        write(genes, counts, 1, count)
        read += [adding.read_large(genes, counts, 1), adding.read_large_reference(genes, counts, 1)]
    assert read == [count] * 4


@given(st.integers(0, 2**63 - 1), st.floats(1e-6, 1e4))
@settings(deadline=None)
def test_the_table_of_logarithms_meets_its_twin(seen: int, scale: float) -> None:
    tables = [np.zeros((2, units.TABLE_SIZE), dtype=np.int64) for _ in range(2)]
    adding.fill_table(tables[0], seen, scale)
    adding.fill_table.reference(tables[1], seen, scale)
    assert np.abs(tables[0] - tables[1]).max() <= 64


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (np.nan, units.NOT_FINITE),
        (np.inf, units.NOT_FINITE),
        (-1.0, units.NEGATIVE),
        (-0.5, units.NEGATIVE),
        (-np.inf, units.NEGATIVE),
        (1.5, units.FRACTIONAL),
        (0.25, units.FRACTIONAL),
        (2.0**31, units.NOT_FINITE),
        (2.0**54, units.NOT_FINITE),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_no_count_is_found_wherever_it_is(value: float, problem: int, dtype: Any) -> None:
    for place in (0, 5, 11):
        data = np.ones(12, dtype=dtype)
        data[place] = value
        found = pack(data, np.tile(np.arange(4, dtype=np.int32), 3), np.array([0, 4, 8, 12]))
        assert found == [(problem, place // 4, place)] * 2


@pytest.mark.parametrize("index", [-1, 4, 2**31 - 1])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_gene_number_outside_the_matrix_is_found(index: int, place: int) -> None:
    indices = np.arange(4, dtype=np.int32)
    indices[place] = index
    found = pack(np.ones(4, np.float32), indices, np.array([0, 4]))
    assert found == [(units.OUT_OF_RANGE, 0, place)] * 2


def test_too_little_room_is_said_before_anything_is_overwritten() -> None:
    data, indices = np.full(4, 300, np.float32), np.arange(4, dtype=np.int32)
    assert pack(data, indices, np.array([0, 4]), room=11) == [(units.NO_ROOM, 0, 0)] * 2
    assert pack(data, indices, np.array([0, 4]), room=12) == [(units.SOUND, 0, 12)] * 2


def pack(data: Any, indices: Any, indptr: Any, *, room: int = 64) -> list[tuple[int, ...]]:
    """Pack with kernel and twin; gives what each says."""
    said = []
    columns = np.arange(4, dtype=np.int32) | np.int32(units.IN_LIBRARY)
    for function in (cells.pack_cells, cells.pack_cells.reference):
        genes, counts = np.zeros(room, dtype=np.uint16), np.zeros(room, dtype=np.uint8)
        ledger = np.zeros((indptr.size - 1, units.N_LEDGER), dtype=np.int64)
        scratch = np.zeros((2, 9), dtype=np.int64)
        found = function(data, indices, indptr, columns, genes, counts, 0, ledger, scratch)
        said.append(tuple(int(x) for x in found))
        both = [
            values.find_problem(data, indices, 4), values.find_problem.reference(data, indices, 4)
        ]  # fmt: skip
        assert both[0] == both[1]
    return said


@given(st.lists(st.integers(0, 255)), drawn_cells())
@settings(deadline=None)
def test_what_is_asked_of_columns_and_counts_meets_its_twin(
    counts: list[int], drawn: Drawn
) -> None:
    packed = np.array(counts, dtype=np.uint8)
    assert cells.counts_seen(packed) == cells.counts_seen.reference(packed)
    simple = cells.one_gene_a_column(drawn.columns)
    assert simple == cells.one_gene_a_column.reference(drawn.columns)


@whole
@given(drawn_cells(), st.integers(1, 3), st.randoms(use_true_random=False))
def test_scoring_and_group_sums_meet_their_twins(drawn: Drawn, n_sets: int, random: Any) -> None:
    genes, counts = drawn.room()
    ledger = np.zeros((drawn.n_cells, units.N_LEDGER), dtype=np.int64)
    block = (drawn.data, drawn.indices, drawn.indptr, drawn.columns)
    said = cells.pack_cells(*block, genes, counts, 0, ledger, drawn.scratch())
    assume(said[0] == units.SOUND)
    members = sorted((random.randrange(drawn.n_genes), random.randrange(n_sets)) for _ in range(5))
    known = np.array([gene for gene, _ in members])
    pointers = np.searchsorted(known, np.arange(drawn.n_genes + 2))
    sets, weights = np.array([s for _, s in members]), np.linspace(-1, 2, len(members))
    groups = np.array([random.randrange(-1, 2) for _ in range(drawn.n_cells)])
    used = (np.diff(pointers) > 0).astype(np.uint8)
    used[-1] = 1
    found = []
    for project, add in (
        (scoring.project_cells, scoring.sum_logs),
        (scoring.project_cells.reference, scoring.sum_logs.reference),
    ):
        out, sums = np.zeros((drawn.n_cells, 2 + n_sets)), np.zeros((2, drawn.n_genes + 1))
        project(genes, counts, ledger, 1e4, pointers, sets, weights, out, used, *room())
        add(genes, counts, ledger, groups, 1e4, sums, table()[0] * 1.0)
        found.append((out, sums))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12, atol=1e-12)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 255))), st.integers(0, 15))
@settings(deadline=None)
def test_noting_members_meets_its_twin(values: list[tuple[int, int]], which: int) -> None:
    genes = np.array([gene for gene, _ in values], dtype=np.uint16)
    counts = np.array([count for _, count in values], dtype=np.uint8)
    used = np.array([which >> k & 1 for k in range(4)] + [1], dtype=np.uint8)
    steps, _ = room()
    steps[:, : units.TABLE_SIZE] = np.arange(units.TABLE_SIZE) * np.array([[3], [7]])
    found = []
    for function in (scoring.note_members, scoring.note_members.reference):
        members = np.zeros(len(values) + 1, dtype=np.int64)
        said = function(genes, counts, used, steps, members)
        found.append((*map(int, said), members[: said[0]].tolist()))
    assert found[0] == found[1]


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 3))
@settings(deadline=None)
def test_relating_cells_meets_its_twin(seed: int, n_cells: int, n_sets: int) -> None:
    rng = np.random.default_rng(seed)
    logs, weights = rng.poisson(1, (n_cells, 9)) * 1.0, rng.normal(size=(9, n_sets))
    logs[0], weights[:, 0] = 0.0, 1.0  # neither an empty cell nor a flat set has a slope
    projected = np.column_stack([logs.sum(axis=1), (logs**2).sum(axis=1), logs @ weights])
    found = [np.zeros((n_cells, n_sets), dtype=np.float32) for _ in range(2)]
    both: list[Any] = [relating.relate_cells, relating.relate_cells.reference]
    for k, scores in enumerate(found):
        both[k](projected, 9, weights.sum(axis=0), (weights**2).sum(axis=0), scores)
    assert np.isnan(found[0][0]).all()
    np.testing.assert_allclose(found[0][:, 1:], found[1][:, 1:], rtol=1e-5, atol=1e-5)


@given(st.integers(0, 2**63 - 1), st.floats(1e-6, 1e4))
@settings(deadline=None)
def test_the_logarithms_of_a_cell_meet_their_twin(seen: int, scale: float) -> None:
    logs = [np.zeros(units.TABLE_SIZE), np.zeros(units.TABLE_SIZE)]
    scoring.fill_logs(logs[0], seen, scale)
    scoring.fill_logs.reference(logs[1], seen, scale)
    np.testing.assert_allclose(logs[0], logs[1], rtol=1e-15)


@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_numbers_of_a_row_meet_their_twin(n_genes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    packed = rng.integers(0, 2**62, (n_genes + 1, units.N_SUMS))
    found = [[*np.zeros((4, n_genes)), np.ones((n_genes, 4), dtype=np.int64)] for _ in range(2)]
    finishing.finish_row(packed, 1 / units.GRID, *found[0])
    finishing.finish_row.reference(packed, 1 / units.GRID, *found[1])
    for one, other in zip(*found, strict=True):
        assert one.tobytes() == other.tobytes()


@whole
@given(drawn_cells())
def test_the_library_without_the_dustbin_meets_its_twin(drawn: Drawn) -> None:
    genes, counts = drawn.room()
    ledger = np.zeros((drawn.n_cells, units.N_LEDGER), dtype=np.int64)
    said = cells.pack_cells.reference(
        drawn.data, drawn.indices, drawn.indptr, drawn.columns, genes, counts, 0, ledger,
        drawn.scratch(),
    )  # fmt: skip
    assume(said[0] == units.SOUND)
    for begin, length in ledger[:, [units.BEGIN, units.LENGTH]].tolist():
        own = (genes, counts, begin, length, drawn.n_genes)
        both = unpacking.library_of(*own), unpacking.library_of.reference(*own)
        expected = sum(
            count for gene, count in unpack(genes, counts, begin, length) if gene < drawn.n_genes
        )
        assert both == (expected, expected)


@given(st.binary(max_size=99))
def test_bytes_are_copied_as_their_twin(some: bytes) -> None:
    source: Any = np.frombuffer(some, dtype=np.uint8)
    made = [np.zeros_like(source) for _ in range(2)]
    holding.copy_bytes(source, made[0])
    holding.copy_bytes.reference(source, made[1])
    assert made[0].tobytes() == made[1].tobytes() == some


def test_every_kernel_of_the_tally_is_tested() -> None:
    # measure_kinds has its twin test beside the quality pass, in test_fitness; laying out and
    # taking apart have theirs beside naming, in test_annotated.
    names = {k.plain.__name__ for k in KERNELS if k.plain.__module__.startswith("turncoat.tally")}
    assert names <= {
        "add_cells",
        "add_count",
        "copy_bytes",
        "count_at",
        "counts_seen",
        "fill_logs",
        "fill_table",
        "find_problem",
        "finish_row",
        "lay_out_cells",
        "library_of",
        "log_cells",
        "look",
        "measure_kinds",
        "note_members",
        "note_used",
        "one_gene_a_column",
        "pack_cells",
        "pack_merged",
        "pack_ordered",
        "project_cells",
        "read_large",
        "relate_cells",
        "score_cells",
        "sum_logs",
        "take_apart_cells",
        "write_large",
    }
