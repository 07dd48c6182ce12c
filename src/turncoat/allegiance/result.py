"""What the allegiance question returns."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema

_ROW = (
    Column("population", "text", "", "Cell population, as the study calls it."),
    Column("tissue", "text", "", "Tissue compared within; empty where tissues are compared."),
)


def _axis(prefix: str, name: str) -> tuple[Column, ...]:
    return (
        Column(f"{prefix}_shift", "real", "log2", f"Case minus reference, {name} score."),
        Column(f"{prefix}_error", "real", "log2", "Its standard error."),
        Column(f"{prefix}_freedom", "real", "", "Degrees of freedom of that error."),
        Column(f"{prefix}_lower", "real", "log2", "Lower bound of its 95 % interval."),
        Column(f"{prefix}_upper", "real", "log2", "Upper bound of its 95 % interval."),
        Column(f"{prefix}_pvalue", "real", "", "Two-sided permutation p-value of the axis."),
        Column(f"{prefix}_qvalue", "real", "", "Hierarchical q-value of the axis."),
    )


@dataclass(frozen=True, slots=True)
class Allegiance:
    """What :func:`turncoat.tl.allegiance` found.

    Parameters
    ----------
    table
        One verdict per population and tissue.
    scores
        The donors' scores behind the verdicts: one row per donor, arm, population and axis.
    coverage
        How many genes of each programme were measured, and which were not.
    leave_one_out
        The verdict with each donor left out in turn.
    genes
        Shift of every programme gene, and of the score without it.
    contamination
        Share of each donor's counts that came from contaminating cells, and was taken off.
    dropped
        What was left out, and why.
    params
        The contrast and every argument.
    """

    table: pd.DataFrame
    scores: pd.DataFrame
    coverage: pd.DataFrame
    leave_one_out: pd.DataFrame
    genes: pd.DataFrame
    contamination: pd.DataFrame
    dropped: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    table_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            *_ROW,
            Column("programme", "text", "", "Programme used; empty where none is known."),
            Column("status", "text", "", "tested, not_testable or abstained."),
            Column("verdict", "text", "", "switched, loyal, inconclusive or not testable."),
            Column("reason", "text", "", "Why this verdict, in words."),
            Column("n_donors", "whole", "donors", "Donors that enter the test."),
            Column("n_pairs", "whole", "donors", "Donors with both arms."),
            Column("n_case", "whole", "donors", "Donors in the case arm."),
            Column("n_reference", "whole", "donors", "Donors in the reference arm."),
            *_axis("anti", "anti-tumour"),
            *_axis("pro", "pro-tumour"),
            Column("pvalue", "real", "", "Lost duty or gained harm: joint one-sided p-value."),
            Column("qvalue", "real", "", "Benjamini-Hochberg over the rows of the table."),
            Column("pvalue_both", "real", "", "Lost duty and gained harm: larger of the two."),
            Column(
                "pvalue_balance", "real", "", "Harm less duty, each by its own spread, one-sided."
            ),
            Column("pvalue_moderated", "real", "", "Joint p-value of the moderated test."),
            Column("pvalue_loyal", "real", "", "Both axes within the band (TOST), larger p."),
            Column(
                "p_floor", "real", "", "Smallest joint p-value of a permutation here; else none."
            ),
            Column("q_floor", "real", "", "Smallest q-value it can reach as a lone finding."),
            Column("is_exact", "flag", "", "Whether all arrangements were enumerated."),
            Column(
                "margin", "real", "fold", "Change of p that would change the verdict; firm from 2."
            ),
            Column("hangs_on", "text", "", "Donors without whom the verdict would differ."),
        ),
        key=("population", "tissue"),
    )
    scores_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            *_ROW,
            Column("axis", "text", "", "anti_tumour or pro_tumour."),
            Column("donor", "text", "", "Donor."),
            Column("arm", "text", "", "Level of the contrast's variable."),
            Column("samples", "text", "", "Samples of the donor added up, joined by commas."),
            Column("n_cells", "whole", "cells", "Cells of the population in them."),
            Column("weight", "real", "", "Weight of the donor in the test."),
            Column(
                "score",
                "real",
                "log2",
                "Programme level above what the donor's other genes lead one to expect.",
            ),
        ),
        key=("population", "tissue", "axis", "donor", "arm"),
    )
    coverage_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Cell population, as the study calls it."),
            Column("axis", "text", "", "anti_tumour or pro_tumour."),
            Column("programme", "text", "", "Programme used."),
            Column("n_genes", "whole", "genes", "Genes measured."),
            Column("n_declared", "whole", "genes", "Genes of the programme."),
            Column("coverage", "real", "", "Share measured."),
            Column("is_scored", "flag", "", "Whether a score was made."),
            Column("missing", "text", "", "Genes not measured, joined by commas."),
        ),
        key=("population", "axis"),
    )
    leave_one_out_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            *_ROW,
            Column("donor", "text", "", "Donor left out."),
            Column("anti_shift", "real", "log2", "Anti-tumour shift of the others."),
            Column("pro_shift", "real", "log2", "Pro-tumour shift of the others."),
            Column("pvalue", "real", "", "Joint p-value of the others."),
            Column("qvalue", "real", "", "Its q-value, other populations as they were."),
            Column("verdict", "text", "", "Verdict of the others."),
        ),
        key=("population", "tissue", "donor"),
    )
    genes_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            *_ROW,
            Column("axis", "text", "", "anti_tumour or pro_tumour."),
            Column("gene", "text", "", "Gene of the programme."),
            Column("weight", "real", "", "Signed share of the gene in the score."),
            Column(
                "shift",
                "real",
                "log2",
                "Case minus reference, of the level above the expected one.",
            ),
            Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("pvalue", "real", "", "Two-sided permutation p-value of the gene."),
            Column("qvalue", "real", "", "Hierarchical q-value within and over scores."),
            Column("shift_without", "real", "log2", "Shift of the score without this gene."),
            Column("pvalue_without", "real", "", "p-value of the score without this gene."),
        ),
        key=("population", "tissue", "axis", "gene"),
    )
    contamination_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            *_ROW,
            Column("donor", "text", "", "Donor."),
            Column("arm", "text", "", "Level of the contrast's variable."),
            Column("share", "real", "", "Share of the counts taken off as contamination."),
            Column("n_markers", "whole", "genes", "Marker genes that told it."),
        ),
        key=("population", "tissue", "donor", "arm"),
    )
    dropped_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            *_ROW,
            Column("what", "text", "", "Donor, sample or population left out."),
            Column("n_cells", "whole", "cells", "Cells left out."),
            Column("reason", "text", "", "Why."),
        ),
    )

    def __post_init__(self) -> None:
        for name in (
            "table",
            "scores",
            "coverage",
            "leave_one_out",
            "genes",
            "contamination",
            "dropped",
        ):
            getattr(self, f"{name}_schema").check(getattr(self, name))
