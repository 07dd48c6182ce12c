"""R says the same: tests/golden/stats holds the script, its outputs and the session."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from turncoat.errors import DesignError
from turncoat.stats.composition import beta_binomial_pvalue, fit_beta_binomial
from turncoat.stats.library import effective_library
from turncoat.stats.lowess import lowess
from turncoat.stats.moderated import fit_linear, moderated_test, voom
from turncoat.stats.pooling import pool_fixed, pool_random
from turncoat.tables import FloatArray

GOLDEN = Path(__file__).parent.parent / "golden" / "stats"


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(GOLDEN / f"{name}.csv")


def matrix(name: str) -> FloatArray:
    values: FloatArray = read(name).to_numpy(dtype=float)
    return values


@pytest.mark.parametrize("weighted", [True, False])
def test_moderated_t_equals_limma(*, weighted: bool) -> None:
    weights = matrix("moderated_weights") if weighted else None
    expected = read("moderated" if weighted else "moderated_plain")
    fit = fit_linear(matrix("moderated_values"), matrix("moderated_design"), weights=weights)
    found = moderated_test(fit, 1)
    np.testing.assert_allclose(found.found.effect, expected["effect"], rtol=1e-9)
    np.testing.assert_allclose(found.statistic, expected["t"], rtol=1e-7)
    np.testing.assert_allclose(found.pvalue, expected["pvalue"], rtol=1e-6)
    np.testing.assert_allclose(found.found.freedom, expected["df_total"], rtol=1e-7)
    assert found.prior_freedom == pytest.approx(expected["df_prior"][0], rel=1e-7)
    assert found.prior_variance == pytest.approx(expected["s2_prior"][0], rel=1e-7)


def test_lowess_equals_r() -> None:
    expected = read("lowess")
    found = lowess(expected["x"].to_numpy(), expected["y"].to_numpy(), span=0.4)
    np.testing.assert_allclose(found, expected["fitted"], rtol=1e-9, atol=1e-12)


def test_voom_equals_limma() -> None:
    design = matrix("voom_design")
    levels, weights = voom(matrix("voom_counts"), design)
    np.testing.assert_allclose(levels, matrix("voom_levels"), rtol=1e-9)
    np.testing.assert_allclose(weights, matrix("voom_weights"), rtol=1e-6)
    found = moderated_test(fit_linear(levels, design, weights=weights), 1)
    expected = read("voom_fit")
    np.testing.assert_allclose(found.statistic, expected["t"], rtol=1e-6)
    np.testing.assert_allclose(found.pvalue, expected["pvalue"], rtol=1e-6)


def test_pooling_equals_metafor() -> None:
    expected = read("pooling").set_index("model")
    effects = np.array([0.42, 0.11, 0.75, -0.2, 0.5])
    errors = np.sqrt([0.05, 0.02, 0.11, 0.04, 0.3])
    same = np.array([0.3, 0.31, 0.29]), np.sqrt([0.05, 0.02, 0.11])
    found = {
        "hk": pool_random(effects, errors, guard=False),
        "dl": pool_random(effects, errors, knapp=False),
        "fe": pool_fixed(effects, errors),
        "same": pool_random(*same, guard=False),
    }
    for model, pooled in found.items():
        for name in ("effect", "error", "pvalue", "low", "high", "tau2", "q", "q_pvalue", "i2"):
            value, wanted = getattr(pooled, name), float(expected[name][model])
            assert value == pytest.approx(wanted, rel=1e-9, abs=1e-12), (model, name)
    prediction = read("pooling_prediction").iloc[0]
    assert found["hk"].prediction_low == pytest.approx(prediction["low"])
    assert found["hk"].prediction_high == pytest.approx(prediction["high"])


def test_beta_binomial_equals_vgam() -> None:
    values, expected = read("betabinomial_values"), read("betabinomial").iloc[0]
    count, total = (values[name].to_numpy(dtype=float) for name in ("count", "total"))
    design = np.column_stack([np.ones(10), values["group"]])
    full = fit_beta_binomial(count, total, design)
    null = fit_beta_binomial(count, total, design[:, :1])
    np.testing.assert_allclose(full.coefficients, expected[["intercept", "effect"]], rtol=1e-6)
    assert full.correlation == pytest.approx(expected["rho"], rel=1e-6)
    assert full.loglik == pytest.approx(expected["loglik"], rel=1e-9)
    assert null.loglik == pytest.approx(expected["loglik_null"], rel=1e-9)
    assert null.correlation == pytest.approx(expected["rho_null"], rel=1e-6)
    effect, pvalue = beta_binomial_pvalue(count, total, design, 1)
    assert effect == pytest.approx(expected["effect"], rel=1e-6)
    assert 0 < pvalue < 0.02


@pytest.mark.parametrize("table", ["tmm", "tmm_sparse"])
def test_effective_library_equals_edger(table: str) -> None:
    counts = matrix(f"{table}_counts")
    expected = read(table)
    found = effective_library(counts)
    np.testing.assert_allclose(found, expected["effective"], rtol=1e-9)
    np.testing.assert_allclose(found / counts.sum(axis=1), expected["factor"], rtol=1e-9)


def test_voom_on_effective_libraries_equals_edger_and_limma() -> None:
    counts = matrix("tmm_counts")
    counts = np.delete(counts, 6, axis=1)
    design = np.column_stack([np.ones(9), np.repeat([0.0, 1.0], [4, 5])])
    levels, weights = voom(counts, design, library=effective_library(counts))
    found = moderated_test(fit_linear(levels, design, weights=weights), 1)
    expected = read("tmm_voom")
    np.testing.assert_allclose(found.found.effect, expected["effect"], rtol=1e-6)
    np.testing.assert_allclose(found.statistic, expected["t"], rtol=1e-6)
    np.testing.assert_allclose(found.pvalue, expected["pvalue"], rtol=1e-6)


def test_effective_library_ignores_what_few_genes_do_and_the_order_of_donors() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.lognormal(4, 1, 200), (6, 200)).astype(float)
    loud = counts.copy()
    loud[3:, :4] *= 200
    plain, ratio = effective_library(counts), effective_library(loud) / effective_library(counts)
    # Totals differ several times over; what genes are set against stays as it was.
    assert (loud.sum(axis=1) / counts.sum(axis=1)).max() > 3
    assert np.ptp(np.log2(ratio)) < 0.05
    np.testing.assert_allclose(effective_library(counts[::-1]), plain[::-1], rtol=1e-12)


def test_effective_library_needs_counts() -> None:
    with pytest.raises(DesignError, match="Every donor should have counts"):
        effective_library(np.array([[1.0, 2.0], [0.0, 0.0]]))


def test_donors_who_share_no_gene_keep_their_totals() -> None:
    np.testing.assert_allclose(effective_library(np.array([[4.0, 0.0], [0.0, 4.0]])), [4.0, 4.0])
