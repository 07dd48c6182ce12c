"""Which cell goes to which row, which column to which gene, and what is refused."""

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from study.cells import GENES, KEYS, make_cells
from turncoat.errors import (
    ArgumentError,
    CountsError,
    DroppedDataWarning,
    MissingKeyError,
    StudyError,
)
from turncoat.study import plan_cells
from turncoat.study.plan import SCHEMA_VERSION, TARGET_SUM
from turncoat.study.rows import ROW_COLUMNS
from turncoat.tally import layout


def with_obs(**columns: Any) -> ad.AnnData:
    cells = make_cells()
    for name, values in columns.items():
        cells.obs[name] = values
    return cells


def test_rows_and_codes_say_what_pandas_says() -> None:
    cells = make_cells(60)
    plan = plan_cells(cells, **KEYS)
    expected = (cells.obs["sample"] + "|" + cells.obs["cell_type"].astype(str)).to_numpy()
    assert list(plan.rows.index[plan.row_codes[0]]) == list(expected)
    assert list(plan.rows.index) == sorted(set(expected))
    assert list(plan.rows.columns) == list(ROW_COLUMNS)
    assert list(plan.genes.index) == GENES
    np.testing.assert_array_equal(plan.gene_codes[0], np.arange(len(GENES)))
    assert plan.meta["species"] == "human"
    assert plan.meta["n_cells"] == 60


def test_the_plan_speaks_the_language_of_the_tally() -> None:
    plan = plan_cells(make_cells(), **KEYS)
    assert (*ROW_COLUMNS, layout.N_CELLS) == layout.OBS_COLUMNS
    assert tuple(plan.meta) == layout.META_FIELDS
    assert layout.TARGET_SUM == TARGET_SUM
    assert plan.meta["schema_version"] == SCHEMA_VERSION == 1
    assert set(plan.rows["condition"]) == {"all"}


def test_cells_without_population_are_left_out_and_said() -> None:
    labels = make_cells().obs["cell_type"].astype(object)
    labels.iloc[[0, 5]] = np.nan
    with pytest.warns(DroppedDataWarning, match="2 cells: adata: no population"):
        plan = plan_cells(with_obs(cell_type=labels), **KEYS)
    assert list(np.flatnonzero(plan.row_codes[0] < 0)) == [0, 5]
    assert plan.meta["n_cells"] == 22
    assert plan.dropped.loc[0, "n"] == 2


def test_files_are_numbered_together_whatever_their_order(tmp_path: Path) -> None:
    cells = make_cells(40)
    cells[:15].copy().write_h5ad(tmp_path / "a.h5ad")
    cells[15:].copy().write_h5ad(tmp_path / "b.h5ad")
    whole = plan_cells(cells, **KEYS)
    parts = plan_cells([tmp_path / "b.h5ad", str(tmp_path / "a.h5ad")], **KEYS)
    pd.testing.assert_frame_equal(whole.rows, parts.rows)
    np.testing.assert_array_equal(np.concatenate(parts.row_codes[::-1]), whole.row_codes[0])


def test_a_sample_sheet_brings_donors_and_columns() -> None:
    cells = make_cells()
    sheet = pd.DataFrame(
        {"patient": [s[:2] for s in sorted(set(cells.obs["sample"]))], "age": range(60, 68)},
        index=sorted(set(cells.obs["sample"])),
    )
    plan = plan_cells(cells, **{**KEYS, "donor_key": "patient"}, sheet=sheet)
    assert set(plan.rows["donor"]) == {"d1", "d2", "d3", "d4"}
    assert plan.rows["age"].dtype.kind == "i"
    assert (plan.rows["age"] == sheet["age"].reindex(plan.rows["sample"]).to_numpy()).all()
    with pytest.raises(StudyError, match="sample sheet lacks 1 of 8 samples"):
        plan_cells(cells, **KEYS, sheet=sheet.iloc[1:])


def test_sample_columns_travel_and_must_be_one_per_sample() -> None:
    cells = make_cells()
    cells.obs["age"] = cells.obs["donor"].astype(str).str[1:].astype(float)
    plan = plan_cells(cells, **KEYS, sample_columns=["age"])
    assert (plan.rows["age"] == plan.rows["donor"].str[1:].astype(float)).all()
    cells.obs["n"] = np.arange(cells.n_obs)
    with pytest.raises(StudyError, match="more than one n: 'd1_normal' has '12', '20', '4'"):
        plan_cells(cells, **KEYS, sample_columns=["n"])


def test_an_absent_column_is_named_with_the_nearest() -> None:
    with pytest.raises(
        MissingKeyError, match=r"no column 'donnor' \(argument 'donor_key'\).*'donor'"
    ):
        plan_cells(make_cells(), **{**KEYS, "donor_key": "donnor"})


