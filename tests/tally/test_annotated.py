"""Naming and counting in one pass: the same labels and the same sums as one after the other."""

import io
import warnings
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import turncoat as tc
from tally.cells_for_kernels import Drawn, drawn_cells
from turncoat.cells import Annotator, annotate_plan, marker_set
from turncoat.cells.malignant import log_normalise
from turncoat.cells.split import split_malignant
from turncoat.errors import OutputError, StudyError
from turncoat.study import TallyPlan, plan_cells
from turncoat.study.relabel import leave_out
from turncoat.tables import restore
from turncoat.tally import CellAccount, kernels, tally_plan
from turncoat.tally.account import ACCOUNT_KEY
from turncoat.tally.annotated import Annotated, annotate_and_tally
from turncoat.tally.held import HeldCells, log_cells
from turncoat.tally.kernels import calling, units
from turncoat.tally.packed import PackedBlock

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")

KEYS: dict[str, Any] = {"donor_key": "donor", "sample_key": "sample", "condition_key": "condition"}


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    made = tc.ds.planted(n_donors=3, n_controls=3, cells_per_donor=200, n_genes=2200, seed=3)
    made.X = sp.csr_matrix(made.X)
    # Counts that a byte does not hold, in cells that are held back too.
    made.X.data[::97] += 300
    return made


@pytest.fixture(scope="module")
def model(cells: ad.AnnData) -> Annotator:
    named = cells.copy()
    named.obs["population"] = named.obs["population"].astype(str).replace({"Tumour": "Epithelial"})
    return tc.pp.train_annotator(named, label_key="population")


@pytest.fixture(scope="module")
def plan(cells: ad.AnnData) -> TallyPlan:
    return plan_cells(cells, **KEYS)


@pytest.fixture(scope="module")
def fused(plan: TallyPlan, model: Annotator) -> Annotated:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return annotate_and_tally(plan, model, marker_set(), threads=2)


def same_tally(one: ad.AnnData, other: ad.AnnData) -> None:
    pd.testing.assert_frame_equal(one.obs, other.obs)
    pd.testing.assert_frame_equal(one.var, other.var)
    for layer in one.layers:
        np.testing.assert_array_equal(np.asarray(one.layers[layer]), other.layers[layer])


def test_labels_are_those_of_naming_first(
    plan: TallyPlan, model: Annotator, fused: Annotated
) -> None:
    before = annotate_plan(plan, annotator=model)
    population = before.cells["population"].copy()
    found, called = split_malignant(plan, before)
    # What was given is left as it was.
    pd.testing.assert_series_equal(before.cells["population"], population)
    pd.testing.assert_frame_equal(fused.annotation.cells, found.cells)
    pd.testing.assert_frame_equal(fused.annotation.samples, found.samples)
    assert called is not None
    assert fused.malignancy is not None
    pd.testing.assert_frame_equal(fused.malignancy.cells, called.cells)
    assert {"Malignant", "unassigned", "B"} <= set(found.cells["population"])
    # Cells that are left unassigned because nothing tells whether they are malignant count as such.
    unassigned = int((found.cells["population"] == "unassigned").sum())
    assert found.samples["n_unassigned"].sum() == unassigned


def test_the_tally_is_that_of_counting_the_labels(cells: ad.AnnData, fused: Annotated) -> None:
    labelled = cells.copy()
    names = fused.annotation.cells["population"].replace({"unassigned": ""})
    labelled.obs["population"] = names.to_numpy()
    after = tally_plan(plan_cells(labelled, population_key="population", **KEYS))
    same_tally(fused.tally, after)
    assert str(fused.tally.uns["turncoat"]["tally"]) == str(after.uns["turncoat"]["tally"])
    one, other = (restore(made, ACCOUNT_KEY, CellAccount) for made in (fused.tally, after))
    pd.testing.assert_frame_equal(one.quality, other.quality)
    assert one.dropped["n"].tolist() == other.dropped["n"].tolist()


def test_a_cell_that_was_left_out_is_not_left_out_again(plan: TallyPlan, model: Annotator) -> None:
    n_cells = plan.sources[0].n_cells
    out = np.arange(n_cells) % 5 == 0
    left = leave_out(plan, [out], "a reason")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = annotate_and_tally(left, model, marker_set())
    dropped = restore(made.tally, ACCOUNT_KEY, CellAccount).dropped
    gone = dropped.loc[dropped["what"] == "cells", "n"].sum()
    assert made.tally.obs["n_cells"].sum() + gone == n_cells


