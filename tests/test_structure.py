"""Laws of shape: what every module, kernel and public function keeps."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "turncoat"
# Generated code is written by a program and read by another.
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent.name != "generated")
MAX_LINES = 300
MAX_CODE_LINES = 40


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's statements, docstring left out."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_and_functions_stay_small(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = [
        f"{node.name}: {code_lines(node)}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, functions) and code_lines(node) > MAX_CODE_LINES
    ]
    assert not long


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_assert_no_print_and_numba_only_in_kernel(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert "pickle" not in imported
    assert "numba" not in imported or module.name in {"kernel.py", "kernels.py"}


def test_importing_turncoat_is_light() -> None:
    code = (
        "import sys, turncoat; heavy = {'numba', 'anndata', 'matplotlib', 'scipy', 'pandas', "
        "'lifelines', 'zarr'}; print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("space", ["pp", "tl"])
def test_what_a_namespace_loads_is_what_it_tells_type_checkers(space: str) -> None:
    module = importlib.import_module(f"turncoat.{space}")
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    told = {
        name.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert told == module.HOMES
    assert list(module.HOMES) == module.__all__ == sorted(module.__all__)
    assert dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name).__module__.startswith("turncoat.")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = module.nonsense


def test_a_question_loads_its_own_room_alone() -> None:
    code = (
        "import sys, turncoat as tc; tc.pp.tally, tc.tl.crosstalk\n"
        "rooms = ('allegiance', 'cells', 'niche', 'outcome', 'therapy', 'simulate', 'report')\n"
        "print([room for room in rooms if f'turncoat.{room}' in sys.modules])\n"
        "print(sorted({'matplotlib', 'numba', 'scipy.stats', 'scipy.optimize'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[]", "[]"]
