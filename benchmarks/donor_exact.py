"""Exact tests where nothing is planted: parts ``exact``, ``joint`` and ``labelings`` of donor_statistics.py.

At least 100,000 tests per cell of the grid, so that the 95 % interval of a share is about ±0.0013.

Sampled, a test whose rate times (draws + 1) is a whole number rejects at exactly 0.05, and no
number of studies would tell that from a little more. Here 498 arrangements are drawn: at most 24
of 499 pass, so the true rate is 0.0481, and a share above 0.05 would be a defect (almost three standard
errors), not a coin's fall. What the 9,999 draws of the package come to is worked out without any draw in ``labelings``.
"""

import harness
import numpy as np
import pandas as pd
from donor_null import donors_of, run_grid
from donor_study import N_PROGRAMME, sums
from scipy import stats as distributions

from turncoat.allegiance.background import fit_background, log_rates
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.science import HARM, AxesPlan, weigh_evidence
from turncoat.allegiance.scores import cell_weights, gene_levels
from turncoat.niche.quantities import quantities
from turncoat.stats.compare import Donors, compare
from turncoat.stats.parts import Parts
from turncoat.stats.permutation import (
    N_PERMUTATIONS,
    Permuted,
    _enumerate,
    arrangements,
    permute,
)
from turncoat.stats.units import Units, arrange

N_DRAWN = 498
#: Populations of a study: a programme each of duty and of harm.
N_POPULATIONS = 100
N_FREE = 600
#: Studies per cell of the grid and first seeds, fixed before anything was measured.
GENE_STUDIES, GENE_SEED = 400, 2_000_000
JOINT_STUDIES, JOINT_SEED = 1_000, 2_100_000
RATIO_STUDIES, RATIO_SEED = 60_000, 2_200_000
RATIO_BLOCK = 2_500
LABELING_SEED = 2_300_000


def genes(seed: int, n_per_arm: int, n_cells: int) -> dict[str, np.ndarray]:
    data = sums(seed, n_per_arm=n_per_arm, n_cells=n_cells)
    found = compare(log_rates(data["sums"]), donors_of(data), seed=seed, n_permutations=N_DRAWN)[0]
    return {"gene, permutation": np.array([np.mean(found.pvalue() <= 0.05)])}


