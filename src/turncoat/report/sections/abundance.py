"""Abundance on the page: which populations are more or less common, or why nobody can say."""

import math

from turncoat.niche import Abundance, plot
from turncoat.report.answer import listed
from turncoat.report.section import Material, Section, Table, figure_of

NOTES = (
    (
        "Shares are parts of a whole, so populations are compared by log-ratios: with the sample's "
        "geometric mean, or with each other where a ratio is named."
    ),
)


def section(material: Material) -> Section | None:
    """Write what became more or less common, or the refusal."""
    found = material.results("abundance", Abundance)
    if not found:
        return None
    titles, fdr = material.titles(), material.study.fdr
    tested = {
        part: result for part, result in found.items() if (result.table["status"] == "tested").any()
    }
    return Section(
        title="Which populations became more or less common?",
        lead=" ".join(
            dict.fromkeys(_lead(titles[part], result, fdr) for part, result in found.items())
        ),
        tables=tuple(
            Table(
                f"Log-ratios, {titles[part]}",
                result.table,
                "Named ratios, then each population over the geometric mean of its sample.",
                Abundance.table_schema,
                verdicts=(),
            )
            for part, result in tested.items()
        ),
        figures=tuple(
            figure_of(
                plot.abundance(result),
                title=f"Shifts of log-ratios, {titles[part]}",
                alt=_lead(titles[part], result, fdr),
                caption="Mean difference with its 95 % interval; filled: p at most 0.05.",
            )
            for part, result in tested.items()
        ),
        notes=NOTES,
    )


def _lead(label: str, result: Abundance, fdr: float) -> str:
    table = result.table
    if (table["status"] == "abstained").all():
        return f"Not asked: {table['reason'].iloc[0]}." if len(table) else "Not asked."
    passed = table[table["qvalue"] <= fdr]
    if passed.empty:
        smallest = table["qvalue"].min()
        tail = "" if math.isnan(smallest) else f" (smallest q = {smallest:.2g})"
        return f"{label}: no population or ratio could be shown to shift{tail}."
    rising = list(passed.loc[passed["shift"] > 0, "quantity"])
    falling = list(passed.loc[passed["shift"] < 0, "quantity"])
    parts = [
        f"{listed(rising)} rose" if rising else "",
        f"{listed(falling)} fell" if falling else "",
    ]
    return f"{label}: {' and '.join(part for part in parts if part)}."
