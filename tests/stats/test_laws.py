"""Tails and quantiles are those of scipy.stats, which no tool has to load for them."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from turncoat.stats.laws import (
    SMALLEST,
    chi_square_quantile,
    chi_square_tail,
    student_quantile,
    student_tail,
)
from turncoat.stats.library import _middle

places = st.floats(-1e3, 1e3) | st.sampled_from([-np.inf, np.inf, np.nan, 0.0])
freedoms = st.floats(0.5, 1e8) | st.just(np.inf)
chances = st.floats(1e-12, 1 - 1e-12)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-14, abs=0.0, nan_ok=True)


@given(places, freedoms)
def test_the_tail_of_student_is_that_of_scipy(x: float, freedom: float) -> None:
    assert student_tail(x, freedom) == near(np.maximum(stats.t.sf(x, freedom), SMALLEST))


@given(chances, freedoms)
def test_the_quantile_of_student_is_that_of_scipy(p: float, freedom: float) -> None:
    found = student_quantile(p, freedom)
    assert found == near(stats.t.ppf(p, freedom))
    assert -found == near(stats.t.isf(p, freedom))


@given(places, st.floats(0.5, 1e4))
def test_the_tail_of_a_chi_square_is_that_of_scipy(x: float, freedom: float) -> None:
    assert chi_square_tail(x, freedom) == near(np.maximum(stats.chi2.sf(x, freedom), SMALLEST))


@given(chances, st.floats(0.5, 1e4))
def test_the_quantile_of_a_chi_square_is_that_of_scipy(p: float, freedom: float) -> None:
    expected = stats.chi2.ppf(p, freedom)
    assert chi_square_quantile(p, freedom) == near(expected)


def test_arrays_give_arrays_and_numbers_numbers() -> None:
    x, freedom = np.array([[-1.0, np.nan, 2.5]]), np.array([[3.0], [40.0]])
    np.testing.assert_array_equal(student_tail(x, freedom), stats.t.sf(x, freedom))
    np.testing.assert_array_equal(student_tail(x, 7), stats.t.sf(x, 7))
    np.testing.assert_array_equal(chi_square_tail(x, 2), stats.chi2.sf(x, 2))
    assert type(student_tail(1.0, 2)) is float
    assert type(chi_square_tail(np.float64(1.0), 2)) is float


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.floats(0, 0.4))
def test_the_middle_ranks_ties_as_scipy_does(values: list[int], share: float) -> None:
    rank = stats.rankdata(values)
    least = np.floor(len(values) * share) + 1
    expected = (rank >= least) & (rank <= len(values) + 1 - least)
    np.testing.assert_array_equal(_middle(np.array(values, dtype=float), share), expected)


def test_no_tool_loads_the_distributions_of_scipy() -> None:
    code = (
        "import sys, pkgutil, importlib, turncoat as tc\n"
        "for found in pkgutil.walk_packages(tc.__path__, 'turncoat.'):\n"
        "    if '__main__' not in found.name:\n"
        "        importlib.import_module(found.name)\n"
        "cells = tc.ds.planted(n_donors=4, n_controls=4, cells_per_donor=200, n_genes=1500)\n"
        "tally = tc.pp.tally(cells, donor_key='donor', sample_key='sample', tissue_key='tissue',\n"
        "    condition_key='condition', population_key='population')\n"
        "contrast = tc.Contrast('condition', 'case', 'control')\n"
        "tc.tl.allegiance(tally, contrast)\n"
        "tc.tl.crosstalk(tally, contrast)\n"
        "print(sorted({'scipy.stats'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "[]", run.stderr


def test_no_tail_is_ever_zero() -> None:
    assert student_tail(1e6, 1e5) == chi_square_tail(1e6, 1.0) == SMALLEST > 0
    assert (student_tail(np.array([40.0, np.inf]), 1e9) > 0).all()
    assert np.isnan(student_tail(np.array([np.nan]), 3.0)).all()
