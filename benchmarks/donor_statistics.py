"""Calibration, power and speed of the donor-level statistics, beside the field's.

    python benchmarks/donor_statistics.py            reduced grid, about three minutes
    python benchmarks/donor_statistics.py --full     the whole grid, by hand, about half an hour

Named so because a script called ``statistics.py`` would hide Python's module of that name.
Peers: scanpy, PyDESeq2 and decoupler in TURNCOAT_PEERS, limma through Rscript.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import harness
import numpy as np
from donor_study import N_PROGRAMME, pseudobulk, study

import turncoat as tc
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.scores import cell_weights, gene_levels, log_rates
from turncoat.niche.quantities import quantities
from turncoat.stats.compare import Donors, compare
from turncoat.stats.composition import beta_binomial_pvalue
from turncoat.stats.estimate import estimate
from turncoat.stats.moderated import fit_linear, moderated_test, voom
from turncoat.stats.permutation import permute
from turncoat.stats.pooling import pool_random
from turncoat.stats.units import arrange

HERE = Path(__file__).parent
GENES = np.arange(N_PROGRAMME)


def donors_of(data: dict[str, np.ndarray], *, weighted: bool = True) -> Donors:
    n = len(data["arm"])
    units = arrange([f"d{i}" for i in range(n)], data["arm"])
    cells = np.bincount(data["donor"], minlength=n).astype(float)
    weights = cell_weights(cells) if weighted else np.ones(n)
    return Donors(units, weights, np.zeros((n, 0)))


def axis_score(sums: np.ndarray) -> np.ndarray:
    axis = Programme("p", "pro_tumour", GENES, np.ones(N_PROGRAMME), ())
    return gene_levels(log_rates(sums), axis, GENES).scores


def null_cell(n_per_arm: int, n_cells: int, n_studies: int) -> dict[str, float]:
    """Share of p <= 0.05 of every test of ours, in one cell of the null grid."""
    gene_exact, gene_voom, score = [], [], []
    design = np.column_stack([np.ones(2 * n_per_arm), np.repeat([1.0, 0.0], n_per_arm)])
    for seed in range(n_studies):
        data = study(seed, n_per_arm=n_per_arm, n_cells=n_cells)
        sums, donors = pseudobulk(data), donors_of(data)
        levels = log_rates(sums)
        gene_exact.append(compare(levels, donors, n_permutations=999)[0].pvalue() <= 0.05)
        values, weights = voom(sums, design)
        gene_voom.append(
            moderated_test(fit_linear(values, design, weights=weights), 1).pvalue <= 0.05
        )
        scores = axis_score(sums)[:, None]
        score.append(compare(scores, donors, n_permutations=999)[0].pvalue()[0] <= 0.05)
    return {"gene, permutation": np.mean(gene_exact), "gene, moderated": np.mean(gene_voom),
            "score, permutation": np.mean(score)}  # fmt: skip


def null_composition(n_per_arm: int, n_cells: int, n_studies: int) -> dict[str, float]:
    import pandas as pd

    rng = np.random.default_rng(7)
    case = np.repeat([True, False], n_per_arm)
    units = arrange([f"d{i}" for i in range(2 * n_per_arm)], case)
    donors = Donors(units, np.ones(case.size), np.zeros((case.size, 0)))
    design = np.column_stack([np.ones(case.size), case])
    ratio, odds = [], []
    for _ in range(n_studies):
        totals = np.maximum(20, np.round(n_cells * rng.gamma(4, 0.25, case.size))).astype(int)
        cells = np.array([rng.multinomial(t, rng.dirichlet([2, 5, 10, 20])) for t in totals])
        values = quantities(pd.DataFrame(cells, columns=list("abcd")), [])[2]
        ratio += list(compare(values, donors, n_permutations=999)[0].pvalue() <= 0.05)
        odds.append(
            beta_binomial_pvalue(cells[:, 1].astype(float), totals.astype(float), design, 1)[1]
            <= 0.05
        )
    return {"log-ratio, permutation": np.mean(ratio), "beta-binomial": np.mean(odds)}


def null_pooled(n_per_arm: int, n_pooled: int) -> float:
    """Three studies with differing true effects around 0, pooled by Hartung and Knapp."""
    rng = np.random.default_rng(8)
    case = np.repeat([True, False], n_per_arm)
    rejected = []
    for _ in range(n_pooled):
        effects, errors = [], []
        for k in range(4):
            units = arrange([f"{k}{i}" for i in range(2 * n_per_arm)], case)
            shift = rng.normal(0, 0.3) * case
            found = estimate((shift + rng.normal(size=case.size))[:, None], units)
            effects.append(found.effect[0])
            errors.append(found.error[0])
        rejected.append(
            pool_random(np.array(effects), np.array(errors), guard=False).pvalue <= 0.05
        )
    return float(np.mean(rejected))


def null_niche(n_studies: int) -> float:
    import pandas as pd

    from turncoat.niche.science import Plan, change_of_changes

    rng = np.random.default_rng(9)
    rejected = []
    for _ in range(n_studies):
        rows = [
            (f"{organ}{d}{side}", f"{organ}{side}", rng.normal() + 1.5 * (organ == "n"), 1.0, "")
            for organ in "nl" for side in "ih" for d in range(7)
        ]  # fmt: skip
        table = pd.DataFrame(rows, columns=["donor", "tissue", "value", "weight", "batch"])
        found = change_of_changes(table, ("ni", "nh"), ("li", "lh"), Plan(3, 999, 0))
        rejected.append(found.pvalue <= 0.05)
    return float(np.mean(rejected))


def peers(*arguments: object) -> dict[str, object]:
    python = harness.peer_python("pydeseq2")
    if python is None:
        return {}
    command = [python, str(HERE / "donor_peers.py"), *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    return json.loads(run.stdout.splitlines()[-1]) if run.returncode == 0 else {}


def limma(seeds: range, n_cells: int, effect: float) -> list[float]:
    if shutil.which("Rscript") is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, "in.csv"), Path(folder, "out.csv")
        with given.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["study", "arm", *(f"g{i}" for i in range(300))])
            for seed in seeds:
                data = study(seed, n_per_arm=6, n_cells=n_cells, effect=effect)
                for case, row in zip(data["arm"], pseudobulk(data), strict=True):
                    writer.writerow([f"{seed:05d}", int(case), *row.astype(int)])
        command = ["Rscript", str(HERE / "donor_limma.R"), str(given), str(out)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return []
        with out.open() as stream:
            return [float(row["statistic"]) for row in csv.DictReader(stream)]


def ours_power(seeds: range, n_cells: int, effect: float) -> dict[str, list[float]]:
    """The test's own statistic, and the plain shift that it is made of.

    The studentised statistic is what a study has: its scale is its own donors'. At a threshold
    known from other null studies, the shift alone is the fairer match for PyDESeq2's mean Wald
    statistic, whose scale is shrunk towards all genes'.
    """
    found: dict[str, list[float]] = {"turncoat": [], "turncoat, shift": []}
    for seed in seeds:
        data = study(seed, n_per_arm=6, n_cells=n_cells, effect=effect)
        donors = donors_of(data)
        scores = axis_score(pseudobulk(data))[:, None]
        shift = estimate(scores, donors.units, weights=donors.weights)
        found["turncoat"].append(float(shift.effect[0] / shift.error[0]))
        found["turncoat, shift"].append(float(shift.effect[0]))
    return found


def power(
    n_cells: int, effects: list[float], n_null: int, n_studies: int
) -> dict[str, dict[str, float]]:
    """Power at an equal true false-positive rate of 5 %: each method's threshold is the 95 %
    quantile of its own statistic in null studies."""

    def every(seeds: range, effect: float) -> dict[str, list[float]]:
        found = ours_power(seeds, n_cells, effect)
        values = limma(seeds, n_cells, effect)
        if values:
            found["limma-voom"] = values
        found |= peers("power", seeds.start, seeds.stop, n_cells, effect)  # type: ignore[arg-type]
        return found

    null = every(range(n_null), 0.0)
    edge = {name: np.quantile(np.abs(values), 0.95) for name, values in null.items()}
    out: dict[str, dict[str, float]] = {name: {} for name in null}
    for effect in effects:
        found = every(range(10_000, 10_000 + n_studies), effect)
        for name in null:
            out[name][f"{effect:g}"] = float(np.mean(np.abs(found[name]) > edge[name]))
    return out


def planted_verdicts(n_studies: int) -> dict[str, float]:
    import pandas as pd

    found = called = switched = still = loyal_wrong = loyal = 0
    for seed in range(n_studies):
        cells = tc.ds.planted(
            n_donors=8, n_controls=8, cells_per_donor=800, n_genes=1_500, seed=seed
        )
        keys = {f"{k}_key": k for k in ("donor", "sample", "tissue", "condition", "population")}
        tally = tc.pp.tally(cells, **keys)
        truth = tc.ds.planted_truth(cells)
        genes = truth.programmes
        axis = np.where(genes["side"].str.startswith("anti"), "anti_tumour", "pro_tumour")
        table = pd.DataFrame(
            {"population": genes["population"], "axis": axis, "gene": genes["gene"], "weight": 1.0}
        )
        contrast = tc.Contrast("condition", "case", "control")
        verdict = tc.tl.allegiance(tally, contrast, programmes=table, key_added=None).table
        verdict = verdict[
            verdict["population"] != "NK immature"
        ]  # shares NK's genes: truth unclear
        changed = set(truth.switches["population"])
        is_changed = verdict["population"].isin(changed)
        is_called = verdict["verdict"] == "switched"
        found += int((is_called & is_changed).sum())
        switched += int(is_changed.sum())
        called += int((is_called & ~is_changed).sum())
        still += int((~is_changed).sum())
        loyal_wrong += int(((verdict["verdict"] == "loyal") & is_changed).sum())
        loyal += int((verdict["verdict"] == "loyal").sum())
    return {"found": found / switched, "called": called / still, "loyal_wrong": loyal_wrong / max(switched, 1),
            "n_switched": switched, "n_still": still}  # fmt: skip


def timing() -> dict[str, float]:
    rng = np.random.default_rng(0)
    units = arrange([f"d{i}" for i in range(40)], np.arange(40) < 20)
    values = rng.normal(size=(40, 200))
    permute(values[:, :2], units, n_permutations=10)
    start = time.perf_counter()
    permute(values, units, n_permutations=2_000, seed=1).pvalue()
    permutations = time.perf_counter() - start
    tally = big_tally()
    start = time.perf_counter()
    programmes = __import__("turncoat.knowledge.programmes", fromlist=["x"]).programmes("NK")
    names = sorted(set(tally.obs["population"]))
    tc.tl.allegiance(
        tally, tc.Contrast("condition", "a", "b"), programmes=programmes,
        matches=dict.fromkeys(names, "NK"), key_added=None,
    )  # fmt: skip
    return {"permutations": permutations, "allegiance": time.perf_counter() - start}


def big_tally() -> object:
    """A tally of 60 donors and 30 populations, 2,000 genes, the real programme genes among them."""
    import anndata as ad
    import pandas as pd

    from turncoat.knowledge.programmes import programmes

    rng = np.random.default_rng(1)
    genes = sorted(set(programmes("NK")["gene"]))
    genes += [f"G{i}" for i in range(2_000 - len(genes))]
    rows = [(f"d{d}", f"p{p:02}") for d in range(60) for p in range(30)]
    obs = pd.DataFrame(rows, columns=["donor", "population"])
    obs = obs.assign(sample=obs["donor"], tissue="t", n_cells=50)
    obs["condition"] = ["a" if int(d[1:]) < 30 else "b" for d in obs["donor"]]
    obs.index = obs["donor"] + "|" + obs["population"]
    counts = rng.poisson(rng.gamma(1.0, 20.0, (len(obs), len(genes)))).astype(float)
    tally = ad.AnnData(obs=obs, var=pd.DataFrame(index=genes), layers={"counts": counts})
    tally.uns["turncoat"] = {
        "tally": {"species": "human", "study_kind": "unsorted", "synthetic": "benchmark"}
    }
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    full = parser.parse_args().full
    warnings.simplefilter("ignore")
    started = time.time()
    bars, notes = [], []
    grid = [(n, c) for n in (5, 10, 20) for c in (50, 500)] if full else [(5, 50), (10, 50)]
    worst: dict[str, list[float]] = {}
    for n_per_arm, n_cells in grid:
        mine = null_cell(n_per_arm, n_cells, 60 if full else 25)
        theirs = peers("null", 0, 2 if full else 1, n_per_arm, n_cells)
        notes.append(
            f"null, {n_per_arm} donors an arm, {n_cells} cells: "
            + ", ".join(f"{k} {v:.3f}" for k, v in (mine | theirs).items())
        )  # type: ignore[operator]
        for name, share in (mine | theirs).items():  # type: ignore[operator]
            worst.setdefault(name, []).append(share)
        print(notes[-1], flush=True)
    for n_per_arm, n_cells in ((5, 50), (10, 500)):
        for name, share in null_composition(n_per_arm, n_cells, 400 if full else 150).items():
            worst.setdefault(name, []).append(share)
    worst["pooled, Hartung-Knapp"] = [null_pooled(6, 1_500 if full else 600)]
    worst["niche, difference of changes"] = [null_niche(600 if full else 250)]
    exact = ("gene, permutation", "score, permutation", "log-ratio, permutation")
    for name, shares in worst.items():
        if name in ("wilcoxon", "t-test"):
            bars.append(harness.bar(f"null: scanpy {name}, lowest share of p < 0.05", min(shares), unit="share",
                                    limit=0.3, at_least=True, note="the defect that turncoat avoids"))  # fmt: skip
        else:
            bars.append(harness.bar(f"null: {name}, highest share of p <= 0.05", max(shares), unit="share",
                                    limit=0.05 if name in exact else 0.065,
                                    note=f"all: {', '.join(f'{s:.3f}' for s in shares)}; the limit allows no sampling noise"))  # fmt: skip
    for n_cells, label in ((100, "100 cells a donor"), (20, "rare population, 20 cells a donor")):
        effects = [0.3, 0.5, 0.7] if full else [0.5]
        found = power(n_cells, effects, 100 if full else 30, 50 if full else 20)
        notes.append(f"power, {label}: {json.dumps(found)}")
        print(notes[-1], flush=True)
        mean = {name: float(np.mean(list(values.values()))) for name, values in found.items()}
        bars += [
            harness.bar(f"power of the shift, 6 vs 6, {label}, mean over effects", mean["turncoat, shift"],
                        unit="share", peer=mean[name], peer_name=name, max_ratio=1.0, at_least=True)
            for name in sorted(name for name in mean if not name.startswith("turncoat"))
        ]  # fmt: skip
        bars += [
            harness.bar(f"power, 6 vs 6, {label}, mean over effects", mean["turncoat"], unit="share",
                        peer=mean[name], peer_name=name, max_ratio=1.0, at_least=True)
            for name in sorted(name for name in mean if not name.startswith("turncoat"))
        ]  # fmt: skip
    verdicts = planted_verdicts(12 if full else 3)
    bars.append(
        harness.bar(
            "planted: switched populations found",
            verdicts["found"],
            unit="share",
            limit=0.8,
            at_least=True,
        )
    )
    bars.append(
        harness.bar(
            "planted: unswitched populations called", verdicts["called"], unit="share", limit=0.05
        )
    )
    bars.append(
        harness.bar(
            "planted: switched populations called loyal",
            verdicts["loyal_wrong"],
            unit="share",
            limit=0.05,
        )
    )
    took = timing()
    bars.append(
        harness.bar(
            "2,000 permutations x 200 scores x 40 donors", took["permutations"], unit="s", limit=2.0
        )
    )
    bars.append(
        harness.bar(
            "allegiance, 60 donors x 30 populations", took["allegiance"], unit="s", limit=5.0
        )
    )
    notes.append(
        "full grid"
        if full
        else "reduced grid: python benchmarks/donor_statistics.py --full for the whole"
    )
    packages = harness.versions("turncoat", "numpy", "scipy")
    python = harness.peer_python("pydeseq2")
    if python:
        packages |= {
            name: harness.version_in(python, name) for name in ("scanpy", "pydeseq2", "decoupler")
        }
    harness.write_results("donor_statistics", bars, title="Donor-level statistics", packages=packages,
                          notes=notes, started=started)  # fmt: skip
    for entry in bars:
        print(entry["met"], entry["what"], entry["ours"], entry["peer_name"], entry["peer"])
    sys.exit(0)


if __name__ == "__main__":
    main()
