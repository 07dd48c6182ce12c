"""Figures draw what the trial holds; the command, the stage and the section work end to end."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import turncoat as tc
from turncoat.cli.app import app
from turncoat.errors import ArgumentError, OutputError
from turncoat.simulate import plot, plot_panels
from turncoat.simulate.result import Trial
from turncoat.simulate.save import save_trial
from turncoat.simulate.warm import warmup
from turncoat.tables import from_uns, to_uns


@pytest.fixture(scope="module")
def trial() -> Trial:
    arms = {"control": "mastectomy d20", "treg depletion": "anti_cd25 q3d + mastectomy d20"}
    return tc.sim.trial("kep", arms, 12, 2, days=30)


def test_growth_draws_the_median_of_each_arm(trial: Trial) -> None:
    ax = plot.growth(trial)
    assert [line.get_label() for line in ax.lines] == trial.arm_names
    expected = np.median(trial.curve("volume", "control"), axis=0)
    drawn = np.asarray(ax.lines[0].get_ydata(), dtype=float)
    np.testing.assert_allclose(drawn, np.asarray(expected, dtype=float), rtol=1e-6)
    assert "Simulated" in ax.get_title(loc="left")
    plt.close("all")


def test_waterfall_has_a_bar_per_mouse_in_order(trial: Trial) -> None:
    heights = [bar.get_height() for bar in plot.waterfall(trial, "treg depletion").patches]  # type: ignore[attr-defined]
    assert len(heights) == 12
    assert heights == sorted(heights, reverse=True)
    plt.close("all")


def test_other_figures_draw(trial: Trial) -> None:
    assert plot.colonisation(trial).get_ylim()[1] > 1.0
    assert len(plot.survival(trial).lines) == 2
    figure = plot_panels.trajectories(trial, quantities=("volume", "wnt"))
    assert len(figure.axes) == 2
    grid = tc.sim.dose_grid("thacker", "lgk974", doses=[1.0, 5.0], intervals=[1.0], n_mice=6)
    assert grid.table.set_index("dose")["change"][5.0] < grid.table.set_index("dose")["change"][1.0]
    assert len(plot_panels.dose_heatmap(grid).texts) == 2
    plt.close("all")


def test_empty_requests_are_refused(trial: Trial) -> None:
    with pytest.raises(ArgumentError, match="at least one curve"):
        plot_panels.trajectories(trial, quantities=())
    with pytest.raises(ArgumentError, match="needs doses"):
        tc.sim.dose_grid("thacker", "lgk974", doses=[], intervals=[1.0])


def test_a_trial_survives_storage(trial: Trial) -> None:
    back = from_uns(Trial, to_uns(trial))
    pd.testing.assert_frame_equal(back.table, trial.table)
    np.testing.assert_array_equal(back.curves, trial.curves)
    assert back.quantities == trial.quantities


def test_a_folder_that_cannot_be_made_is_said(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        save_trial(trial, tmp_path / "taken")


def test_the_command_writes_tables_and_figures(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["simulate", "--context", "thacker", "--arms", "control", "--arms", "lgk974 d14-20",
                 "--mice", "6", "--days", "25", "--out", str(out)]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert len(pd.read_parquet(out / "trial.parquet")) == 12
    assert "never advice" in json.loads((out / "trial.json").read_text("utf-8"))["notice"]
    assert {"growth.png", "survival.png", "colonisation.png", "waterfall_1.png"} <= {
        path.name for path in out.iterdir()
    }


def test_warm_up_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(warmup()).is_dir()


def test_stage_and_section_speak_of_simulated_mice(trial: Trial) -> None:
    from types import SimpleNamespace

    from turncoat.pipeline.rooms.simulate import STAGE
    from turncoat.report.sections.simulate import section

    none = SimpleNamespace(simulation=SimpleNamespace(context=None))
    assert "names no tumour model" in STAGE.skipped(none)  # type: ignore[arg-type]
    made = section(SimpleNamespace(results=lambda *_: {"": trial}))
    assert made is not None
    assert made.lead.startswith("Simulated")
    assert "never advice" in made.lead
    assert len(made.figures) == 2
    assert section(SimpleNamespace(results=lambda *_: {})) is None
