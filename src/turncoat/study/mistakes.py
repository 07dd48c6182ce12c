"""Mistakes in ``study.toml``, said in the words of the file."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from turncoat.errors import did_you_mean


def explain(error: ValidationError, form: type[BaseModel], name: str) -> str:
    """Say in one line per mistake what is wrong with a study file.

    Parameters
    ----------
    error
        What pydantic found.
    form
        The model of the whole file.
    name
        How to call the file.

    Returns
    -------
    str
        The message: table, key, what was found, what was expected.
    """
    lines = [_explain_one(mistake, form) for mistake in error.errors()]
    if len(lines) == 1:
        return f"{name}: {lines[0]}"
    listed = "\n".join(f"  - {line}" for line in lines)
    return f"{name} has {len(lines)} mistakes:\n{listed}"


def _explain_one(mistake: Any, form: type[BaseModel]) -> str:
    place = [part for part in mistake["loc"] if not isinstance(part, int)]
    numbers = [part for part in mistake["loc"] if isinstance(part, int)]
    table, key = (str(part) for part in (["", *place] if len(place) == 1 else place[:2]))
    at = f"[{table}]" if table else "the file"
    if numbers and place[0] in {"contrasts", "cohorts", "studies"}:
        at = f"[[{place[0]}]] number {numbers[0] + 1}"
        key = key if len(place) > 1 else ""
    if mistake["type"] == "extra_forbidden":
        known = _keys(form, table)
        kind = "table" if not table else "key"
        return f"{at} has no {kind} '{key}'. {did_you_mean(key, known)}"
    if mistake["type"] == "missing":
        return f"{at} needs '{key}', which is not there."
    said = str(mistake["msg"]).removeprefix("Value error, ").rstrip(".")
    found = mistake.get("input")
    shown = "" if isinstance(found, dict) else f" (found {found!r})"
    at = f"{at} {key}" if key else at
    return f"{at}: {said[:1].lower()}{said[1:]}{shown}."


def _keys(form: type[BaseModel], table: str) -> list[str]:
    """Names that are allowed in a table, or the tables themselves."""
    by_alias = {field.alias or name: field for name, field in form.model_fields.items()}
    if not table:
        return list(by_alias)
    annotation: Any = (form.model_fields | by_alias)[table].annotation
    inner = [annotation, *get_args(annotation)]
    model = next(one for one in inner if isinstance(one, type) and issubclass(one, BaseModel))
    return list(model.model_fields)
