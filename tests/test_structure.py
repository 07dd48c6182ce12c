"""Laws of shape: what every module, kernel and public function keeps."""

import ast
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
