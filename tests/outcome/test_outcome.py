"""A state's cost: found where it is planted, refused where it cannot be seen, honest elsewhere."""

import json
from pathlib import Path

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from factories import tally_from_cells
from turncoat.errors import ArgumentError, DesignError, MissingKeyError, StudyError
from turncoat.outcome import Cohort, Outcome, Signature, outcome, plot, signature
from turncoat.outcome.asking import ALL, ask, strata_of
from turncoat.outcome.cohorts.cohort import DROPPED
from turncoat.outcome.covariates import fill_unknown
from turncoat.outcome.covariates import strata_of as cut_into_strata
from turncoat.outcome.deconvolution import detection, resolve, shares
from turncoat.outcome.models import Patients, estimate_effect, interaction_effect
from turncoat.outcome.null import draw_signatures, gene_pool, joint_z, random_pvalue
from turncoat.outcome.outcome import reference_from
from turncoat.outcome.power import events_needed, expected_power
from turncoat.outcome.scoring import PROLIFERATION, bulk_sight, score_cohort
from turncoat.outcome.verdict import judge
from turncoat.stats.pooling import pool_fixed, pool_random
from turncoat.tables import restore

POPULATIONS = ("Malignant", "NK", "T", "B")
MARKERS = {name: [f"{name.upper()}{k}" for k in range(8)] for name in POPULATIONS}
STATE = [f"NKSTATE{k}" for k in range(6)]
SHARED_WITH_T = ["CYTO0", "CYTO1"]
FILLER = [f"G{k}" for k in range(300)]
GENES = [*(g for m in MARKERS.values() for g in m), *STATE, *SHARED_WITH_T, *PROLIFERATION, *FILLER]


@pytest.fixture(scope="module")
def tally() -> ad.AnnData:
    rng = np.random.default_rng(5)
    blocks, labels = [], []
    for donor in range(6):
        for population in POPULATIONS:
            mean = np.full(len(GENES), 0.3)
            mean[[GENES.index(g) for g in MARKERS[population]]] = 6
            if population == "NK":
                mean[[GENES.index(g) for g in STATE]] = 5
            if population in {"NK", "T"}:
                mean[[GENES.index(g) for g in SHARED_WITH_T]] = 6
            mean = mean * rng.lognormal(0, 0.2, mean.size)
            blocks.append(rng.poisson(mean, (12, mean.size)))
            labels += [(f"D{donor}", f"S{donor}", "tumour", "x", population)] * 12
    obs = pd.DataFrame(labels, columns=["donor", "sample", "tissue", "condition", "population"])
    return tally_from_cells(np.vstack(blocks).astype(float), obs, GENES)


@pytest.fixture(scope="module")
def state(tally: ad.AnnData) -> Signature:
    genes = dict.fromkeys([*STATE, *SHARED_WITH_T, "ELSEWHERE"], 1.0)
    return signature(tally, population="NK", genes=genes, name="NK state", origin="planted")


def bulk(
    seed: int,
    *,
    name: str = "planted",
    log_hr: float = 0.0,
    n: int = 200,
    within_negative: bool = False,
    genes: list[str] | None = None,
) -> Cohort:
    """Bulk tumours with a state of known cost, an NK content and a costly proliferation."""
    rng = np.random.default_rng(seed)
    content, growth, amount = rng.normal(size=(3, n))
    er = (rng.random(n) < 0.6).astype(float)
    expression = rng.normal(8, 0.5, (n, len(GENES)))
    for gene in MARKERS["NK"]:
        expression[:, GENES.index(gene)] += content
    for gene in STATE:
        expression[:, GENES.index(gene)] += 0.5 * content + amount
    for gene in PROLIFERATION:
        expression[:, GENES.index(gene)] += growth
    cost = log_hr * amount * (1 - er if within_negative else 1)
    died = rng.exponential(60 / np.exp(cost + 0.4 * growth - 0.3 * er))
    lost = rng.uniform(5, 120, n)
    kept = [GENES.index(g) for g in (genes or GENES)]
    return Cohort(
        name=name,
        title=name,
        source="simulated",
        endpoint="overall survival",
        platform="simulated",
        scale="log2",
        expression=expression[:, kept].astype(np.float32),
        genes=tuple(genes or GENES),
        patients=tuple(f"P{k}" for k in range(n)),
        time=np.minimum(died, lost) + 0.1,
        cause=(died <= lost).astype(np.int64),
        covariates=pd.DataFrame({"er": er, "age": rng.normal(55, 10, n)}),
        subtype="er",
        subtype_level=0.0,
        dropped=DROPPED.build([]),
    )


