"""In-silico mice on the page: arms, what they change, and that all of it is simulated."""

import numpy as np
import pandas as pd

from turncoat.report.section import Figure, Material, Section, Table, figure_of
from turncoat.simulate import plot
from turncoat.simulate.result import NOTICE, Trial
from turncoat.simulate.signs import ratio_of_volumes
from turncoat.tables import Column, TableSchema

SHOWN = TableSchema(
    columns=(
        Column("arm", "text", "", "Arm of the virtual trial."),
        Column("volume", "real", "mm³", "Median primary at the end."),
        Column("ratio", "text", "95 %", "Volume against the same mouse in the first arm."),
        Column(
            "smaller", "real", "", "Share of mice with a smaller primary than in the first arm."
        ),
        Column("node", "real", "", "Share of mice with a colony of 1000 cells in the node."),
        Column("lung", "real", "", "Share of mice with a colony of 1000 cells in the lung."),
    ),
)

NOTES = (
    NOTICE,
    "The mice carry the structure of two published mouse studies; nothing of this study enters.",
    "Their parameters were set by hand to reproduce published signs, not magnitudes.",
    "Intervals cover the spread over virtual mice, not the doubt about the model itself.",
    "LGK-974 is investigational; it blocks all Wnt secretion, not that of one population.",
)


def section(material: Material) -> Section | None:
    """Write the section, or nothing when no tumour model was named."""
    found = material.results("simulate", Trial)
    if not found:
        return None
    trial = next(iter(found.values()))
    rows = [_row(trial, arm) for arm in trial.arm_names]
    table = SHOWN.build(rows)
    return Section(
        title="What happens in virtual mice if the signal is cut?",
        lead=_lead(trial, table),
        tables=(
            Table(
                "Arms of the virtual trial",
                table,
                caption=f"{trial.params['n_mice']} virtual mice, each in every arm; "
                f"{trial.params['days']:g} days, context {trial.params['context']}.",
                schema=SHOWN,
            ),
        ),
        figures=tuple(_figures(trial, table)),
        notes=NOTES,
        dropped=pd.DataFrame(
            {
                "what": [f"virtual mouse {mouse}" for mouse in trial.dropped["mouse"]],
                "why": list(trial.dropped["reason"]),
            }
        ),
    )


def _row(trial: Trial, arm: str) -> dict[str, object]:
    rows = trial.in_arm(arm)
    first = trial.arm_names[0]
    ratio = "1 (reference)"
    if arm != first:
        centre, low, high = ratio_of_volumes(trial, arm, first)
        ratio = f"{centre:.2f} ({low:.2f} to {high:.2f})"
    return {
        "arm": arm,
        "volume": float(rows["volume"].median()),
        "ratio": ratio,
        "smaller": float((rows["change"] < 0).mean()),
        "node": float((rows["node_colonies"] > 0).mean()),
        "lung": float((rows["lung_colonies"] > 0).mean()),
    }


def _lead(trial: Trial, table: pd.DataFrame) -> str:
    others = table.iloc[1:]
    head = f"Simulated, in {trial.params['n_mice']} virtual mice of context {trial.params['context']}: "
    if others.empty:
        return head + "only one arm was asked for, so there is nothing to compare."
    best = others.iloc[int(np.argmin(others["volume"].to_numpy(dtype=float)))]
    return (
        head + f"the primary ends smallest with {best['arm']} "
        f"(ratio to {table.iloc[0]['arm']} {best['ratio']}). {NOTICE}"
    )


def _figures(trial: Trial, table: pd.DataFrame) -> list[Figure]:
    said = _lead(trial, table)
    figures = [
        figure_of(
            plot.colonisation(trial), title="Organs", alt=said,
            caption="Share of virtual mice with at least one colony of 1000 cells; 95 % intervals.",
        ),
    ]  # fmt: skip
    if trial.quantities:
        growth = figure_of(
            plot.growth(trial), title="Growth", alt=said,
            caption="Median primary per arm; bands hold the middle 80 % of virtual mice.",
        )  # fmt: skip
        figures.insert(0, growth)
    return figures
