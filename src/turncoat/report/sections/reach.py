"""Reach on the page: what these donors could show at all, before any finding."""

import pandas as pd

from turncoat.allegiance import Reach, plot_reach
from turncoat.report.answer import listed
from turncoat.report.section import Figure, Material, Section, Table, figure_of

NOTES = (
    (
        "Reach is worked out from the spread between donors, with the arms' means taken out: it knows "
        "nothing of the effect."
    ),
)


def section(material: Material) -> Section | None:
    """Write what the design can and cannot show, or nothing when no contrast was asked."""
    found = material.results("reach", Reach)
    if not found:
        return None
    titles = material.titles()
    return Section(
        title="What can this study show?",
        lead=" ".join(_lead(titles[part], result) for part, result in found.items()),
        tables=tuple(
            Table(
                f"Reach, {titles[part]}",
                _shown(result),
                "Per population: donors, the smallest p- and q-value that can be reached, and the "
                "smallest shift (log2) that would be found four times out of five.",
                verdicts=(),
            )
            for part, result in found.items()
        ),
        figures=tuple(
            _figure(titles[part], result) for part, result in found.items() if len(result.table)
        ),
        notes=NOTES,
    )


def _shown(result: Reach) -> pd.DataFrame:
    table = result.table
    shown = pd.DataFrame(
        {
            "population": table["population"],
            "tissue": table["tissue"],
            "donors": [
                f"{case} vs {reference}, {pairs} pairs"
                for case, reference, pairs in zip(
                    table["n_case"], table["n_reference"], table["n_pairs"], strict=True
                )
            ],
            "smallest p": table["p_floor"],
            "smallest q, alone": table["q_floor"],
            "duty": table["anti_detectable"],
            "harm": table["pro_detectable"],
            "what cannot be concluded": table["words"],
        }
    )
    return shown if any(table["tissue"]) else shown.drop(columns="tissue")


def _lead(label: str, result: Reach) -> str:
    table = result.table
    tested = table[table["status"] == "tested"]
    if tested.empty:
        return f"{label}: no population has enough donors for a test; all that follows describes."
    alone = tested.loc[tested["q_floor"] <= result.params["fdr"], "population"]
    loyal = tested.loc[tested["can_be_loyal"], "population"]
    first = f"{label}: {len(tested)} of {len(table)} populations can be tested"
    second = (
        f"a lone switch could be called in {listed(list(alone))}"
        if len(alone)
        else "a lone switch could be called in none"
    )
    third = (
        f"loyalty could be shown for {listed(list(loyal))}"
        if len(loyal)
        else ("loyalty could be shown for none")
    )
    return f"{first}; {second}; {third}."


def _figure(label: str, result: Reach) -> Figure:
    return figure_of(
        plot_reach.reach(result),
        title=f"Smallest shifts that would be found, {label}",
        alt=_lead(label, result),
        caption="Shift of each axis found with 80 % power; grey: the equivalence band.",
    )