def test_threads_memory_and_files_do_not_matter(
    cells: ad.AnnData, model: Annotator, fused: Annotated, tmp_path: Path
) -> None:
    cells[:500].write_h5ad(tmp_path / "a.h5ad")
    cells[500:].write_h5ad(tmp_path / "b.h5ad")
    plan = plan_cells([tmp_path / "a.h5ad", tmp_path / "b.h5ad"], **KEYS)
    parts = annotate_and_tally(plan, model, marker_set(), threads=1, memory_limit=2**26)
    same_tally(parts.tally, fused.tally)
    columns = ["barcode", "population", "state", "confidence"]
    pd.testing.assert_frame_equal(parts.annotation.cells[columns], fused.annotation.cells[columns])


def test_cells_beyond_memory_are_held_in_a_file(
    plan: TallyPlan, model: Annotator, fused: Annotated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeldCells.__init__, "__kwdefaults__", {"in_memory": 1000})
    monkeypatch.setattr("turncoat.cells.search.CELLS_AT_ONCE", 7)
    monkeypatch.setattr("turncoat.tally.naming.CELLS_AT_ONCE", 7)
    again = annotate_and_tally(plan, model, marker_set(), threads=2)
    same_tally(again.tally, fused.tally)
    assert again.malignancy is not None
    assert fused.malignancy is not None
    pd.testing.assert_frame_equal(again.malignancy.cells, fused.malignancy.cells)


def test_no_room_for_held_cells_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    held = HeldCells(np.zeros(1), 1, in_memory=0)
    ledger = np.zeros((1, units.N_LEDGER), dtype=np.int64)
    ledger[0, [units.LENGTH, units.END]] = 1
    block = PackedBlock(0, np.zeros(1, np.uint16), np.ones(1, np.uint8), ledger)
    with pytest.raises(OutputError, match="TMPDIR"):
        held.hold(block, 0, np.ones(1, dtype=bool), np.zeros(1, dtype=bool))


def test_cells_of_which_none_can_be_named_are_refused(plan: TallyPlan, model: Annotator) -> None:
    unsure = Annotator(
        **{name: getattr(model, name) for name in model.__slots__} | {"confidence": 2.0}
    )
    with pytest.raises(StudyError, match="No cell has a population"):
        annotate_and_tally(plan, unsure, marker_set())


def pack(block: Drawn, width: Any = np.uint16) -> PackedBlock:
    genes, counts = block.room(width)
    ledger = np.zeros((block.n_cells, units.N_LEDGER), dtype=np.int64)
    problem, _, _ = kernels.pack_cells(
        block.data, block.indices, block.indptr, block.columns, genes, counts, 0, ledger,
        block.scratch(),
    )  # fmt: skip
    assume(problem == units.SOUND)
    return PackedBlock(0, genes, counts, ledger)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 255)), max_size=40))
def test_values_in_use_are_noted_as_by_the_twin(values: list[tuple[int, int]]) -> None:
    genes = np.array([g for g, _ in values], dtype=np.uint16)
    counts = np.array([c for _, c in values], dtype=np.uint8)
    used = np.array([0, 1, 0, 0, 1, 0, 1, 0, 0], dtype=np.uint8)
    found = [np.zeros(len(values) + 1, dtype=np.int64) for _ in range(2)]
    sizes = [
        calling.note_used(genes, counts, used, found[0]),
        calling.note_used.reference(genes, counts, used, found[1]),
    ]
    assert sizes[0] == sizes[1]
    np.testing.assert_array_equal(found[0][: sizes[0]], found[1][: sizes[1]])


@settings(deadline=None)
@given(drawn_cells(), st.data())
def test_the_kernel_scores_as_its_twin(block: Drawn, data: st.DataObject) -> None:
    packed = pack(block)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    slots = rng.integers(-1, 2, (block.n_genes + 1, 2)).astype(np.int32)
    weights, offset = rng.normal(size=(2, 3)), rng.normal(size=3)
    made = []
    for run in (kernels.score_cells, kernels.score_cells.reference):
        scores, picked = np.full((block.n_cells, 3), 7.0), np.full((block.n_cells, 2), 7.0)
        run(
            packed.genes, packed.counts, packed.ledger, 1e4, slots, weights, offset, scores, picked,
            np.asarray((slots >= 0).any(axis=1), dtype=np.uint8), np.zeros(units.TABLE_SIZE),
            np.zeros(kernels.STRETCH + 1, dtype=np.int64),
        )  # fmt: skip
        made.append((scores, picked))
    np.testing.assert_allclose(made[0][0], made[1][0], rtol=1e-12)
    np.testing.assert_array_equal(made[0][1], made[1][1])


