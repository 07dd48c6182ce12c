"""What a confidence means, how one linear model is taught, and where a tumour call lies."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from turncoat.cells.calibration import FITTED, Calibration
from turncoat.cells.distil import distil
from turncoat.cells.fit import strangers
from turncoat.cells.markers import marker_set
from turncoat.cells.model import Annotator
from turncoat.cells.regression import fit_softmax
from turncoat.cells.sample import Class, Sample
from turncoat.cells.two_kinds import separate
from turncoat.errors import DroppedDataWarning
from turncoat.tables import FloatArray

CLASSES = [Class("CD4 T", "CD4 T", "T"), Class("Treg", "Treg", "T"), Class("B", "B", "B")]


def model(**other: object) -> Annotator:
    parts: dict[str, object] = {
        "genes": ("A", "B"), "centre": np.zeros(2), "scale": np.ones(2), "weights": np.eye(2),
        "bias": np.zeros(2), "classes": ("x", "y"), "populations": ("x", "y"),
        "lineages": ("x", "y"), "temperature": 1.0,
    }  # fmt: skip
    return Annotator(**(parts | other))  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_calibration_keeps_the_order_and_stays_a_probability(values: list[float]) -> None:
    sorted_values = np.sort(np.array(values))
    for scaled in (FITTED.of_lineage(sorted_values), FITTED.of_population(sorted_values)):
        assert (np.diff(scaled) >= 0).all()
        assert ((scaled >= 0) & (scaled <= 1)).all()


def test_a_call_states_the_calibrated_confidence_and_abstains_by_it(tmp_path: Path) -> None:
    import pandas as pd

    timid = model(calibration=Calibration((1.0, 0.0), (1.0, -5.0)), confidence=0.6)
    timid.save(tmp_path / "timid.npz")
    again = Annotator.load(tmp_path / "timid.npz")
    assert again.calibration == timid.calibration
    sure = np.array([[0.9, 0.1]])
    plain = model(confidence=0.6).prepare(pd.Index(["A", "B"])).call(sure, np.ones(1))
    called = again.prepare(pd.Index(["A", "B"])).call(sure, np.ones(1))
    assert plain["population"].tolist() == ["x"]
    assert plain["confidence"].tolist() == pytest.approx([0.9])
    assert called["population"].tolist() == ["unassigned"]
    assert called["confidence"].tolist() == pytest.approx([1 / (1 + np.exp(5) / 9)])
    assert called["lineage"].tolist() == ["x"]


def test_what_is_known_already_is_not_learnt_again() -> None:
    features = np.random.default_rng(0).normal(size=(60, 1))
    truth = 1 / (1 + np.exp(-3 * features))
    targets = np.hstack([1 - truth, truth])
    known = np.hstack([np.zeros_like(features), 3 * features])
    free, _ = fit_softmax(features, targets, np.ones(60))
    told, _ = fit_softmax(features, targets, np.ones(60), offset=known)
    assert free[0, 1] - free[0, 0] > 1.5
    assert np.abs(told).max() < 0.05


def marked_cells(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Counts of 300 cells of three classes: two of one lineage differ in one gene of thirty."""
    rates = np.full((3, 30), 2.0)
    rates[:2, :10] = 20
    rates[2, 10:20] = 20
    rates[1, 25] = 12
    kind = np.repeat([0, 1, 2], 100)
    return rng.poisson(rates[kind]).astype(float), np.eye(3)[kind]


def test_the_model_tells_lineages_and_populations_within_them() -> None:
    rng = np.random.default_rng(3)
    counts, targets = marked_cells(rng)
    sample = Sample.of(sp.csr_matrix(counts), [f"g{k}" for k in range(30)])
    taught = distil(sample, targets, CLASSES, np.array([25]), rng)
    fresh, truth = marked_cells(np.random.default_rng(4))
    other = Sample.of(sp.csr_matrix(fresh), sample.genes)
    probable = np.exp(taught.log_probabilities(other.counts, other.depth))
    assert (probable.argmax(axis=1) == truth.argmax(axis=1)).mean() > 0.95
    lineage = probable[:, :2].sum(axis=1)
    assert lineage[:200].min() > 0.9
    assert lineage[200:].max() < 0.1


def test_two_plain_kinds_are_parted_between_them_and_one_kind_is_not() -> None:
    rng = np.random.default_rng(1)
    normal, tumour = rng.normal(0, 0.1, 300), rng.normal(0.8, 0.1, 80)
    low, high = separate(normal, np.r_[tumour, normal[:20]], (0.13, 0.23))
    assert 0.3 < low < 0.4 < high < 0.5
    assert separate(normal, normal, (0.13, 0.23)) == (0.13, 0.23)
    assert separate(normal, tumour[:9], (0.13, 0.23)) == (0.13, 0.23)
    near = rng.normal(0.35, 0.1, 80)
    assert separate(normal, near, (0.13, 0.23)) == (0.13, 0.23)


def test_cells_that_no_lineage_describes_are_set_apart_and_ordinary_ones_are_not() -> None:
    scores = np.full((130, 3), -2.0)
    scores[:50, 0], scores[50:100, 1] = 3.0, 0.2
    scores[100:, 2] = -0.5
    called = scores.argmax(axis=1)
    assert np.flatnonzero(strangers(scores, called)).tolist() == list(range(100, 130))
    # Shallow cells of a described lineage: spoken against one by one, but not most of them.
    scores[50:70, 1] = -0.3
    assert not strangers(scores, called)[:100].any()
    assert not strangers(scores[:115], called[:115])[100:].any()  # 15 are too few to tell


def test_a_panel_without_any_core_gene_does_not_tell_the_population() -> None:
    plasma = next(node for node in marker_set().at("population") if node.name == "Plasma")
    rest = frozenset(plasma.positive) - frozenset(plasma.core)
    assert len(rest) >= 4
    assert not plasma.told_by(rest)
    assert plasma.told_by(rest | {"JCHAIN"})


def test_unnamed_cells_are_left_unassigned_in_the_whole_study() -> None:
    import anndata as ad
    import pandas as pd

    import turncoat as tc

    cells = tc.ds.planted(n_donors=2, n_controls=0, cells_per_donor=150, n_genes=700, seed=3)
    genes = list(map(str, cells.var_names))
    marked = np.isin(genes, marker_set().genes())
    rng = np.random.default_rng(5)
    strange = rng.poisson(np.where(marked, 0.01, 2.5), size=(60, len(genes))).astype(np.float32)
    counts = sp.vstack([sp.csr_matrix(cells.X), sp.csr_matrix(strange)], format="csr")
    obs = pd.DataFrame({"sample": "s"}, index=[f"c{k}" for k in range(counts.shape[0])])
    both = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=genes))
    with (
        pytest.warns(DroppedDataWarning, match="measure too few markers"),
        pytest.warns(DroppedDataWarning, match="60 of 360 cells learnt from are like no lineage"),
    ):
        found = tc.pp.annotate(both, sample_key="sample")
    lineage = found.cells["lineage"].to_numpy()
    assert (lineage[-60:] == "unassigned").mean() > 0.9
    assert (lineage[:-60] == "unassigned").mean() < 0.1
