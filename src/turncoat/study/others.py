"""Other studies that are asked the same questions, so that their answers can be put together."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from turncoat.errors import FileFormatError, MissingFileError, StudyError, did_you_mean
from turncoat.study.form import ContrastForm, Form, StudyPath

if TYPE_CHECKING:
    import anndata as ad

#: A run's folder holds its tally under this name.
TALLY = "tally.h5ad"


class OtherStudyForm(Form):
    """``[[studies]]``: another study's tally, or the folder of its run.

    ``contrasts`` says, by the names of this study's contrasts, what they are called there; where it
    is silent, they are called the same.
    """

    name: str
    tally: StudyPath
    contrasts: dict[str, ContrastForm] = Field(default_factory=dict)

    @field_validator("tally")
    @classmethod
    def _is_there(cls, path: Path) -> Path:
        return tally_file(path)


def tally_file(path: Path) -> Path:
    """Find a tally: the file itself, or that of a run's folder.

    Raises
    ------
    MissingFileError
        When there is none.
    """
    file = path / TALLY if path.is_dir() else path
    if not file.is_file():
        raise MissingFileError(
            f"There is no tally at {file}. Expected a tally (.h5ad) or the folder of a finished run; "
            "`turncoat tally study.toml` makes one."
        )
    return file


def read_tally(path: Path) -> "ad.AnnData":
    """Read a tally, given as file or as the folder of a run.

    Raises
    ------
    MissingFileError
        When there is none.
    FileFormatError
        When the file is damaged, or no h5ad.
    """
    import anndata as ad

    file = tally_file(path)
    try:
        return ad.read_h5ad(file)
    # What h5py and AnnData raise for a file that is none of theirs, or cut short.
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"{file} cannot be read as a tally: {error} Expected an h5ad file that `turncoat tally` or a "
            "run wrote; make or fetch it again."
        ) from error


def check_others(
    file: str, title: str, others: Sequence[OtherStudyForm], contrasts: Collection[str]
) -> None:
    """Refuse other studies of one name, and contrasts that this study does not have.

    Raises
    ------
    StudyError
        When two studies are called the same, or a contrast is unknown.
    """
    names = [title, *(one.name for one in others)]
    for one in others:
        if names.count(one.name) > 1:
            raise StudyError(
                f"{file}: two studies are called '{one.name}', this one included. Give each of "
                "[[studies]] a name of its own."
            )
        for name in one.contrasts:
            if name not in contrasts:
                raise StudyError(
                    f"{file}: [[studies]] '{one.name}' words the contrast '{name}', but no contrast "
                    f"is called so. {did_you_mean(name, contrasts)}"
                )
