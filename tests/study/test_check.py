"""What check and init say of a study before any work."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from study.cells import make_cells
from turncoat.errors import DesignWarning, OutputError
from turncoat.stats import Contrast
from turncoat.study import check_study, init_study, load_study, plan_cells
from turncoat.study.design import count_contrast, smallest_pvalue
from turncoat.study.guess import plausible_pairs

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="real data are not beside the checkout"
)


def write_study(folder: Path, text: str) -> Path:
    (folder / "study.toml").write_text(text)
    return folder / "study.toml"


def test_the_guesses_for_ordinary_cells_make_a_study_that_runs(tmp_path: Path) -> None:
    cells = make_cells(48)
    cells.obs["n_counts"] = np.linspace(0, 1, 48)
    cells.layers["counts"] = cells.X.copy()
    cells.X = np.log1p(cells.X)
    cells.write_h5ad(tmp_path / "lung.h5ad")
    text = init_study(tmp_path / "lung.h5ad")
    stated = tomllib.loads(text)
    assert stated["cells"] == {
        "files": [str(tmp_path / "lung.h5ad")],
        "donor": "donor",
        "sample": "sample",
        "tissue": "tissue",
        "population": "cell_type",
        "layer": "counts",
    }
    assert stated["contrasts"] == [
        {"variable": "tissue", "case": "tumour", "reference": "normal", "block": "donor"}
    ]
    assert "4 donors have both" in text
    found = check_study(write_study(tmp_path, text))
    assert (found.n_cells, found.n_donors, found.n_samples, found.species) == (48, 4, 8, "human")
    assert found.design["n_cells"].sum() == found.populations["n_cells"].sum() == 48
    assert found.contrasts.loc[0, "n_pairs"] == 4
    assert found.contrasts.loc[0, "smallest_pvalue"] == 2 / 2**4
    assert "no exact p-value below 0.12 is possible" in set(found.problems["problem"])
    assert not found.descriptive
    assert not (tmp_path / "turncoat-run").exists()


def test_guesses_without_a_donor_column_say_so(tmp_path: Path) -> None:
    cells = make_cells(48)
    del cells.obs["donor"]
    cells.write_h5ad(tmp_path / "cells.h5ad")
    text = init_study(tmp_path / "cells.h5ad")
    assert tomllib.loads(text)["cells"]["donor"] == "sample"
    assert "CAUTION: no column names the donors" in text
    problems = check_study(write_study(tmp_path, text)).problems
    assert problems.loc[0, "where"] == "donors"
    assert "each sample counts as a donor of its own" in str(problems.loc[0, "problem"])


def test_guesses_join_donor_and_tissue_where_no_column_names_samples(tmp_path: Path) -> None:
    cells = make_cells(48)
    del cells.obs["sample"]
    cells.write_h5ad(tmp_path / "cells.h5ad")
    text = init_study([tmp_path / "cells.h5ad"], name="joined")
    assert tomllib.loads(text)["cells"]["sample"] == "donor+tissue"
    assert check_study(write_study(tmp_path, text)).n_samples == 8


@pytest.mark.parametrize(
    ("levels", "pairs"),
    [
        (["mBrain", "mLN", "nLN", "nLung", "tLung"], [("mLN", "nLN"), ("tLung", "nLung")]),
        (["adjacent normal", "tumor"], [("tumor", "adjacent normal")]),
        (["healthy control", "TNBC"], [("TNBC", "healthy control")]),
        (["blood", "node"], []),
    ],
)
def test_plausible_contrasts(levels: list[str], pairs: list[tuple[str, str]]) -> None:
    assert plausible_pairs(levels) == pairs


def test_one_donor_is_descriptive(tmp_path: Path) -> None:
    cells = make_cells(48)
    cells[cells.obs["donor"] == "d1"].copy().write_h5ad(tmp_path / "cells.h5ad")
    path = write_study(tmp_path, init_study(tmp_path / "cells.h5ad"))
    with pytest.warns(DesignWarning, match="described, not tested"):
        found = check_study(path)
    assert found.descriptive
    assert "one donor: everything is described and nothing tested" in found.limits[0]


def test_what_a_design_cannot_show_is_said(tmp_path: Path) -> None:
    cells = make_cells(48)
    cells.obs["condition"] = np.where(cells.obs["donor"].isin(["d1", "d2"]), "treated", "control")
    cells.write_h5ad(tmp_path / "cells.h5ad")
    text = init_study(tmp_path / "cells.h5ad").replace('kind = "unsorted"', 'kind = "sorted"')
    found = check_study(write_study(tmp_path, text))
    limits = " ".join(found.limits)
    assert "'condition: treated vs control' compares different donors" in limits
    assert "The cells were sorted: how many" in limits


def test_a_study_whose_cells_are_yet_to_be_named_lacks_no_population(tmp_path: Path) -> None:
    cells = make_cells(48)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    text = init_study(tmp_path / "cells.h5ad")
    assert tomllib.loads(text)["cells"].get("population")
    unnamed = re.sub(r"(?m)^population = .*$", "", text)
    limits = " ".join(check_study(write_study(tmp_path, unnamed)).limits)
    assert "There is one population" not in limits


def test_an_output_that_cannot_be_written_is_refused_before_work(tmp_path: Path) -> None:
    make_cells(48).write_h5ad(tmp_path / "cells.h5ad")
    (tmp_path / "file").write_text("in the way")
    text = init_study(tmp_path / "cells.h5ad")
    text = text.replace('# output = "turncoat-run" ', 'output = "file/run" ')
    with pytest.raises(OutputError, match="is a file, not a folder"):
        check_study(write_study(tmp_path, text))


def test_the_smallest_pvalue_is_that_of_enumeration() -> None:
    assert smallest_pvalue(5, 5, 5) == 2 / 32
    assert smallest_pvalue(3, 3) == pytest.approx(2 / 20)
    assert smallest_pvalue(2, 3) == pytest.approx(1 / 10)
    rows = plan_cells(
        make_cells(48), donor_key="donor", sample_key="sample", tissue_key="tissue"
    ).rows
    counted = count_contrast(Contrast("tissue", "tumour", "normal"), rows)
    assert (counted.n_case, counted.n_reference, counted.n_pairs) == (4, 4, 0)


@pytest.mark.shared
@needs_shared
def test_real_cells_are_planned_and_checked(tmp_path: Path) -> None:
    for name, species, n_cells, n_contrasts in (
        ("gse131907_luad_subset", "human", 6172, 2),
        ("wu2021_CID4465_tnbc", "human", 1564, 0),
    ):
        text = init_study(SHARED / f"{name}.h5ad")
        path = write_study(tmp_path, text)
        found = check_study(path)
        assert (found.species, found.n_cells) == (species, n_cells)
        assert len(load_study(path).contrasts) == n_contrasts


@pytest.mark.shared
@needs_shared
def test_genes_that_lack_everywhere_in_real_cells_are_found_lacking() -> None:
    plan = plan_cells(
        SHARED / "gse131907_luad_subset.h5ad",
        donor_key="sample",
        sample_key="sample",
        tissue_key="sample_origin",
        population_key="cell_type",
    )
    assert not {"FOXP3", "NCAM1", "PORCN"} & set(plan.genes.index)
    assert plan.genes.loc["CD8A", "ensembl"] == "ENSG00000153563"
    assert len(plan.rows) == 296
