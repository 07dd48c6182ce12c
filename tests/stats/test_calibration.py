"""The null grid, reduced: rejection as said, and flat in the number of cells."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats as oracle

from turncoat.allegiance.background import fit_background, log_rates
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.science import AxesPlan, weigh_evidence
from turncoat.allegiance.scores import cell_weights, even_cells, gene_levels, matched_scores
from turncoat.stats.compare import Donors, compare
from turncoat.stats.estimate import Estimate, estimate
from turncoat.stats.moderated import fit_linear, moderated_test, voom
from turncoat.stats.scale import learn_scale, moderate
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


AXES = [
    Programme("p", axis, np.arange(first, first + 12), np.ones(12), ())
    for axis, first in (("anti_tumour", 12), ("pro_tumour", 0))
]
EXCLUDED = np.arange(24)


def scored(made: ModuleType, seed: int, n_per_arm: int, n_cells: int) -> tuple[Donors, list[Any]]:
    """Donors, levels' scores of both axes, and scores of matched genes, of one population."""
    # Genes of a programme move together: that is what must not be mistaken for a switch.
    data = made.sums(seed, n_per_arm=n_per_arm, n_cells=n_cells, shared=0.3)
    levels = log_rates(data["sums"])
    units = arrange([f"d{i}" for i in range(2 * n_per_arm)], data["arm"])
    background = fit_background(levels, EXCLUDED)
    scores = np.column_stack([gene_levels(levels, axis, background).scores for axis in AXES])
    like = [matched_scores(levels, axis, EXCLUDED, background) for axis in AXES]
    even = even_cells(np.hstack(like), data["n_cells"], units.strata)
    return Donors(units, cell_weights(data["n_cells"], even), np.zeros((2 * n_per_arm, 0))), [
        scores,
        *like,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("n_per_arm", [5, 10])
def test_verdicts_and_the_moderated_test_hold_their_level_on_scores(n_per_arm: int) -> None:
    made = simulator()
    joint, moderated = [], []
    for n_cells in (50, 500):
        for study in range(30):
            found, expected = [], []
            for population in range(10):
                seed = 1000 * study + population
                donors, (scores, *alike) = scored(made, seed, n_per_arm, n_cells)
                plan = AxesPlan(0.32, 0, 999)
                joint.append(weigh_evidence(scores, donors, plan).joint <= 0.05)
                found.append(estimate(scores, donors.units, weights=donors.weights))
                errors = [estimate(a, donors.units, weights=donors.weights).error for a in alike]
                expected += [np.mean(error**2) for error in errors]
            parts = [(one.effect, one.error, one.freedom) for one in found]
            plain = Estimate(*(np.concatenate(part) for part in zip(*parts, strict=True)))
            likely = np.array(expected)
            scale = learn_scale(plain.error**2 / likely, plain.freedom)
            lower, upper = moderate(plain, likely, scale).interval()
            moderated.append(np.mean((lower > 0) | (upper < 0)))
    # 600 verdicts: exact, 0.05 to within 0.018; 1,200 moderated tests: 0.05 to within 0.0125.
    assert np.mean(joint) <= 0.068
    assert 0.03 <= np.mean(moderated) <= 0.065
