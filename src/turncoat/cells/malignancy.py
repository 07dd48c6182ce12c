"""What the call of malignant cells found."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from turncoat.tables import Column, FloatArray, TableSchema


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
    shown
        The cells whose profiles are kept to be looked at: some of each donor, and of the reference.
    bins
        Chromosome of each bin of those profiles, in the order of the genome.
    profiles
        Shift from the normal range, natural log units, shape ``(n_shown, n_bins)``.
    """

    cells: pd.DataFrame
    donors: pd.DataFrame
    arms: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)
    shown: pd.DataFrame = field(default_factory=lambda: Malignancy.shown_schema.build([]))
    bins: pd.DataFrame = field(default_factory=lambda: Malignancy.bins_schema.build([]))
    profiles: FloatArray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    shown_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("barcode", "text", "", "Cell."),
            Column("donor", "text", "", "Donor."),
            Column("kind", "text", "", "malignant, normal, uncertain or reference."),
        ),
    )
    bins_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("chromosome", "text", "", "Chromosome."),
            Column("n_genes", "whole", "genes", "Genes averaged."),
        ),
    )
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
            Column("n_uncertain", "whole", "cells", "Neither, of any lineage (doublets, say)."),
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