@settings(deadline=None)
@given(drawn_cells())
def test_packed_cells_are_taken_apart_as_their_twin(block: Drawn) -> None:
    packed = pack(block)
    size = int(packed.ledger[:, units.LENGTH].sum()) + 1
    made = []
    for run in (kernels.log_cells, kernels.log_cells.reference):
        data, indices = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.int32)
        indptr = np.zeros(block.n_cells + 1, dtype=np.int64)
        logs = np.zeros(units.TABLE_SIZE, dtype=np.float32)
        run(
            packed.genes, packed.counts, packed.ledger, block.n_genes, 1e4, data, indices, indptr,
            logs,
        )  # fmt: skip
        end = int(indptr[-1])
        made.append((data[:end], indices[:end], indptr))
    for one, other in zip(*made, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(deadline=None)
@given(drawn_cells(), st.sampled_from([np.uint16, np.uint32]), st.randoms(use_true_random=False))
def test_cells_laid_out_as_bytes_come_apart_again(block: Drawn, width: Any, random: Any) -> None:
    packed = pack(block, width)
    some = np.array(random.sample(range(block.n_cells), random.randint(1, block.n_cells)))
    spans = packed.ledger[some][:, [units.BEGIN, units.END]]
    size = packed.genes.itemsize
    sizes = (spans[:, 1] - spans[:, 0]) * (size + 1)
    places = np.cumsum(sizes) - sizes
    bytes_of_genes = packed.genes.view(np.uint8)
    laid = [np.zeros(int(sizes.sum()), dtype=np.uint8) for _ in range(2)]
    again = [(np.zeros_like(bytes_of_genes), np.zeros_like(packed.counts)) for _ in range(2)]
    both: list[Any] = [kernels.lay_out_cells, kernels.lay_out_cells.reference]
    for out, run in zip(laid, both, strict=True):
        run(bytes_of_genes, packed.counts, size, packed.ledger, some, out)
    both = [kernels.take_apart_cells, kernels.take_apart_cells.reference]
    for (genes, counts), run in zip(again, both, strict=True):
        run(laid[0], places, some, packed.ledger, genes, counts, size)
        for begin, end in spans.tolist():
            np.testing.assert_array_equal(counts[begin:end], packed.counts[begin:end])
            own = genes.view(width)[begin:end]
            np.testing.assert_array_equal(own, packed.genes[begin:end])
    np.testing.assert_array_equal(laid[0], laid[1])


@settings(deadline=None)
@given(drawn_cells())
def test_held_cells_come_back_as_they_were(block: Drawn) -> None:
    packed = pack(block)
    held = HeldCells(np.arange(block.n_cells, dtype=float), 99, in_memory=100)
    everyone = np.ones(block.n_cells, dtype=bool)
    held.hold(packed, 0, everyone, ~everyone)
    backwards = np.arange(block.n_cells)[::-1]
    again = log_cells(held.block(backwards), block.n_genes, 1e4).toarray()
    expected = np.zeros((block.n_cells, block.n_genes + 1))
    cell = np.repeat(np.arange(block.n_cells), np.diff(block.indptr))
    gene = block.columns[block.indices] & units.GENE_MASK
    counted = (block.columns[block.indices] & units.IN_LIBRARY) > 0
    np.add.at(expected, (cell[counted], gene[counted]), block.data[counted])
    counted_as = log_normalise(expected[::-1, : block.n_genes]).toarray()
    np.testing.assert_array_equal(again, counted_as)


def test_the_reference_is_the_front_of_the_queue() -> None:
    order = np.random.default_rng(0).random(60)
    held = HeldCells(order, 5)
    empty = np.zeros(1, dtype=np.uint8)
    for start in range(0, 60, 6):
        ledger = np.zeros((6, units.N_LEDGER), dtype=np.int64)
        block = PackedBlock(start, empty.astype(np.uint16), empty, ledger)
        nobody, everyone = np.zeros(6, dtype=bool), np.ones(6, dtype=bool)
        assert held.hold(block, start, nobody, everyone).size == 0
    first = np.argsort(order)[:5]
    assert held.block(first).n_cells == 5
    # Of those behind the queue's end, as it moves up, none is kept.
    assert held.n_reference < 30
