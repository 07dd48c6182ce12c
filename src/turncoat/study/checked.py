"""The result of checking a study: its design in tables, and what it cannot show."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema


@dataclass(frozen=True, slots=True)
class StudyCheck:
    """What :func:`turncoat.study.check_study` found.

    Parameters
    ----------
    title
        Name of the study.
    species
        ``human`` or ``mouse``, stated or found out.
    n_cells, n_genes, n_donors, n_samples
        What will be tallied.
    design
        Donors × tissue × condition.
    populations
        Cells of each population in each tissue and condition.
    contrasts
        Donors behind each contrast, in all and for each population.
    dropped
        What is left out or merged, and why.
    problems
        What is unusual but can be worked with: columns ``where``, ``problem``, ``advice``.
    limits
        What cannot be concluded from this design, a sentence each.
    """

    title: str
    species: str
    n_cells: int
    n_genes: int
    n_donors: int
    n_samples: int
    design: pd.DataFrame
    populations: pd.DataFrame
    contrasts: pd.DataFrame
    dropped: pd.DataFrame
    problems: pd.DataFrame
    limits: tuple[str, ...]

    design_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("donor", "text", "", "Donor."),
            Column("tissue", "text", "", "Tissue."),
            Column("condition", "text", "", "Condition."),
            Column("n_samples", "whole", "samples", "Samples of the donor there."),
            Column("n_cells", "whole", "cells", "Cells with a population."),
        ),
        key=("donor", "tissue", "condition"),
    )
    populations_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Population."),
            Column("tissue", "text", "", "Tissue."),
            Column("condition", "text", "", "Condition."),
            Column("n_donors", "whole", "donors", "Donors with such cells."),
            Column("n_samples", "whole", "samples", "Samples with such cells."),
            Column("n_cells", "whole", "cells", "Cells."),
            Column("median_cells", "real", "cells", "Median over those samples."),
        ),
        key=("population", "tissue", "condition"),
    )
    contrasts_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("contrast", "text", "", "Name of the contrast."),
            Column("population", "text", "", "Population; empty for all cells."),
            Column("n_case", "whole", "donors", "Donors with the level of interest."),
            Column("n_reference", "whole", "donors", "Donors with the reference."),
            Column("n_pairs", "whole", "blocks", "Blocks (donors, usually) with both levels."),
            Column("smallest_pvalue", "real", "", "No exact test can go below it."),
            Column("status", "text", "", "tested or not_testable."),
            Column("reason", "text", "", "Why it cannot be tested."),
        ),
        key=("contrast", "population"),
    )
    problems_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("where", "text", "", "Part of the study."),
            Column("problem", "text", "", "What is unusual."),
            Column("advice", "text", "", "What can be done."),
        ),
    )

    def __post_init__(self) -> None:
        self.design_schema.check(self.design)
        self.populations_schema.check(self.populations)
        self.contrasts_schema.check(self.contrasts)
        self.problems_schema.check(self.problems)

    @property
    def descriptive(self) -> bool:
        """Whether nothing can be tested: one donor, or no contrast with donors enough."""
        return self.n_donors < 2 or not (self.contrasts["status"] == "tested").any()
