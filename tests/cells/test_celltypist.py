"""Models of CellTypist come in as arrays; pickles stay outside."""

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import turncoat as tc
from turncoat.cells import annotate_plan, marker_set
from turncoat.errors import ArgumentError, FileFormatError, MissingFileError
from turncoat.study import plan_cells
from turncoat.tally.annotated import annotate_and_tally

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return tc.ds.planted(n_donors=2, n_controls=0, cells_per_donor=150, n_genes=900, seed=2)


@pytest.fixture(scope="module")
def arrays(cells: ad.AnnData) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "coef": rng.normal(size=(3, 50)) * 0.3,
        "intercept": rng.normal(size=3) * 0.1,
        "classes": np.array(["Regulatory T cells", "NK cells", "Odd cells"]),
        "features": cells.var_names[:50].to_numpy(dtype=str),
        "mean": rng.random(50) * 0.2,
        "scale": rng.random(50) + 0.5,
    }


def test_an_exported_model_calls_its_best_match(
    cells: ad.AnnData, arrays: dict[str, Any], tmp_path: Path
) -> None:
    np.savez(tmp_path / "model.npz", **arrays)
    model = tc.pp.import_celltypist(tmp_path / "model.npz", label_map={"Odd cells": "Mast"})
    assert model.populations == ("Treg", "NK", "Mast")
    assert model.lineages == ("T", "NK", "Mast")
    found = tc.pp.annotate(cells, sample_key="sample", annotator=model).cells
    # CellTypist: log1p of counts per 10,000, scaled, then the class of the largest decision.
    dense = np.asarray(cells.X.todense() if hasattr(cells.X, "todense") else cells.X, dtype=float)
    logged = np.log1p(dense / dense.sum(axis=1, keepdims=True) * 1e4)[:, :50]
    scores = (logged - arrays["mean"]) / arrays["scale"] @ arrays["coef"].T + arrays["intercept"]
    best = np.array(["Treg", "NK", "Mast"])[scores.argmax(axis=1)]
    assert (found["guess"].to_numpy() == best).all()


def test_a_model_of_two_classes_has_both(arrays: dict[str, Any], tmp_path: Path) -> None:
    two = arrays | {
        "coef": arrays["coef"][:1], "intercept": arrays["intercept"][:1],
        "classes": arrays["classes"][:2],
    }  # fmt: skip
    np.savez(tmp_path / "model.npz", **two)
    model = tc.pp.import_celltypist(tmp_path / "model.npz")
    np.testing.assert_allclose(model.weights[:, 1] - model.weights[:, 0], arrays["coef"][0])


GOLDEN = Path(__file__).parent.parent / "golden" / "celltypist"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    with np.load(GOLDEN / "expected.npz") as stored:
        return {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def asked(golden: dict[str, Any]) -> ad.AnnData:
    """Cells of donors that the golden model did not learn from."""
    return tc.ds.lung_niches()[golden["cells"]].copy()


def test_a_real_model_has_celltypists_own_probabilities(
    golden: dict[str, Any], asked: ad.AnnData
) -> None:
    # Trained and asked with CellTypist itself: tests/golden/celltypist/make.py.
    model = tc.pp.import_celltypist(GOLDEN / "model.npz")
    counts = sp.csr_matrix(asked.X, dtype=float)
    reader = model.prepare(asked.var_names)
    ours, _ = reader.probabilities(counts.data, counts.indices, counts.indptr)
    assert model.classes == tuple(golden["classes"])
    np.testing.assert_allclose(ours, golden["probabilities"], atol=1e-6)
    # The ceiling of ten standard deviations is not idle here.
    free = dataclasses.replace(model, ceiling=None).prepare(asked.var_names)
    loose, _ = free.probabilities(counts.data, counts.indices, counts.indptr)
    assert np.abs(loose - ours).max() > 0.01


def test_a_real_model_makes_celltypists_own_calls(
    golden: dict[str, Any], asked: ad.AnnData, tmp_path: Path
) -> None:
    model = tc.pp.import_celltypist(GOLDEN / "model.npz")
    model = dataclasses.replace(model, populations=model.classes)
    model.save(tmp_path / "model.npz")
    found = tc.pp.annotate(
        asked, sample_key="sample", annotator=tc.pp.Annotator.load(tmp_path / "model.npz")
    ).cells
    best = golden["probabilities"].argmax(axis=1)
    assert (found["guess"].to_numpy() == golden["classes"][best]).all()
    sure = golden["probabilities"].max(axis=1)
    np.testing.assert_allclose(found["confidence"], sure, atol=2e-6)
    assert ((found["population"] == "unassigned").to_numpy() == (sure < 0.5)).all()


def test_the_pass_of_the_tally_makes_the_same_calls(asked: ad.AnnData) -> None:
    model = tc.pp.import_celltypist(GOLDEN / "model.npz")
    plan = plan_cells(asked, donor_key="donor", sample_key="sample")
    alone = annotate_plan(plan, annotator=model).cells
    fused = annotate_and_tally(plan, model, marker_set()).annotation.cells
    assert (fused["guess"] == alone["guess"]).all()
    np.testing.assert_allclose(fused["confidence"], alone["confidence"], atol=1e-6)


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('the pickle was run')",))


def test_a_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FileFormatError, match=r"pickle, which runs code.*np\.savez"):
        tc.pp.import_celltypist(tmp_path / "model.pkl")
    np.savez(tmp_path / "trap.npz", coef=np.array([Trap()], dtype=object))
    with pytest.raises(FileFormatError, match=r"lacks the arrays|no plain arrays"):
        tc.pp.import_celltypist(tmp_path / "trap.npz")


def test_an_export_that_is_not_whole_is_refused(arrays: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        tc.pp.import_celltypist(tmp_path / "absent.npz")
    np.savez(tmp_path / "part.npz", coef=arrays["coef"])
    with pytest.raises(FileFormatError, match="lacks the arrays intercept"):
        tc.pp.import_celltypist(tmp_path / "part.npz")
    np.savez(tmp_path / "mixed.npz", **(arrays | {"features": arrays["features"][:9]}))
    with pytest.raises(ArgumentError, match="do not fit together"):
        tc.pp.import_celltypist(tmp_path / "mixed.npz")
