"""What :func:`turncoat.tl.therapy` found."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema

TABLE = TableSchema(
    columns=(
        Column("rank", "whole", "", "1 for the cut with the best parts; see the parts."),
        Column("claim", "text", "", "The finding that the cut would test."),
        Column("kind", "text", "", "edge or population."),
        Column("sender", "text", "", "Population that sends, or that switched."),
        Column("receiver", "text", "", "Population that answers; empty for populations."),
        Column("ligand", "text", "", "Ligand; empty for populations."),
        Column("receptor", "text", "", "Receptor; empty for populations."),
        Column("tissue", "text", "", "Tissue of the finding."),
        Column("level", "text", "", "Where it is cut."),
        Column("target", "text", "", "Gene symbol of the drug's target."),
        Column("drug", "text", "", "Name."),
        Column("action", "text", "", "What the drug does to the target."),
        Column("direction", "text", "", "cuts, feeds, or unclear."),
        Column("is_harmful", "flag", "", "Whether it would help the tumour as far as is known."),
        Column("warning", "text", "", "Why it may harm, or what is not known of its direction."),
        Column(
            "harmful_elsewhere",
            "text",
            "",
            "Another finding for which the same drug would help the tumour, and why.",
        ),
        Column("status", "text", "", "Regulatory status, said for the study's cancer."),
        Column("indication", "text", "", "Indication of that status."),
        Column("region", "text", "", "Region of that status."),
        Column("status_date", "text", "", "Date of that status."),
        Column("reach", "text", "", "What else the cut hits."),
        Column("toxicities", "text", "", "Known harms."),
        Column("trials", "text", "", "Trial identifiers."),
        Column("part_claim", "real", "", "1 where the finding passes its test, 0 where not asked."),
        Column("part_level", "real", "", "Closeness to the sender: secretion 1, the cell 0.2."),
        Column("part_direction", "real", "", "1 cuts, 0 unclear, -1 feeds."),
        Column("part_status", "real", "", "How far the drug is: approved here 1 to tool 0.1."),
        Column("part_source", "real", "", "1 verified, 0 unverified."),
        Column(
            "part_cell", "real", "", "1 where the sender is malignant or switched sides, else 0."
        ),
        Column("would_change", "text", "", "What evidence would change the rank."),
        Column("source", "text", "", "Source of the drug's row."),
        Column("note", "text", "", "What else to know."),
    ),
    key=("claim", "level", "target", "drug", "indication", "region", "direction"),
)

COMBINATIONS = TableSchema(
    columns=(
        Column("kind", "text", "", "one edge twice, or two edges once."),
        Column("first", "text", "", "Drug and target."),
        Column("second", "text", "", "Drug and target; empty where one drug cuts both."),
        Column("claims", "text", "", "Findings that are cut."),
        Column("reason", "text", "", "Why the two go together, and what speaks against it."),
    ),
    key=("kind", "first", "second", "claims"),
)

UNREACHED = TableSchema(
    columns=(
        Column("claim", "text", "", "Finding for which no drug is known."),
        Column("reason", "text", "", "What was looked for."),
    ),
    key=("claim",),
)


@dataclass(frozen=True, slots=True)
class Therapy:
    """Where findings could be cut, by which drugs, and what speaks against it.

    Parameters
    ----------
    table
        One row per finding, cut and drug status, in the order of the named parts.
    combinations
        Pairs of drugs, or single drugs, that cut one edge twice or two edges once.
    unreached
        Findings that no known drug reaches.
    params
        How it was made.
    """

    table: pd.DataFrame
    combinations: pd.DataFrame
    unreached: pd.DataFrame
    params: dict[str, Any]

    schema: ClassVar[TableSchema] = TABLE
    combinations_schema: ClassVar[TableSchema] = COMBINATIONS
    unreached_schema: ClassVar[TableSchema] = UNREACHED

    def __post_init__(self) -> None:
        self.schema.check(self.table)
        self.combinations_schema.check(self.combinations)
        self.unreached_schema.check(self.unreached)
