"""A trial's files: tables as parquet, figures as PNG, what was asked as JSON."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turncoat.errors import OutputError
from turncoat.simulate import plot, plot_panels
from turncoat.simulate.result import NOTICE, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_trial(trial: Trial, folder: Path) -> list[Path]:
    """Write a trial's tables and figures into a folder.

    Parameters
    ----------
    trial
        The trial.
    folder
        Where to write; made where absent.

    Returns
    -------
    list of Path
        The files, tables first.

    Raises
    ------
    OutputError
        When the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tables = {"trial": trial.table, "doses": trial.arms, "dropped": trial.dropped}
        written = []
        for name, table in tables.items():
            path = folder / f"{name}.parquet"
            table.to_parquet(path, index=False)
            written.append(path)
        said = folder / "trial.json"
        said.write_text(json.dumps({"notice": NOTICE, **trial.params}, indent=1), encoding="utf-8")
        return [*written, said, *_figures(trial, folder)]
    except OSError as error:
        raise OutputError(f"The trial cannot be written to {folder}: {error}.") from error


def _figures(trial: Trial, folder: Path) -> list[Path]:
    drawn: dict[str, Callable[[], Any]] = {
        "colonisation": lambda: plot.colonisation(trial).figure,
        "survival": lambda: plot.survival(trial).figure,
    }
    if trial.quantities:
        drawn["growth"] = lambda: plot.growth(trial).figure
        drawn["trajectories"] = lambda: plot_panels.trajectories(trial)
    for k, arm in enumerate(trial.arm_names[1:], start=1):
        drawn[f"waterfall_{k}"] = functools.partial(_waterfall, trial, arm)
    return [_save(draw(), folder / f"{name}.png") for name, draw in drawn.items()]


def _waterfall(trial: Trial, arm: str) -> Any:
    return plot.waterfall(trial, arm).figure


def _save(figure: "Figure", path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
