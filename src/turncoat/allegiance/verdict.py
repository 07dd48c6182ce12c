"""From evidence to a verdict, with the reason in words."""

from typing import Literal

import numpy as np

from turncoat.allegiance.science import HARM, Evidence

Verdict = Literal["switched", "loyal", "inconclusive", "not testable"]

#: Level of the equivalence test, of each axis once the joint test has passed, and of intervals.
LEVEL = 0.05
#: Below this margin a verdict is borderline. On 40 planted studies, no further reads of the same cells
#: and no 5 % of tumour RNA turned a verdict whose margin was above 1.5.
FIRM = 2.0
WORDS = (
    ("lost anti-tumour duty", "gained anti-tumour duty"),
    ("gained pro-tumour harm", "lost pro-tumour harm"),
)


def judge(
    evidence: Evidence, qvalue: float, *, fdr: float, band: float, refused: str = ""
) -> tuple[Verdict, str]:
    """Give the verdict that the evidence allows.

    *Loyal* needs both axes shown to lie within the band; a shift that is sure but shown to be
    that small is loyal. *Switched* needs the joint test to pass the false-discovery rate, and one
    axis at least to be shown by itself: whoever is told that a population switched will ask how.
    All else is inconclusive: not finding a shift is not finding its absence.

    Parameters
    ----------
    evidence
        What the donors say.
    qvalue
        The joint test's q-value over all populations.
    fdr
        False-discovery rate.
    band
        Half-width of the equivalence band, log2.
    refused
        Why an axis has no score; empty where both have.

    Returns
    -------
    tuple
        Verdict and reason.
    """
    tail = f"; {refused}" if refused else ""
    if evidence.loyal <= LEVEL:
        return (
            "loyal",
            f"both axes lie within ±{band:.2f} log2 of the reference (TOST p = {evidence.loyal:.2g})",
        )
    # The joint test has passed: each axis is then tested at its own level (closed testing).
    moved = [WORDS[axis][0] for axis in range(2) if evidence.harm[axis] <= LEVEL]
    if qvalue <= fdr and moved:
        also = "".join(f"; at the same time {words}" for words in _other_way(evidence))
        return "switched", f"{' and '.join(moved)} (q = {qvalue:.2g}){also}{tail}"
    return "inconclusive", f"{_why_open(evidence, qvalue, fdr)}{tail}"


def margin(evidence: Evidence, qvalue: float, *, fdr: float) -> float:
    """Tell by what factor the p-values that decide would have to change to change the verdict.

    Parameters
    ----------
    evidence, qvalue, fdr
        As in :func:`judge`.

    Returns
    -------
    float
        At least 1; a verdict below :data:`FIRM` is borderline.
    """
    loyal = 1.0 if np.isnan(evidence.loyal) else evidence.loyal
    # What stands between the evidence and a switch: two p-values, both of which must be small.
    short = max(qvalue / fdr, float(np.nanmin(evidence.harm)) / LEVEL)
    if loyal <= LEVEL:
        return LEVEL / loyal
    return min(loyal / LEVEL, max(short, 1 / short))


def _other_way(evidence: Evidence) -> list[str]:
    effect = evidence.found.effect * HARM
    return [
        WORDS[axis][1] for axis in range(2) if evidence.pvalue[axis] <= LEVEL and effect[axis] < 0
    ]


def _why_open(evidence: Evidence, qvalue: float, fdr: float) -> str:
    if qvalue <= fdr:
        return (
            f"tilted from duty towards harm on both axes together (q = {qvalue:.2g}), but neither "
            "a loss of duty nor a gain of harm is shown by itself"
        )
    other_way = _other_way(evidence)
    if other_way:
        return f"moved the other way: {' and '.join(other_way)}"
    if evidence.joint <= LEVEL:
        return f"a shift towards harm (p = {evidence.joint:.2g}) does not survive the other tests (q = {qvalue:.2g})"
    return "neither a shift towards harm nor its absence can be shown with these donors"
