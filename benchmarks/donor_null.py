"""Shares of p <= 0.05 where nothing is planted: parts ``null`` and ``cells`` of donor_statistics.py.

Every function returns one share per study, so that a share comes with an interval over studies: the
genes of one study share its donors and are no repetitions of each other.
"""

import json
import os
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import harness
import numpy as np
import pandas as pd
from donor_study import N_PROGRAMME, sums

from turncoat.allegiance.background import fit_background, log_rates
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.scores import cell_weights, even_cells, gene_levels, matched_scores
from turncoat.niche.quantities import quantities
from turncoat.niche.science import Plan, change_of_changes
from turncoat.stats.compare import Donors, compare
from turncoat.stats.composition import beta_binomial_pvalue
from turncoat.stats.estimate import Estimate, estimate
from turncoat.stats.moderated import fit_linear, moderated_test, voom
from turncoat.stats.pooling import pool_donors, pool_random, pool_same
from turncoat.stats.scale import learn_scale, moderate
from turncoat.stats.units import arrange

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("TURNCOAT_CACHE", HERE / ".cache"))
GENES = np.arange(N_PROGRAMME)
OTHERS = np.arange(N_PROGRAMME, 2 * N_PROGRAMME)
EXCLUDED = np.concatenate([GENES, OTHERS])
HARM = Programme("p", "pro_tumour", GENES, np.ones(N_PROGRAMME), ())
DUTY = Programme("p", "anti_tumour", OTHERS, np.ones(N_PROGRAMME), ())
GRID = [(n, c) for n in (5, 10, 20) for c in (50, 500)]
#: Populations of a study from which the moderated test learns.
N_POPULATIONS = 10


def donors_of(data: dict[str, np.ndarray]) -> Donors:
    n = len(data["arm"])
    units = arrange([f"d{i}" for i in range(n)], data["arm"])
    levels = log_rates(data["sums"])
    background = fit_background(levels, EXCLUDED)
    like = [matched_scores(levels, axis, EXCLUDED, background) for axis in (HARM, DUTY)]
    even = even_cells(np.hstack(like), data["n_cells"], units.strata)
    return Donors(units, cell_weights(data["n_cells"], even), np.zeros((n, 0)))


def harm_score(counts: np.ndarray) -> np.ndarray:
    levels = log_rates(counts)
    return gene_levels(levels, HARM, fit_background(levels, EXCLUDED)).scores


