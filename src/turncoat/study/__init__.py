"""What the user brings: cells, sample sheet, contrasts; all checked before work starts."""

import importlib
from typing import TYPE_CHECKING, Any

from turncoat.study.corrected import corrected
from turncoat.study.plan import TallyPlan, plan_cells, plan_sources
from turncoat.study.sources import Block, CellSource, open_source, open_sources

if TYPE_CHECKING:
    from turncoat.study.check import check_study
    from turncoat.study.checked import StudyCheck
    from turncoat.study.init import init_study
    from turncoat.study.model import Study, load_study

#: Loaded on first use: they bring pydantic, which a tally does not need.
_LATER = {
    "Study": "model",
    "StudyCheck": "checked",
    "check_study": "check",
    "init_study": "init",
    "load_study": "model",
}

__all__ = [
    "Block",
    "CellSource",
    "Study",
    "StudyCheck",
    "TallyPlan",
    "check_study",
    "corrected",
    "init_study",
    "load_study",
    "open_source",
    "open_sources",
    "plan_cells",
    "plan_sources",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(f"turncoat.study.{_LATER[name]}"), name)
    raise AttributeError(f"module 'turncoat.study' has no attribute {name!r}")
