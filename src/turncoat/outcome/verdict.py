"""The verdict on a state's cost: worse, better, no association, or cannot tell."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from turncoat.outcome.models import FEW_EVENTS
from turncoat.stats.pooling import Pooled

#: A hazard ratio per standard deviation that would matter: between the best and the worst
#: third of patients (about 2.2 standard deviations apart) it is a ratio of 1.6.
SMALLEST_HR: Final = 1.25
#: Level of tests and of the false-discovery rate.
LEVEL: Final = 0.05

WORSE, BETTER = "worse", "better"
NO_ASSOCIATION, CANNOT_TELL = "no association", "cannot tell"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict and its reason in words."""

    verdict: str
    reason: str


def judge(
    pooled: Pooled | None,
    *,
    n_events: int,
    qvalue: float,
    random_pvalue: float,
    needed: int,
    smallest_hr: float = SMALLEST_HR,
) -> Verdict:
    """Turn a pooled hazard ratio into a verdict.

    Parameters
    ----------
    pooled
        Pooled log hazard ratio; None when no cohort could be tested.
    n_events
        Events in the tested cohorts.
    qvalue
        False-discovery rate over everything asked.
    random_pvalue
        Share of random signatures that do as well; NaN when not asked.
    needed
        Events that would show ``smallest_hr``.
    smallest_hr
        The hazard ratio that would matter.

    Returns
    -------
    Verdict
        One of the four verdicts. *No association* needs an interval that excludes every hazard
        ratio from ``1 / smallest_hr`` down and from ``smallest_hr`` up.
    """
    if pooled is None or n_events < FEW_EVENTS:
        return Verdict(CANNOT_TELL, f"{n_events} events; about {needed} needed")
    reach = float(np.log(smallest_hr))
    if -reach < pooled.low and pooled.high < reach and not (qvalue <= LEVEL):
        text = f"the interval excludes a hazard ratio of {smallest_hr:g} per standard deviation"
        return Verdict(NO_ASSOCIATION, text)
    if not qvalue <= LEVEL:
        return Verdict(
            CANNOT_TELL, f"the interval is wide: {n_events} events, about {needed} needed"
        )
    if np.isfinite(random_pvalue) and random_pvalue > LEVEL:
        share = f"{random_pvalue:.0%} of random signatures of like size and expression do as well"
        return Verdict(CANNOT_TELL, share)
    return Verdict(WORSE if pooled.effect > 0 else BETTER, "")
