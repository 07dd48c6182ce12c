"""Cohort files: what is read, what is left out, and what is refused."""

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from turncoat.errors import (
    DesignWarning,
    DroppedDataWarning,
    FileFormatError,
    MissingFileError,
    MissingKeyError,
    StudyError,
)
from turncoat.knowledge.registry import SHELF
from turncoat.outcome.cohorts import BUNDLED_COHORTS, Cohort, cohort, read_cohort

TOML = """
name = "toy"
[expression]
file = "expr.csv"
scale = "log2"
[clinical]
file = "clinical.csv"
patient = "pid"
[endpoint]
name = "overall survival"
time = "time"
unit = "months"
event = "event"
[covariates.er]
column = "er"
kind = "binary"
[covariates.age]
column = "age"
kind = "number"
missing = ["x"]
[subtype]
covariate = "er"
"""


def write(folder: Path, toml: str = TOML, **changes: Any) -> Path:
    rng = np.random.default_rng(0)
    patients = [f"P{i}" for i in range(6)]
    expr = pd.DataFrame(rng.normal(8, 1, (4, 6)).round(3), columns=patients)
    expr.insert(0, "gene", changes.pop("genes", ["FOXP3", "WNT5A", "PORCN", "NCAM1"]))
    clinical = pd.DataFrame(
        {
            "pid": patients,
            "time": [5, 10, 30, 40, 50, 60],
            "event": [1, 0, 1, 1, 0, 0],
            "er": ["1", "0", "NA", "1", "0", "1"],
            "age": ["50", "60", "x", "40", "70", "55"],
        }
    )
    for column, values in changes.items():
        clinical[column] = values
    expr.to_csv(folder / "expr.csv", index=False)
    clinical.to_csv(folder / "clinical.csv", index=False)
    (folder / "cohort.toml").write_text(toml)
    return folder / "cohort.toml"


def edit_expression(folder: Path, column: str, values: Any) -> None:
    table = pd.read_csv(folder / "expr.csv")
    table[column] = table[values] if values in table.columns else values
    table.to_csv(folder / "expr.csv", index=False)


def test_a_declared_cohort_is_read(tmp_path: Path) -> None:
    found = read_cohort(write(tmp_path))
    assert (found.n_patients, found.n_events, found.genes[0]) == (6, 3, "FOXP3")
    assert found.time.tolist() == [5, 10, 30, 40, 50, 60]
    assert np.isnan(found.covariate("er")[2])
    assert np.isnan(found.covariate("age")[2])
    assert found.columns_of(["PORCN", "AXIN2"]) == {"PORCN": 2}
    with pytest.raises(MissingKeyError, match="Did you mean 'er'"):
        found.covariate("err")


@pytest.mark.parametrize("suffix", ["tsv", "csv.gz", "parquet", "h5ad"])
def test_every_file_kind_reads_the_same(tmp_path: Path, suffix: str) -> None:
    expected = read_cohort(write(tmp_path))
    table = pd.read_csv(tmp_path / "expr.csv")
    name = tmp_path / f"expr.{suffix}"
    if suffix == "parquet":
        table.to_parquet(name)
    elif suffix == "h5ad":
        matrix = table.set_index("gene").T
        genes = pd.DataFrame(index=matrix.columns)
        ad.AnnData(matrix.to_numpy(), pd.DataFrame(index=matrix.index), genes).write_h5ad(name)
    else:
        table.to_csv(name, index=False, sep="\t" if suffix == "tsv" else ",")
    (tmp_path / "cohort.toml").write_text(TOML.replace("expr.csv", f"expr.{suffix}"))
    found = read_cohort(tmp_path / "cohort.toml")
    np.testing.assert_allclose(found.expression, expected.expression)
    assert found.genes == expected.genes


def test_h5ad_alone_may_hold_the_clinical_table(tmp_path: Path) -> None:
    expected = read_cohort(write(tmp_path))
    matrix = pd.read_csv(tmp_path / "expr.csv").set_index("gene").T
    obs = pd.read_csv(tmp_path / "clinical.csv", dtype=str).set_axis(matrix.index)
    genes = pd.DataFrame(index=matrix.columns)
    ad.AnnData(matrix.to_numpy(), obs, genes).write_h5ad(tmp_path / "expr.h5ad")
    toml = TOML.replace("expr.csv", "expr.h5ad").replace('file = "clinical.csv"\n', "")
    (tmp_path / "cohort.toml").write_text(toml)
    found = read_cohort(tmp_path / "cohort.toml")
    pd.testing.assert_frame_equal(found.covariates, expected.covariates, check_names=False)


def test_units_become_months(tmp_path: Path) -> None:
    toml = TOML.replace("months", "days")
    days = read_cohort(write(tmp_path, toml, time=[365.25, 730.5, 800, 900, 1000, 1100]))
    assert days.time[:2].tolist() == pytest.approx([12.0, 24.0])