def test_a_gene_serves_only_where_no_other_population_has_it(state: Signature) -> None:
    told = state.genes.set_index("gene")
    assert told.loc[STATE, "used"].all()
    assert not told.loc[SHARED_WITH_T, "used"].any()
    assert "T has as much" in str(told.loc["CYTO0", "reason"])
    assert told.loc["ELSEWHERE", "reason"] == "not measured in the single-cell study"
    assert set(MARKERS["NK"]) <= set(state.lineage_genes)
    assert not set(state.tumour_content_genes) & {*MARKERS["Malignant"], *MARKERS["NK"]}


def test_markers_are_found_without_being_named(tally: ad.AnnData) -> None:
    found = signature(tally, population="B")
    assert set(found.used["gene"]) == set(MARKERS["B"])
    with pytest.raises(MissingKeyError, match=r"no population 'b'\. Did you mean 'B'"):
        signature(tally, population="b")
    with pytest.raises(StudyError, match="at least two populations"):
        signature(tally[tally.obs["population"] == "B"].copy(), population="B")


def test_a_planted_cost_is_found_and_its_absence_said(tally: ad.AnnData, state: Signature) -> None:
    cohorts = [bulk(k, name=f"c{k}", log_hr=0.6) for k in range(4)]
    found = outcome(tally, signatures=[state], cohorts=cohorts, n_random=200, n_boot=20)
    row = found.table.set_index("stratum").loc[ALL]
    assert row["verdict"] == "worse"
    assert row["low"] < np.exp(0.6) < row["high"] * 1.2
    assert row["random_pvalue"] < 0.02
    gain = found.sight["gain"]
    assert (gain > 0).sum() >= 3
    assert restore(tally, "outcome", Outcome).table.equals(found.table)
    nothing = [bulk(10 + k, name=f"c{k}", n=900) for k in range(4)]
    said = outcome(
        tally, signatures=[state], cohorts=nothing, n_random=50, n_boot=0, key_added=None
    )
    assert said.table.set_index("stratum").loc[ALL, "verdict"] == "no association"
    small = [bulk(20, n=60)]
    unsure = outcome(
        tally, signatures=[state], cohorts=small, n_random=50, n_boot=0, key_added=None
    )
    row = unsure.table.set_index("stratum").loc[ALL]
    assert row["verdict"] == "cannot tell"
    assert "needed" in row["reason"]


def test_same_seed_same_answer_whatever_the_order_of_patients(
    tally: ad.AnnData, state: Signature
) -> None:
    one = bulk(3, log_hr=0.4)
    told = ask(state, one).effects[ALL, "adjusted"]
    turn = np.random.default_rng(0).permutation(one.n_patients)
    turned = Cohort(
        one.name, one.title, one.source, one.endpoint, one.platform, one.scale,
        one.expression[turn], one.genes, tuple(one.patients[k] for k in turn), one.time[turn],
        one.cause[turn], one.covariates.iloc[turn], one.subtype, one.subtype_level, one.dropped,
    )  # fmt: skip
    again = ask(state, turned).effects[ALL, "adjusted"]
    assert again.log_hr == pytest.approx(told.log_hr, rel=1e-5)


