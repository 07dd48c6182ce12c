"""study.toml: what it may say, and how its mistakes are explained."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.cells import make_cells
from study.formats import FORMATS
from turncoat.errors import (
    DesignWarning,
    DroppedDataWarning,
    FileFormatError,
    MissingFileError,
    MissingKeyError,
    StudyError,
)
from turncoat.stats import Contrast
from turncoat.study import load_study
from turncoat.study.form import parse_bytes

TEXT = """
[study]
name = "planted"
kind = "subsampled"
synthetic = "made for a test"

[cells]
files = "cells.h5ad"
donor = "donor"
sample = "sample"
tissue = "tissue"
population = "cell_type"
label_map = { NK = "natural killer" }

[[contrasts]]
variable = "tissue"
case = "tumour"
reference = "normal"
block = "donor"

[[contrasts]]
name = "old vs young"
variable = "age"
case = "old"
reference = "young"

[samples]
sheet = "samples.tsv"
key = "id"

[run]
seed = 5
memory_limit = "2 GiB"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_cells(48).write_h5ad(tmp_path / "cells.h5ad")
    samples = sorted(set(make_cells(48).obs["sample"]))
    ages = ["old" if s[:2] in {"d1", "d2"} else "young" for s in samples]
    pd.DataFrame({"id": samples, "age": ages}).to_csv(
        tmp_path / "samples.tsv", sep="\t", index=False
    )
    (tmp_path / "study.toml").write_text(TEXT)
    return tmp_path


def edit(folder: Path, old: str, new: str) -> Path:
    path = folder / "study.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_one_false_discovery_rate_holds_for_the_study(folder: Path) -> None:
    assert load_study(folder / "study.toml").fdr == 0.05
    path = edit(folder, "[run]", "[statistics]\nfdr = 0.1\n\n[run]")
    assert load_study(path).fdr == 0.1


@pytest.mark.parametrize("value", ["0", "1", "-0.1", "5"])
def test_a_false_discovery_rate_beyond_its_range_is_refused(folder: Path, value: str) -> None:
    path = edit(folder, "[run]", f"[statistics]\nfdr = {value}\n\n[run]")
    with pytest.raises(StudyError, match=r"(?s)statistics.*fdr"):
        load_study(path)


def test_a_study_says_what_the_pipeline_asks(folder: Path) -> None:
    study = load_study(folder / "study.toml")
    assert study.title == "planted"
    assert study.seed == 5
    assert study.output == folder / "turncoat-run"
    assert study.run.memory_limit == 2 * 2**30
    assert study.files == [folder / "cells.h5ad", folder / "samples.tsv"]
    assert study.contrasts == {
        "tissue: tumour vs normal": Contrast("tissue", "tumour", "normal", block="donor"),
        "old vs young": Contrast("age", "old", "young"),
    }
    assert load_study(folder).path == study.path


