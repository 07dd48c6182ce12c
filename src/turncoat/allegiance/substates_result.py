"""What the search for new states returns."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema


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
    cells
        State of every cell in either set.
    params
        Every argument, and the p-value of "this lineage holds sub-states at all".
    """

    table: pd.DataFrame
    markers: pd.DataFrame
    cells: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    table_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("state", "text", "", "Half that made it, and number."),
            Column("twin", "text", "", "Most alike state of the other half."),
            Column("likeness", "real", "", "Correlation of the two states' profiles."),
            Column("nearest", "text", "", "Nearest known state; empty where none was given."),
            Column("status", "text", "", "tested or not_testable."),
            Column("reason", "text", "", "Why not tested."),
            Column("share", "real", "fraction", "Share of the lineage's cells."),
            Column("n_held_out", "whole", "donors", "Held-out donors with cells of both kinds."),
            Column("separation", "real", "log", "Held-out markers, state minus rest, ln units."),
            Column("pvalue", "real", "", "One-sided sign-flip over held-out donors."),
            Column("qvalue", "real", "", "Benjamini-Hochberg over all states."),
            Column("abundance", "real", "log2", "Share's odds, case minus reference."),
            Column("abundance_lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("abundance_upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("abundance_pvalue", "real", "", "Permutation p-value over all donors."),
        ),
        key=("state",),
    )
    markers_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("state", "text", "", "State."),
            Column("gene", "text", "", "Marker gene."),
            Column("difference", "real", "log", "State minus rest in the donors that made it."),
        ),
        key=("state", "gene"),
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
        for name in ("table", "markers", "cells"):
            getattr(self, f"{name}_schema").check(getattr(self, name))