def test_cells_without_donor_are_refused() -> None:
    donor = make_cells().obs["donor"].astype(object)
    donor.iloc[3] = None
    with pytest.raises(StudyError, match=r"1 of 24 cells have no donor .*first is cell3"):
        plan_cells(with_obs(donor=donor), **KEYS)


def test_a_sample_of_two_donors_is_refused() -> None:
    cells = with_obs(sample=make_cells().obs["tissue"].astype(str))
    with pytest.raises(StudyError, match="more than one donor: 'normal' has 'd1', 'd2'"):
        plan_cells(cells, **KEYS)


def test_the_same_barcode_twice_in_a_sample_is_refused(tmp_path: Path) -> None:
    cells = make_cells()
    cells.obs_names = [*cells.obs_names[:8], "cell0", *cells.obs_names[9:]]
    with pytest.raises(StudyError, match="barcode 'cell0' occurs twice in the same sample"):
        plan_cells(cells, **KEYS)
    make_cells().write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(StudyError, match=r"occurs twice .*\(a.h5ad and adata"):
        plan_cells([tmp_path / "a.h5ad", make_cells()], **KEYS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x - 1, "cell cell0|cell 0, gene .*holds -1.*Negative values"),
        (lambda x: x * 0.37, "Fractional values|fractional values"),
        (lambda x: np.where(x == 2, np.nan, x), "There are NaN"),
        (lambda x: x / x.sum(1, keepdims=True) * 1e4, "normalised: each cell sums to 10,000"),
        (
            lambda x: np.log1p(x / x.sum(1, keepdims=True) * 1e4),
            "log-normalised: log1p of counts per 10,000",
        ),
    ],
)
def test_what_is_no_raw_count_is_recognised(change: Any, message: str) -> None:
    cells = make_cells()
    cells.X[:, 0] += 1
    cells.layers["counts"] = cells.X.copy()
    cells.X = change(cells.X)
    with pytest.raises(CountsError, match=message) as caught:
        plan_cells(cells, **KEYS)
    assert "use layer='counts'" in str(caught.value)
    assert plan_cells(cells, **KEYS, layer="counts").meta["n_cells"] == 24


def test_zero_cells_and_zero_genes_are_refused() -> None:
    with pytest.raises(CountsError, match="adata has no cells"):
        plan_cells(make_cells()[:0].copy(), **KEYS)
    with pytest.raises(CountsError, match="adata has no genes"):
        plan_cells(make_cells()[:, :0].copy(), **KEYS)


def test_files_with_different_genes_are_joined_as_chosen_and_reported() -> None:
    one, two = make_cells(), make_cells(genes=[*GENES[2:], "CD4", "IL10"])
    two.obs_names = [f"other{i}" for i in range(two.n_obs)]
    with pytest.warns(DroppedDataWarning, match="4 genes: not in every file"):
        plan = plan_cells([one, two], **KEYS)
    assert list(plan.genes.index) == sorted(GENES[2:])
    assert list(plan.gene_codes[0][:2]) == [-1, -1]
    with pytest.warns(DroppedDataWarning, match="2 genes: not measured in adata"):
        plan = plan_cells([one, two], **KEYS, gene_join="union")
    assert list(plan.genes.index) == sorted({*GENES, "CD4", "IL10"})
    with pytest.raises(StudyError, match="no gene in common: adata: 7 genes"):
        plan_cells([one, two[:, ["CD4", "IL10"]].copy()], **KEYS)
    with pytest.raises(ArgumentError, match="'gene_join' should be one of"):
        plan_cells(one, **KEYS, gene_join="outer")  # type: ignore[arg-type]


def test_texts_that_stand_for_nan_are_no_labels_but_none_is_a_treatment() -> None:
    donor = make_cells().obs["donor"].astype(str)
    with pytest.raises(StudyError, match="6 of 24 cells have no donor"):
        plan_cells(with_obs(donor=donor.replace("d1", "nan")), **KEYS)
    treated = donor.replace({"d1": "None", "d2": "None", "d3": "drug", "d4": "drug"})
    plan = plan_cells(with_obs(treatment=treated), **KEYS, condition_key="treatment")
    assert set(plan.rows["condition"]) == {"None", "drug"}


def test_a_whole_number_donor_stays_the_same_donor_as_a_float() -> None:
    donor = make_cells().obs["donor"].astype(str).str[1:].astype(float)
    plan = plan_cells(with_obs(donor=donor), **KEYS)
    assert set(plan.rows["donor"]) == {"1", "2", "3", "4"}
