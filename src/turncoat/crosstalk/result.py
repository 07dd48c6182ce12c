"""What the crosstalk question returns."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema

EDGE = (
    Column("sender", "text", "", "Population that expresses the ligand."),
    Column("ligand", "text", "", "Ligand; subunits joined by '_'."),
    Column("receiver", "text", "", "Population that expresses the receptor."),
    Column("receptor", "text", "", "Receptor; subunits joined by '_'."),
    Column("tissue", "text", "", "Tissue compared within; empty where tissues are compared."),
)
KEY = tuple(column.name for column in EDGE)

_PAIR = (
    Column("kind", "text", "", "secreted, contact, matrix or unclassified."),
    Column("pathway", "text", "", "Pathway of the pair; empty where none is named."),
    Column("n_sources", "whole", "", "Collections that list the pair."),
    Column("caution", "text", "", "Why the sign of the ligand's effect is contested; or empty."),
    Column("effect", "text", "", "Whom the signal serves: pro_tumour, anti_tumour or unknown."),
    Column("effect_source", "text", "", "Who showed it; empty for nobody."),
    Column(
        "effect_checked",
        "text",
        "",
        "Does SecAct bear it out: agrees, disagrees, unchecked; or empty.",
    ),
    Column(
        "machinery", "text", "", "Genes the sender needs besides: expressed, absent, not measured."
    ),
)
_PRESENT = (
    Column("n_case", "whole", "donors", "Case donors with both populations measured."),
    Column("n_reference", "whole", "donors", "Reference donors with both populations measured."),
    Column("present_case", "whole", "donors", "Case donors with both sides in one sample."),
    Column("present_reference", "whole", "donors", "Reference donors with both in one sample."),
    Column("present_pvalue", "real", "", "Present in more donors than the background gives."),
    Column("present_qvalue", "real", "", "Hierarchical q-value over pairs, then edges."),
)
_SPECIFIC = (
    Column("specific_pvalue", "real", "", "Sender and receiver above the other populations."),
    Column("specific_qvalue", "real", "", "Hierarchical q-value over pairs, then edges."),
)
_DIFFERENT = (
    Column("strength_case", "real", "log2", "Mean edge strength, case."),
    Column("strength_reference", "real", "log2", "Mean edge strength, reference."),
    Column("change", "real", "log2", "Case minus reference, edge strength."),
    Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
    Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
    Column("pvalue", "real", "", "Two-sided moderated t-test over donors."),
    Column("weight", "real", "", "Mean strength, 1 on average; ranks divide the p-value by it."),
    Column(
        "learned_weight", "real", "", "Weight by strength, learnt from the edges of other ligands."
    ),
    Column(
        "qvalue", "real", "", "Hierarchical, over pairs, then edges, of pvalue / learned_weight."
    ),
    Column("permutation_pvalue", "real", "", "Two-sided permutation test over donors."),
    Column("permutation_floor", "real", "", "Smallest p-value that these donors allow."),
    Column("weakest_change", "real", "log2", "Change without the donor it leans on most."),
    Column("ligand_change", "real", "log2", "Case minus reference, ligand in the sender."),
    Column("receptor_change", "real", "log2", "Case minus reference, receptor in the receiver."),
    Column("antagonist", "text", "", "Antagonist of the ligand that rises most; empty for none."),
    Column("antagonist_change", "real", "log2", "Its change in the whole sample."),
    Column("antagonist_qvalue", "real", "", "Benjamini-Hochberg over antagonists."),
)
_HEARD = (
    Column("response", "text", "", "Response looked for in the receiver; empty for none known."),
    Column("response_coverage", "real", "", "Share of its weight on the panel."),
    Column("response_correlation", "real", "", "Partial correlation of response and ligand."),
    Column("response_pvalue", "real", "", "Two-sided, over donors, adjusted."),
    Column("response_qvalue", "real", "", "Benjamini-Hochberg over edges that differ."),
    Column("response_within", "real", "", "Partial correlation within the arms."),
    Column("response_within_pvalue", "real", "", "Two-sided, over donors, adjusted."),
    Column("response_held_out", "real", "", "Correlation with predictions from the other donors."),
    Column("response_donors", "whole", "donors", "Donors, or pairs, that enter."),
    Column("heard", "text", "", "heard, silent, opposite, not testable or not asked."),
    Column("heard_reason", "text", "", "Why, in words."),
)
_VERDICT = (
    Column("status", "text", "", "tested or not_testable: can the edge differ, with these donors?"),
    Column(
        "verdict", "text", "", "gained, lost, opposed, not sent, composition only, inconclusive."
    ),
    Column("reason", "text", "", "Why this verdict, in words."),
    Column("ladder", "text", "", "Rungs of evidence reached: present, specific, different, heard."),
    Column("rank", "whole", "", "1 for the best supported edge."),
)

PROGRAMMES = TableSchema(
    (
        *EDGE,
        Column("programme", "text", "", "Programme of the receiver."),
        Column("rank", "whole", "", "Rank of the edge in the table of edges."),
        Column("is_expected", "flag", "", "Whether it is the response this ligand is known for."),
        Column("coverage", "real", "", "Share of the programme's weight on the panel."),
        Column("correlation", "real", "", "Partial correlation of programme and ligand."),
        Column("pvalue", "real", "", "Two-sided, over donors, adjusted."),
        Column("qvalue", "real", "", "Benjamini-Hochberg over the table's distinct tests."),
        Column("within", "real", "", "Partial correlation within the arms."),
        Column("within_pvalue", "real", "", "Two-sided, over donors, adjusted."),
        Column("held_out", "real", "", "Correlation with predictions from the other donors."),
        Column("n_donors", "whole", "donors", "Donors, or pairs, that enter."),
        Column("status", "text", "", "tested or not_testable."),
        Column("answer", "text", "", "rises, falls, silent or not testable."),
        Column("effect", "text", "", "Whom that serves: pro_tumour, anti_tumour or unknown."),
        Column("reason", "text", "", "Why this answer, in words."),
    ),
    key=(*KEY, "programme"),
)

ENCOUNTERS = TableSchema(
    (
        Column("sender", "text", "", "Population that may send."),
        Column("receiver", "text", "", "Population that may receive."),
        Column("tissue", "text", "", "Tissue compared within; empty where tissues are compared."),
        Column("n_case", "whole", "donors", "Case donors with enough cells of both in a sample."),
        Column("n_reference", "whole", "donors", "Reference donors with enough of both."),
        Column("n_edges", "whole", "edges", "Edges present in enough donors of an arm."),
        Column("n_tested", "whole", "edges", "Edges that could be compared."),
        Column("n_gained", "whole", "edges", "Edges gained."),
        Column("n_lost", "whole", "edges", "Edges lost."),
        Column("n_heard", "whole", "edges", "Edges whose receiver answers."),
        Column("status", "text", "", "tested, not_testable or not_asked."),
        Column("reason", "text", "", "Why nothing could be compared; or empty."),
    ),
    key=("sender", "receiver", "tissue"),
)


@dataclass(frozen=True, slots=True)
class Crosstalk:
    """What :func:`turncoat.tl.crosstalk` found.

    Parameters
    ----------
    table
        One row per edge that is present in enough donors of an arm, best supported first.
    donors
        Signal and response of every donor, for the edges ranked first.
    programmes
        Every programme of the receiver against the signal, for the edges ranked first.
    encounters
        Every sender and receiver: donors with both, edges, or why there are none.
    abundance
        Change of every population's share of cells.
    antagonists
        Change of every antagonist in the whole sample.
    coverage
        How much of each response the panel measures.
    missing
        Pairs that the panel cannot show, and the genes it lacks.
    dropped
        What was left out, how much, and why.
    params
        The contrast and every argument.
    """

    table: pd.DataFrame
    donors: pd.DataFrame
    programmes: pd.DataFrame
    encounters: pd.DataFrame
    abundance: pd.DataFrame
    antagonists: pd.DataFrame
    coverage: pd.DataFrame
    missing: pd.DataFrame
    dropped: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    table_schema: ClassVar[TableSchema] = TableSchema(
        (*EDGE, *_PAIR, *_PRESENT, *_SPECIFIC, *_DIFFERENT, *_HEARD, *_VERDICT), key=KEY
    )
    donors_schema: ClassVar[TableSchema] = TableSchema(
        (
            *EDGE,
            Column("donor", "text", "", "Donor."),
            Column("arm", "text", "", "Level of the contrast's variable."),
            Column("strength", "real", "log2", "Edge strength."),
            Column("signal", "real", "log2", "Ligand in the sender."),
            Column("receptor_level", "real", "log2", "Receptor in the receiver."),
            Column("response_score", "real", "log2", "Response of the receiver; NaN for none."),
        ),
        key=(*KEY, "donor", "arm"),
    )
    programmes_schema: ClassVar[TableSchema] = PROGRAMMES
    encounters_schema: ClassVar[TableSchema] = ENCOUNTERS
    abundance_schema: ClassVar[TableSchema] = TableSchema(
        (
            Column("population", "text", "", "Population."),
            Column("tissue", "text", "", "Tissue compared within."),
            Column("change", "real", "log2", "Case minus reference, share of the sample's cells."),
            Column("pvalue", "real", "", "Two-sided moderated t-test over donors."),
            Column("qvalue", "real", "", "Benjamini-Hochberg over populations."),
            Column("reason", "text", "", "Why it was not tested; or empty."),
        ),
        key=("population", "tissue"),
    )
    antagonists_schema: ClassVar[TableSchema] = TableSchema(
        (
            Column("antagonist", "text", "", "Gene."),
            Column("tissue", "text", "", "Tissue compared within."),
            Column("change", "real", "log2", "Case minus reference, in all cells of the sample."),
            Column("pvalue", "real", "", "Two-sided moderated t-test over donors."),
            Column("n_ligands", "whole", "", "Ligands that it counters."),
        ),
        key=("antagonist", "tissue"),
    )
    coverage_schema: ClassVar[TableSchema] = TableSchema(
        (
            Column("response", "text", "", "Response."),
            Column("n_genes", "whole", "genes", "Genes on the panel."),
            Column("coverage", "real", "", "Share of its weight on the panel."),
            Column("is_usable", "flag", "", "Whether it was scored."),
        ),
        key=("response",),
    )
    missing_schema: ClassVar[TableSchema] = TableSchema(
        (
            Column("ligand", "text", "", "Ligand."),
            Column("receptor", "text", "", "Receptor."),
            Column("genes", "text", "", "Genes that are not on the panel, joined by commas."),
        ),
        key=("ligand", "receptor"),
    )
    dropped_schema: ClassVar[TableSchema] = TableSchema(
        (
            Column("what", "text", "", "What was left out."),
            Column("tissue", "text", "", "Tissue compared within."),
            Column("n", "whole", "", "How many."),
            Column("reason", "text", "", "Why."),
        )
    )

    def __post_init__(self) -> None:
        for name in (
            "table",
            "donors",
            "programmes",
            "encounters",
            "abundance",
            "antagonists",
            "coverage",
            "missing",
            "dropped",
        ):
            getattr(self, f"{name}_schema").check(getattr(self, name))
