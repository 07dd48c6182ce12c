"""Rare populations that are looked for: more of them found, sure calls untouched."""

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import turncoat as tc
from turncoat.cells import Annotator, marker_set
from turncoat.cells.sample import Sample
from turncoat.cells.seek import LEAST, best_line, seek
from turncoat.errors import ArgumentError, DroppedDataWarning

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")
COARSE = ["unassigned", "T", "Myeloid"]


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return tc.ds.planted(n_donors=3, n_controls=0, cells_per_donor=300, n_genes=900, seed=4)


@pytest.fixture(scope="module")
def shallow(cells: ad.AnnData) -> ad.AnnData:
    thin = cells.copy()
    rng = np.random.default_rng(1)
    dense = np.asarray(cells.X.todense() if hasattr(cells.X, "todense") else cells.X)
    thin.X = rng.binomial(dense.astype(int), 0.08).astype(float)
    return thin


@pytest.fixture(scope="module")
def model(cells: ad.AnnData) -> Annotator:
    return tc.pp.train_annotator(cells, label_key="population")


@given(arrays(float, st.integers(1, 40), elements=st.floats(0.001, 1)))
def test_the_line_has_the_best_expected_f1_of_all_lines(probability: np.ndarray) -> None:
    line, precision, recall = best_line(probability)
    total = probability.sum()

    def expected(least: float) -> float:
        called = probability >= least
        return float(2 * probability[called].sum() / (called.sum() + total))

    best = max(expected(least) for least in probability)
    stated = 2 * precision * recall / (precision + recall)
    assert stated == pytest.approx(best)
    # Lipton et al.: the best line is half of the best F1.
    assert line >= best / 2 - 1e-9


def test_looking_for_a_population_finds_more_of_it_and_changes_no_sure_call(
    shallow: ad.AnnData, model: Annotator
) -> None:
    rare = max(model.populations)
    plain = tc.pp.annotate(shallow, sample_key="sample", annotator=model).cells
    found = tc.pp.annotate(shallow, sample_key="sample", annotator=model, seek=[rare])
    after = found.cells["population"].to_numpy()
    before = plain["population"].to_numpy()
    changed = after != before
    assert changed.any()
    assert set(after[changed]) == {rare}
    assert set(before[changed]) <= set(COARSE)
    assert (found.cells["confidence"][changed] < model.confidence).all()
    stated = found.params["about"]["sought"][rare]
    assert LEAST <= stated["line"] < model.confidence
    assert 0 < stated["precision"] <= 1
    assert 0 < stated["recall"] <= 1


def test_lines_are_saved_with_the_model(
    shallow: ad.AnnData, model: Annotator, tmp_path: Path
) -> None:
    sample = Sample.of(shallow.X, list(shallow.var_names))
    drawn = seek(model, sample, [max(model.populations)], marker_set())
    drawn.save(tmp_path / "model.npz")
    assert drawn.sought
    assert Annotator.load(tmp_path / "model.npz").sought == drawn.sought
    assert seek(model, sample, [], marker_set()) is model


def test_a_name_that_is_no_population_is_refused(shallow: ad.AnnData, model: Annotator) -> None:
    with pytest.raises(ArgumentError, match=r"'seek' names 'Tregs', no population.*'Treg'"):
        tc.pp.annotate(shallow, sample_key="sample", annotator=model, seek=["Tregs"])


def test_a_population_that_is_not_there_gets_no_line(cells: ad.AnnData, model: Annotator) -> None:
    sample = Sample.of(cells.X, list(cells.var_names))
    with pytest.warns(DroppedDataWarning, match="Neutrophil is looked for, but"):
        assert seek(model, sample, ["Neutrophil"], marker_set()).sought == ()
