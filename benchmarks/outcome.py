"""Outcome and therapy against their bars: agreement with R, calibration, power, deconvolution.

python benchmarks/outcome.py        about three minutes on one core
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small matrices: threads only wait for each other

import json
import time
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from harness import bar, versions, write_results
from scipy import stats

import turncoat as tc
from turncoat.outcome import Signature, outcome, signature
from turncoat.outcome.asking import ask
from turncoat.outcome.deconvolution import resolve
from turncoat.outcome.hazards.concordance import concordance
from turncoat.outcome.hazards.cox import fit_cox
from turncoat.outcome.hazards.kaplan_meier import kaplan_meier
from turncoat.outcome.hazards.risk_sets import arrange
from turncoat.outcome.models import Patients, estimate_effect
from turncoat.outcome.outcome import reference_from
from turncoat.outcome.pooling import pool_answers
from turncoat.outcome.power import expected_power
from turncoat.stats.pooling import pool_random
from turncoat.therapy import drugs, therapy

warnings.simplefilter("ignore")
GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "outcome"
N_NULL, N_GROWTH, N_POWER = 5000, 400, 1200
FIGURE = Path(__file__).parent.parent / "docs" / "_static" / "outcome_deconvolution.png"

# States as evidence names them: Socs3-high, few granzymes (Thacker 2023); SELL, IL7R, GZMK and KLRC1,
# CD96 of the bright-like subsets, with little FCGR3A (Xu 2024); tumour Treg genes (Plitas 2016).
IMMATURE_NK = dict.fromkeys(
    ("SOCS3", "SELL", "IL7R", "GZMK", "KLRC1", "CD96"), 1.0
) | dict.fromkeys(("GZMA", "GZMB", "PRF1", "FCGR3A"), -1.0)
TUMOUR_TREG = dict.fromkeys(("FOXP3", "CCR8", "CTLA4", "TNFRSF4", "MAGEH1", "IL2RA"), 1.0)


def agreement() -> list[dict]:
    told = json.loads((GOLDEN / "survival.json").read_text())
    table = pd.read_csv(GOLDEN / "patients.csv")
    x = table[["score", "er", "age"]].to_numpy(float)
    time_, event = table["time"].to_numpy(float), table["event"].to_numpy(float)
    fit = fit_cox(x, arrange(time_, event))
    cox = max(
        np.abs(fit.coef - told["efron"]["coef"]).max(), np.abs(fit.se - told["efron"]["se"]).max()
    )
    km = np.abs(kaplan_meier(time_, event)["survival"] - told["km"]["survival"]).max()
    c = abs(concordance(time_, event, x @ fit.coef) - told["concordance"])
    errors = []
    for data in ("pooled", "spread"):
        found = pool_random(np.array(told[data]["yi"]), np.sqrt(told[data]["vi"]))
        errors.append(abs(found.effect - told[data]["cautious"]["estimate"]))
        errors.append(abs(found.high - told[data]["cautious"]["high"]))
    two = fit_cox(
        np.array([[1.0], [0.0]]), arrange(np.array([1.0, 2.0]), np.array([1.0, 0.0])), firth=True
    )
    what = "Largest difference from R survival 3.5.3 or metafor 3.8.1: "
    return [
        bar(what + "Cox, Efron's ties", float(cox), unit="", limit=1e-6),
        bar(what + "Kaplan-Meier", float(km), unit="", limit=1e-6),
        bar(what + "concordance", float(c), unit="", limit=1e-6),
        bar(what + "pooled effects", float(max(errors)), unit="", limit=1e-6),
        bar(
            "Firth's estimate against its closed form (two patients)",
            float(abs(two.coef[0] - np.log(3))),
            unit="",
            limit=1e-6,
        ),
    ]


def cohort(
    rng: np.random.Generator, *, growth_score: bool = False, log_hr: float = 0.0
) -> tuple[Patients, np.ndarray]:
    """200 patients, about 60 events: growth costs, ER protects, the score does as told in TNBC."""
    n = 200
    growth = rng.normal(size=n)
    negative = (rng.random(n) < 0.5).astype(float)
    age = rng.normal(size=n)
    # What the cohort measures of growth: eleven noisy genes.
    measured = growth + rng.normal(0, 0.3, n)
    score = growth + rng.normal(0, 0.5, n) if growth_score else 0.3 * growth + rng.normal(size=n)
    score = (score - score.mean()) / score.std()
    hazard = np.exp(0.4 * growth + 0.4 * negative + log_hr * score * negative)
    died = rng.exponential(1 / hazard)
    lost = np.quantile(died, 0.28) * rng.uniform(0.5, 1.7, n)
    patients = Patients(
        np.minimum(died, lost) + 1e-6,
        (died <= lost).astype(float),
        score,
        np.column_stack([measured, negative, age]),
        ("proliferation", "er", "age"),
    )
    return patients, negative > 0


def calibration() -> list[dict]:
    rng = np.random.default_rng(1)
    null = [estimate_effect(cohort(rng)[0])[0] for _ in range(N_NULL)]
    rejected = float(np.mean([effect.pvalue < 0.05 for effect in null]))
    events = float(np.mean([effect.n_events for effect in null]))
    low, high = stats.binomtest(round(rejected * N_NULL), N_NULL).proportion_ci()
    growth = [cohort(rng, growth_score=True)[0] for _ in range(N_GROWTH)]
    kept = float(np.mean([estimate_effect(each)[0].pvalue >= 0.05 for each in growth]))
    raw = float(
        np.mean([estimate_effect(each.dropping(*each.names))[0].pvalue < 0.05 for each in growth])
    )
    found, expected = [], []
    for _ in range(N_POWER):
        patients, negative = cohort(rng, log_hr=float(np.log(1.6)))
        effect, _ = estimate_effect(patients.take(negative).dropping("er"))
        spread = patients.score[negative].std()
        found.append(effect.pvalue < 0.05)
        expected.append(expected_power(effect.n_events, 1.6**spread, effect.shared))
    power, theory = float(np.mean(found)), float(np.mean(expected))
    return [
        bar("Null score rejected at 5 %, 200 patients, adjusted", rejected, unit="share", limit=0.06,
            note=f"{N_NULL} cohorts, {events:.0f} events on average; 95 % interval {low:.3f} to {high:.3f}"),
        bar("Pure proliferation not called a state effect after adjustment", kept, unit="share", limit=0.90, at_least=True,
            note=f"{N_GROWTH} cohorts; without adjustment {raw:.0%} would be called; proliferation measured with error"),
        bar("Power for HR 1.6 per SD in the TNBC stratum, less the theory's", abs(power - theory), unit="share", limit=0.05,
            note=f"{N_POWER} cohorts: {power:.3f} found, {theory:.3f} expected (Hsieh and Lavori)"),
    ]  # fmt: skip


def lung_tally(population: str) -> ad.AnnData:
    cells = tc.ds.lung_niches()
    return tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        tissue_key="tissue",
        population_key=population,
    )


def deconvolution(fine: ad.AnnData) -> tuple[list[dict], list[str]]:
    rng = np.random.default_rng(2)
    genes = set(tc.ds.cohort("gse3143").genes)
    lineages = resolve(reference_from(lung_tally("cell_type")), genes, rng)
    worst = lineages.table.sort_values("correlation").iloc[0]
    states = resolve(reference_from(fine), genes, rng)
    bars = [
        bar("Deconvolution of held-out donors, major lineages: lowest correlation", float(worst["correlation"]),
            unit="r", limit=0.9, at_least=True, note=f"{worst['population']} is lowest of {len(lineages.table)}; genes of GSE3143"),
    ]  # fmt: skip
    for name in ("NK", "Treg"):
        row = states.table.set_index("population").loc[name]
        bars.append(
            bar(f"Detection limit of {name} among {len(states.table)} states", float(row["limit"]), unit="share of transcripts",
                note=f"r = {row['correlation']:.2f}, blank {row['blank']:.4f}, {row['n_markers']} markers; {row['verdict']}"),
        )  # fmt: skip
    blind = states.table.loc[states.table["verdict"] == "not resolvable", "population"]
    draw(states)
    return bars, [f"Not resolvable in the genes of GSE3143: {', '.join(blind) or 'none'}."]


def draw(states: object) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained", sharey=True)
    for ax, name in zip(axes, ("NK", "Treg"), strict=True):
        rows = states.mixtures[states.mixtures["population"] == name]  # type: ignore[attr-defined]
        told = states.table.set_index("population").loc[name]  # type: ignore[attr-defined]
        shown = rows[["true_share", "estimated_share"]].clip(lower=5e-4)
        ax.scatter(shown["true_share"], shown["estimated_share"], s=6, color="#4477aa", alpha=0.5)
        ax.plot([5e-4, 1], [5e-4, 1], color="0.6", linewidth=0.8)
        ax.axhline(
            max(told["blank"], 5e-4),
            color="#cc3311",
            linestyle=":",
            linewidth=1,
            label="blank (95 %)",
        )
        if np.isfinite(told["limit"]):
            ax.axvline(told["limit"], color="#cc3311", linewidth=1, label="detection limit")
        ax.set(
            xscale="log",
            yscale="log",
            xlabel="True share of transcripts",
            title=f"{name}, r = {told['correlation']:.2f}",
        )
        ax.legend(frameon=False, fontsize=8)
    axes[0].set_ylabel("Estimated share")
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def on_cohorts(fine: ad.AnnData) -> tuple[list[dict], list[str]]:
    malignant = ("Malignant_cells", "tS1", "tS2")
    cohorts = [tc.ds.cohort(name) for name in ("gse1992", "gse3143", "gse4335")]
    asked: list[Signature] = [
        signature(fine, population="NK", genes=IMMATURE_NK, name="immature NK", malignant=malignant, unmeasured="keep"),
        signature(fine, population="Treg", genes=TUMOUR_TREG, name="tumour Treg", malignant=malignant, unmeasured="keep"),
    ]  # fmt: skip
    found = outcome(fine, signatures=asked, cohorts=cohorts, n_boot=0, key_added=None)
    everyone = found.table[found.table["stratum"] == "all patients"].set_index("signature")
    notes = [
        f"{name}: HR {row['hr']:.2f} per SD ({row['low']:.2f} to {row['high']:.2f}), {row['n_events']} events in "
        f"{row['n_cohorts']} cohorts, random p {row['random_pvalue']:.2f}: {row['verdict']} ({row['reason']})."
        for name, row in everyone.iterrows()
    ]
    notes += [
        f"{row['signature']} in {row['cohort']}: {row['n_genes']} genes used ({row['coverage']:.0%})"
        + (f", missing {row['missing']}" if row["missing"] else "") + (f"; {row['reason']}" if row["reason"] else "")
        for _, row in found.sight.iterrows()
    ]  # fmt: skip
    answers = [ask(asked[1], each) for each in cohorts]
    pool_answers(answers, cohorts, n_random=10, smallest_hr=1.25, rng=np.random.default_rng(0))
    started, cpu = time.perf_counter(), time.process_time()
    pool_answers(answers, cohorts, n_random=1000, smallest_hr=1.25, rng=np.random.default_rng(0))
    wall, spent = time.perf_counter() - started, time.process_time() - cpu
    return [
        bar("Immature-NK and tumour-Treg scores with a verdict on three cohorts", float(len(everyone)), unit="of 2", limit=2, at_least=True),
        bar("1,000 random signatures × 3 cohorts × 3 groups of patients", wall, unit="s", limit=20,
            note=f"{spent:.1f} CPU s, one core, load {os.getloadavg()[0]:.1f}; kernels compiled before"),
    ], notes  # fmt: skip


def cuts() -> list[dict]:
    rows = [
        {"sender": "NK", "ligand": "WNT2", "receiver": "Malignant", "receptor": "FZD5_LRP6"},
        {"sender": "Malignant", "ligand": "CD274", "receiver": "CD8 T", "receptor": "PDCD1"},
        {"sender": "Macrophage", "ligand": "CXCL12", "receiver": "Treg", "receptor": "CXCR4"},
    ]
    edges = pd.DataFrame([row | {"verdict": "gained", "effect": "pro_tumour"} for row in rows])
    table = therapy(
        ad.AnnData(), edges=edges, cancer="triple-negative breast cancer", key_added=None
    ).table
    wnt = table[table["ligand"] == "WNT2"]
    first = wnt[wnt["level"].isin(["synthesis and secretion", "ligand"])].head(3)
    porcn = (first["target"] == "PORCN") & ~first["status"].str.contains("approved")
    porcn &= first["status"].iloc[0].startswith("investigational")
    pd1 = table[(table["ligand"] == "CD274") & (table["status"] == "approved_for_this_cancer")]
    stated = (pd1["region"] == "United States") & (pd1["indication"] != "")
    agonists = table[
        table["action"].str.contains("agonist")
        & ~table["action"].str.contains("antagonist|inverse")
    ]
    return [
        bar("NK → WNT edge in TNBC: of the first 3 cuts before the receptor, PORCN inhibitors, none approved, the first investigational", float(porcn.sum()), unit="of 3", limit=3, at_least=True),
        bar("PD-L1 edge: approved drugs with indication and region", float(stated.sum() == len(pd1) and len(pd1) > 0), unit="yes = 1", limit=1, at_least=True),
        bar("Agonists of a signal's receptor flagged as harmful", float(agonists["is_harmful"].mean()), unit="share", limit=1, at_least=True, note=f"{len(agonists)} rows"),
        bar("Rows that call LGK974 approved", float(drugs().query("drug == 'LGK974'")["status"].str.contains("approved").sum()), unit="rows", limit=0),
    ]  # fmt: skip


if __name__ == "__main__":
    started = time.time()
    bars = [*agreement(), *calibration(), *cuts()]
    fine = lung_tally("cell_state")
    found, blind = deconvolution(fine)
    asked, notes = on_cohorts(fine)
    write_results(
        "outcome", [*bars, *found, *asked], title="Outcome and therapy", started=started,
        packages=versions("turncoat", "numpy", "scipy", "lifelines", "numba"), notes=[*notes, *blind],
    )  # fmt: skip
