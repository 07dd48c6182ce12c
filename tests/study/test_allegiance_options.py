"""[allegiance] in study.toml: which test verdicts rest on."""

from pathlib import Path

import pytest

from study.test_crosstalk_options import study_with
from turncoat.errors import StudyError
from turncoat.pipeline.rooms.allegiance import STAGE
from turncoat.study import load_study


def test_the_test_of_verdicts_is_read_and_is_a_parameter_of_the_stage(tmp_path: Path) -> None:
    plain = load_study(study_with(tmp_path, ""))
    assert plain.allegiance.test == "permutation"
    moderated = load_study(study_with(tmp_path, '\n[allegiance]\ntest = "moderated"\n'))
    assert moderated.allegiance.test == "moderated"
    assert STAGE.parameters(plain) != STAGE.parameters(moderated)


def test_an_unknown_test_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"allegiance.*permutation"):
        load_study(study_with(tmp_path, '\n[allegiance]\ntest = "exact"\n'))