def test_proliferation_in_disguise_is_not_a_state(tally: ad.AnnData) -> None:
    growth = [f"NKSTATE{k}" for k in range(6)]
    disguised = signature(tally, population="NK", genes=dict.fromkeys(growth, 1.0), name="growth")
    called = 0
    for seed in range(20):
        cohort = bulk(seed)
        at = [GENES.index(g) for g in growth]
        source = [GENES.index(g) for g in PROLIFERATION[:6]]
        expression = cohort.expression.copy()
        expression[:, at] = expression[:, source] + np.random.default_rng(seed).normal(
            0, 0.5, (200, 6)
        )
        swapped = Cohort(
            cohort.name, cohort.title, cohort.source, cohort.endpoint, cohort.platform, cohort.scale,
            expression, cohort.genes, cohort.patients, cohort.time, cohort.cause,
            cohort.covariates, cohort.subtype, cohort.subtype_level, cohort.dropped,
        )  # fmt: skip
        called += ask(disguised, swapped).effects[ALL, "adjusted"].pvalue < 0.05
    assert called <= 3


def test_the_subtype_that_pays_is_told_from_the_other(state: Signature) -> None:
    cohort = bulk(1, log_hr=1.0, within_negative=True, n=400)
    asked = ask(state, cohort)
    assert asked.effects["er negative", "adjusted"].pvalue < 0.001
    assert asked.effects["er positive", "adjusted"].pvalue > 0.01
    assert asked.effects[ALL, "interaction"].log_hr > 0.4
    assert asked.effects[ALL, "interaction"].pvalue < 0.05
    assert set(strata_of(cohort)) == {ALL, "er negative", "er positive"}


def test_a_cohort_without_the_genes_or_without_variation_refuses(state: Signature) -> None:
    lacking = bulk(2, genes=[g for g in GENES if g not in STATE[:4]])
    assert "2 of 6 genes measured" in score_cohort(lacking, state).reason
    flat = bulk(2)
    flat.expression[:, [GENES.index(g) for g in STATE]] = 7.0
    refused = ask(state, flat)
    assert "0 of 6 genes measured and varying" in refused.score.reason
    assert refused.patients is None


def test_sight_is_finer_for_more_patients_and_blind_where_all_have_the_gene(
    state: Signature,
) -> None:
    small, large = bulk(4, n=200), bulk(4, n=800)
    seen = [bulk_sight(c, state, score_cohort(c, state)) for c in (small, large)]
    assert seen[1].in_cohort < seen[0].in_cohort < 0.3
    pure = [sight.in_patient for sight in seen]
    assert all(np.isnan(share) or share > 0.3 for share in pure)


def drawn(n: int, n_events: int, seed: int = 0, log_hr: float = 0.0) -> Patients:
    rng = np.random.default_rng(seed)
    score = rng.normal(size=n)
    time = rng.exponential(1 / np.exp(log_hr * score)) + 0.01
    event = np.zeros(n)
    event[np.argsort(time)[:n_events]] = 1.0
    covariates = rng.normal(size=(n, 3))
    return Patients(time, event, score, covariates, ("a", "b", "c"))


def test_nine_events_use_firth_and_leave_covariates_out() -> None:
    effect, model = estimate_effect(drawn(80, 9))
    assert (effect.method, effect.adjusted_for, effect.left_out) == (
        "Cox (Firth)",
        ("a",),
        ("b", "c"),
    )
    assert model is not None
    pooled = pool_fixed(np.array([effect.log_hr]), np.array([effect.se]))
    verdict = judge(pooled, n_events=9, qvalue=0.001, random_pvalue=0.001, needed=158)
    assert verdict.verdict == "cannot tell"
    assert verdict.reason == "9 events; about 158 needed"


def test_four_events_all_censored_or_a_constant_score_are_not_testable() -> None:
    assert "4 events; at least 5 needed" in estimate_effect(drawn(80, 4))[0].reason
    assert estimate_effect(drawn(80, 0))[0].status == "not_testable"
    patients = drawn(80, 30)
    patients.score[:] = 1.0
    assert "same in every patient" in estimate_effect(patients)[0].reason


