"""The calibration job, reduced: the benchmark's own null studies, few of them, in every gate.

The full grid is ``python benchmarks/donor_statistics.py labelings exact joint null organs other
substates`` by hand; its figures are on the page of benchmarks.
"""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def studies(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    if not (BENCHMARKS / "donor_exact.py").exists():
        pytest.skip("the benchmarks are not beside these tests")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("donor_null"), importlib.import_module("donor_exact")


def rejected(test: object, seeds: range, n_per_arm: int, n_cells: int) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for seed in seeds:
        for name, values in test(seed, n_per_arm, n_cells).items():  # type: ignore[operator]
            found.setdefault(name, []).append(float(np.mean(values)))
    return {name: float(np.mean(each)) for name, each in found.items()}


Modules = tuple[ModuleType, ModuleType]


def test_no_arrangement_is_rejected_more_often_than_said(studies: Modules) -> None:
    for entry in studies[1].labelings_part()["bars"]:
        assert entry["met"], entry


@pytest.mark.slow
def test_exact_tests_hold_their_level_and_do_not_count_cells(studies: Modules) -> None:
    exact = studies[1]
    for test, n_seeds in ((exact.genes, 12), (exact.joint, 12), (exact.log_ratios, 1)):
        few, many = (rejected(test, range(n_seeds), 10, cells) for cells in (50, 500))
        for name, share in few.items():
            # 1,200 tests at least, the truth is 0.048: four standard errors.
            assert max(share, many[name]) <= 0.075, name
            assert min(share, many[name]) >= 0.025, name
            assert abs(many[name] - share) <= 0.035, name


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["niche", "shares_of_cells", "adjusted_ratios", "adjusted_shares", "pooled"]
)
def test_other_tests_of_donors_hold_their_level(studies: Modules, name: str) -> None:
    found = rejected(getattr(studies[0], name), range(150), 10, 50)
    # 150 studies at 0.05: a standard error of 0.018.
    assert all(share <= 0.115 for share in found.values()), found
