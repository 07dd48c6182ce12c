"""A UMAP is an extra: drawn where umap-learn is, refused with a reason where it is not."""

import sys

import anndata as ad
import numpy as np
import pytest

import turncoat as tc
from turncoat.cells import Annotation
from turncoat.errors import ArgumentError, CountsError, MissingExtraError

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return tc.ds.planted(n_donors=2, n_controls=0, cells_per_donor=120, n_genes=700, seed=5)


@pytest.fixture(scope="module")
def found(cells: ad.AnnData) -> Annotation:
    model = tc.pp.train_annotator(cells, label_key="population")
    return tc.pp.annotate(cells, sample_key="sample", annotator=model)


def test_without_the_extra_the_error_says_how_to_get_it(
    cells: ad.AnnData, found: Annotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"draw a UMAP.*pip install 'turncoat\[umap\]'"):
        tc.pl.umap(found, cells)


def test_other_cells_unknown_columns_and_few_cells_are_refused(
    cells: ad.AnnData, found: Annotation
) -> None:
    with pytest.raises(ArgumentError, match="of other cells than 'adata'"):
        tc.pl.umap(found, cells[::-1])
    with pytest.raises(ArgumentError, match=r"'colour' is 'populations'.*'population'"):
        tc.pl.umap(found, cells, colour="populations")  # type: ignore[arg-type]
    few = cells[:10].copy()
    model = tc.pp.train_annotator(cells, label_key="population")
    some = tc.pp.annotate(few, sample_key="sample", annotator=model)
    with pytest.raises(CountsError, match="at least 30 cells; there are 10"):
        tc.pl.umap(some, few)


@pytest.mark.filterwarnings("default")
def test_every_cell_is_drawn_once_and_the_same_way_again(
    cells: ad.AnnData, found: Annotation
) -> None:
    pytest.importorskip("umap", reason="umap-learn is an extra")
    first, again = tc.pl.umap(found, cells), tc.pl.umap(found, cells)

    def places(ax: object) -> np.ndarray:
        return np.vstack([dots.get_offsets() for dots in ax.collections])  # type: ignore[attr-defined]

    assert places(first).shape == (cells.n_obs, 2)
    np.testing.assert_array_equal(places(first), places(again))
    drawn = tc.pl.umap(found, cells, colour="sample", max_cells=100)
    assert places(drawn).shape == (100, 2)
    assert drawn.get_title() == "100 of 240 cells by sample"


@pytest.mark.filterwarnings("default")
def test_a_name_stands_at_cells_of_its_group(cells: ad.AnnData, found: Annotation) -> None:
    pytest.importorskip("umap", reason="umap-learn is an extra")
    ax = tc.pl.umap(found, cells)
    dots = {str(one.get_label()).rsplit(" (", 1)[0]: one.get_offsets() for one in ax.collections}
    assert ax.texts
    for text in ax.texts:
        at = np.asarray(text.xy)  # type: ignore[attr-defined]
        assert (np.abs(np.asarray(dots[text.get_text()]) - at).sum(axis=1) < 1e-9).any()