@pytest.mark.parametrize(
    ("times", "unit", "message"),
    [
        ([5, -1, 3, 4, 5, 60], "months", "must be above zero; 1 are not, smallest -1"),
        ([5, 0, 3, 4, 5, 60], "months", "must be above zero"),
        ([5, "soon", 3, 4, 5, 60], "months", "times should be numbers; found .'soon'"),
        ([500, 900, 3000, 2000, 100, 60], "months", "really 'months', not 'days'"),
        ([50, 90, 300, 200, 100, 60], "years", "really 'years', not 'months'"),
    ],
)
def test_impossible_times_are_refused(
    tmp_path: Path, times: list[object], unit: str, message: str
) -> None:
    toml = TOML.replace('unit = "months"', f'unit = "{unit}"')
    with pytest.raises(StudyError, match=message):
        read_cohort(write(tmp_path, toml, time=times))


def test_years_read_as_months_are_noticed(tmp_path: Path) -> None:
    with pytest.warns(DesignWarning, match="times in years read as months look like this"):
        read_cohort(write(tmp_path, time=[0.5, 1, 3, 8, 9, 12]))


def test_events_coded_one_and_two_need_words(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"coded 1/2 need event_values = \['2'\]"):
        read_cohort(write(tmp_path, event=[1, 2, 1, 1, 2, 2]))
    coded = 'event = "event"\nevent_values = ["2"]\ncensored_values = ["1"]'
    toml = TOML.replace('event = "event"', coded)
    assert read_cohort(write(tmp_path, toml, event=[1, 2, 1, 1, 2, 2])).n_events == 3


def test_competing_events_are_kept_apart(tmp_path: Path) -> None:
    toml = TOML.replace('event = "event"', 'event = "event"\ncompeting_values = ["other"]')
    found = read_cohort(write(tmp_path, toml, event=["1", "other", "0", "1", "0", "0"]))
    assert found.cause.tolist() == [1, 2, 0, 1, 0, 0]
    assert found.n_events == 2


def test_duplicate_patients_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="patients of the clinical table must be unique"):
        read_cohort(write(tmp_path, pid=["P0", "P0", "P2", "P3", "P4", "P5"]))
    path = write(tmp_path)
    edit_expression(tmp_path, "P1", "P0")
    with pytest.raises(StudyError, match="'P0' and 'P1' have identical expression"):
        read_cohort(path)