def genes(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    data = sums(seed, n_per_arm=n_per_arm, n_cells=n_cells)
    design = np.column_stack([np.ones(2 * n_per_arm), data["arm"]])
    values, weights = voom(data["sums"], design)
    fitted = moderated_test(fit_linear(values, design, weights=weights), 1).pvalue
    return {"gene, moderated (voom)": float(np.mean(fitted <= 0.05))}


def moderated_study(
    seed: int, n_per_arm: int, n_cells: int, *, effect: float = 0.0, shared: float = 0.0
) -> tuple[Estimate, Estimate]:
    """Shifts of both axes of ten populations, plain and moderated; the first row is planted."""
    rows, expected = [], []
    for population in range(N_POPULATIONS):
        # The first population is the very study that every other method gets.
        own = seed if population == 0 else 10**9 + seed * N_POPULATIONS + population
        data = sums(
            own, n_per_arm=n_per_arm, n_cells=n_cells, shared=shared,
            effect=0.0 if population else effect,
        )  # fmt: skip
        levels, donors = log_rates(data["sums"]), donors_of(data)
        background = fit_background(levels, EXCLUDED)
        for axis in (HARM, DUTY):
            score = gene_levels(levels, axis, background).scores[:, np.newaxis]
            rows.append(estimate(score, donors.units, weights=donors.weights))
            like = matched_scores(levels, axis, EXCLUDED, background)
            error = estimate(like, donors.units, weights=donors.weights).error
            expected.append(np.mean(error**2))
    plain = Estimate(
        np.concatenate([row.effect for row in rows]),
        np.concatenate([row.error for row in rows]),
        np.concatenate([row.freedom for row in rows]),
    )
    likely = np.array(expected)
    scale = learn_scale(plain.error**2 / likely, plain.freedom)
    return plain, moderate(plain, likely, scale)


def moderated_scores(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    _, found = moderated_study(seed, n_per_arm, n_cells, shared=0.3)
    lower, upper = found.interval()
    return {"score, moderated": float(np.mean((lower > 0) | (upper < 0)))}


def drawn_cells(seed: int, n_per_arm: int, n_cells: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, 7])
    case = np.repeat([True, False], n_per_arm)
    totals = np.maximum(20, np.round(n_cells * rng.gamma(4, 0.25, case.size))).astype(int)
    return case, np.array([rng.multinomial(t, rng.dirichlet([2, 5, 10, 20])) for t in totals])


def shares_of_cells(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    case, cells = drawn_cells(seed, n_per_arm, n_cells)
    design = np.column_stack([np.ones(case.size), case])
    one, total = cells[:, 1].astype(float), cells.sum(axis=1).astype(float)
    return {"composition, beta-binomial": float(beta_binomial_pvalue(one, total, design, 1)[1] <= 0.05)}  # fmt: skip


def aged_cells(
    seed: int, n_per_arm: int, n_cells: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Composition that depends on a covariate, which leans to one arm; nothing on the arm itself."""
    rng = np.random.default_rng([seed, 12])
    case = np.repeat([True, False], n_per_arm)
    age = rng.normal(size=case.size) + 0.5 * case
    totals = np.maximum(20, np.round(n_cells * rng.gamma(4, 0.25, case.size))).astype(int)
    mean = np.array([2.0, 5, 10, 20]) * np.exp(0.3 * age[:, None] * [0, 1, 0, -1])
    mean *= 37 / mean.sum(axis=1, keepdims=True)
    cells = [rng.multinomial(t, rng.dirichlet(m)) for t, m in zip(totals, mean, strict=True)]
    return case, age, np.array(cells)


def adjusted_ratios(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    """Abundance beside a covariate: log-ratios, Freedman and Lane."""
    case, age, cells = aged_cells(seed, n_per_arm, n_cells)
    units = arrange([f"d{i}" for i in range(2 * n_per_arm)], case)
    donors = Donors(units, np.ones(case.size), age[:, None])
    values = quantities(pd.DataFrame(cells, columns=list("abcd")), [])[2]
    found = compare(values, donors, seed=seed, n_permutations=499)[0].pvalue()
    return {"log-ratio with a covariate, Freedman-Lane": float(np.mean(found <= 0.05))}


def adjusted_shares(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    """Abundance beside a covariate: beta-binomial."""
    case, age, cells = aged_cells(seed, n_per_arm, n_cells)
    design = np.column_stack([np.ones(case.size), case, age])
    one, total = cells[:, 1].astype(float), cells.sum(axis=1).astype(float)
    pvalue = beta_binomial_pvalue(one, total, design, 1)[1]
    return {"composition with a covariate, beta-binomial": float(pvalue <= 0.05)}


def drawn_studies(
    rng: np.random.Generator, sizes: list[int], n_cells: int, *, spread: float, effect: float = 0.0
) -> np.ndarray:
    """Effect, error, degrees of freedom and compared donors of studies, one row each."""
    rows = []
    for n in sizes:
        case = np.repeat([True, False], n)
        noise = rng.normal(size=2 * n) * np.sqrt(1 + 10 / n_cells)
        own = (effect + rng.normal(0, spread)) * case + noise
        found = estimate(own[:, None], arrange([f"d{i}" for i in range(2 * n)], case))
        rows.append((found.effect[0], found.error[0], found.freedom[0], n / 2))
    return np.array(rows).T


def pooled(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    """Four studies whose true effects differ around 0, of one size or of two; two that share one effect."""
    rng = np.random.default_rng([seed, 8])
    alike = drawn_studies(rng, [n_per_arm] * 4, n_cells, spread=0.3)
    unlike = drawn_studies(rng, [n_per_arm, 4 * n_per_arm] * 2, n_cells, spread=0.3)
    two = drawn_studies(rng, [n_per_arm] * 2, n_cells, spread=0.0)
    found = {
        "pooled, four studies": pool_donors(alike[0], alike[1], alike[3]),
        "pooled, four studies of unlike size": pool_donors(unlike[0], unlike[1], unlike[3]),
        "pooled, two studies of one shift": pool_same(*two),
        "pooled by the field's Hartung-Knapp, four studies": pool_random(alike[0], alike[1], guard=False),
        "pooled by the field's Hartung-Knapp, four studies of unlike size": pool_random(unlike[0], unlike[1], guard=False),
    }  # fmt: skip
    return {name: float(each.pvalue <= 0.05) for name, each in found.items()}


def pooled_power(first: int, n_studies: int) -> list[dict[str, object]]:
    """Share of pooled sets found: four studies of 10 against 10 donors, or of 5 and 20, effect 0.8."""
    found: dict[str, list[float]] = {}
    for seed in range(first, first + n_studies):
        rng = np.random.default_rng([seed, 14])
        for kind, sizes in (("of 10", [10] * 4), ("of 5 and 20", [5, 20] * 2)):
            effects, errors, _, worth = drawn_studies(rng, sizes, 50, spread=0.3, effect=0.8)
            for name, each in {
                "by donors": pool_donors(effects, errors, worth),
                "Hartung-Knapp": pool_random(effects, errors, guard=False),
                "Hartung-Knapp, never below the ordinary error": pool_random(effects, errors),
            }.items():
                found.setdefault(f"four studies {kind}, {name}", []).append(float(each.pvalue <= 0.05))  # fmt: skip
    bars = []
    for name, hits in found.items():
        share, (low, high) = float(np.mean(hits)), interval(np.array(hits))
        note = f"p <= 0.05 as it is reported, whatever its true level; [{low:.3f}, {high:.3f}], {n_studies:,} sets"
        bars.append(harness.bar(f"pooled, share found, {name}", share, unit="share", note=note))
    return bars


def niche(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    """A change between two states of one organ against that of another, fewer cells in some."""
    rng = np.random.default_rng([seed, 9])
    rows = []
    for organ in "nl":
        for side in "ih":
            for donor in range(n_per_arm):
                n = max(3, round(n_cells * rng.gamma(4, 0.25)))
                value = 1.5 * (organ == "n") + rng.normal() * np.sqrt(1 + 10 / n)
                rows.append(
                    (f"{organ}{donor}{side}", f"{organ}{side}", value, n / (n + n_cells), "")
                )
    table = pd.DataFrame(rows, columns=["donor", "tissue", "value", "weight", "batch"])
    found = change_of_changes(table, ("ni", "nh"), ("li", "lh"), Plan(3, 1, seed))
    return {"niche, difference of changes": float(found.pvalue <= 0.05)}


def adjusted(seed: int, n_per_arm: int, n_cells: int) -> dict[str, float]:
    """Freedman and Lane, with a covariate that leans to one arm and matters."""
    data = sums(seed, n_per_arm=n_per_arm, n_cells=n_cells)
    rng = np.random.default_rng([seed, 11])
    age = rng.normal(size=data["arm"].size) + 0.5 * data["arm"]
    donors = donors_of(data)
    values = (harm_score(data["sums"]) + 0.2 * age)[:, np.newaxis]
    found = compare(values, Donors(donors.units, donors.weights, age[:, None]), seed=seed, n_permutations=499)  # fmt: skip
    return {"score, Freedman-Lane": float(found[0].pvalue()[0] <= 0.05)}


#: Tests of genes and scores, with studies per cell of the grid and the first seed, fixed before measuring:
#: an interval of ±0.01 for single tests. Exact tests are in ``donor_exact``.
TESTS = ((genes, 150, 2_400_000), (moderated_scores, 200, 2_410_000), (adjusted, 2_000, 2_420_000))
ORGAN_TESTS = ((niche, 5_000, 2_430_000),)
#: Tests of shares of cells and many studies.
OTHER_TESTS = (
    (shares_of_cells, 1_000, 2_440_000),
    (adjusted_ratios, 2_000, 2_450_000), (adjusted_shares, 3_000, 2_460_000),
)  # fmt: skip
#: Pooling: its remedy was chosen on draws of no seed here; nothing was measured on these before.
POOL_TESTS = ((pooled, 4_000, 2_490_000),)
#: What the field does, for comparison: no bar of ours.
OTHERS_OWN = ("pooled by the field's",)
EXACT = ("gene, permutation", "score, permutation", "verdict's joint test, permutation", "log-ratio, permutation")  # fmt: skip


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean over studies: Wilson's for single tests, normal for shares."""
    n, mean = values.size, float(values.mean())
    if not set(np.unique(values)) <= {0.0, 1.0}:
        half = 1.96 * values.std(ddof=1) / np.sqrt(n)
        return max(0.0, mean - half), mean + half
    z2 = 1.96**2
    middle = (mean + z2 / (2 * n)) / (1 + z2 / n)
    half = 1.96 * np.sqrt(mean * (1 - mean) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return middle - half, middle + half


def summed(values: np.ndarray, **about: object) -> dict[str, object]:
    lower, upper = interval(values)
    return about | {
        "share": float(values.mean()), "lower": lower, "upper": upper, "n_studies": int(values.size),
    }  # fmt: skip


def cell_of_grid(
    test: Callable[..., dict[str, object]], n_studies: int, first: int, n_per_arm: int, n_cells: int
) -> list[dict[str, object]]:
    """Shares of one cell of the grid; kept, so that a long part can be measured piece by piece."""
    kept = CACHE / f"null-{test.__module__}-{test.__name__}-{first}-{n_studies}-{n_per_arm}-{n_cells}.json"  # fmt: skip
    if kept.exists():
        return json.loads(kept.read_text())
    started = time.process_time()
    found: dict[str, list[np.ndarray]] = {}
    for seed in range(first, first + n_studies):
        for name, values in test(seed, n_per_arm, n_cells).items():
            found.setdefault(name, []).append(np.atleast_1d(values))
    shares = [
        summed(np.concatenate(each), test=name, n_per_arm=n_per_arm, n_cells=n_cells)
        | {"seeds": f"{first} to {first + n_studies - 1}", "cpu_s": round(time.process_time() - started, 1)}
        for name, each in found.items()
    ]  # fmt: skip
    CACHE.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(shares))
    for each in shares:
        print(each["test"], n_per_arm, n_cells, f"{each['share']:.4f} [{each['lower']:.4f}, {each['upper']:.4f}]", flush=True)  # fmt: skip
    return shares


def run_grid(tests: tuple, note: str) -> dict[str, object]:
    warnings.simplefilter("ignore")
    shares = [
        entry
        for test, n_studies, first in tests
        for n_per_arm, n_cells in GRID
        for entry in cell_of_grid(test, n_studies, first, n_per_arm, n_cells)
    ]
    taken = sum({(e["seeds"], e["n_per_arm"], e["n_cells"]): e["cpu_s"] for e in shares}.values())
    return {"bars": null_bars(shares), "shares": shares, "notes": [f"{note} {taken:.0f} CPU seconds in all."]}  # fmt: skip


def null_part() -> dict[str, object]:
    note = (
        "Null grid: 5, 10 and 20 donors an arm, 50 and 500 cells a donor, strong donor effects, unequal "
        "depth and numbers of cells; brackets are 95 % intervals over studies. Where scores are tested, "
        "the genes of a programme move together, in some studies more than in others."
    )
    return run_grid(TESTS, note)


def organs_part() -> dict[str, object]:
    note = "The same grid for two organs' changes, each against its own baseline, other donors in all four tissues."
    return run_grid(ORGAN_TESTS, note)


def other_part() -> dict[str, object]:
    return run_grid(
        OTHER_TESTS,
        "The same grid for composition, without and with a covariate that leans to one arm and matters.",
    )


def pool_part() -> dict[str, object]:
    found = run_grid(
        POOL_TESTS,
        "The same grid for pooled studies: four whose true effects differ (0.3 of a donor's spread), of as many "
        "donors an arm or of these and four times as many in turn, and two that share one effect.",
    )
    return found | {"bars": [*found["bars"], *pooled_power(2_495_000, 4_000)]}


def null_bars(shares: list[dict[str, object]]) -> list[dict[str, object]]:
    bars = []
    for name in dict.fromkeys(entry["test"] for entry in shares):
        own = [entry for entry in shares if entry["test"] == name]
        n = np.array([entry["n_studies"] for entry in own], dtype=float)
        share = np.array([entry["share"] for entry in own])
        error = np.array([entry["upper"] - entry["lower"] for entry in own]) / 3.92
        mean = float(np.average(share, weights=n))
        half = 1.96 * float(np.sqrt(((n * error) ** 2).sum()) / n.sum())
        flat = max((share[i + 1] - share[i] for i in range(0, len(own), 2)), key=abs)
        worst = max(own, key=lambda entry: entry["share"])
        limit = 0.05 if name in EXACT else None if name.startswith(OTHERS_OWN) else 0.065
        note = (
            f"{int(n.sum()):,} studies; [{mean - half:.4f}, {mean + half:.4f}]; the interval "
            f"{'reaches' if mean - half <= (limit or 0.065) else 'does not reach'} {limit or 0.065:g}"
        )
        bars.append(harness.bar(f"null: {name}, share of p <= 0.05 over the grid", mean, unit="share",
                                limit=limit, note=note))  # fmt: skip
        note = (
            f"worst of {len(own)} cells of the grid: {worst['n_per_arm']} an arm, {worst['n_cells']} cells, "
            f"[{worst['lower']:.4f}, {worst['upper']:.4f}], {worst['n_studies']:,} studies; all: "
            + ", ".join(f"{s:.4f}" for s in share)
            + f"; largest change from 50 to 500 cells {flat:+.3f}"
        )
        bars.append(harness.bar(f"null: {name}, highest share in a cell of the grid", float(share.max()),
                                unit="share", limit=limit, note=note))  # fmt: skip
        if name not in EXACT and limit is not None:
            bars.append(harness.bar(f"null: {name}, lowest share in a cell of the grid", float(share.min()),
                                    unit="share", limit=0.03, at_least=True))  # fmt: skip
    return bars


def peer_run(*arguments: object) -> dict[str, object] | None:
    """Run donor_peers.py once and keep what it said; None without the peers."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / ("-".join(["donor", *map(str, arguments)]) + ".json")
    if kept.exists():
        return json.loads(kept.read_text())
    python = harness.peer_python("pydeseq2")
    if python is None:
        return None
    command = [python, str(HERE / "donor_peers.py"), *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    if run.returncode:
        return None
    said = json.loads(run.stdout.splitlines()[-1])
    kept.write_text(json.dumps(said))
    return said


def cells_part() -> dict[str, object]:
    """Scanpy's tests of cells on the same grid."""
    shares, bars = [], []
    n_studies = 2
    for n_per_arm, n_cells in GRID:
        found = peer_run("null", 0, n_studies, n_per_arm, n_cells) or {}
        for name, values in found.items():
            shares.append(
                summed(np.array(values), test=f"scanpy {name}", n_per_arm=n_per_arm, n_cells=n_cells)
                | {"seeds": f"0 to {n_studies - 1}"}
            )  # fmt: skip
            print(name, n_per_arm, n_cells, f"{shares[-1]['share']:.3f}", flush=True)
    for name in dict.fromkeys(entry["test"] for entry in shares):
        own = [entry["share"] for entry in shares if entry["test"] == name]
        bars.append(harness.bar(f"null: {name} on cells, lowest share of p < 0.05", min(own), unit="share", limit=0.3,
                                at_least=True, note="the defect that turncoat avoids; all: " + ", ".join(f"{s:.2f}" for s in own)))  # fmt: skip
        rises = [own[i + 1] - own[i] for i in range(0, len(own), 2)]
        bars.append(harness.bar(f"null: {name} on cells, smallest rise from 50 to 500 cells", min(rises), unit="share",
                                limit=0.0, at_least=True))  # fmt: skip
    note = f"scanpy on cells: {n_studies} studies of 300 genes per cell of the grid."
    return {"bars": bars, "shares": shares, "notes": [note]}
