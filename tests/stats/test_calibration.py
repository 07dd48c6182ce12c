"""The null grid, reduced: rejection as said, and flat in the number of cells."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats as oracle

from turncoat.allegiance.scores import cell_weights, log_rates
from turncoat.stats.compare import Donors, compare
from turncoat.stats.moderated import fit_linear, moderated_test, voom
from turncoat.stats.units import arrange

SIMULATOR = Path(__file__).parents[2] / "benchmarks" / "donor_study.py"


def simulator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("donor_study", SIMULATOR)
    if spec is None or spec.loader is None:
        pytest.skip("the simulator of the benchmarks is not beside these tests")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("n_per_arm", [5, 10])
def test_donor_tests_hold_their_level_whatever_the_number_of_cells(n_per_arm: int) -> None:
    made = simulator()
    design = np.column_stack([np.ones(2 * n_per_arm), np.repeat([1.0, 0.0], n_per_arm)])
    shares: dict[str, list[float]] = {"permutation": [], "moderated": [], "cells": []}
    for n_cells in (30, 200):
        exact, moderated, cells = [], [], []
        for seed in range(12):
            data = made.study(seed, n_per_arm=n_per_arm, n_cells=n_cells)
            sums = made.pseudobulk(data)
            units = arrange([f"d{i}" for i in range(2 * n_per_arm)], data["arm"])
            weights = cell_weights(np.bincount(data["donor"]).astype(float))
            donors = Donors(units, weights, np.zeros((2 * n_per_arm, 0)))
            found = compare(log_rates(sums), donors, n_permutations=999)[0]
            exact.append(np.mean(found.pvalue() <= 0.05))
            levels, precision = voom(sums, design)
            fit = fit_linear(levels, design, weights=precision)
            moderated.append(np.mean(moderated_test(fit, 1).pvalue <= 0.05))
            case = data["arm"][data["donor"]]
            depth = data["counts"].sum(axis=1, keepdims=True)
            logged = np.log1p(data["counts"] / depth * 1e4)
            cells.append(np.mean(oracle.ttest_ind(logged[case], logged[~case]).pvalue <= 0.05))
        for name, share in zip(shares, (exact, moderated, cells), strict=True):
            shares[name].append(float(np.mean(share)))
    assert max(shares["permutation"]) <= 0.06
    assert min(shares["moderated"]) >= 0.03
    assert max(shares["moderated"]) <= 0.065
    assert abs(shares["permutation"][1] - shares["permutation"][0]) < 0.015
    # Counting cells instead of donors: wrong from the start, and worse with more cells.
    assert shares["cells"][0] >= 0.25
    assert shares["cells"][1] > shares["cells"][0] + 0.1
