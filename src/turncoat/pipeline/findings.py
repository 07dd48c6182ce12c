"""Results of rooms as files: a parquet per table, a npy per array, the rest as JSON beside them."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from turncoat.errors import FileFormatError, MissingKeyError, TableError, did_you_mean
from turncoat.files import whole_file, write_text
from turncoat.tables import from_uns, to_uns

T = TypeVar("T")

#: A finding is called ``room`` or ``room.part``: what a file name may hold on any system.
NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_-]+)?")

#: How the fields that have a file of their own are read, by the file's suffix.
READERS: dict[str, Callable[[Path], Any]] = {
    ".parquet": pd.read_parquet,
    ".npy": lambda path: np.load(path, allow_pickle=False),
}


def slug(text: str) -> str:
    """Turn a label into what a finding's name may hold.

    Examples
    --------
    >>> slug("tissue: tLung vs nLung")
    'tissue-tlung-vs-nlung'
    """
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-") or "unnamed"


class Findings:
    """The results in one folder, by name.

    Parameters
    ----------
    folder
        The run's ``findings`` folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, name: str, result: object) -> list[Path]:
        """Write a result's tables and its other fields; each file whole or absent.

        Raises
        ------
        TableError
            When the name holds what a file name cannot.
        OutputError
            When the folder cannot be written.
        """
        if not NAME.fullmatch(name):
            raise TableError(
                f"A finding is named 'room' or 'room.part' in small letters, digits, '_' and '-'; "
                f"got '{name}'."
            )
        packed = to_uns(result)
        written, others = [], {}
        for field in dataclasses.fields(result):  # type: ignore[arg-type]
            value = getattr(result, field.name)
            if isinstance(value, pd.DataFrame):
                written.append(self._write_table(name, field.name, value))
            elif isinstance(value, np.ndarray):
                written.append(self._write_array(name, field.name, value))
            else:
                others[field.name] = packed["fields"][field.name]
        path = self.folder / f"{name}.json"
        text = json.dumps({"class": packed["class"], "fields": others}, indent=1)
        write_text(path, text + "\n")
        return [*written, path]

    def _write_table(self, name: str, field: str, table: pd.DataFrame) -> Path:
        path = self.folder / f"{name}.{field}.parquet"
        with whole_file(path) as unfinished:
            table.to_parquet(unfinished, index=False)
        return path

    def _write_array(self, name: str, field: str, array: np.ndarray[Any, Any]) -> Path:
        path = self.folder / f"{name}.{field}.npy"
        with whole_file(path) as unfinished, unfinished.open("wb") as stream:
            np.save(stream, array, allow_pickle=False)
        return path

    def load(self, name: str, cls: type[T]) -> T:
        """Read a result back.

        Raises
        ------
        MissingKeyError
            When there is no result of that name.
        FileFormatError
            When its files are damaged.
        """
        path = self.folder / f"{name}.json"
        if not path.is_file():
            raise MissingKeyError(
                f"This run has no finding '{name}'. {did_you_mean(name, self.names())}"
            )
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            fields: dict[str, Any] = dict(stored["fields"])
            for suffix, read in READERS.items():
                for part in self.folder.glob(f"{name}.*{suffix}"):
                    field = part.name.removeprefix(f"{name}.").removesuffix(suffix)
                    if "." not in field:
                        fields[field] = read(part)
            return from_uns(cls, {"class": stored["class"], "fields": fields})
        except (EOFError, json.JSONDecodeError, KeyError, OSError, ValueError) as error:
            if isinstance(error, TableError):
                raise
            raise FileFormatError(
                f"The finding '{name}' in {self.folder} is damaged ({error}). "
                "Run again with --fresh."
            ) from error

    def names(self, room: str = "") -> list[str]:
        """Names of the findings, of one room or of all."""
        found = sorted(path.name.removesuffix(".json") for path in self.folder.glob("*.json"))
        return [name for name in found if not room or name.split(".")[0] == room]
