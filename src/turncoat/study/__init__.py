"""What the user brings: cells, sample sheet, contrasts; all checked before work starts."""

from turncoat.study.plan import TallyPlan, plan_cells, plan_sources
from turncoat.study.sources import Block, CellSource, open_source, open_sources

__all__ = [
    "Block",
    "CellSource",
    "TallyPlan",
    "open_source",
    "open_sources",
    "plan_cells",
    "plan_sources",
]
