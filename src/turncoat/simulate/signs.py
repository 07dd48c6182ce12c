"""Published signs beside what virtual mice show.

The claims are signs read in abstracts; magnitudes could not be read and are not used. A
claim is supported when its whole 95 % interval lies on the claimed side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from turncoat.simulate.result import Trial
from turncoat.tables import Column, FloatArray, TableSchema

# Bounds of "no effect", the usual ones of bioequivalence.
SAME_LOW, SAME_HIGH = 0.8, 1.25
RESAMPLES = 1000


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
    from scipy.special import stdtrit

    centre, error = float(logs.mean()), float(logs.std(ddof=1) / np.sqrt(logs.size))
    half = float(stdtrit(logs.size - 1, 0.975)) * error
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

    Examples
    --------
    >>> turncoat.sim.thacker_signs(found)  # doctest: +SKIP
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
            # Better than either alone is what the abstract says of NK depletion.
            rows += [
                (f"{label} improves on {drug} alone", calibrated, ratio_of_volumes(found, both, drug)),
                (f"{drug} improves on {label} alone", held, ratio_of_volumes(found, both, other)),
            ]  # fmt: skip
            synergy = interaction(found, drug, other, both)
            stricter.append((f"{label} and {drug}: more than additive", held, synergy))
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

    Examples
    --------
    >>> turncoat.sim.kos_signs(found)  # doctest: +SKIP
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
