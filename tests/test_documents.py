"""What the documents promise: examples run, names exist, docstrings are whole."""

import importlib
import inspect
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpydoc.validate import validate

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NAMESPACES = ("turncoat", *(f"turncoat.{s}" for s in ("pp", "tl", "pl", "get", "ds", "sim")))

#: What every public docstring has (style: types and defaults live in the signature only).
CHECKS = {
    "GL01", "GL03", "GL05", "GL06", "GL07", "GL08", "SS01", "SS02", "SS03", "SS04", "SS05",
    "PR01", "PR02", "PR03", "PR07", "PR08", "RT01", "RT03", "EX01",
}  # fmt: skip
#: Our own order of the first line (imperative, on the line of the quotes) is ruff's to check.
CHECKS -= {"GL01", "SS05"}


def public_names() -> Iterator[str]:
    """Where every public name is defined; some have another name there."""
    for namespace in NAMESPACES:
        module = importlib.import_module(namespace)
        for name in module.__all__:
            thing = getattr(module, name)
            if callable(thing) and not inspect.ismodule(thing):
                yield f"{thing.__module__}.{thing.__qualname__}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")
def test_examples_run(
    example: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_the_readme_shows_the_example_that_is_run() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert shown is not None
    example = (ROOT / "examples" / "notebook.py").read_text(encoding="utf-8")
    assert shown.group(1).strip() in example


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_and_pictures_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_dependency_is_justified_in_one_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| ([a-z0-9-]+) \| \S", page, re.MULTILINE))
    named = {re.split(r"[\[<>=~! ]", entry)[0] for entry in project["dependencies"]}
    assert named - told == set()
    extras = set(re.findall(r"^\| `([a-z0-9]+)` \| \S", page, re.MULTILINE))
    assert set(project["optional-dependencies"]) == extras


def test_every_dependency_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py"))
    unused = [
        name
        for name in (re.split(r"[\[<>=~! ]", entry)[0] for entry in project["dependencies"])
        # pyarrow is what pandas reads and writes parquet with.
        if name != "pyarrow" and not re.search(rf"^\s*(import|from) {name}\b", source, re.MULTILINE)
    ]
    assert unused == []


def test_real_lower_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [entry for entry in project["dependencies"] if ">=" not in entry] == []


@pytest.mark.parametrize("name", sorted(set(public_names())))
def test_public_docstrings_are_whole(name: str) -> None:
    thing = validate(name)
    # A class that only holds results is shown where it is made.
    wanted = CHECKS - ({"EX01"} if thing["type"] == "type" else set())
    found = [(code, text) for code, text in thing["errors"] if code in wanted]
    assert found == []


def test_there_is_a_changelog_and_a_warning() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \d+\.\d+\.\d+", changelog, re.MULTILINE)
    assert "Research use only" in (ROOT / "README.md").read_text(encoding="utf-8")
