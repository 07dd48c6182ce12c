"""What a virtual trial found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, did_you_mean
from turncoat.tables import Column, FloatArray, TableSchema

if TYPE_CHECKING:
    import anndata as ad

NOTICE = "Simulated mice, for ranking hypotheses; never advice on treating a person."


@dataclass(frozen=True, slots=True)
class Trial:
    """What :func:`turncoat.sim.trial` found.

    Parameters
    ----------
    table
        One row per mouse and arm.
    arms
        One row per dose of an arm.
    dropped
        Candidate mice that were not used, and why.
    times
        Days of the curves.
    quantities
        Names of the curves.
    curves
        Shape ``(rows of table, quantities, times)``; no quantities when none were kept.
    params
        Arguments, seed and model of the trial.
    """

    table: pd.DataFrame
    arms: pd.DataFrame
    dropped: pd.DataFrame
    times: FloatArray
    quantities: tuple[str, ...]
    curves: FloatArray
    params: dict[str, Any] = field(default_factory=dict)

    schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("mouse", "whole", "", "Number of the virtual mouse; the same in every arm."),
            Column("arm", "text", "", "Arm of the trial."),
            Column("status", "text", "", "done, or why integration failed."),
            Column("volume", "real", "mm3", "Primary tumour at the end."),
            Column(
                "change", "real", "log2 ratio", "Volume against the same mouse in the first arm."
            ),
            Column("stem_share", "real", "", "Stem-like share of living tumour cells at the end."),
            Column(
                "endpoint_day", "real", "day", "Day the end-point size was reached; else the last."
            ),
            Column("endpoint_reached", "flag", "", "Whether the end-point size was reached."),
            Column("node_lodged", "real", "cells", "Tumour cells that lodged in the node."),
            Column("node_colonies", "real", "colonies", "Colonies there that reached 1000 cells."),
            Column("node_small", "real", "colonies", "Living colonies there of fewer cells."),
            Column("node_burden", "real", "10^6 cells", "Cells of established colonies there."),
            Column("lung_lodged", "real", "cells", "Tumour cells that lodged in the lung."),
            Column("lung_colonies", "real", "colonies", "Colonies there that reached 1000 cells."),
            Column("lung_small", "real", "colonies", "Living colonies there of fewer cells."),
            Column("lung_burden", "real", "10^6 cells", "Cells of established colonies there."),
        ),
        key=("mouse", "arm"),
    )
    dropped_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("mouse", "whole", "", "Number of the candidate."),
            Column("reason", "text", "", "Why it was not used."),
        ),
        key=("mouse",),
    )
    arms_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("arm", "text", "", "Arm of the trial."),
            Column("day", "real", "day", "When the dose begins."),
            Column("drug", "text", "", "What is given."),
            Column("amount", "real", "mg/kg", "How much."),
            Column("duration", "real", "day", "How long it takes; 0 for a bolus."),
        ),
        key=("arm", "day", "drug"),
    )

    def __post_init__(self) -> None:
        self.schema.check(self.table)
        self.dropped_schema.check(self.dropped)
        self.arms_schema.check(self.arms)

    @property
    def arm_names(self) -> list[str]:
        """Arms in the order given; the first is the one that others are compared with."""
        return list(dict.fromkeys(self.table["arm"]))

    def curve(self, quantity: str, arm: str) -> FloatArray:
        """Give one quantity in one arm over time, ``(n_mice, n_times)``.

        Raises
        ------
        ArgumentError
            When the trial has no such arm, or did not keep such a curve.
        """
        if quantity not in self.quantities:
            raise ArgumentError(
                f"The trial kept no curve '{quantity}'. {did_you_mean(quantity, self.quantities)}"
            )
        if arm not in self.arm_names:
            raise ArgumentError(
                f"The trial has no arm '{arm}'. {did_you_mean(arm, self.arm_names)}"
            )
        rows = (self.table["arm"] == arm).to_numpy()
        return np.asarray(self.curves[rows, self.quantities.index(quantity)])

    def in_arm(self, arm: str) -> pd.DataFrame:
        """Give the rows of one arm, by mouse."""
        if arm not in self.arm_names:
            raise ArgumentError(
                f"The trial has no arm '{arm}'. {did_you_mean(arm, self.arm_names)}"
            )
        return self.table[self.table["arm"] == arm].set_index("mouse").sort_index()

    def to_anndata(self) -> "ad.AnnData":
        """Give the trial as AnnData: mice × arms by days, one layer per quantity."""
        import anndata as ad

        obs = self.table.copy()
        obs.index = pd.Index([f"{m}|{a}" for m, a in zip(obs["mouse"], obs["arm"], strict=True)])
        days = pd.DataFrame({"day": self.times}, index=[f"day_{t:g}" for t in self.times])
        layers = {name: self.curves[:, k] for k, name in enumerate(self.quantities)}
        first = next(iter(layers.values()), None)
        adata = ad.AnnData(
            X=first if first is not None else np.zeros((len(obs), len(days)), np.float32),
            obs=obs,
            var=days,
            layers=layers,
        )
        adata.uns["turncoat_trial"] = {
            "notice": NOTICE,
            **{k: str(v) for k, v in self.params.items()},
        }
        return adata


def summary_of(params: Mapping[str, Any]) -> str:
    """One line that says what a trial was."""
    return (
        f"{params['n_mice']} virtual mice per arm, context {params['context']}, "
        f"{params['days']:g} days, seed {params['seed']}. {NOTICE}"
    )
