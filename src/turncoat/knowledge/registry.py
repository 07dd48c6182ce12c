"""The shelf of bundled tables: each with its source, version, licence, date and checksum.

A table ``name`` is two files in ``tables/``: ``name.parquet`` (or ``.csv``, ``.json``, ``.npz``)
and the card ``name.card.json`` that :class:`Card` describes. Nothing is fetched at run time.
"""

import functools
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turncoat.errors import KnowledgeError, MissingKeyError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

SHELF = Path(__file__).parent / "tables"


@dataclass(frozen=True, slots=True)
class Card:
    """What one must know of a table before resting a claim on it.

    Parameters
    ----------
    name
        Name of the table.
    file
        File name on the shelf.
    description
        One sentence: what a row says.
    source
        Where it comes from: package and version, or publications.
    version
        Version of the source, or the date of our own table.
    licence
        Licence of the data, with notices that must travel with them.
    date
        When it was made, ISO 8601.
    sha256
        Checksum of the file.
    """

    name: str
    file: str
    description: str
    source: str
    version: str
    licence: str
    date: str
    sha256: str

    @property
    def path(self) -> Path:
        """The file on the shelf."""
        return SHELF / self.file


def checksum(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@functools.cache
def catalogue() -> dict[str, Card]:
    """Every bundled table's card, by name.

    Raises
    ------
    KnowledgeError
        When a card lacks a field.

    Examples
    --------
    >>> all(card.licence and card.source for card in catalogue().values())
    True
    """
    cards = {}
    for path in sorted(SHELF.glob("*.card.json")):
        try:
            card = Card(**json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, json.JSONDecodeError) as error:
            raise KnowledgeError(f"The card {path.name} is not a full card: {error}.") from error
        cards[card.name] = card
    return cards


def card_of(name: str) -> Card:
    """Look up one table's card.

    Raises
    ------
    MissingKeyError
        When there is no such table.
    """
    cards = catalogue()
    if name not in cards:
        raise MissingKeyError(f"There is no bundled table '{name}'. {did_you_mean(name, cards)}")
    return cards[name]


def verified_path(name: str) -> Path:
    """Return a table's file after checking that it is the one on its card.

    Raises
    ------
    KnowledgeError
        When the file is missing or its checksum differs.
    """
    card = card_of(name)
    if not card.path.is_file():
        raise KnowledgeError(f"The bundled table '{name}' lacks its file {card.file}: reinstall.")
    found = checksum(card.path)
    if found != card.sha256:
        raise KnowledgeError(
            f"The bundled table '{name}' is damaged: its checksum is {found[:12]}…, "
            f"its card says {card.sha256[:12]}…. Reinstall turncoat."
        )
    return card.path


@functools.cache
def _read(name: str) -> "pd.DataFrame":
    import pandas as pd

    path = verified_path(name)
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.read_csv(path, keep_default_na=False)
    raise KnowledgeError(f"The bundled table '{name}' is no data frame but {path.suffix}.")


def read_table(name: str) -> "pd.DataFrame":
    """Read one bundled table as a data frame, checked against its card.

    Raises
    ------
    KnowledgeError
        When the file is missing or damaged, or is not a data frame.
    MissingKeyError
        When there is no such table.
    """
    return _read(name).copy()


def versions() -> dict[str, str]:
    """Version and checksum of every table, for provenance."""
    return {name: f"{card.version} {card.sha256[:12]}" for name, card in catalogue().items()}


def verify_all() -> "pd.DataFrame":
    """Check every bundled table against its card.

    Returns
    -------
    pandas.DataFrame
        One row per table: name, file, bytes, version, licence, ok and problem (empty where ok).

    Examples
    --------
    >>> bool(verify_all()["ok"].all())
    True
    """
    import pandas as pd

    rows = []
    for name, card in catalogue().items():
        try:
            verified_path(name)
            problem = ""
        except KnowledgeError as error:
            problem = str(error)
        size = card.path.stat().st_size if card.path.is_file() else 0
        row = {"name": name, "file": card.path.name, "bytes": size, "version": card.version}
        rows.append(row | {"licence": card.licence, "ok": not problem, "problem": problem})
    return pd.DataFrame(
        rows, columns=["name", "file", "bytes", "version", "licence", "ok", "problem"]
    )


def write_card(name: str, path: Path, **facts: Any) -> None:
    """Write the card beside a table that a script has just made (for `scripts/`)."""
    file = Path(os.path.relpath(path.resolve(), SHELF)).as_posix()
    card = {"name": name, "file": file, **facts, "sha256": checksum(path)}
    Card(**card)
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (SHELF / f"{name}.card.json").write_text(text, encoding="utf-8")
