"""How the documentation is built: ``make docs``, warnings are errors, no network."""

import importlib
import inspect
from pathlib import Path

import turncoat

HERE = Path(__file__).parent

project = "turncoat"
author = "The turncoat developers"
copyright = "The turncoat developers. BSD-3-Clause"
version = release = turncoat.__version__
language = "en-GB"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "api/generated/*.inc"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "sphinx_book_theme"
html_title = "turncoat"
html_static_path = ["_static"]
html_theme_options = {"use_download_button": False, "home_page_in_toc": True}

# Every public name is documented because it is public, not because somebody remembered.
NAMESPACES = {
    "": "The package",
    "pp": "From files to a tally (`tc.pp`)",
    "tl": "From a tally to answers (`tc.tl`)",
    "pl": "Figures (`tc.pl`)",
    "get": "Results as tidy tables (`tc.get`)",
    "ds": "Data sets (`tc.ds`)",
    "sim": "In-silico mice (`tc.sim`)",
}


def _page(space: str, title: str) -> str:
    module = importlib.import_module(f"turncoat.{space}".rstrip("."))
    names = sorted(
        name
        for name in module.__all__
        if not inspect.ismodule(getattr(module, name)) and not name.startswith("__")
    )
    listed = "\n".join(f"   {module.__name__}.{name}" for name in names)
    directive = f"```{{eval-rst}}\n.. autosummary::\n   :toctree: .\n\n{listed}\n```\n"
    return f"# {title}\n\n{inspect.getdoc(module)}\n\n{directive if names else ''}"


def _write_api_pages() -> None:
    folder = HERE / "api" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    for space, title in NAMESPACES.items():
        text = _page(space, title)
        page = folder / f"index-{space or 'turncoat'}.md"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def _write_changes() -> None:
    """Join the fragments of changes that are not released yet."""
    fragments = sorted((HERE.parent / "changes").glob("*.md"))
    text = "\n".join(
        f"### {path.stem.replace('-', ' ').replace('_', ' ').capitalize()}\n\n"
        + path.read_text(encoding="utf-8").strip()
        + "\n"
        for path in fragments
    )
    (HERE / "api" / "generated" / "changes.inc").write_text(text, encoding="utf-8")


_write_api_pages()
_write_changes()
