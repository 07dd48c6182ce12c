"""What annotation found: one row a cell, and the tables that say how far to trust it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import pandas as pd

from turncoat.tables import Column, TableSchema

#: Label of a cell whose population is not sure.
UNASSIGNED: Final = "unassigned"


@dataclass(frozen=True, slots=True)
class Annotation:
    """What :func:`turncoat.pp.annotate` found.

    Parameters
    ----------
    cells
        One row a cell.
    samples
        How many cells of each sample were called, and how many were left unassigned.
    panel
        What the genes at hand can tell apart.
    states
        Each state: where it was seen, how often noise alone would make one, and the smallest
        number of cells that is more than noise.
    disagreement
        The user's labels against ours, where the user gave any; the user's win.
    params
        What was done, as texts and numbers.
    """

    cells: pd.DataFrame
    samples: pd.DataFrame
    panel: pd.DataFrame
    states: pd.DataFrame
    disagreement: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    cells_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("file", "text", "", "File of the cell."),
            Column("barcode", "text", "", "Barcode of the cell."),
            Column("sample", "text", "", "Sample of the cell."),
            Column("population", "text", "", "Population; unassigned where not sure."),
            Column("confidence", "real", "", "Probability of the population, 0 to 1."),
            Column("lineage", "text", "", "Lineage; unassigned where not sure."),
            Column("lineage_confidence", "real", "", "Probability of the lineage, 0 to 1."),
            Column("state", "text", "", "State within the population; empty where none is sure."),
            Column("guess", "text", "", "Likeliest population, also of an unassigned cell."),
            Column("depth", "real", "counts", "Counts of the cell over all genes."),
            Column("label", "text", "", "The user's label in our words; empty without one."),
        ),
    )
    samples_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("n_cells", "whole", "cells", "Cells."),
            Column("n_called", "whole", "cells", "Cells with a population."),
            Column("n_unassigned", "whole", "cells", "Cells without."),
            Column("median_depth", "real", "counts", "Median counts per cell."),
            Column("remark", "text", "", "What to know of this sample."),
        ),
        key=("sample",),
    )
    panel_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("level", "text", "", "lineage, population, prototype or state."),
            Column("name", "text", "", "What is to be told."),
            Column("parent", "text", "", "Within which lineage or population."),
            Column("n_markers", "whole", "genes", "Published markers."),
            Column("n_measured", "whole", "genes", "Of these, measured here."),
            Column("told", "flag", "", "Whether cells are called it on this panel."),
            Column("missing", "text", "", "Markers that were not measured."),
        ),
        key=("level", "name"),
    )
    states_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Population."),
            Column("state", "text", "", "State."),
            Column("n_cells", "whole", "cells", "Cells called it."),
            Column("n_samples", "whole", "samples", "Samples they are in."),
            Column("n_donors", "whole", "donors", "Donors they are of."),
            Column("share", "real", "", "Share of the population's cells."),
            Column("false_share", "real", "", "The same after shuffling every marker: noise."),
            Column("detection_limit", "whole", "cells", "Fewer than this is within the noise."),
            Column("status", "text", "", "tested, abstained or not_testable."),
            Column("reason", "text", "", "Why not tested or not believed."),
        ),
        key=("population", "state"),
    )
    disagreement_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("label", "text", "", "The user's label in our words."),
            Column("population", "text", "", "What we would have called them."),
            Column("n_cells", "whole", "cells", "Cells."),
            Column("share", "real", "", "Share of the label's cells."),
        ),
        key=("label", "population"),
    )

    def __post_init__(self) -> None:
        self.cells_schema.check(self.cells)
        self.samples_schema.check(self.samples)
        self.panel_schema.check(self.panel)
        self.states_schema.check(self.states)
        self.disagreement_schema.check(self.disagreement)

    def cell_labels(self) -> pd.DataFrame:
        """Labels for :meth:`turncoat.study.Study.plan`: index barcode, columns file, population."""
        table = self.cells[["file", "population"]].replace({"population": {UNASSIGNED: ""}})
        table.index = pd.Index(self.cells["barcode"], name=None)
        return table
