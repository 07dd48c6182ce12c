"""The arms of the two founding studies, their claims, and structures that must fail them.

The claims are signs read in abstracts; magnitudes could not be read and are not used. A
claim is supported when its whole 95 % interval lies on the claimed side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, did_you_mean
from turncoat.simulate.result import Trial
from turncoat.simulate.trial import trial
from turncoat.tables import Column, FloatArray, TableSchema

# Therapy starts two weeks after implantation, in tumours of some tens of mm3.
THACKER_DAYS, THACKER_START = 42.0, 14
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
# Bounds of "no effect", the usual ones of bioequivalence.
SAME_LOW, SAME_HIGH = 0.8, 1.25
RESAMPLES = 1000

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


@dataclass(frozen=True, slots=True)
class Signs:
    """Published signs beside what virtual mice show."""

    table: pd.DataFrame

    schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("study", "text", "", "Where the sign was read."),
            Column("claim", "text", "", "The sign, in words."),
            Column("use", "text", "", "Whether parameters were set by hand with it in view."),
            Column("estimate", "real", "ratio", "Ratio (of ratios, for interactions) of the arms."),
            Column("low", "real", "ratio", "Lower end of its 95 % interval over mice."),
            Column("high", "real", "ratio", "Upper end."),
            Column("expected", "text", "", "below 1, above 1, or 0.8 to 1.25."),
            Column("supported", "flag", "", "Whether the whole interval lies there."),
        ),
        key=("study", "claim"),
    )

    def __post_init__(self) -> None:
        self.schema.check(self.table)

    @property
    def all_supported(self) -> bool:
        """Whether every published claim is."""
        published = ~self.table["study"].str.startswith("stricter")
        return bool(self.table.loc[published, "supported"].all())


Measure = Callable[[Trial, str], FloatArray]


def _volume(trial_: Trial, arm: str) -> FloatArray:
    return np.asarray(trial_.in_arm(arm)["volume"], dtype=float)


def _colonies(organ: str) -> Measure:
    return lambda trial_, arm: np.asarray(trial_.in_arm(arm)[f"{organ}_colonies"], dtype=float)


def ratio_of_volumes(found: Trial, arm: str, reference: str) -> tuple[float, float, float]:
    """Geometric mean ratio of primary volumes, paired by mouse, with its 95 % interval."""
    return _geometric(np.log(_volume(found, arm) / _volume(found, reference)))


def interaction(found: Trial, drug: str, other: str, both: str) -> tuple[float, float, float]:
    """Ratio of what a drug does beside another to what it does alone; below 1 is synergy."""
    alone = np.log(_volume(found, drug) / _volume(found, found.arm_names[0]))
    beside = np.log(_volume(found, both) / _volume(found, other))
    return _geometric(beside - alone)


def _geometric(logs: FloatArray) -> tuple[float, float, float]:
    from scipy.stats import t

    centre, error = float(logs.mean()), float(logs.std(ddof=1) / np.sqrt(logs.size))
    half = float(t.ppf(0.975, logs.size - 1)) * error
    return float(np.exp(centre)), float(np.exp(centre - half)), float(np.exp(centre + half))


def ratio_of_colonies(
    found: Trial, organ: str, arm: str, reference: str, seed: int = 0
) -> tuple[float, float, float]:
    """Ratio of mean colony numbers in an organ, with its 95 % bootstrap interval over mice."""
    count = _colonies(organ)
    above, below = count(found, arm), count(found, reference)
    drawn = np.random.default_rng(seed).integers(0, above.size, (RESAMPLES, above.size))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = above[drawn].mean(axis=1) / below[drawn].mean(axis=1)
        centre = above.mean() / below.mean()
    low, high = np.nanquantile(ratios, [0.025, 0.975])
    return float(centre), float(low), float(high)


def thacker_signs(found: Trial) -> Signs:
    """Judge the signs of Thacker 2023 in a trial of its arms.

    Parameters
    ----------
    found
        From :func:`thacker`.

    Returns
    -------
    Signs
        One row per published sign.
    """
    calibrated, held = "set by hand with it in view", "held out"
    rows = [
        ("NK depletion slows the primary", calibrated, ratio_of_volumes(found, "nk depletion", "control")),
        ("LGK-974 slows the primary", calibrated, ratio_of_volumes(found, "lgk974", "control")),
        ("Loss of Wnt from NK cells alone slows it", held, ratio_of_volumes(found, "nk wnt knock-out", "control")),
    ]  # fmt: skip
    stricter = []
    for drug in ("chemotherapy", "anti-PD-L1"):
        for other, label in (("nk depletion", "NK depletion"), ("lgk974", "LGK-974")):
            both = f"{drug} + {other}"
            rows.append(
                (
                    f"{label} improves on {drug} alone",
                    calibrated,
                    ratio_of_volumes(found, both, drug),
                )
            )
            stricter.append(
                (
                    f"{label} and {drug}: more than additive",
                    held,
                    interaction(found, drug, other, both),
                )
            )
        rows.append(
            (f"{drug} slows the primary", calibrated, ratio_of_volumes(found, drug, "control"))
        )
    # More than additive is our own, stricter question; the abstract says "improved".
    return _signs(
        [("Thacker 2023", *row, "below 1") for row in rows]
        + [("stricter than Thacker 2023", *row, "below 1") for row in stricter]
    )


def kos_signs(found: Trial) -> Signs:
    """Judge the signs of Kos 2022 (or, in context 4t1, of Olkhanud 2009) in a trial of its arms.

    Parameters
    ----------
    found
        From :func:`kos`.

    Returns
    -------
    Signs
        One row per published sign.
    """
    calibrated, held = "set by hand with it in view", "held out"
    node = ratio_of_colonies(found, "node", "treg depletion", "control")
    lung = ratio_of_colonies(found, "lung", "treg depletion", "control")
    without = ratio_of_colonies(found, "node", "treg + nk depletion", "nk depletion")
    same = "0.8 to 1.25"
    rows: list[tuple[Any, ...]] = [
        ("Kos 2022", "Treg depletion reduces node metastasis", calibrated, node, "below 1"),
    ]
    if found.params["context"] == "4t1":
        rows.append(
            ("Olkhanud 2009", "Treg depletion reduces lung metastasis", calibrated, lung, "below 1")
        )
    else:
        rows += [
            ("Kos 2022", "Treg depletion leaves the lung alone", calibrated, lung, same),
            ("Kos 2022 (inferred)", "without NK cells it does nothing in the node", held, without, same),
        ]  # fmt: skip
    return _signs(rows)


def _signs(rows: list[tuple[Any, ...]]) -> Signs:
    made = []
    for study, claim, use, (estimate, low, high), expected in rows:
        bounds = (SAME_LOW, SAME_HIGH) if expected == "0.8 to 1.25" else (0.0, 1.0)
        made.append(
            {
                "study": study, "claim": claim, "use": use, "estimate": estimate, "low": low,
                "high": high, "expected": expected,
                "supported": bool(bounds[0] <= low and high < bounds[1]),
            }
        )  # fmt: skip
    return Signs(Signs.schema.build(made))


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
