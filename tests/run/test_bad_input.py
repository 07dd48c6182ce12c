"""Bad input from end to end: exit 2, a message one can act on, and nothing half-written."""

import contextlib
import functools
import io
import json
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

import turncoat as tc
from turncoat.cli import entry

STUDY = """
[study]
name = "A small study"
[cells]
files = [{files}]
donor = "donor"
sample = "sample"
tissue = "tissue"
condition = "condition"
population = "population"
[[contrasts]]
name = "case vs control"
variable = "condition"
case = "case"
reference = "control"
"""


@functools.cache
def _small() -> ad.AnnData:
    cells = tc.ds.planted(n_donors=3, n_controls=3, cells_per_donor=60, n_genes=700)
    return cells[:, :].copy()


@pytest.fixture
def cells() -> ad.AnnData:
    return _small().copy()


def write_study(folder: Path, *files: str, text: str = STUDY) -> Path:
    path = folder / "study.toml"
    path.write_text(text.format(files=", ".join(f'"{file}"' for file in files)), encoding="utf-8")
    return path


def turncoat(*arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
        pytest.raises(SystemExit) as left,
    ):
        entry.main(list(arguments))
    return int(left.value.code or 0), out.getvalue(), err.getvalue()


def refused(study: Path) -> str:
    """Run a study that must be refused; give the message."""
    before = sorted(path.name for path in study.parent.iterdir())
    code, out, err = turncoat("run", str(study), "--out", str(study.parent / "results"))
    said = " ".join(line for line in err.splitlines() if not line.startswith("turncoat: note:"))
    assert code == 2, err
    assert out == ""
    assert said.startswith("turncoat: ")
    assert "Traceback" not in err
    assert sorted(path.name for path in study.parent.iterdir()) == before
    return said


def counts_of(cells: ad.AnnData) -> np.ndarray:
    return np.asarray(cells.X.todense(), dtype=np.float32)


def with_value(cells: ad.AnnData, value: float) -> ad.AnnData:
    counts = counts_of(cells)
    counts[5, 7] = value
    return ad.AnnData(counts, obs=cells.obs, var=cells.var)


def without_donor(cells: ad.AnnData) -> ad.AnnData:
    donors = cells.obs["donor"].astype(object)
    donors.iloc[:7] = np.nan
    cells.obs["donor"] = donors
    return cells


def normalised(cells: ad.AnnData) -> ad.AnnData:
    counts = counts_of(cells)
    logged = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    return ad.AnnData(logged, obs=cells.obs, var=cells.var)


def twice(cells: ad.AnnData) -> ad.AnnData:
    names = cells.obs_names.to_numpy().copy()
    same = np.flatnonzero(cells.obs["sample"] == cells.obs["sample"].iloc[0])
    names[same[1]] = names[same[0]]
    cells.obs_names = names
    return cells


def unknown_genes(cells: ad.AnnData) -> ad.AnnData:
    cells.var_names = [f"gene{i}" for i in range(cells.n_vars)]
    return cells


def two_species(cells: ad.AnnData) -> ad.AnnData:
    half = cells.n_vars // 2
    names = list(cells.var_names)
    cells.var_names = [*names[:half], *(name.capitalize() for name in names[half:])]
    return cells


def shared_sample(cells: ad.AnnData) -> ad.AnnData:
    cells.obs["sample"] = "the same"
    return cells


def renamed(cells: ad.AnnData) -> ad.AnnData:
    return ad.AnnData(cells.X, obs=cells.obs.rename(columns={"donor": "donors"}), var=cells.var)


CASES: dict[str, tuple[Callable[[ad.AnnData], ad.AnnData], str]] = {
    "obs column absent": (renamed, "Did you mean 'donors'"),
    "donor missing for some cells": (without_donor, "7"),
    "negative count": (functools.partial(with_value, value=-1.0), "-1"),
    "fractional count": (functools.partial(with_value, value=0.5), "0.5"),
    "NaN count": (functools.partial(with_value, value=np.nan), "nan"),
    "log-normalised": (normalised, "raw counts"),
    "same barcode twice": (twice, "twice"),
    "zero cells": (lambda cells: cells[:0].copy(), "no cells"),
    "no known gene": (unknown_genes, "gene"),
    "mixed species": (two_species, "mouse"),
    "sample of two donors": (shared_sample, "the same"),
}


@pytest.mark.parametrize("case", CASES)
def test_cells_that_cannot_be_used_are_refused(
    case: str, cells: ad.AnnData, tmp_path: Path
) -> None:
    spoil, hint = CASES[case]
    spoilt = spoil(cells)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spoilt.write_h5ad(tmp_path / "cells.h5ad")
    said = refused(write_study(tmp_path, "cells.h5ad"))
    assert hint.lower() in said.lower()


