"""Several studies, from a study file or the command line to tables, forests and the report."""

import warnings
from pathlib import Path

import anndata as ad
import pandas as pd
import pytest

import turncoat as tc
from turncoat.allegiance import PooledAllegiance
from turncoat.cli import entry
from turncoat.cli.pooling import pool as pool_command
from turncoat.errors import (
    ArgumentError,
    DesignWarning,
    FileFormatError,
    MissingFileError,
    StudyError,
)
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import discover, up_to
from turncoat.pipeline.whole import run_stages
from turncoat.report.sections import pool as page
from turncoat.study import load_study
from turncoat.study.others import read_tally

TEXT = """
[study]
name = "here"
[cells]
files = ["cells.h5ad"]
donor = "donor"
sample = "sample"
tissue = "tissue"
condition = "condition"
population = "population"
[[contrasts]]
name = "ill vs well"
variable = "condition"
case = "case"
reference = "control"
"""
OTHER = """
[[studies]]
name = "there"
tally = "there/tally.h5ad"
[studies.contrasts."ill vs well"]
variable = "condition"
case = "tumour"
reference = "healthy"
"""


def tally_of(cells: ad.AnnData) -> ad.AnnData:
    return tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        tissue_key="tissue",
        condition_key="condition",
        population_key="population",
    )


def cells_of(seed: int) -> ad.AnnData:
    return tc.ds.planted(n_donors=6, n_controls=6, cells_per_donor=250, n_genes=1_200, seed=seed)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This study's cells, and another's tally whose arms are called otherwise."""
    folder = tmp_path_factory.mktemp("pool")
    cells_of(0).write_h5ad(folder / "cells.h5ad")
    other = cells_of(1)
    renamed = {"case": "tumour", "control": "healthy"}
    other.obs["condition"] = other.obs["condition"].astype(str).map(renamed)
    for name in ("donor", "sample"):
        other.obs[name] = "there_" + other.obs[name].astype(str)
    (folder / "there").mkdir()
    tally_of(other).write_h5ad(folder / "there" / "tally.h5ad")
    (folder / "study.toml").write_text(TEXT + OTHER)
    return folder


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stages = up_to("pool", discover())
        return run_stages(load_study(home / "study.toml"), stages, out=home / "run")


def test_the_run_pools_the_other_study_in_its_own_words(run: Run) -> None:
    found = run.results("pool", PooledAllegiance)["ill-vs-well"]
    assert list(found.params["studies"]) == ["here", "there"]
    assert found.params["contrasts"]["there"] == "condition: tumour vs healthy"
    tested = found.table[found.table["status"] == "tested"]
    assert (tested["n_studies"] == 2).all()
    assert (tested["n_donors"] >= 20).all()
    macrophage = tested[(tested["population"] == "Macrophage") & (tested["axis"] == "pro_tumour")]
    assert float(macrophage["qvalue"].iloc[0]) <= 0.05


def test_the_page_has_a_forest_and_a_claim_on_two_studies(run: Run) -> None:
    section = page.section(run)
    assert section is not None
    assert "here and there together" in section.lead
    assert "Macrophage in tumour (gain of harm)" in section.lead
    claim = next(one for one in section.claims if one.subject == "Macrophage in tumour")
    assert claim.verdict == "switched"
    assert {rung.n_cohorts for rung in claim.evidence} == {2}
    assert len(section.figures) == page.MAX_FORESTS
    assert [table.title for table in section.tables] == [
        "Pooled shifts, ill vs well",
        "Each study's own shifts, ill vs well",
    ]


def test_a_study_alone_has_nothing_to_pool(home: Path) -> None:
    (home / "alone.toml").write_text(TEXT)
    stage = next(one for one in discover() if one.name == "pool")
    assert "no other study was given" in stage.skipped(load_study(home / "alone.toml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "there"', 'name = "here"', "two studies are called 'here'"),
        ('contrasts."ill vs well"', 'contrasts."ill"', "no contrast is called so"),
        ('tally = "there', 'taly = "there', r"\[\[studies\]\] number 1 (has no key|needs) 'tal"),
    ],
)
def test_mistakes_in_the_study_file_are_said(home: Path, old: str, new: str, message: str) -> None:
    (home / "wrong.toml").write_text(TEXT + OTHER.replace(old, new))
    with pytest.raises(StudyError, match=message):
        load_study(home / "wrong.toml")


def test_a_tally_that_is_not_there_is_said(home: Path) -> None:
    (home / "gone.toml").write_text(TEXT + OTHER.replace("there/tally.h5ad", "nowhere.h5ad"))
    with pytest.raises(MissingFileError, match="There is no tally at"):
        load_study(home / "gone.toml")


def test_another_study_without_the_contrast_is_named(home: Path) -> None:
    (home / "unworded.toml").write_text(TEXT + OTHER.split("[studies.contrasts")[0])
    study, stages = load_study(home / "unworded.toml"), up_to("pool", discover())
    with pytest.raises(StudyError, match=r"\[\[studies\]\] 'there' cannot be asked .*'case'"):
        run_stages(study, stages, out=home / "run")


def test_the_command_writes_tables_and_forests(home: Path, run: Run) -> None:
    other = ad.read_h5ad(home / "there" / "tally.h5ad")
    other.obs["condition"] = (
        other.obs["condition"].astype(str).map({"tumour": "case", "healthy": "control"})
    )
    other.write_h5ad(home / "same-words.h5ad")
    arguments = [
        f"here={run.directory}", f"there={home / 'same-words.h5ad'}", "--variable", "condition",
        "--case", "case", "--reference", "control", "--out", str(home / "pooled"),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        status = entry._attempt(["pool", *arguments])
    assert status == 0
    own = pd.read_parquet(home / "pooled" / "pooled.parquet")
    stage = run.results("pool", PooledAllegiance)["ill-vs-well"].table
    # The same question by two roads: the same answer.
    pd.testing.assert_series_equal(own["shift"], stage["shift"], check_names=False)
    assert (home / "pooled" / "forest-macrophage-tumour-pro_tumour.png").is_file()


@pytest.mark.parametrize(
    ("studies", "message"),
    [
        (["lone"], "given as NAME=PATH"),
        (["one={tally}"], "at least two studies"),
        (["one={tally}", "one={tally}"], "called 'one'"),
    ],
)
def test_the_command_says_what_is_wrong(home: Path, studies: list[str], message: str) -> None:
    given = [text.format(tally=home / "there" / "tally.h5ad") for text in studies]
    with pytest.raises(ArgumentError, match=message):
        pool_command(given, ("condition", "a", "b", None), out=home / "never", seed=0)


def test_a_file_that_is_no_tally_is_named(tmp_path: Path) -> None:
    (tmp_path / "tally.h5ad").write_text("no tally", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"tally\.h5ad cannot be read as a tally"):
        read_tally(tmp_path)


def test_donors_of_one_name_in_two_studies_are_told() -> None:
    contrast = tc.Contrast("condition", "case", "control")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = tc.tl.allegiance(tally_of(cells_of(0)), contrast, key_added=None)
    with pytest.warns(DesignWarning, match="12 donors are called the same in two studies"):
        tc.tl.pool({"one": result, "again": result})
