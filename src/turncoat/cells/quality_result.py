"""What a look at the quality of cells found."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import pandas as pd

from turncoat.tables import BoolArray, Column, TableSchema

CELLS_SCHEMA: Final = TableSchema(
    columns=(
        Column("barcode", "text", "", "Cell."),
        Column("sample", "text", "", "Sample."),
        Column("counts", "real", "counts", "Counts over all genes."),
        Column("genes", "real", "genes", "Genes with a count."),
        Column("mito", "real", "", "Share of mitochondrial counts."),
        Column("ribo", "real", "", "Share of ribosomal counts."),
        Column("haemoglobin", "real", "", "Share of haemoglobin counts."),
        Column("marks", "text", "", "Why the cell is doubtful, separated by '; '; empty if not."),
        Column("removed", "flag", "", "Whether the cell is left out of everything that follows."),
    ),
)


@dataclass(frozen=True, slots=True)
class Quality:
    """What :func:`turncoat.pp.quality` found.

    Parameters
    ----------
    cells
        One row a cell.
    thresholds
        One row per sample and measure.
    marks
        How many cells of each sample were marked, and how many of them left out, by reason.
    samples
        How many cells of each sample were marked at all, and how many left out.
    soup
        Share of each lineage's marker counts that lie in cells of other lineages.
    params
        Constants that were used.
    """

    cells: pd.DataFrame
    thresholds: pd.DataFrame
    marks: pd.DataFrame
    samples: pd.DataFrame
    soup: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    cells_schema: ClassVar[TableSchema] = CELLS_SCHEMA
    thresholds_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("measure", "text", "", "counts, genes, mito, ribo or haemoglobin."),
            Column("low", "real", "", "Below this a cell is marked; NaN for no bound."),
            Column("high", "real", "", "Above this a cell is marked; NaN for no bound."),
            Column("own", "flag", "", "Whether the sample had enough cells for its own."),
        ),
        key=("sample", "measure"),
    )
    marks_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("reason", "text", "", "Mark."),
            Column("n_cells", "whole", "cells", "Cells with it."),
            Column("n_removed", "whole", "cells", "Of these, left out for it."),
        ),
        key=("sample", "reason"),
    )
    samples_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("n_cells", "whole", "cells", "Cells."),
            Column("n_marked", "whole", "cells", "Cells with a mark or several."),
            Column("n_removed", "whole", "cells", "Cells left out."),
            Column("median_counts", "real", "counts", "Median counts per cell."),
            Column("median_genes", "real", "genes", "Median genes per cell."),
        ),
        key=("sample",),
    )
    soup_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("lineage", "text", "", "Whose markers."),
            Column("rate", "real", "", "Share of a foreign cell's counts that are its markers."),
            Column("own_rate", "real", "", "The same in its own cells."),
            Column("soup", "real", "", "Rate in foreign cells over rate in own: ambient, at most."),
        ),
        key=("sample", "lineage"),
    )

    def __post_init__(self) -> None:
        self.cells_schema.check(self.cells)
        self.thresholds_schema.check(self.thresholds)
        self.marks_schema.check(self.marks)
        self.samples_schema.check(self.samples)
        self.soup_schema.check(self.soup)

    @property
    def removed(self) -> BoolArray:
        """Cells that are left out, shape ``(n_cells,)``."""
        removed: BoolArray = self.cells["removed"].to_numpy(dtype=bool)
        return removed
