"""What the search for new states returns."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema

_STATUS = (
    Column("status", "text", "", "tested, not_testable or abstained."),
    Column("reason", "text", "", "Why not tested, or tested and not found."),
)


@dataclass(frozen=True, slots=True)
class Substates:
    """What :func:`turncoat.tl.substates` found.

    Parameters
    ----------
    table
        One row per state, two sets of states: each half of the donors makes one, the other
        half is asked.
    markers
        Marker genes of each state, among genes that did not make it.
    known
        How far the markers of known states and of other populations are up in each state.
    abundance
        How common each state is within its population, per contrast.
    sides
        Duty and harm of each state against the rest of its population.
    cells
        State of every cell in either set.
    params
        Every argument, and the p-value of "this population holds sub-states at all".
    """

    table: pd.DataFrame
    markers: pd.DataFrame
    known: pd.DataFrame
    abundance: pd.DataFrame
    sides: pd.DataFrame
    cells: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    table_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("state", "text", "", "Half that made it, and number."),
            Column("verdict", "text", "", "found, inconclusive or not testable."),
            Column(
                "kind",
                "text",
                "",
                "The known state or other population it is like, or: not in the tables.",
            ),
            Column("twin", "text", "", "Most alike state of the other half."),
            Column("likeness", "real", "", "Correlation of the two states' profiles."),
            Column("confirmed", "flag", "", "Found, and its twin too, each the other's nearest."),
            Column("nearest", "text", "", "Known set of markers that is up the most; or empty."),
            *_STATUS,
            Column("share", "real", "fraction", "Share of the population's cells."),
            Column("n_held_out", "whole", "donors", "Held-out donors with cells of both kinds."),
            Column("separation", "real", "log", "Held-out markers, state minus rest, ln units."),
            Column("lower", "real", "log", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log", "Upper bound of its 95 % interval."),
            Column(
                "pvalue", "real", "", "Free genes in held-out donors: signs of all donors flipped."
            ),
            Column(
                "qvalue", "real", "", "Adjusted for all states; 1 where the twin is against it."
            ),
            Column("p_floor", "real", "", "Smallest p-value that its donors can reach."),
        ),
        key=("state",),
    )
    markers_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("state", "text", "", "State."),
            Column("gene", "text", "", "Marker gene."),
            Column("difference", "real", "log", "State minus rest in the donors that made it."),
            Column("held_out", "real", "log", "The same in the donors that did not."),
        ),
        key=("state", "gene"),
    )
    known_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("state", "text", "", "State."),
            Column("known", "text", "", "Known state, or other population."),
            Column("kind", "text", "", "state or population."),
            Column("n_genes", "whole", "genes", "Its markers that did not make the state."),
            Column(
                "difference", "real", "log", "Those markers, state minus rest, held-out donors."
            ),
            Column("lower", "real", "log", "Lower bound of the interval, 95 % for all together."),
            Column("upper", "real", "log", "Upper bound of that interval."),
        ),
        key=("state", "known"),
    )
    abundance_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("state", "text", "", "State."),
            Column("contrast", "text", "", "What is compared."),
            Column("tissue", "text", "", "Tissue compared within; empty where tissues are."),
            Column("statement", "text", "", "What can be said, in words."),
            *_STATUS,
            Column("n_case", "whole", "donors", "Donors in the case arm."),
            Column("n_reference", "whole", "donors", "Donors in the reference arm."),
            Column(
                "seen_case", "whole", "donors", "Of them with three cells or more of the state."
            ),
            Column("seen_reference", "whole", "donors", "The same of the reference arm."),
            Column("shift", "real", "log2", "Odds of the state, case over reference."),
            Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("pvalue", "real", "", "Permutation p-value over donors."),
            Column("qvalue", "real", "", "Benjamini-Hochberg over the table."),
            Column("p_floor", "real", "", "Smallest p-value this design can reach."),
        ),
        key=("state", "contrast", "tissue"),
    )
    sides_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("state", "text", "", "State."),
            Column("side", "text", "", "pro-tumour, anti-tumour, or not shown."),
            *_STATUS,
            Column(
                "n_donors", "whole", "donors", "Donors with cells of the state and of the rest."
            ),
            Column("duty", "real", "log2", "Duty of the state minus that of the rest."),
            Column("duty_lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("duty_upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("harm", "real", "log2", "Harm of the state minus that of the rest."),
            Column("harm_lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("harm_upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("pvalue", "real", "", "Sign-flip over donors: harm less duty, two-sided."),
            Column("qvalue", "real", "", "Benjamini-Hochberg over the table."),
            Column("p_floor", "real", "", "Smallest p-value that its donors can reach."),
        ),
        key=("state",),
    )
    cells_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("cell", "text", "", "Cell."),
            Column("first", "text", "", "State of the first set."),
            Column("second", "text", "", "State of the second set."),
        ),
        key=("cell",),
    )

    def __post_init__(self) -> None:
        for name in ("table", "markers", "known", "abundance", "sides", "cells"):
            getattr(self, f"{name}_schema").check(getattr(self, name))

    @classmethod
    def refused(cls, population: str, reason: str) -> "Substates":
        """Say that a population could not be asked, and why."""
        empty = {
            name: getattr(cls, f"{name}_schema").build([])
            for name in ("table", "markers", "known", "abundance", "sides", "cells")
        }
        return cls(
            **empty,
            params={"population": population, "pvalue": float("nan"), "reason": reason},
        )