def panel(seed: int, n_per_arm: int, n_cells: int) -> dict[str, np.ndarray]:
    """Sums as :func:`donor_study.sums`, of a hundred populations' programmes and other genes.

    Genes of a harm programme move together from donor to donor, in some programmes more than in
    others. All programmes share a donor's cells and depth.
    """
    rng = np.random.default_rng([seed, 21])
    n_own = 2 * N_PROGRAMME * N_POPULATIONS
    base = np.concatenate([rng.uniform(0.3, 2.0, n_own), rng.lognormal(0.0, 1.6, N_FREE)])
    arm = np.repeat([True, False], n_per_arm)
    logged = 0.5 * rng.normal(size=(arm.size, base.size))
    together = (
        0.3 * rng.exponential(size=N_POPULATIONS) * rng.normal(size=(arm.size, N_POPULATIONS))
    )
    logged[:, : n_own // 2] += np.repeat(together, N_PROGRAMME, axis=1)
    rate = base * np.exp(logged)
    rate /= rate.sum(axis=1, keepdims=True)
    n = np.maximum(3, np.round(n_cells * rng.gamma(4.0, 0.25, arm.size))).astype(int)
    own = 1_500 * np.exp(0.3 * rng.normal(size=arm.size))
    cells = rng.lognormal(0.0, 0.4, n.sum())
    start = np.concatenate([[0], np.cumsum(n)[:-1]])
    total, squares = np.add.reduceat(cells, start), np.add.reduceat(cells**2, start)
    shape = np.broadcast_to((2 * total**2 / squares)[:, None], rate.shape)
    mean = (own * total)[:, None] * rate
    drawn = rng.poisson(mean * rng.standard_gamma(shape) / shape)
    return {"sums": drawn.astype(float), "n_cells": n.astype(float), "arm": arm}


def panel_scores(levels: np.ndarray) -> np.ndarray:
    """Scores of all programmes, harm then duty, as ``gene_levels`` makes them."""
    own = np.arange(2 * N_PROGRAMME * N_POPULATIONS)
    above = levels[:, own] - fit_background(levels, own).levels(own)
    return above.reshape(len(levels), 2 * N_POPULATIONS, N_PROGRAMME).mean(axis=2)


def joint(seed: int, n_per_arm: int, n_cells: int) -> dict[str, np.ndarray]:
    """One axis, and the verdict's joint test of both with their balance."""
    data = panel(seed, n_per_arm, n_cells)
    levels, donors = log_rates(data["sums"]), donors_of(data)
    scores = panel_scores(levels)
    harm, duty = scores[:, :N_POPULATIONS], scores[:, N_POPULATIONS:]
    balance = HARM[0] * duty / duty.std(axis=0) + HARM[1] * harm / harm.std(axis=0)
    values = np.hstack([duty, harm, balance])
    found = compare(values, donors, seed=seed, n_permutations=N_DRAWN)[0]
    signs = np.repeat([*HARM, 1.0], N_POPULATIONS)
    three = (found.statistics * signs).reshape(-1, 3, N_POPULATIONS)
    pvalue = Permuted(three.max(axis=1), found.is_exact).pvalue_greater()
    if seed % 500 == 0:
        _as_the_package_does(levels, scores, donors, seed, pvalue[0])
    either = found.pvalue()[N_POPULATIONS : 2 * N_POPULATIONS]
    return {
        "score, permutation": np.array([np.mean(either <= 0.05)]),
        "verdict's joint test, permutation": np.array([np.mean(pvalue <= 0.05)]),
    }


def _as_the_package_does(
    levels: np.ndarray, scores: np.ndarray, donors: Donors, seed: int, pvalue: float
) -> None:
    """Compare one population's scores and p-value with those of the package's own functions."""
    n_own = 2 * N_PROGRAMME * N_POPULATIONS
    first = np.arange(N_PROGRAMME)
    axes = [
        Programme("p", axis, genes, np.ones(N_PROGRAMME), ())
        for axis, genes in (("anti_tumour", n_own // 2 + first), ("pro_tumour", first))
    ]
    background = fit_background(levels, np.arange(n_own))
    both = np.column_stack([gene_levels(levels, axis, background).scores for axis in axes])
    np.testing.assert_allclose(both, scores[:, [N_POPULATIONS, 0]], atol=1e-9)
    assert weigh_evidence(both, donors, AxesPlan(0.32, seed, N_DRAWN)).joint == pvalue


def log_ratios(seed: int, n_per_arm: int, n_cells: int) -> dict[str, np.ndarray]:
    """Four populations' centred log-ratios in many studies at once."""
    rng = np.random.default_rng([seed, 22])
    case = np.repeat([True, False], n_per_arm)
    shape = (case.size, RATIO_BLOCK)
    totals = np.maximum(20, np.round(n_cells * rng.gamma(4, 0.25, shape))).astype(int)
    parts = rng.standard_gamma([2.0, 5.0, 10.0, 20.0], (*shape, 4))
    cells = rng.multinomial(totals, parts / parts.sum(axis=2, keepdims=True))
    table = pd.DataFrame(cells.reshape(-1, 4), columns=list("abcd"))
    values = quantities(table, [])[2].reshape(case.size, -1)
    units = arrange([f"d{i}" for i in range(case.size)], case)
    donors = Donors(units, np.ones(case.size), np.zeros((case.size, 0)))
    pvalue = compare(values, donors, seed=seed, n_permutations=N_DRAWN)[0].pvalue()
    return {"log-ratio, permutation": np.mean(pvalue.reshape(-1, 4) <= 0.05, axis=1)}


DRAWN = f"{N_DRAWN} arrangements drawn where there are more than 20,000 (at most 24 of 499 then pass: the true rate is 0.0481)"


def exact_part() -> dict[str, object]:
    tests = (
        (log_ratios, RATIO_STUDIES // RATIO_BLOCK, RATIO_SEED),
        (genes, GENE_STUDIES, GENE_SEED),
    )
    note = (
        f"Exact tests; {DRAWN}. A study has 300 genes, or four log-ratios; {RATIO_BLOCK:,} studies of "
        "log-ratios share a seed."
    )
    return run_grid(tests, note)


def joint_part() -> dict[str, object]:
    note = (
        f"Scores and verdicts: {N_POPULATIONS} populations a study, with a programme each of duty and of harm, "
        f"whose genes move together in some more than in others; {DRAWN}. In one study of 500 a population's "
        "scores and joint p-value are compared with those of the package's own functions."
    )
    return run_grid(((joint, JOINT_STUDIES, JOINT_SEED),), note)


def designs() -> dict[str, Units]:
    """Small designs of every kind, all arrangements of which can take their turn."""

    def named(n: int) -> list[str]:
        return [f"d{i}" for i in range(n)]

    return {
        "5 against 5": arrange(named(10), np.arange(10) < 5),
        "3 against 7": arrange(named(10), np.arange(10) < 3),
        "8 pairs": arrange(named(8) * 2, np.arange(16) < 8, block="donor"),
        "4 pairs, 3 against 2": arrange(
            [*named(4) * 2, *[f"s{i}" for i in range(5)]],
            [True] * 4 + [False] * 4 + [True] * 3 + [False] * 2, block="donor",
        ),
        "2 against 3 and 4 against 2, in blocks": arrange(
            named(11), [True] * 2 + [False] * 3 + [True] * 4 + [False] * 2, block=["x"] * 5 + ["y"] * 6
        ),
    }  # fmt: skip


def every_labeling(units: Units, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """p-values of every score (columns) with every arrangement in turn as the observed one (rows)."""
    rows = []
    for case in arrangements(units)[0]:
        own = Units(units.donors, case, units.stratum, units.pairing)
        rows.append(permute(values, own, weights=weights).pvalue())
    return np.array(rows)


def excess(pvalues: np.ndarray) -> float:
    """Largest excess, over all rates, of the share of p-values at or below a rate over that rate."""
    ordered = np.sort(pvalues, axis=0)
    share = np.arange(1, len(ordered) + 1)[:, np.newaxis] / len(ordered)
    return float((share - ordered).max())


def sampled_rate(values: np.ndarray, units: Units, weights: np.ndarray) -> np.ndarray:
    """Rejection at 0.05 with the package's draws: every arrangement in turn, every draw, no chance.

    Of so many draws, those at least as extreme as the observed arrangement follow a binomial law.
    """
    labels = _enumerate(tuple((s.size, int(units.case[s].sum())) for s in units.strata))
    rates = []
    for column in values.T[:, :, np.newaxis]:
        numerator, variance = Parts.of(column, units, weights).moments(labels)
        extreme = np.abs(numerator / np.sqrt(variance))[:, 0]
        slack = 1e-9 * np.maximum(1.0, extreme)
        below = np.searchsorted(np.sort(extreme), extreme - slack, side="left")
        allowed = round(0.05 * (N_PERMUTATIONS + 1)) - 1
        found = distributions.binom.cdf(allowed, N_PERMUTATIONS, 1 - below / extreme.size)
        rates.append(found.mean())
    return np.array(rates)


def labelings_part() -> dict[str, object]:
    """No sampling noise: every arrangement of the labels takes its turn as the observed one."""
    rng = np.random.default_rng(LABELING_SEED)
    shares, over, said = [], [], []
    for name, units in designs().items():
        size = units.case.size
        values = rng.standard_t(3, size=(size, 20))
        values[:, 10:] = np.round(values[:, 10:])  # ties
        found = every_labeling(units, values, cell_weights(rng.gamma(1.0, 50.0, size) + 3))
        shares.append(float(np.mean(found <= 0.05, axis=0).max()))
        over.append(excess(found))
        said.append(f"{name} ({len(found)} arrangements): {shares[-1]:.4f}")
    ten = arrange([f"d{i}" for i in range(20)], np.arange(20) < 10)
    drawn = sampled_rate(
        rng.standard_t(3, size=(20, 10)), ten, cell_weights(rng.gamma(1.0, 50.0, 20) + 3)
    )
    about = "20 heavy-tailed scores, half of them with ties; weights from 3 to some hundred cells; no sampling noise"
    bars = [
        harness.bar("exact tests, every arrangement in turn as the observed one: highest share of p <= 0.05", max(shares),
                    unit="share", limit=0.05, note=f"{'; '.join(said)}; {about}"),
        harness.bar("exact tests, every arrangement in turn: largest excess of that share over the rate, all rates", max(0.0, *over),
                    unit="share", limit=0.0, note="share of p <= a less a, for every a from 0 to 1; the same designs"),
        harness.bar(f"sampled tests, {N_PERMUTATIONS:,} draws, every arrangement and every draw in turn: highest share of p <= 0.05",
                    float(drawn.max()), unit="share", limit=0.05,
                    note=f"10 against 10 donors, 184,756 arrangements, 10 scores: {drawn.min():.6f} to {drawn.max():.6f}; worked out, not drawn"),
    ]  # fmt: skip
    note = f"Small designs of every kind; seed {LABELING_SEED}. What is exact by proof is so in the code."
    return {"bars": bars, "notes": [note]}
