"""Streams, exact simulation, tau-leaps and colonies against known answers."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from scipy.stats import poisson as poisson_law

from turncoat.errors import ModelError
from turncoat.simulate.engine.form import Constant, Form, Reaction, State
from turncoat.simulate.engine.simulator import Simulator
from turncoat.simulate.stochastic import colonies, inversion, networks, streams
from turncoat.tables import FloatArray

# Known answers published with Philox 4x32-10 (Random123): key, counter, words.
KNOWN = [
    ((0, 0), (0, 0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0xA4093822, 0x299F31D0),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("key", "counter", "words"), KNOWN)
def test_philox_gives_the_published_words(
    key: tuple[int, ...], counter: tuple[int, ...], words: str
) -> None:
    stream, found = np.array([*key, *counter], np.uint64), np.zeros(4, np.uint64)
    for draw in (streams.philox, streams.philox.reference):
        draw(stream, found)
        assert " ".join(f"{int(word):08x}" for word in found) == words


def test_streams_of_different_mice_and_purposes_differ_and_are_uniform() -> None:
    drawn = np.empty((200, 50))
    streams.uniform_matrix(streams.stream_of(3, 0, 1), np.arange(200), drawn)
    assert kstest(drawn.ravel(), "uniform").pvalue > 0.001
    assert np.unique(drawn).size == drawn.size
    other = np.empty_like(drawn)
    streams.uniform_matrix(streams.stream_of(3, 0, 2), np.arange(200), other)
    assert abs(np.corrcoef(drawn.ravel(), other.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("mean", [0.3, 4.0, 25.0, 3000.0])
def test_poisson_draws_follow_their_law(mean: float) -> None:
    stream, words = streams.stream_of(7, int(mean * 10)), np.zeros(4, np.uint64)
    drawn = np.array([streams.poisson(mean, stream, words) for _ in range(4000)])
    assert drawn.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / drawn.size))
    for level in (0.1, 0.5, 0.9):
        edge = float(poisson_law.ppf(level, mean))
        share = poisson_law.cdf(edge, mean)
        error = np.sqrt(share * (1 - share) / drawn.size)
        assert np.mean(drawn <= edge) == pytest.approx(share, abs=4 * error)


def birth_death(birth: float, death: float, start: float) -> Simulator:
    reactions = (
        Reaction("birth", ("*", "b", "n"), (("n", 1.0, ""),)),
        Reaction("death", ("*", "d", "n"), (("n", -1.0, ""),)),
    )
    constants = (Constant("b", birth, ""), Constant("d", death, ""))
    return Simulator(
        Form("birth_death", (State("n", start, "", True),), constants, (), reactions, (), ())
    )


def immigration_death() -> Simulator:
    reactions = (
        Reaction("come", 20.0, (("n", 1.0, ""),)),
        Reaction("go", ("*", 0.5, "n"), (("n", -1.0, ""),)),
    )
    state = (State("n", 5.0, "", True),)
    return Simulator(Form("immigration_death", state, (), (), reactions, (), ()))


def dimerisation() -> Simulator:
    pair = ("/", ("*", 0.02, "n", ("-", "n", 1.0)), 2.0)
    reactions = (
        Reaction("bind", pair, (("n", -2.0, ""), ("m", 1.0, ""))),
        Reaction("part", ("*", 0.4, "m"), (("n", 2.0, ""), ("m", -1.0, ""))),
    )
    states = (State("n", 60.0, "", True), State("m", 0.0, "", True))
    return Simulator(Form("dimerisation", states, (), (), reactions, (), ()))


def dimer_moments(t: float) -> tuple[float, float]:
    """Mean and variance of n from the master equation itself, by matrix exponential."""
    from scipy.linalg import expm

    most = 30
    generator = np.zeros((most + 1, most + 1))
    for m in range(most + 1):
        n = 60 - 2 * m
        bind, part = 0.02 * n * (n - 1) / 2, 0.4 * m
        if m < most:
            generator[m + 1, m] += bind
        if m > 0:
            generator[m - 1, m] += part
        generator[m, m] -= (bind if m < most else 0.0) + part
    chance = expm(generator * t)[:, 0]
    counts = 60.0 - 2.0 * np.arange(most + 1)
    mean = float(chance @ counts)
    return mean, float(chance @ counts**2) - mean**2


def moments_agree(drawn: FloatArray, mean: float, variance: float, slack: float = 0.0) -> None:
    """Mean and variance within three standard errors (and a leap's own bias)."""
    n = drawn.size
    assert drawn.mean() == pytest.approx(mean, abs=3 * np.sqrt(variance / n) + slack * mean)
    fourth = np.mean((drawn - drawn.mean()) ** 4)
    error = np.sqrt(max(fourth - variance**2, 0.0) / n)
    assert drawn.var() == pytest.approx(variance, abs=3 * error + 2 * slack * variance)


@pytest.mark.parametrize(("tau", "slack"), [(None, 0.0), (0.005, 0.004)])
def test_exact_runs_and_leaps_have_the_analytic_moments(tau: float | None, slack: float) -> None:
    times = np.array([0.0, 2.0])
    birth, death, start = 1.0, 0.7, 40.0
    grown = np.exp((birth - death) * 2.0)
    drawn = networks.simulate_counts(
        birth_death(birth, death, start), times, n_runs=2000, seed=11, tau=tau
    )[:, -1, 0]
    spread = start * (birth + death) / (birth - death) * grown * (grown - 1.0)
    moments_agree(drawn, start * grown, spread, slack)
    left = np.exp(-0.5 * 2.0)
    drawn = networks.simulate_counts(immigration_death(), times, n_runs=2000, seed=12, tau=tau)[
        :, -1, 0
    ]
    mean = 5.0 * left + 40.0 * (1 - left)
    moments_agree(drawn, mean, 5.0 * left * (1 - left) + 40.0 * (1 - left), slack)
    drawn = networks.simulate_counts(dimerisation(), times, n_runs=2000, seed=13, tau=tau)
    moments_agree(drawn[:, -1, 0], *dimer_moments(2.0), slack)
    np.testing.assert_array_equal(drawn[:, :, 0] + 2 * drawn[:, :, 1], 60.0)


def test_networks_with_rules_are_refused() -> None:
    from simulate.problems import forced_decay

    with pytest.raises(ModelError, match="networks of reactions alone"):
        networks.stoichiometry(forced_decay())


@pytest.mark.parametrize(("birth", "death"), [(0.35, 0.2), (0.3, 0.3), (0.2, 0.5)])
@pytest.mark.parametrize("size", [1.0, 20.0, 200.0])
def test_colony_steps_have_the_moments_of_birth_and_death(
    birth: float, death: float, size: float
) -> None:
    stream, words, days = (
        streams.stream_of(6, int(size), int(birth * 100)),
        np.zeros(4, np.uint64),
        1.5,
    )
    lost, ratio = colonies.transition(birth, death, days)
    drawn = np.array(
        [colonies.following_size(size, lost, ratio, stream, words) for _ in range(4000)]
    )
    net = birth - death
    grown = np.exp(net * days)
    spread = 2 * birth * days if net == 0 else (birth + death) / net * grown * (grown - 1)
    moments_agree(drawn, size * grown, size * spread)
    gone, chance = np.mean(drawn == 0), lost**size
    assert gone == pytest.approx(chance, abs=4 * np.sqrt(chance * (1 - chance) / 4000) + 1e-9)


@settings(deadline=None, max_examples=200)
@given(st.floats(1e-9, 1 - 1e-9), st.integers(0, 40), st.floats(0.0, 1.0), st.floats(0.0, 0.75))
def test_inversion_gives_the_quantiles(u: float, size: int, chance: float, ratio: float) -> None:
    # On the edge between two numbers either is right to the last bit.
    for draw, law, p in (
        (inversion.binomial, scipy.stats.binom, chance),
        (inversion.negative_binomial, scipy.stats.nbinom, 1.0 - ratio),
    ):
        found = draw(u, float(size), chance if draw is inversion.binomial else ratio)
        if size == 0:
            assert found == 0.0
            continue
        assert law.cdf(found, size, p) >= u - 1e-9
        assert law.cdf(found - 1, size, p) <= u + 1e-9


def test_lines_of_long_transitions_have_the_same_law() -> None:
    stream, words = streams.stream_of(8), np.zeros(4, np.uint64)
    lost, ratio = colonies.transition(0.9, 0.2, 4.0)
    assert ratio > colonies.LARGEST_RATIO
    drawn = np.array(
        [colonies.following_size(5.0, lost, ratio, stream, words) for _ in range(4000)]
    )
    grown = np.exp(0.7 * 4.0)
    moments_agree(drawn, 5.0 * grown, 5.0 * 1.1 / 0.7 * grown * (grown - 1))


def one_organ(
    n_mice: int, arrivals: float, death: float, birth: float = 0.35
) -> dict[str, FloatArray]:
    times = np.arange(0.0, 61.0)
    shape = (n_mice, times.size)
    counts, burden = np.zeros((n_mice, 3)), np.zeros(shape)
    colonies.colonise_batch(
        np.full(shape, arrivals), np.full(shape, death), np.full(shape, 0.0),
        np.full(n_mice, birth), np.tile([500.0, 1.0], (n_mice, 1)), times,
        np.arange(n_mice), streams.stream_of(2, 0, 1024), counts, burden,
    )  # fmt: skip
    return {"counts": counts, "burden": burden, "times": times}


def test_seeding_is_poisson_and_survival_that_of_birth_and_death() -> None:
    found = one_organ(4000, arrivals=0.05, death=0.15)
    lodged = found["counts"][:, 0]
    assert lodged.mean() == pytest.approx(3.0, abs=4 * np.sqrt(3.0 / 4000))
    assert lodged.var() == pytest.approx(3.0, rel=0.1)
    # A founder's line lives for ever with chance 1 - d/b; those that lodged late are not
    # established yet, so compare founders of all colonies that live or were established.
    alive = found["counts"][:, 1:].sum() / lodged.sum()
    days = 60.0 - np.linspace(0.0, 60.0, 2001)
    chances = [1 - colonies.transition(0.35, 0.15, d)[0] if d > 0 else 1.0 for d in days]
    assert alive == pytest.approx(np.mean(chances), abs=0.015)


def test_a_fraction_of_a_cell_is_never_a_metastasis() -> None:
    found = one_organ(500, arrivals=0.3, death=0.5)
    cells = found["burden"] * 1e6
    assert np.all((cells == 0.0) | (cells >= 1.0))
    assert np.all(found["counts"] == np.round(found["counts"]))


def test_no_arrivals_no_metastasis() -> None:
    found = one_organ(50, arrivals=0.0, death=0.1)
    assert not found["counts"].any()
    assert not found["burden"].any()


def test_burden_follows_the_equation_of_the_shipped_model() -> None:
    """A thousand cells put into the SBML's own equation grow as in the stochastic stage."""
    from turncoat.simulate.mouse import mouse, tolerances

    model, times = mouse(), np.arange(0.0, 41.0)
    starts = model.starts(model.constants())
    start = 0.002
    starts[0, model.state("met_lung")] = start
    solution = model.integrate(times, starts=starts, rtol=1e-9, atol=tolerances() * 1e-3)
    p = model.constants()
    assigned = model.assigned(solution, p)
    kill = p[0, model.constant("k_nk_met_lung")] * solution.states[0, :, model.state("nk_lung")]
    burden = np.zeros((1, times.size))
    burden[0, 0] = start

    def mean(values: FloatArray) -> FloatArray:
        return np.append(0.5 * (values[1:] + values[:-1]), values[-1])

    organ = colonies.Organ(
        np.zeros(times.size), mean(assigned["death_lung"][0]), mean(kill),
        float(p[0, model.constant("b_met")]), np.array([500.0, 1.0]),
        np.zeros(times.size), np.zeros(times.size),
    )  # fmt: skip
    colonies.grow(organ, times, streams.stream_of(0), np.zeros(4, np.uint64), burden[0])
    true = solution.states[0, :, model.state("met_lung")]
    np.testing.assert_allclose(burden[0], true, rtol=0.01)
