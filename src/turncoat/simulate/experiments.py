"""The arms of the two founding studies, and structures that must fail to reproduce them."""

from collections.abc import Mapping

from turncoat.errors import ArgumentError, did_you_mean
from turncoat.simulate.result import Trial
from turncoat.simulate.signs import Signs, kos_signs, thacker_signs
from turncoat.simulate.trial import trial

# Therapy starts two weeks after implantation, in tumours of some tens of mm3.
THACKER_DAYS = 42.0
THACKER: dict[str, str] = {
    "control": "control",
    "nk depletion": "anti_nk 10 mg/kg q3d d14-42",
    "lgk974": "lgk974 5 mg/kg daily d14-42",
    "nk wnt knock-out": "nk_wnt_ko",
    "chemotherapy": "doxorubicin 5 mg/kg weekly d14-42",
    "chemotherapy + nk depletion": "doxorubicin 5 mg/kg weekly d14-42 + anti_nk 10 mg/kg q3d d14-42",
    "chemotherapy + lgk974": "doxorubicin 5 mg/kg weekly d14-42 + lgk974 5 mg/kg daily d14-42",
    "anti-PD-L1": "anti_pdl1 10 mg/kg q3d d14-42",
    "anti-PD-L1 + nk depletion": "anti_pdl1 10 mg/kg q3d d14-42 + anti_nk 10 mg/kg q3d d14-42",
    "anti-PD-L1 + lgk974": "anti_pdl1 10 mg/kg q3d d14-42 + lgk974 5 mg/kg daily d14-42",
}
KOS_DAYS = 60.0
KOS: dict[str, str] = {
    "control": "mastectomy d30",
    "treg depletion": "anti_cd25 10 mg/kg q3d + mastectomy d30",
    "nk depletion": "anti_nk 10 mg/kg q3d + mastectomy d30",
    "treg + nk depletion": "anti_cd25 10 mg/kg q3d + anti_nk 10 mg/kg q3d + mastectomy d30",
}
# Parameters that take one mechanism out of the model.
ABLATIONS: dict[str, tuple[str, dict[str, float]]] = {
    "no Wnt from natural killer cells": ("thacker", {"w_nk": 0.0}),
    "no regulatory T cells on natural killer cells in the node": (
        "kep",
        {"K_treg_nk_node": 1000.0},
    ),
    "lung as sensitive to regulatory T cells as the node": ("kep", {"K_treg_nk_lung": 0.25}),
    "natural killer cells cannot kill metastases": (
        "kep",
        {"k_nk_met_node": 0.0, "k_nk_met_lung": 0.0, "k_early": 0.0},
    ),
}


def thacker(
    n_mice: int = 500, seed: int = 0, *, context: str = "thacker",
    changes: Mapping[str, float] | None = None, threads: int | None = 1,
) -> Trial:  # fmt: skip
    """Repeat Thacker 2023 in silico: depletion, LGK-974, chemotherapy, anti-PD-L1, combined.

    Parameters
    ----------
    n_mice
        Virtual mice, each in every arm.
    seed
        Seed.
    context
        Tumour model.
    changes
        Parameters to set otherwise.
    threads
        Threads; None for one per core.

    Returns
    -------
    Trial
        The trial; the first arm is the control.

    References
    ----------
    Thacker et al. (2023), Sci. Transl. Med. 15(686):eabl4414.

    Examples
    --------
    >>> from turncoat.simulate import experiments
    >>> len(experiments.thacker(n_mice=2).arm_names)
    10
    """
    return trial(
        context, THACKER, n_mice, seed, days=THACKER_DAYS, changes=changes, threads=threads
    )


def kos(
    n_mice: int = 500, seed: int = 0, *, context: str = "kep",
    changes: Mapping[str, float] | None = None, threads: int | None = 1,
) -> Trial:  # fmt: skip
    """Repeat Kos 2022 in silico: depletion of regulatory T or natural killer cells, or both.

    Parameters
    ----------
    n_mice
        Virtual mice, each in every arm.
    seed
        Seed.
    context
        Tumour model; ``"4t1"`` gives the opposite result in the lung, as published there.
    changes
        Parameters to set otherwise.
    threads
        Threads; None for one per core.

    Returns
    -------
    Trial
        The trial; all arms have a mastectomy on day 30.

    References
    ----------
    Kos et al. (2022), Cell Rep. 38(9):110447; Olkhanud et al. (2009), Cancer Res. 69:5996.

    Examples
    --------
    >>> from turncoat.simulate import experiments
    >>> experiments.kos(n_mice=2).arm_names[1]
    'treg depletion'
    """
    return trial(context, KOS, n_mice, seed, days=KOS_DAYS, changes=changes, threads=threads)


def ablation(name: str, n_mice: int = 500, seed: int = 0, threads: int | None = 1) -> Signs:
    """Judge the signs in a model without one of its mechanisms: some must fail.

    Parameters
    ----------
    name
        One of :data:`ABLATIONS`.
    n_mice
        Virtual mice.
    seed
        Seed.
    threads
        Threads; None for one per core.

    Returns
    -------
    Signs
        The signs of the study that the mechanism belongs to.

    Raises
    ------
    ArgumentError
        When there is no such ablation.

    Examples
    --------
    >>> from turncoat.simulate import experiments
    >>> experiments.ablation("no Wnt from natural killer cells", n_mice=20).all_supported
    False
    """
    if name not in ABLATIONS:
        raise ArgumentError(f"There is no ablation '{name}'. {did_you_mean(name, ABLATIONS)}")
    study, changes = ABLATIONS[name]
    if study == "thacker":
        return thacker_signs(thacker(n_mice, seed, changes=changes, threads=threads))
    return kos_signs(kos(n_mice, seed, changes=changes, threads=threads))