def test_perfect_separation_is_said_and_penalised() -> None:
    patients = drawn(60, 20)
    split = 2 * patients.event - 1
    separated = Patients(patients.time, patients.event, split, patients.covariates, patients.names)
    effect, _ = estimate_effect(separated)
    assert effect.method == "Cox (Firth)"
    assert "perfect separation" in effect.reason
    assert np.isfinite(effect.log_hr)


def test_a_covariate_that_breaks_proportionality_becomes_strata() -> None:
    rng = np.random.default_rng(2)
    n = 600
    group = (rng.random(n) < 0.5).astype(float)
    time = np.where(group > 0, rng.weibull(4.0, n), rng.weibull(0.5, n)) + 1e-3
    patients = Patients(time, np.ones(n), rng.normal(size=n), group[:, None], ("group",))
    effect, model = estimate_effect(patients)
    assert effect.stratified_by == ("group",)
    assert model is not None
    assert len(np.unique(model.strata)) == 2
    assert len(np.unique(cut_into_strata(rng.normal(size=90)))) == 3


def test_interaction_is_the_difference_of_the_two_groups() -> None:
    rng = np.random.default_rng(8)
    n = 4000
    subtype, score = (rng.random(n) < 0.5).astype(float), rng.normal(size=n)
    time = rng.exponential(1 / np.exp(score * (0.2 + 0.5 * subtype)))
    patients = Patients(time, np.ones(n), score, np.empty((n, 0)), ())
    found = interaction_effect(patients, subtype)
    assert found.log_hr == pytest.approx(0.5, abs=0.12)


def test_unknown_covariates_are_filled_and_marked() -> None:
    values = np.array([1.0, 2.0, np.nan, 4.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0])
    block, names = fill_unknown(values, "grade")
    assert names == ("grade", "grade unknown")
    assert block[2].tolist() == [2.0, 1.0]
    assert fill_unknown(np.full(10, np.nan), "x")[1] == ()


def test_power_agrees_with_schoenfeld() -> None:
    # (1.96 + 0.8416)^2 / log(2)^2 = 16.3 events per unit of variance.
    assert events_needed(2.0, 0.0) == 17
    assert events_needed(2.0, 0.5) == 33
    assert expected_power(17, 2.0, 0.0) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("effect", "error", "qvalue", "random", "verdict"),
    [
        (0.5, 0.1, 0.001, 0.01, "worse"),
        (-0.5, 0.1, 0.001, 0.01, "better"),
        (0.5, 0.1, 0.001, 0.30, "cannot tell"),
        (0.02, 0.05, 0.7, 0.9, "no association"),
        (0.02, 0.3, 0.7, 0.9, "cannot tell"),
    ],
)
def test_verdicts(effect: float, error: float, qvalue: float, random: float, verdict: str) -> None:
    pooled = pool_fixed(np.array([effect]), np.array([error]))
    told = judge(pooled, n_events=300, qvalue=qvalue, random_pvalue=random, needed=158)
    assert told.verdict == verdict


def test_random_signatures_match_presence_and_level() -> None:
    whole, part = bulk(1, name="a"), bulk(2, name="b", genes=GENES[:200])
    pool = gene_pool([whole, part])
    drawn_rows = draw_signatures(pool, [GENES[0], GENES[250]], 50, np.random.default_rng(0))
    assert pool.measured[drawn_rows[:, 0]].all()
    assert not pool.measured[drawn_rows[:, 1], 1].any()
    assert GENES[0] not in {pool.genes[k] for k in drawn_rows[:, 0]}


def test_joint_z_and_random_pvalue() -> None:
    two = [np.array([[0.4, 0.2]]), np.array([[0.2, 0.2]])]
    assert joint_z(two)[0] == pytest.approx(0.3 / np.sqrt(0.02))
    assert random_pvalue(3.0, np.zeros(99)) == 0.01
    assert np.isnan(random_pvalue(np.nan, np.zeros(9)))