def test_the_plan_of_a_study_has_the_sheet_and_the_new_labels(folder: Path) -> None:
    plan = load_study(folder / "study.toml").plan()
    assert set(plan.rows["population"]) == {"natural killer", "Treg", "B"}
    assert list(plan.rows.columns)[-1] == "age"
    assert plan.meta["study_kind"] == "subsampled"
    assert plan.meta["synthetic"] == "made for a test"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'donor = "donor"',
            'doner = "donor"',
            r"\[cells\] has no key 'doner'. Did you mean 'donor'",
        ),
        ("[run]", "[runs]", r"the file has no table 'runs'. Did you mean 'run'"),
        ('donor = "donor"\n', "", r"\[cells\] needs 'donor', which is not there"),
        ("seed = 5", "seed = -5", r"\[run\] seed: input should be greater than or equal to 0"),
        ('"2 GiB"', '"a lot"', r"\[run\] memory_limit: 'a lot' is no size in bytes"),
        ('kind = "subsampled"', 'kind = "facs"', r"\[study\] kind: .*'sorted'.*found 'facs'"),
        ('case = "old"', 'case = "young"', r"\[\[contrasts\]\] number 2.*two different levels"),
        ('case = "old"', 'caes = "old"', r"\[\[contrasts\]\] number 2 has no key 'caes'. .*'case'"),
        ('name = "old vs young"', 'name = "tissue: tumour vs normal"', "two contrasts are called"),
    ],
)
def test_mistakes_in_a_study_file_are_explained(
    folder: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        load_study(edit(folder, old, new))


def test_two_mistakes_are_told_at_once(folder: Path) -> None:
    edit(folder, "[run]", "[runs]")
    with pytest.raises(StudyError, match="has 2 mistakes") as caught:
        load_study(edit(folder, 'donor = "donor"\n', ""))
    assert "'runs'" in str(caught.value)


def test_a_file_that_is_no_toml_is_refused_with_the_line(folder: Path) -> None:
    with pytest.raises(FileFormatError, match=r"no TOML: .*line 3"):
        load_study(edit(folder, 'name = "planted"', "name = planted"))


def test_missing_files_are_named(folder: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no file study.tml .*'study.toml'"):
        load_study(folder / "study.tml")
    with pytest.raises(MissingFileError, match=r"no file cell.h5ad .*'cells.h5ad'"):
        load_study(edit(folder, '"cells.h5ad"', '"cell.h5ad"')).plan()
    with pytest.raises(MissingFileError, match=r"is called like '\*.loom'"):
        load_study(edit(folder, '"cell.h5ad"', '"*.loom"'))


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [
        ('case = "tumour"', 'case = "tumor"', StudyError, "'tumor' does not occur in the column 'tissue'. Did you mean 'tumour'"),
        ('variable = "age"', 'variable = "agee"', MissingKeyError, "'old vs young' uses the column 'agee'.*'age'"),
        ("NK =", "NKK =", StudyError, "label_map renames 'NKK', but no cell"),
        ('key = "id"', 'key = "idd"', MissingKeyError, "samples.tsv has no column 'idd'. Did you mean 'id'"),
        ('tissue = "tissue"', 'tissue = "tisue"', MissingKeyError, "no column 'tisue'.*'tissue'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_cells_is_refused(
    folder: Path, old: str, new: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        load_study(edit(folder, old, new)).plan()


def test_a_sheet_with_a_sample_twice_or_unnamed_is_refused(folder: Path) -> None:
    text = (folder / "samples.tsv").read_text()
    (folder / "samples.tsv").write_text(text + "d1_normal\told\n")
    with pytest.raises(StudyError, match="sample 'd1_normal' in more than one line"):
        load_study(folder).plan()
    (folder / "samples.tsv").write_text(text + "\told\n")
    with pytest.raises(StudyError, match="no sample in line 10"):
        load_study(folder).plan()


def test_one_donor_is_described_with_a_warning(folder: Path) -> None:
    cells = make_cells(48)
    cells[cells.obs["donor"] == "d1"].copy().write_h5ad(folder / "cells.h5ad")
    edit(folder, 'reference = "young"', 'reference = "youth"')
    edit(folder, 'name = "old vs young"\nvariable = "age"\ncase = "old"\nreference = "youth"',
         'name = "again"\nvariable = "tissue"\ncase = "tumour"\nreference = "normal"')  # fmt: skip
    with pytest.warns(DesignWarning) as caught:
        load_study(folder).plan()
    assert "1 blocks have both levels, at least 2 are needed" in str(caught[0].message)
    assert "1 against 1 donors, at least 2 a side are needed" in str(caught[1].message)


def test_files_without_annotation_get_labels_from_a_table(tmp_path: Path) -> None:
    cells = make_cells(48)
    one, two = cells[:24].copy(), cells[24:].copy()
    two.obs_names = one.obs_names  # 10x barcodes repeat from sample to sample
    paths = []
    for name, part in (("s1", one), ("s2", two)):
        (tmp_path / name).mkdir()
        paths.append(FORMATS["10x h5 3"][0](part, tmp_path / name))
    labels = pd.DataFrame(
        {
            "barcode": [*one.obs_names, *two.obs_names],
            "file": np.repeat([str(path) for path in paths], 24),
            "type": [*one.obs["cell_type"], *two.obs["cell_type"]],
        }
    )
    labels.iloc[1:].to_csv(tmp_path / "labels.csv", index=False)
    (tmp_path / "study.toml").write_text(
        '[cells]\nfiles = ["s1/cells.h5", "s2/cells.h5"]\nsample = "@folder"\ndonor = "@folder"\n'
        'population = "type"\nlabels = "labels.csv"\n'
    )
    with pytest.warns(DroppedDataWarning, match="1 cells: cells.h5: no population"):
        plan = load_study(tmp_path).plan()
    assert set(plan.rows["sample"]) == {"s1", "s2"}
    found = plan.rows["population"].to_numpy()[plan.row_codes[1]]
    assert list(found) == list(two.obs["cell_type"])
    labels.iloc[[0, 0]].drop(columns="file").to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(StudyError, match="labels the cell 'cell0' twice"):
        load_study(tmp_path).plan()


def test_columns_can_be_joined_to_name_samples(folder: Path) -> None:
    edit(folder, 'sample = "sample"', 'sample = "donor+tissue"')
    edit(folder, "[samples]", "[samples]\n# joined")
    plan = load_study(folder).plan()
    assert set(plan.rows["sample"]) == set(make_cells(48).obs["sample"])


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2**31), ("500 MiB", 500 * 2**20), ("1.5 g", 3 * 2**29), ("12", 12)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_bytes(text) == size


def test_a_table_by_its_inner_name_has_its_mistakes_told(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text('[about]\ntitle = "Bad"\n[cells]\nfiles = ["a.h5ad"]\n')
    with pytest.raises(StudyError, match=r"\[about\] has no key 'title'"):
        load_study(file)
