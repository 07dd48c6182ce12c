"""What the gene-level comparison returns."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema


@dataclass(frozen=True, slots=True)
class Genes:
    """What :func:`turncoat.tl.genes` found.

    Parameters
    ----------
    table
        One row per population, tissue and gene that could be asked.
    dropped
        Genes and donors that were left out, counted, with the reason; populations that could not be
        tested.
    params
        The contrast and every argument.
    """

    table: pd.DataFrame
    dropped: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    table_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Cell population."),
            Column("tissue", "text", "", "Tissue compared within; empty where tissues are."),
            Column("gene", "text", "", "Gene."),
            Column("status", "text", "", "tested or not_testable."),
            Column("reason", "text", "", "Why not tested."),
            Column("n_donors", "whole", "donors", "Donors that enter."),
            Column("n_case", "whole", "donors", "Donors in the case arm."),
            Column("n_reference", "whole", "donors", "Donors in the reference arm."),
            Column("level", "real", "log2 CPM", "Mean level over donors."),
            Column("shift", "real", "log2", "Case over reference."),
            Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("pvalue", "real", "", "Two-sided p-value over donors."),
            Column("qvalue", "real", "", "False-discovery rate, over populations and genes."),
            Column(
                "p_floor",
                "real",
                "",
                "Smallest p-value that permutation can reach; none for other methods.",
            ),
        ),
        key=("population", "tissue", "gene"),
    )
    dropped_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Cell population."),
            Column("tissue", "text", "", "Tissue compared within; empty where tissues are."),
            Column("what", "text", "", "What was left out."),
            Column("n", "whole", "", "How many."),
            Column("reason", "text", "", "Why."),
        ),
    )

    def __post_init__(self) -> None:
        self.table_schema.check(self.table)
        self.dropped_schema.check(self.dropped)
