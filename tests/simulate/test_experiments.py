"""The two studies' signs are reproduced, and each mechanism is needed for them."""

from typing import Any

import pytest

import turncoat as tc
from turncoat.errors import ArgumentError
from turncoat.simulate import experiments
from turncoat.simulate import signs as signs_of
from turncoat.simulate.result import Trial

N_MICE = 300
THE_PAIR = ("control", "nk depletion", "anti-PD-L1", "anti-PD-L1 + nk depletion")


@pytest.fixture(scope="module")
def thacker() -> Trial:
    return experiments.thacker(N_MICE, seed=1)


@pytest.fixture(scope="module")
def kos() -> Trial:
    return experiments.kos(N_MICE, seed=1)


def test_published_signs_of_thacker_are_reproduced(thacker: Trial) -> None:
    signs = signs_of.thacker_signs(thacker)
    assert signs.all_supported, signs.table.loc[~signs.table["supported"]].to_string()


def test_both_readings_of_improved_are_in_the_table(thacker: Trial) -> None:
    """The abstract's sign, better than either alone; and ours, more than additive."""
    table = signs_of.thacker_signs(thacker).table.set_index("claim")
    for claim in (
        "NK depletion improves on anti-PD-L1 alone",
        "anti-PD-L1 improves on NK depletion alone",
    ):
        assert table.loc[claim, "study"] == "Thacker 2023"
        assert table.loc[claim, "supported"]
    stricter = table.loc["NK depletion and anti-PD-L1: more than additive"]
    assert stricter["study"] == "stricter than Thacker 2023"
    # Not supported, and said so: the interval holds 1. See docs/rooms/simulate.md for why.
    assert stricter["low"] < 1 < stricter["high"]
    assert not stricter["supported"]


def test_nk_cells_that_do_not_kill_the_primary_make_the_pair_more_than_additive() -> None:
    """Why it is not: depletion gives up killing as well as Wnt, and the two cancel."""
    arms = {name: experiments.THACKER[name] for name in THE_PAIR}
    named: dict[str, Any] = {"n_mice": 250, "seed": 0, "days": experiments.THACKER_DAYS}
    mute = tc.sim.trial("thacker", arms, changes={"k_nk": 0.0}, **named)
    assert signs_of.interaction(mute, "anti-PD-L1", "nk depletion", THE_PAIR[-1])[2] < 1
    open_ = tc.sim.trial("thacker", arms, changes={"K_exclusion": 1000.0}, **named)
    assert signs_of.interaction(open_, "anti-PD-L1", "nk depletion", THE_PAIR[-1])[1] > 1


def test_published_signs_of_kos_are_reproduced(kos: Trial) -> None:
    signs = signs_of.kos_signs(kos)
    assert signs.all_supported, signs.table.loc[~signs.table["supported"]].to_string()


def test_the_lung_of_4t1_contradicts_that_of_kep_as_published() -> None:
    signs = signs_of.kos_signs(experiments.kos(N_MICE, seed=1, context="4t1"))
    assert signs.all_supported
    assert "Treg depletion reduces lung metastasis" in set(signs.table["claim"])


@pytest.mark.parametrize("name", experiments.ABLATIONS)
def test_without_a_mechanism_the_signs_fail(name: str) -> None:
    assert not experiments.ablation(name, N_MICE, seed=1).all_supported


def test_known_faults_of_the_first_stand_in_stay_mended(thacker: Trial, kos: Trial) -> None:
    drug = signs_of.ratio_of_volumes(thacker, "anti-PD-L1", "control")
    assert 0.05 < drug[0] < 0.8  # it was nearly inert
    for organ in ("node", "lung"):
        control = signs_of.ratio_of_colonies(kos, organ, "nk depletion", "control")
        assert 1.5 < control[0] < 12.0  # it was 36-fold
    assert kos.in_arm("control")["stem_share"].median() > 0.05  # stem cells were lost


def test_unknown_ablations_are_refused() -> None:
    with pytest.raises(ArgumentError, match="Did you mean 'no Wnt"):
        experiments.ablation("no wnt from nk cells")
