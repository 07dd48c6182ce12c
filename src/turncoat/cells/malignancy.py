"""What the call of malignant cells found."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema


@dataclass(frozen=True, slots=True)
class Malignancy:
    """What :func:`malignant` found.

    Parameters
    ----------
    cells
        One row a cell.
    donors
        One row a donor: how many were called, and what the call leans on.
    arms
        Gains and losses of each donor's tumour cells by chromosome arm.
    params
        Thresholds and numbers of genes.
    """

    cells: pd.DataFrame
    donors: pd.DataFrame
    arms: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    cells_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("barcode", "text", "", "Cell."),
            Column("donor", "text", "", "Donor."),
            Column("call", "text", "", "malignant, normal or uncertain."),
            Column("score", "real", "", "Evidence for malignancy, 0 to 1."),
            Column("agreement", "real", "", "Correlation with the donor's tumour profile."),
            Column("reason", "text", "", "What decided."),
        ),
    )
    donors_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("donor", "text", "", "Donor."),
            Column("n_candidates", "whole", "cells", "Cells that could be malignant."),
            Column("n_malignant", "whole", "cells", "Called malignant."),
            Column("n_uncertain", "whole", "cells", "Neither."),
            Column("n_own_normal", "whole", "cells", "Normal reference cells of this donor."),
            Column("remark", "text", "", "What the call leans on."),
        ),
        key=("donor",),
    )
    arms_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("donor", "text", "", "Donor."),
            Column("arm", "text", "", "Chromosome arm."),
            Column("n_genes", "whole", "genes", "Genes it is judged by."),
            Column("shift", "real", "log", "Mean shift of the tumour cells; negative is a loss."),
        ),
        key=("donor", "arm"),
    )

    def __post_init__(self) -> None:
        self.cells_schema.check(self.cells)
        self.donors_schema.check(self.donors)
        self.arms_schema.check(self.arms)