def test_duplicate_genes_keep_the_strongest(tmp_path: Path) -> None:
    path = write(tmp_path, genes=["FOXP3", "FOXP3", "PORCN", "NCAM1"])
    with pytest.warns(DroppedDataWarning, match="measured more than once: highest mean kept"):
        found = read_cohort(path)
    table = pd.read_csv(tmp_path / "expr.csv").drop(columns="gene").to_numpy()[:2]
    best = table[table.mean(axis=1).argmax()]
    np.testing.assert_allclose(found.expression[:, found.genes.index("FOXP3")], best, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("log2", "logs"), "'expression.scale' is 'logs'; it must be one of"),
        (('unit = "months"\n', ""), r"the entry 'endpoint.unit' is missing"),
        (('name = "toy"', 'name = "toy"\nnam = 1'), "has no entry 'nam'. Did you mean 'name'"),
        (('covariate = "er"', 'covariate = "age"'), "must name a binary covariate; got 'age'"),
        (('column = "er"', 'column = "eR2"'), "has no column 'eR2'. Did you mean 'er'"),
        (('missing = ["x"]', ""), r"declared a number but holds \['x'\]"),
        (('scale = "log2"', 'scale = "linear"\nids = "probe"'), "none of its gene names"),
    ],
)
def test_a_wrong_declaration_says_what_to_change(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        read_cohort(write(tmp_path, TOML.replace(*change)))


def test_files_that_are_not_there_or_not_numbers(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no cohort file"):
        read_cohort(tmp_path / "none.toml")
    path = write(tmp_path)
    path.write_text("name = ")
    with pytest.raises(FileFormatError, match="is not TOML"):
        read_cohort(path)
    write(tmp_path, TOML.replace("expr.csv", "other.csv"))
    with pytest.raises(MissingFileError, match=r"other\.csv, which does not exist"):
        read_cohort(path)
    write(tmp_path)
    edit_expression(tmp_path, "note", "good")
    with pytest.raises(FileFormatError, match="Name further text columns"):
        read_cohort(path)


def test_values_that_contradict_their_scale_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    edit_expression(tmp_path, "P0", 5000.0)
    with pytest.raises(StudyError, match="that is 'linear'"):
        read_cohort(path)
    edit_expression(tmp_path, "P0", -3.0)
    path.write_text(TOML.replace('"log2"', '"linear"'))
    with pytest.raises(StudyError, match="negative values are logs or ratios"):
        read_cohort(path)


def test_probes_are_named_by_the_bundled_table(tmp_path: Path) -> None:
    toml = TOML.replace('scale = "log2"', 'scale = "log2"\nids = "probe"')
    path = write(tmp_path, toml, genes=["1053_at", "117_at", "ILMN_1804174", "no_probe"])
    with pytest.warns(DroppedDataWarning, match="gene 1: no symbol for the probe identifier"):
        found = read_cohort(path)
    assert found.genes == ("RFC2", "HSPA6", "FCGR2B")


CBIOPORTAL = """
name = "tcga_like"
[expression]
file = "data_mrna.txt"
scale = "linear"
gene_column = "Hugo_Symbol"
drop_columns = ["Entrez_Gene_Id"]
patient_pattern = "(TCGA-..-....)-01"
[clinical]
file = "data_clinical_patient.txt"
patient = "PATIENT_ID"
comment = "#"
[endpoint]
name = "overall survival"
time = "OS_MONTHS"
unit = "months"
event = "OS_STATUS"
event_values = ["1:DECEASED"]
censored_values = ["0:LIVING"]
[covariates.age]
column = "AGE"
kind = "number"
"""


def test_cbioportal_files_are_read_as_downloaded(tmp_path: Path) -> None:
    (tmp_path / "data_mrna.txt").write_text(
        "Hugo_Symbol\tEntrez_Gene_Id\tTCGA-A1-A0SB-01\tTCGA-A1-A0SD-01\tTCGA-A1-A0SD-06\n"
        "FOXP3\t50943\t10.5\t20\t3\nPORCN\t64840\t7\t9\t1\n\t1\t1\t1\t1\n"
    )
    (tmp_path / "data_clinical_patient.txt").write_text(
        "#Patient Identifier\tAge\tMonths\tStatus\n#text\ttext\ttext\ttext\n"
        "PATIENT_ID\tAGE\tOS_MONTHS\tOS_STATUS\nTCGA-A1-A0SB\t70\t20.5\t0:LIVING\n"
        "TCGA-A1-A0SD\t59\t14.2\t1:DECEASED\nTCGA-A1-A0ZZ\t59\t\t\n"
    )
    (tmp_path / "c.toml").write_text(CBIOPORTAL)
    with pytest.warns(DroppedDataWarning, match="1 samples: name does not match 'patient_pattern'"):
        found = read_cohort(tmp_path / "c.toml")
    assert found.patients == ("TCGA-A1-A0SB", "TCGA-A1-A0SD")
    assert found.expression[0, 0] == pytest.approx(np.log2(11.5))
    assert "TCGA-A1-A0ZZ" in found.dropped["name"].tolist()


def read_quietly(name: str) -> Cohort:
    if name != "gse1992":
        return cohort(name)
    with pytest.warns(DroppedDataWarning, match="specimen is 'metastasis'"):
        return cohort(name)


def test_bundled_cohorts_are_what_their_cards_say() -> None:
    sizes = {"gse1992": (119, 30), "gse3143": (158, 50), "gse4335": (115, 38)}
    lacking = {"gse1992": set(), "gse3143": {"FOXP3", "PORCN"}, "gse4335": {"FOXP3"}}
    for name in BUNDLED_COHORTS:
        found = read_quietly(name)
        assert (found.n_patients, found.n_events) == sizes[name]
        assert {"FOXP3", "PORCN"} - set(found.genes) == lacking[name]
        assert (SHELF / f"cohort_{name}.parquet").stat().st_size < 2.5e6
        assert found.subtype == "er"
    with pytest.raises(MissingKeyError, match="no bundled cohort 'gse1'"):
        cohort("gse1")


def test_the_subtype_labels_for_tests_do_not_travel() -> None:
    assert not [path.name for path in SHELF.iterdir() if "subtype" in path.name]
    assert "intrinsic" not in (SHELF / "cohort_gse1992_clinical.csv").read_text()


SHARED = Path(__file__).parents[3] / "shared" / "data" / "cohorts"


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared copies of the cohorts are not here")
@pytest.mark.parametrize("name", BUNDLED_COHORTS)
def test_bundled_cohorts_equal_their_source_up_to_rounding(name: str) -> None:
    found = read_quietly(name)
    source = pd.read_csv(SHARED / name / "expr.csv.gz", index_col=0).T
    source.columns = source.columns.str.replace("_", "-")
    difference = source.loc[list(found.patients), list(found.genes)].to_numpy() - found.expression
    assert np.abs(difference).max() < 0.0101
    clinical = pd.read_csv(SHARED / name / "clinical.csv").set_index("pid")
    clinical = clinical.loc[list(found.patients)]
    assert clinical["time"].tolist() == found.time.tolist()
    assert clinical["event"].tolist() == found.event.tolist()
