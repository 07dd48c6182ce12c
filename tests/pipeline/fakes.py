"""A study and rooms small enough to see through, for tests of the pipeline alone."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from factories import tally_from_cells
from turncoat.pipeline import Run, Stage
from turncoat.stats import Contrast
from turncoat.study import TallyPlan
from turncoat.tables import Column, TableSchema, store
from turncoat.tally import CellAccount
from turncoat.tally.account import ACCOUNT_KEY


@dataclass
class FakeStudy:
    cells: Path
    path: Path = Path("study.toml")
    title: str = "A made-up study"
    seed: int = 0
    scale: float = 1.0
    shift: float = 0.0
    contrasts: dict[str, Contrast] = field(
        default_factory=lambda: {
            "lung": Contrast("tissue", case="tumour", reference="normal", block="donor")
        }
    )


@dataclass(frozen=True, slots=True)
class Sums:
    table: pd.DataFrame
    dropped: pd.DataFrame
    params: dict[str, Any]
    draws: np.ndarray

    schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Population."),
            Column("total", "real", "counts", "Counts in all."),
        ),
        key=("population",),
    )

    def __post_init__(self) -> None:
        self.schema.check(self.table)


def cells_of(path: Path) -> tuple[np.ndarray, pd.DataFrame]:
    counts = np.loadtxt(path, ndmin=2)
    n = len(counts)
    donors = [f"d{i % 3}" for i in range(n)]
    tissues = ["tumour" if (i // 3) % 2 else "normal" for i in range(n)]
    obs = pd.DataFrame(
        {
            "donor": donors,
            "sample": [f"{d}-{t}" for d, t in zip(donors, tissues, strict=True)],
            "tissue": tissues,
            "condition": "all",
            "population": ["NK" if i % 2 else "Treg" for i in range(n)],
        }
    )
    return counts, obs


def write_cells(path: Path, n: int = 36) -> None:
    np.savetxt(path, np.random.default_rng(0).poisson(2.0, (n, 4)))


def study_of(run: Run) -> Any:
    return run.study


def shift(study: Any) -> dict[str, Any]:
    return {"shift": study.shift}


def scale(study: Any) -> dict[str, Any]:
    return {"scale": study.scale}


def cells(study: Any) -> list[Path]:
    return [study.cells]


def _tally(run: Run) -> None:
    counts, obs = cells_of(study_of(run).cells)
    tally = tally_from_cells(counts, obs, ["A", "B", "C", "D"])
    quality, dropped = CellAccount.quality_schema.build([]), TallyPlan.schema.build([])
    store(tally, ACCOUNT_KEY, CellAccount(quality, dropped, {}))
    run.save_tally(tally)


def _sums(run: Run) -> None:
    tally = run.tally()
    totals = pd.Series(tally.layers["counts"].sum(axis=1) * study_of(run).scale)
    grouped = totals.groupby(tally.obs["population"].to_numpy()).sum()
    table = Sums.schema.build({"population": list(grouped.index), "total": list(grouped)})
    draws = run.rng("draws").random(2)
    run.save("sums.lung", Sums(table, Sums.schema.build([]), {"scale": study_of(run).scale}, draws))


def _shifted(run: Run) -> None:
    before = run.result("sums.lung", Sums)
    table = before.table.assign(total=before.table["total"] + study_of(run).shift)
    run.save(
        "shifted.lung", Sums(table, before.dropped, {"shift": study_of(run).shift}, before.draws)
    )


STAGES = (
    Stage("shifted", _shifted, needs=("sums",), parameters=shift),
    Stage("sums", _sums, needs=("tally",), parameters=scale),
    Stage("tally", _tally, inputs=cells, title="Counting"),
)