@pytest.mark.parametrize("damage", ["missing", "truncated", "not an h5ad"])
def test_files_that_cannot_be_read_are_named(
    damage: str, cells: ad.AnnData, tmp_path: Path
) -> None:
    path = tmp_path / "cells.h5ad"
    if damage == "truncated":
        cells.write_h5ad(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "not an h5ad":
        path.write_text("barcode,gene\n")
    assert "cells.h5ad" in refused(write_study(tmp_path, "cells.h5ad"))


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ('case = "case"', 'case = "cases"', "cases"),
        ('donor = "donor"', 'doner = "donor"', "doner"),
        ("[[contrasts]]", "[[contrast]]", "contrast"),
        ('name = "A small study"', "name = A small study", "study.toml"),
        ('variable = "condition"', 'variable = "conditon"', "Did you mean 'condition'"),
    ],
)
def test_a_study_file_with_a_mistake_is_refused(
    old: str, new: str, hint: str, cells: ad.AnnData, tmp_path: Path
) -> None:
    cells.write_h5ad(tmp_path / "cells.h5ad")
    assert hint in refused(write_study(tmp_path, "cells.h5ad", text=STUDY.replace(old, new)))


def test_output_that_cannot_be_made_is_refused_before_any_work(
    cells: ad.AnnData, tmp_path: Path
) -> None:
    cells.write_h5ad(tmp_path / "cells.h5ad")
    study = write_study(tmp_path, "cells.h5ad")
    (tmp_path / "results").write_text("a file is here")
    said = refused(study)
    assert "results" in said
    assert (tmp_path / "results").read_text() == "a file is here"


def test_a_full_disk_leaves_only_whole_files(cells: ad.AnnData, tmp_path: Path) -> None:
    cells.write_h5ad(tmp_path / "cells.h5ad")
    study = write_study(tmp_path, "cells.h5ad")

    def no_file_above_20_kb() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = [sys.executable, "-c", "from turncoat.cli import main; main()", "run", str(study)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "results")],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=no_file_above_20_kb,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    results = tmp_path / "results"
    visible = [p for p in results.rglob("*") if ".turncoat" not in p.parts and p.is_file()]
    # What is there was written, whole, by a stage that had ended; the tally did not fit.
    ended = [json.loads(p.read_text()) for p in (results / ".turncoat" / "stages").glob("*.json")]
    assert {p.relative_to(results).as_posix() for p in visible} == {
        name for record in ended for name in record["files"]
    }
    assert not (results / "tally.h5ad").exists()


def test_two_files_with_different_genes_are_joined_as_the_study_says(
    cells: ad.AnnData, tmp_path: Path
) -> None:
    samples = sorted(cells.obs["sample"].unique())
    first = cells[cells.obs["sample"].isin(samples[::2])].copy()
    second = cells[cells.obs["sample"].isin(samples[1::2]), 10:].copy()
    first.write_h5ad(tmp_path / "first.h5ad")
    second.write_h5ad(tmp_path / "second.h5ad")
    for join, n_genes in (("intersection", cells.n_vars - 10), ("union", cells.n_vars)):
        text = STUDY.replace('donor = "donor"', f'donor = "donor"\ngene_join = "{join}"')
        study = write_study(tmp_path, "first.h5ad", "second.h5ad", text=text)
        code, out, err = turncoat("run", str(study), "--out", str(tmp_path / join))
        assert code == 0, err
        assert Path(out.strip()) == tmp_path / join / "report.html"
        assert ad.read_h5ad(tmp_path / join / "tally.h5ad").n_vars == n_genes
        page = (tmp_path / join / "report.html").read_text()
        assert "SYNTHETIC DATA" in page
        assert "genes" in page[page.index('id="dropped"') :]


def test_init_and_check_lead_to_a_study_that_runs(cells: ad.AnnData, tmp_path: Path) -> None:
    cells.write_h5ad(tmp_path / "cells.h5ad")
    study = tmp_path / "study.toml"
    code, out, _ = turncoat("init", str(tmp_path / "cells.h5ad"), "--out", str(study))
    assert (code, out.strip()) == (0, str(study))
    code, _, err = turncoat("init", str(tmp_path / "cells.h5ad"), "--out", str(study))
    assert code == 2
    assert "--force" in err
    code, out, err = turncoat("check", str(study))
    assert code == 0, err
    assert "6 donors" in out
    code, out, err = turncoat("run", str(study), "--out", str(tmp_path / "results"))
    assert code == 0, err
    code, out, err = turncoat("tally", str(study), "--out", str(tmp_path / "results"))
    assert code == 0, err
    assert out.strip().endswith("tally.h5ad")
