"""What the niche room's tools return."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from turncoat.tables import Column, TableSchema


@dataclass(frozen=True, slots=True)
class Abundance:
    """What :func:`turncoat.tl.abundance` found.

    Parameters
    ----------
    table
        One row per quantity and tissue.
    composition
        Cells and share of each population per donor and arm.
    ratios
        Every donor's named log-ratios, with the interval of counting.
    params
        The contrast and every argument.
    """

    table: pd.DataFrame
    composition: pd.DataFrame
    ratios: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    table_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("quantity", "text", "", "Named ratio, or population."),
            Column("kind", "text", "", "ratio, or centred: log2 over the geometric mean share."),
            Column("tissue", "text", "", "Tissue compared within; empty where tissues are."),
            Column("status", "text", "", "tested, not_testable or abstained."),
            Column("reason", "text", "", "Why not tested, or what was not adjusted for."),
            Column("n_donors", "whole", "donors", "Donors that enter."),
            Column("n_case", "whole", "donors", "Donors in the case arm."),
            Column("n_reference", "whole", "donors", "Donors in the reference arm."),
            Column("shift", "real", "log2", "Case minus reference."),
            Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("pvalue", "real", "", "Two-sided permutation p-value over donors."),
            Column("qvalue", "real", "", "Benjamini-Hochberg within ratios, within populations."),
            Column("p_floor", "real", "", "Smallest p-value this design can reach."),
            Column("odds", "real", "log-odds", "Beta-binomial effect, base e; unpaired only."),
            Column("odds_lower", "real", "log-odds", "Lower bound of its 95 % interval."),
            Column("odds_upper", "real", "log-odds", "Upper bound of its 95 % interval."),
            Column("odds_pvalue", "real", "", "Its p-value."),
        ),
        key=("quantity", "kind", "tissue"),
    )
    composition_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("tissue", "text", "", "Tissue compared within; empty where tissues are."),
            Column("donor", "text", "", "Donor."),
            Column("arm", "text", "", "case or reference."),
            Column("population", "text", "", "Cell population."),
            Column("n_cells", "whole", "cells", "Cells."),
            Column("share", "real", "fraction", "Share of the donor's cells in this arm."),
        ),
        key=("tissue", "donor", "arm", "population"),
    )
    ratios_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("tissue", "text", "", "Tissue compared within; empty where tissues are."),
            Column("donor", "text", "", "Donor."),
            Column("arm", "text", "", "case or reference."),
            Column("ratio", "text", "", "Named ratio."),
            Column("value", "real", "log2", "Log-ratio, half a cell added to each side."),
            Column("lower", "real", "log2", "Lower bound of the 95 % interval of counting."),
            Column("upper", "real", "log2", "Upper bound of the 95 % interval of counting."),
        ),
        key=("tissue", "donor", "arm", "ratio"),
    )

    def __post_init__(self) -> None:
        for name in ("table", "composition", "ratios"):
            getattr(self, f"{name}_schema").check(getattr(self, name))


_ESTIMATE = (
    Column("status", "text", "", "tested, not_testable or abstained."),
    Column("reason", "text", "", "Why not tested."),
    Column("within", "text", "", "within patients, between patients, or both."),
    Column("n_donors", "whole", "donors", "Donors that enter."),
    Column("shift", "real", "log2 or SD", "Difference: log2; for openness, spreads of donors."),
    Column("lower", "real", "log2 or SD", "Lower bound of its 95 % interval."),
    Column("upper", "real", "log2 or SD", "Upper bound of its 95 % interval."),
    Column("pvalue", "real", "", "Two-sided p-value over donors."),
    Column("qvalue", "real", "", "Benjamini-Hochberg within kind."),
    Column("p_floor", "real", "", "Smallest p-value that permutation can reach; else none."),
)


@dataclass(frozen=True, slots=True)
class Niche:
    """What :func:`turncoat.tl.niche` found.

    Parameters
    ----------
    changes
        Every quantity, involved tissue against the organ's own baseline.
    organs
        Organs against each other: what is seen, how much of it the baselines differ by, and
        what is the organ's own change.
    openness
        The openness of each organ against its baseline, and its parts.
    params
        Every argument.
    """

    changes: pd.DataFrame
    organs: pd.DataFrame
    openness: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    changes_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("organ", "text", "", "Involved tissue."),
            Column("baseline", "text", "", "Healthy or adjacent tissue of the same organ."),
            Column("population", "text", "", "Population or named ratio."),
            Column("kind", "text", "", "anti_tumour, pro_tumour (state), centred or ratio."),
            *_ESTIMATE,
        ),
        key=("organ", "population", "kind"),
    )
    organs_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("organ", "text", "", "Involved tissue."),
            Column("versus", "text", "", "Involved tissue of the other organ."),
            Column("population", "text", "", "Population or named ratio."),
            Column("kind", "text", "", "anti_tumour, pro_tumour (state), centred or ratio."),
            Column("verdict", "text", "", "own change, baseline, cannot tell or not testable."),
            Column("raw", "real", "log2", "Difference of the involved tissues, within patients."),
            Column("raw_pvalue", "real", "", "Its p-value; NaN where refused."),
            Column("resting", "real", "log2", "Difference of the baselines, within patients."),
            Column("resting_pvalue", "real", "", "Its p-value; NaN where refused."),
            Column("raw_reason", "text", "", "Why the difference seen was refused."),
            *_ESTIMATE,
        ),
        key=("organ", "versus", "population", "kind"),
    )
    openness_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("organ", "text", "", "Involved tissue."),
            Column("baseline", "text", "", "Healthy or adjacent tissue of the same organ."),
            Column("part", "text", "", "openness, or one of its parts; higher is more open."),
            *_ESTIMATE,
        ),
        key=("organ", "part"),
    )

    def __post_init__(self) -> None:
        for name in ("changes", "organs", "openness"):
            getattr(self, f"{name}_schema").check(getattr(self, name))
