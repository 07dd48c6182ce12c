"""From evidence to a verdict, with the reason in words."""

from typing import Literal

from turncoat.allegiance.science import HARM, Evidence

Verdict = Literal["switched", "loyal", "inconclusive", "not testable"]

#: Level of the equivalence test, of each axis once the joint test has passed, and of intervals.
LEVEL = 0.05
WORDS = (
    ("lost anti-tumour duty", "gained anti-tumour duty"),
    ("gained pro-tumour harm", "lost pro-tumour harm"),
)


def judge(
    evidence: Evidence, qvalue: float, *, fdr: float, band: float, refused: str = ""
) -> tuple[Verdict, str]:
    """Give the verdict that the evidence allows.

    *Loyal* needs both axes shown to lie within the band; a shift that is sure but shown to be
    that small is loyal. *Switched* needs the joint test to pass the false-discovery rate. All
    else is inconclusive: not finding a shift is not finding its absence.

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
    if qvalue <= fdr:
        return "switched", f"{_what_moved(evidence)} (q = {qvalue:.2g}){tail}"
    return "inconclusive", f"{_why_open(evidence, qvalue)}{tail}"


def _what_moved(evidence: Evidence) -> str:
    # The joint test has passed: each axis is then tested at its own level (closed testing).
    moved = [WORDS[axis][0] for axis in range(2) if evidence.harm[axis] <= LEVEL]
    together = "tipped from duty towards harm on both axes together, neither shown alone"
    return " and ".join(moved) or together


def _why_open(evidence: Evidence, qvalue: float) -> str:
    effect = evidence.found.effect * HARM
    other_way = [
        WORDS[axis][1] for axis in range(2) if evidence.pvalue[axis] <= LEVEL and effect[axis] < 0
    ]
    if other_way:
        return f"moved the other way: {' and '.join(other_way)}"
    if evidence.joint <= LEVEL:
        return f"a shift towards harm (p = {evidence.joint:.2g}) does not survive the other tests (q = {qvalue:.2g})"
    return "neither a shift towards harm nor its absence can be shown with these donors"
