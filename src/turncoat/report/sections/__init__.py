"""One module per room: ``section(material) -> Section | None``. Their order is editorial."""

import importlib
import pkgutil
from typing import TYPE_CHECKING

from turncoat.errors import ArgumentError

if TYPE_CHECKING:
    from turncoat.report.section import Material, Section

#: The order of the page: first what can be known at all, then the six questions.
ORDER = (
    "design",
    "reach",
    "allegiance",
    "pool",
    "states",
    "crosstalk",
    "niche",
    "abundance",
    "outcome",
    "therapy",
    "simulate",
    "cells",
    "quality",
)


def write_sections(material: "Material") -> "dict[str, Section]":
    """Write every room's section, in the order of the page; rooms with nothing to say are absent.

    Raises
    ------
    ArgumentError
        When a module here has no place in :data:`ORDER`.
    """
    present = {module.name for module in pkgutil.iter_modules(__path__)}
    unplaced = sorted(present - set(ORDER))
    if unplaced:
        raise ArgumentError(f"Give the sections {unplaced} a place in report.sections.ORDER.")
    sections = {}
    for name in (name for name in ORDER if name in present):
        section = importlib.import_module(f"{__name__}.{name}").section(material)
        if section is not None:
            sections[name] = section
    return sections
