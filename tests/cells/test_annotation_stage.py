"""A study that names no populations is named in the run; ``turncoat annotate`` names any study."""

import re
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import turncoat as tc
from turncoat.cells import Annotation, annotate_study
from turncoat.cli import entry
from turncoat.errors import DesignWarning
from turncoat.study import load_study

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")

STUDY = """[study]
name = "made"
[cells]
files = ["cells.h5ad"]
donor = "donor"
sample = "sample"
condition = "condition"
[annotation]
annotator = "model.npz"
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    cells = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=150, n_genes=900, seed=2)
    tc.pp.train_annotator(cells, label_key="population").save(folder / "model.npz")
    cells.obs["truth"] = cells.obs.pop("population").astype(str)
    cells.write_h5ad(folder / "cells.h5ad")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder / "study.toml"


def run_annotate(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the command as a shell would; gives exit code, standard output, standard error."""
    from turncoat.cli.app import app

    done = CliRunner().invoke(app, ["annotate", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_the_run_names_the_cells_and_counts_them_so(study: Path, tmp_path: Path) -> None:
    run = tc.run(study, out=tmp_path / "out")
    found = run.result("annotation", Annotation)
    truth = ad.read_h5ad(study.parent / "cells.h5ad").obs["truth"].to_numpy()
    assert np.mean(found.cells["guess"].to_numpy() == truth) > 0.9
    counted = run.tally().obs.groupby("population", observed=True)["n_cells"].sum()
    named = found.cells["population"].value_counts().drop("unassigned", errors="ignore")
    pd.testing.assert_series_equal(
        counted.sort_index(), named.sort_index(), check_names=False, check_dtype=False
    )
    assert "What are these cells?" in run.report.read_text(encoding="utf-8")
    stamp = (tmp_path / "out" / "tally.h5ad").stat().st_mtime_ns
    tc.run(study, out=tmp_path / "out")
    assert (tmp_path / "out" / "tally.h5ad").stat().st_mtime_ns == stamp


def test_the_command_writes_labels_and_copies(study: Path, tmp_path: Path) -> None:
    out, copies = tmp_path / "labels.parquet", tmp_path / "copies"
    code, said, told = run_annotate(study, "--out", out, "--h5ad", copies, "--threads", "1")
    assert code == 0
    assert said.split() == [str(out.resolve()), str((copies / "cells.h5ad").resolve())]
    assert "cells named" in told
    labels = pd.read_parquet(out)
    found, _ = annotate_study(load_study(study))
    pd.testing.assert_frame_equal(labels, found.cells)
    source, copy = ad.read_h5ad(study.parent / "cells.h5ad"), ad.read_h5ad(copies / "cells.h5ad")
    assert (copy.obs["turncoat_population"].astype(str) == labels["population"].to_numpy()).all()
    assert list(copy.obs.columns[: source.obs.shape[1]]) == list(source.obs.columns)
    assert (copy.X != source.X).sum() == 0
    np.testing.assert_allclose(copy.obs["turncoat_confidence"], labels["confidence"])


def test_a_tiny_sample_is_remarked_on(study: Path, tmp_path: Path) -> None:
    cells = ad.read_h5ad(study.parent / "cells.h5ad")
    cells.obs["sample"] = cells.obs["sample"].astype(str)
    cells.obs.iloc[:3, cells.obs.columns.get_loc("sample")] = "tiny"
    cells.write_h5ad(tmp_path / "cells.h5ad")
    text = study.read_text(encoding="utf-8").replace("model.npz", str(study.parent / "model.npz"))
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    code, _, told = run_annotate(tmp_path / "study.toml", "--out", tmp_path / "l.parquet")
    assert code == 0
    assert "sample tiny: only 3 cells" in told


def test_why_no_cell_is_malignant_is_said(tmp_path: Path) -> None:
    cells = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=150, n_genes=2200, seed=2)
    named = cells.obs["population"].astype(str).replace({"Tumour": "Epithelial"})
    cells.obs["population"] = named
    tc.pp.train_annotator(cells, label_key="population").save(tmp_path / "model.npz")
    del cells.obs["population"]
    cells.obs["condition"] = "healthy"
    cells.write_h5ad(tmp_path / "cells.h5ad")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    with pytest.warns(DesignWarning, match="named free of tumour"):
        code, _, told = run_annotate(tmp_path / "study.toml", "--out", tmp_path / "l.parquet")
    assert code == 0
    assert "not told apart (All" in told
    run = tc.run(tmp_path / "study.toml", out=tmp_path / "out")
    assert "named free of tumour" in run.result("annotation", Annotation).params["malignant"]
    assert "epithelial cells are from samples" in run.report.read_text(encoding="utf-8")


def test_labels_written_twice_are_replaced(study: Path, tmp_path: Path) -> None:
    from turncoat.cells import write_into_h5ad

    found, _ = annotate_study(load_study(study))
    once = write_into_h5ad(found, study.parent / "cells.h5ad", tmp_path / "a" / "cells.h5ad")
    again = write_into_h5ad(found, once, tmp_path / "cells.h5ad")
    pd.testing.assert_frame_equal(ad.read_h5ad(again).obs, ad.read_h5ad(once).obs)


def test_a_users_labels_stay_beside_ours(study: Path, tmp_path: Path) -> None:
    text = study.read_text(encoding="utf-8").replace("[annot", 'population = "truth"\n[annot')
    (study.parent / "labelled.toml").write_text(text, encoding="utf-8")
    code, _, _ = run_annotate(study.parent / "labelled.toml", "--out", tmp_path / "l.parquet")
    assert code == 0
    assert {"B", "Macrophage"} <= set(pd.read_parquet(tmp_path / "l.parquet")["label"])
    crossed = pd.read_csv(tmp_path / "l.disagreement.csv")
    same = crossed[crossed["label"] == crossed["population"]]
    assert same["n_cells"].sum() > 0.8 * crossed["n_cells"].sum()


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (("cells.h5ad", "absent.h5ad"), (), r"absent\.h5ad"),
        (("model.npz", "absent.npz"), (), r"annotator .*absent\.npz does not exist"),
        (('"donor"', '"donnor"'), (), "Did you mean 'donor'"),
        (("[annot", 'population = "sample"\n[annot'), (), "label_map"),
        (("", ""), ("--h5ad", "."), "where the cells themselves are"),
        (("", ""), ("--memory", "much"), "size such as 2GB"),
    ],
)
def test_what_cannot_be_used_is_said_before_work_starts(
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    text = study.read_text(encoding="utf-8")
    (study.parent / "wrong.toml").write_text(text.replace(*change), encoding="utf-8")
    monkeypatch.chdir(study.parent)
    out = tmp_path / "l.parquet"
    with pytest.raises(SystemExit) as left:
        entry.main(["annotate", "wrong.toml", "--out", str(out), *arguments])
    assert left.value.code == 2
    shown = capsys.readouterr().err
    assert re.search(message, shown), shown
    assert not out.exists()
    assert not list(tmp_path.glob(".turncoat-*"))


def test_only_h5ad_files_get_copies(study: Path, tmp_path: Path) -> None:
    from turncoat.cli.annotate import annotate
    from turncoat.errors import StudyError

    table = pd.DataFrame(np.eye(3, dtype=int), columns=["A", "B", "C"])
    table.to_csv(study.parent / "cells.csv")
    text = study.read_text(encoding="utf-8").replace("cells.h5ad", "cells.csv")
    (study.parent / "csv.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=r"cells\.csv is none"):
        annotate(
            study.parent / "csv.toml", out=tmp_path / "l.parquet", h5ad=tmp_path / "copies",
            threads=None, memory=None, seed=None,
        )  # fmt: skip
