"""[crosstalk] in study.toml: what it may say, and how its mistakes are told."""

import inspect
from pathlib import Path

import pandas as pd
import pytest

from study.cells import make_cells
from turncoat.crosstalk import crosstalk
from turncoat.errors import MissingFileError, MissingKeyError, StudyError
from turncoat.pipeline.rooms.crosstalk import STAGE
from turncoat.study import check_study, form, init_study, load_study

TEXT = """
[cells]
files = "cells.h5ad"
donor = "donor"
sample = "sample"
tissue = "tissue"
population = "cell_type"

[[contrasts]]
name = "organ"
variable = "tissue"
case = "tumour"
reference = "normal"
block = "donor"

[statistics]
fdr = 0.2

[crosstalk]
"""


def study_with(folder: Path, options: str) -> Path:
    cells = make_cells(48)
    cells.write_h5ad(folder / "cells.h5ad")
    (folder / "study.toml").write_text(TEXT + options)
    return folder / "study.toml"


def test_options_reach_the_stage(tmp_path: Path) -> None:
    names = sorted(set(make_cells(48).obs["cell_type"]))
    pairs = tmp_path / "mine.csv"
    pairs.write_text("ligand,receptor,effect\nTGFB1,CD8A_NCAM1,\nIFNG,IFNGR1,anti_tumour\n")
    text = f'senders = "{names[0]}"\nreceivers = ["{names[1]}"]\npairs = "mine.csv"\n'
    study = load_study(study_with(tmp_path, text + 'contrasts = ["organ"]\nmin_donors = 2\n'))
    study.plan()
    assert study.crosstalk.senders == (names[0],)
    stated = STAGE.parameters(study)
    assert stated["fdr"] == 0.2  # that of [statistics]
    assert stated["options"]["receivers"] == [names[1]]
    assert stated["options"]["min_donors"] == 2
    assert list(STAGE.inputs(study)) == [pairs]
    own = study.pairs()
    assert own is not None
    assert own["receptor"].tolist() == ["CD8A_NCAM1", "IFNGR1"]
    assert own["effect"].tolist() == ["", "anti_tumour"]
    problems = check_study(tmp_path / "study.toml").problems
    told = problems[problems["where"] == "own pair IFNG → IFNGR1"]
    assert told["problem"].tolist() == ["the cells lack IFNG, IFNGR1"]
    assert STAGE.parameters(load_study(study_with(tmp_path, "fdr = 0.01\n")))["fdr"] == 0.01


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ("sender = 'NK'", StudyError, r"\[crosstalk\] has no key 'sender'. Did you mean 'senders'"),
        ("senders = ['Nobody']", StudyError, "senders has 'Nobody', but no population"),
        ("receivers = 'nk cell'", StudyError, "receivers has 'nk cell', but no population"),
        ("senders = []", StudyError, "name at least one population"),
        ("contrasts = ['organs']", StudyError, "no contrast is called so. Did you mean 'organ'"),
        ("min_donors = 1", StudyError, r"\[crosstalk\] min_donors: .*greater than or equal to 2"),
        ("fdr = 1.5", StudyError, r"\[crosstalk\] fdr: .*less than 1"),
        ("ambient = 1", StudyError, r"\[crosstalk\] ambient"),
        ("permutations = 7", StudyError, "or at least 99 is needed"),
        ("pairs = 'none.csv'", MissingFileError, "none.csv"),
        ("pairs = 'nocolumn.csv'", MissingKeyError, "no column 'receptor'"),
        ("pairs = 'unknown.csv'", StudyError, "No pair of the table unknown.csv has all its genes"),
        ("pairs = 'bad.csv'", StudyError, "Line 3 of the table of pairs bad.csv has the receptor"),
    ],
)
def test_mistakes_are_told_before_any_work(
    tmp_path: Path, options: str, error: type[Exception], message: str
) -> None:
    pd.DataFrame({"ligand": ["L"], "target": ["A"]}).to_csv(tmp_path / "nocolumn.csv", index=False)
    (tmp_path / "bad.csv").write_text("ligand,receptor\nL,A\nL,A__B\n")
    (tmp_path / "unknown.csv").write_text("ligand,receptor\nNOSUCH,GENE_NEITHER\n")
    path = study_with(tmp_path, options + "\n")
    with pytest.raises(error, match=message):
        load_study(path).plan()


def test_defaults_are_those_of_the_tool(tmp_path: Path) -> None:
    options = load_study(study_with(tmp_path, "")).crosstalk
    tool = inspect.signature(crosstalk).parameters
    for key in ("senders", "receivers", "min_cells", "min_donors", "min_detection", "ambient"):
        assert getattr(options, key) == tool[key].default
    assert options.permutations == tool["n_permutations"].default
    assert form.StatisticsForm().fdr == tool["fdr"].default


def test_init_writes_every_option_as_a_comment(tmp_path: Path) -> None:
    make_cells(48).write_h5ad(tmp_path / "cells.h5ad")
    text = init_study(tmp_path / "cells.h5ad")
    part = text.split("# [crosstalk]\n")[1].split("\n\n")[0]
    keys = {line.removeprefix("# ").split(" = ")[0] for line in part.splitlines()}
    assert keys == set(type(load_study(study_with(tmp_path, "")).crosstalk).model_fields)
