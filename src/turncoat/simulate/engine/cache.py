"""Generated modules on disk, one folder per model, checked before use.

The folder's name is the digest of the model and of the code generator's version, so that a
changed model never meets old code. A file that is not what was written (a killed run, a full
disk) is noticed by its checksum and written again.
"""

import hashlib
import importlib.util
import json
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from turncoat.errors import OutputError
from turncoat.simulate.engine.codegen import CODE_VERSION, generate
from turncoat.simulate.engine.form import Form

log = logging.getLogger(__name__)

SOURCE = "model.py"
MANIFEST = "manifest.json"


def cache_folder() -> Path:
    """Where generated and compiled models are kept; ``TURNCOAT_CACHE`` moves it."""
    named = os.environ.get("TURNCOAT_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "turncoat"


def model_folder(form: Form) -> Path:
    """Folder of one model's generated module and of its compiled code."""
    return cache_folder() / "models" / f"{form.digest}-{CODE_VERSION}"


def load(form: Form, shipped: Path | None = None) -> ModuleType:
    """Import a model's generated module, writing it first where needed.

    Parameters
    ----------
    form
        The model.
    shipped
        A module generated when the package was built, copied if it is of this very model.

    Returns
    -------
    ModuleType
        The module, plain Python; compiled code is kept beside it.
    """
    folder = model_folder(form)
    if not intact(folder):
        if folder.exists():
            log.warning("The cached code of model %s was damaged; it is built again.", form.name)
            shutil.rmtree(folder, ignore_errors=True)
        _write(folder, _text(form, shipped))
    name = f"turncoat_model_{form.digest}_{CODE_VERSION}"
    if name in sys.modules and sys.modules[name].__file__ == str(folder / SOURCE):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, folder / SOURCE)
    if spec is None or spec.loader is None:
        raise OutputError(f"The generated module {folder / SOURCE} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    # numba finds the functions of its cache again by this name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _text(form: Form, shipped: Path | None) -> str:
    if shipped is not None and shipped.is_file():
        text = shipped.read_text(encoding="utf-8")
        head = f"DIGEST = {form.digest!r}\nCODE_VERSION = {CODE_VERSION}\n"
        if head in text:
            return text
    return generate(form)


def _write(folder: Path, text: str) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
        (made / SOURCE).write_text(text, encoding="utf-8")
        seal(made)
        try:
            made.rename(folder)
        except OSError:
            # Another process was quicker; both wrote the same text.
            shutil.rmtree(made, ignore_errors=True)
            if not (folder / SOURCE).is_file():
                raise
    except OSError as error:
        raise OutputError(
            f"The model cache {folder.parent} cannot be written ({error}). "
            "Set TURNCOAT_CACHE to a folder that can."
        ) from error


def _digests(folder: Path) -> dict[str, str]:
    kept = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(kept)
        if not path.name.startswith("tmp") and path.suffix != ".pyc"
    }


def seal(folder: Path) -> None:
    """Note what every file of a model's folder holds, once compiled code is in it."""
    text = json.dumps(_digests(folder), indent=0)
    part = folder / f".{MANIFEST}.{os.getpid()}"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / MANIFEST)


def intact(folder: Path) -> bool:
    """Whether every file noted by :func:`seal` still holds what it held."""
    try:
        noted = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in noted}
    except (OSError, ValueError, TypeError):
        return False
    return bool(noted) and found == noted