def test_pure_mixtures_come_back_exactly() -> None:
    rng = np.random.default_rng(0)
    profiles = rng.gamma(0.5, 100, (4, 60))
    truth = rng.dirichlet(np.ones(4), 10)
    np.testing.assert_allclose(shares(7 * truth @ profiles, profiles), truth, atol=1e-6)


def test_resolution_names_what_cannot_be_told_apart(tally: ad.AnnData) -> None:
    reference = reference_from(tally)
    rng = np.random.default_rng(1)
    good = resolve(reference, set(GENES), rng, n_mixtures=120).table.set_index("population")
    assert (good["correlation"] > 0.9).all()
    assert (good["verdict"] != "not resolvable").all()
    blind = resolve(reference, set(GENES) - set(MARKERS["B"]), rng, n_mixtures=120).table
    lost = blind.set_index("population").loc["B"]
    assert lost["verdict"] != "resolvable"
    assert lost["correlation"] < good.loc["B", "correlation"]
    with pytest.raises(DesignError, match="at least two donors"):
        resolve(reference.only(["D0"]), set(GENES), rng)


def test_the_detection_limit_is_where_the_blank_ends() -> None:
    truth = np.repeat([0.0, 0.003, 0.012, 0.05, 0.2], 40)
    blank, limit = detection(truth, np.where(truth < 0.01, 0.01, truth))
    assert (blank, limit) == (0.01, 0.01)
    assert np.isnan(detection(truth, np.zeros(truth.size))[1])


def test_arguments_are_checked(tally: ad.AnnData, state: Signature) -> None:
    with pytest.raises(ArgumentError, match="'cohorts' is empty"):
        outcome(tally, signatures=[state], cohorts=[])
    with pytest.raises(ArgumentError, match="must have different names"):
        outcome(tally, signatures=[state, state], cohorts=[bulk(1)])


@pytest.fixture(scope="module")
def result(tally: ad.AnnData, state: Signature) -> Outcome:
    cohorts = [bulk(1, name="a", log_hr=0.5), bulk(2, name="b", genes=GENES[10:])]
    return outcome(tally, signatures=[state], cohorts=cohorts, n_random=60, n_boot=0)


def test_figures_draw_and_refuse_unknown_names(result: Outcome, tmp_path: Path) -> None:
    for draw in (plot.outcome_forest, plot.outcome_curves, plot.outcome_random):
        ax = draw(result)
        figure = ax.get_figure(root=True)
        if figure is not None:
            figure.savefig(tmp_path / "figure.png")
        plt.close("all")
        with pytest.raises(ArgumentError, match="No signature 'x'"):
            draw(result, signature="x")
    with pytest.raises(ArgumentError, match="has no score in z"):
        plot.outcome_curves(result, cohort="z")


def test_more_cells_do_not_change_the_signature(tally: ad.AnnData, state: Signature) -> None:
    doubled = tally.copy()
    for layer in doubled.layers:
        doubled.layers[layer] = 2 * doubled.layers[layer]
    doubled.obs["n_cells"] *= 2
    genes = dict(zip(state.genes["gene"], state.genes["weight"], strict=True))
    again = signature(doubled, population="NK", genes=genes, name="NK state")
    pd.testing.assert_series_equal(again.genes["used"], state.genes["used"])


def test_pooling_agrees_with_metafor() -> None:
    golden = Path(__file__).parent.parent / "golden" / "outcome" / "survival.json"
    for data in ("pooled", "spread"):
        told = json.loads(golden.read_text())[data]
        found = pool_random(np.array(told["yi"]), np.sqrt(told["vi"]))
        expected = told["cautious"]
        numbers = (found.effect, found.low, found.high, found.pvalue, found.tau2)
        named = [expected[name] for name in ("estimate", "low", "high", "pvalue", "tau2")]
        np.testing.assert_allclose(numbers, named, rtol=1e-6, atol=1e-12)
