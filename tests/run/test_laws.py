"""The whole run: the same findings whatever does not matter, on the real built-in study."""

import json
import shutil
import time
import tomllib
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from turncoat.allegiance import Allegiance
from turncoat.errors import DesignWarning, DroppedDataWarning
from turncoat.pipeline import Run
from turncoat.tables import restore, store

STUDY = tc.ds.lung_niches_study()
PVALUE_COLUMNS = ["pvalue", "qvalue", "anti_pvalue", "pro_pvalue", "pvalue_loyal", "p_floor"]


def run_on(
    folder: Path, cells: ad.AnnData | None = None, *, threads: int = 2, n_contrasts: int = 2
) -> Run:
    """Run the built-in study's questions, on other cells if they are given."""
    folder.mkdir()
    text = STUDY.read_text(encoding="utf-8")
    shutil.copy(STUDY.with_name("cells.h5ad"), folder / "cells.h5ad")
    if cells is not None:
        cells.write_h5ad(folder / "cells.h5ad")
    head, *asked = text.split("[[contrasts]]")
    text = "[[contrasts]]".join([head, *asked[:n_contrasts]])
    (folder / "study.toml").write_text(text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedDataWarning)
        warnings.simplefilter("ignore", DesignWarning)
        return tc.run(folder / "study.toml", out=folder / "out", threads=threads)


def verdicts(run: Run) -> dict[str, pd.DataFrame]:
    return {part: found.table for part, found in run.results("allegiance", Allegiance).items()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(tmp_path_factory.mktemp("laws") / "plain")


@pytest.mark.slow
def test_shuffled_rows_and_one_thread_give_the_same_tables(plain: Run, tmp_path: Path) -> None:
    cells = tc.ds.lung_niches()
    shuffled = cells[np.random.default_rng(1).permutation(cells.n_obs)].copy()
    other = run_on(tmp_path / "shuffled", shuffled, threads=1)
    before, after = verdicts(plain), verdicts(other)
    assert list(before) == list(after)
    for part, table in before.items():
        pd.testing.assert_frame_equal(table, after[part])


@pytest.mark.slow
def test_doubling_every_cell_changes_no_pvalue_and_no_verdict(plain: Run, tmp_path: Path) -> None:
    cells = tc.ds.lung_niches()
    doubled = ad.concat([cells, cells], keys=["once", "twice"], index_unique="-", merge="same")
    other = run_on(tmp_path / "doubled", doubled)
    for part, table in verdicts(plain).items():
        twice = verdicts(other)[part]
        assert list(table["verdict"]) == list(twice["verdict"])
        for column in PVALUE_COLUMNS:
            np.testing.assert_allclose(table[column], twice[column], rtol=1e-9, err_msg=column)


@pytest.mark.slow
def test_every_finding_survives_h5ad_and_parquet(plain: Run, tmp_path: Path) -> None:
    tally = plain.tally()
    for part, found in plain.results("allegiance", Allegiance).items():
        store(tally, part, found)
    tally.write_h5ad(tmp_path / "tally.h5ad")
    again = ad.read_h5ad(tmp_path / "tally.h5ad")
    for part, found in plain.results("allegiance", Allegiance).items():
        pd.testing.assert_frame_equal(restore(again, part, Allegiance).table, found.table)


@pytest.mark.slow
def test_the_page_says_what_the_tables_say(plain: Run) -> None:
    claims = json.loads((plain.directory / "claims.json").read_text())["claims"]
    titles = tomllib.loads(STUDY.read_text())["contrasts"]
    for (part, table), asked in zip(verdicts(plain).items(), titles, strict=True):
        told = {
            claim["subject"]: claim["verdict"]
            for claim in claims
            if claim["identifier"].startswith(f"allegiance/{part}/")
        }
        expected = table.set_index("population")["verdict"].str.replace("_", " ").to_dict()
        assert told == expected
        assert asked["name"] in plain.report.read_text()
    page = plain.report.read_text()
    assert "Research use only" in page
    assert "subsampled" in page
    assert "48 donors" in page


@pytest.mark.slow
def test_a_second_run_of_the_study_is_quick_and_changes_nothing(plain: Run) -> None:
    before = plain.report.read_bytes()
    started = time.perf_counter()
    again = tc.run(plain.directory.parent / "study.toml", out=plain.directory)
    assert time.perf_counter() - started < 10
    assert again.report.read_bytes() == before


@pytest.mark.slow
def test_one_donor_is_described_and_not_run_on(tmp_path: Path) -> None:
    cells = tc.ds.lung_niches()
    alone = run_on(tmp_path / "alone", cells[cells.obs["donor"] == "P06"].copy(), n_contrasts=1)
    for table in verdicts(alone).values():
        assert set(table["status"]) <= {"not_testable", "abstained"}
        assert table["pvalue"].isna().all()
    assert "One donor: description only" in alone.report.read_text()
    assert "One donor: description only" in (alone.directory / "plain.html").read_text()
