"""The two studies' signs are reproduced, and each mechanism is needed for them."""

import pytest

from turncoat.errors import ArgumentError
from turncoat.simulate import experiments
from turncoat.simulate import signs as signs_of
from turncoat.simulate.result import Trial

N_MICE = 300


@pytest.fixture(scope="module")
def thacker() -> Trial:
    return experiments.thacker(N_MICE, seed=1)


@pytest.fixture(scope="module")
def kos() -> Trial:
    return experiments.kos(N_MICE, seed=1)


def test_published_signs_of_thacker_are_reproduced(thacker: Trial) -> None:
    signs = signs_of.thacker_signs(thacker)
    assert signs.all_supported, signs.table.loc[~signs.table["supported"]].to_string()


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
