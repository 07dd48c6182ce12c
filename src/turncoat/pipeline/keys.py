"""Keys of stages: two runs with the same key would find the same."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from turncoat import __version__
from turncoat.errors import MissingFileError
from turncoat.files import digest, write_text
from turncoat.knowledge.registry import versions
from turncoat.pipeline.stage import Stage
from turncoat.study import Study


class InputHashes:
    """Content hashes of input files, remembered by size and time so that none is read twice.

    Parameters
    ----------
    memory
        File that remembers the hashes between runs.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known: dict[str, list[Any]] = {}
        try:
            self._known = json.loads(memory.read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            # Nothing remembered, or a damaged memory: hash again.
            self._known = {}

    def of(self, path: Path) -> str:
        """Hash a file or folder.

        Raises
        ------
        MissingFileError
            When it is not there.
        """
        if not path.exists():
            raise MissingFileError(f"The input {path} does not exist.")
        stamp = _stamp(path)
        name = str(path.resolve())
        known = self._known.get(name)
        if known is not None and known[0] == stamp:
            return str(known[1])
        found = digest(path)
        self._known[name] = [stamp, found]
        write_text(self._memory, json.dumps(self._known, indent=1))
        return found


def _stamp(path: Path) -> list[list[Any]]:
    parts = sorted(path.rglob("*")) if path.is_dir() else [path]
    stats = [(part.as_posix(), part.stat()) for part in parts if part.is_file()]
    return [[name, stat.st_size, stat.st_mtime_ns, stat.st_ino] for name, stat in stats]


def facts_of(
    stage: Stage, study: "Study", hashes: InputHashes, upstream: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that a stage's findings depend on, as it goes into provenance."""
    knowledge = versions()
    return {
        "stage": stage.name,
        "version": stage.version,
        "turncoat": __version__,
        "parameters": dict(stage.parameters(study)),
        "inputs": {_as_given(path, study): hashes.of(path) for path in stage.inputs(study)},
        "knowledge": {name: knowledge.get(name, "absent") for name in stage.knowledge},
        "upstream": {name: upstream[name] for name in stage.needs},
    }


def _as_given(path: Path, study: Study) -> str:
    """Name an input as the study file does: relative to itself, where it lies beside or below."""
    home = study.path.parent.resolve()
    whole = path.resolve()
    return whole.relative_to(home).as_posix() if whole.is_relative_to(home) else path.name


def key_of(facts: Mapping[str, Any]) -> str:
    """Condense the facts to a key; where the inputs lie does not matter, only what they hold."""
    judged = {**facts, "inputs": list(facts["inputs"].values())}
    text = json.dumps(judged, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
