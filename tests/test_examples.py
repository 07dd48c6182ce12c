"""Examples that are shown but not run still call what there is, by the names there are.

An example that needs a study on disk, a long run or the reader's own cells is not executed; a
renamed function or parameter would leave it behind. Each call in the docstrings and in the
pages' Python blocks is therefore bound to the signature of what it calls.
"""

import ast
import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import turncoat

ROOT = Path(__file__).parent.parent
NAMESPACES = ("turncoat", *(f"turncoat.{s}" for s in ("pp", "tl", "pl", "get", "ds", "sim")))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def docstring_examples() -> Iterator[tuple[str, str]]:
    parser = doctest.DocTestParser()
    for namespace in NAMESPACES:
        module = importlib.import_module(namespace)
        for name in module.__all__:
            text = inspect.getdoc(getattr(module, name)) or ""
            source = "".join(example.source for example in parser.get_examples(text))
            if source:
                yield f"{namespace}.{name}", source


def page_examples() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        if "_build" in page.parts or "generated" in page.parts:
            continue
        for place, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            yield f"{page.relative_to(ROOT).as_posix()}:{place}", block


EXAMPLES = dict([*docstring_examples(), *page_examples()])


def chain(node: ast.expr) -> list[str]:
    """Take ``tc.tl.reach`` apart; empty where it is not a name of turncoat."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in {"tc", "turncoat"}:
        return [*reversed(parts)]
    return []


def resolve(parts: list[str]) -> Any:
    thing: Any = turncoat
    for part in parts:
        thing = getattr(thing, part)
    return thing


def bind(call: ast.Call, function: Any) -> None:
    """Bind a call's arguments to a signature, unless the example elides some."""
    stands_for_more = any(
        (isinstance(argument, ast.Constant) and argument.value is ...)
        or isinstance(argument, ast.Starred)
        for argument in call.args
    )
    named = {keyword.arg: None for keyword in call.keywords if keyword.arg}
    signature = inspect.signature(function)
    if stands_for_more or len(named) < len(call.keywords):
        signature.bind_partial(**named)
    else:
        signature.bind(*call.args, **named)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 60


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_examples_call_what_there_is(name: str) -> None:
    for node in ast.walk(ast.parse(EXAMPLES[name])):
        if isinstance(node, ast.Attribute) and (parts := chain(node)):
            resolve(parts)
        if isinstance(node, ast.Call) and (parts := chain(node.func)):
            bind(node, resolve(parts))
