"""A second opinion for few donors: spreads that learn from the study's other scores.

What is expected of a score's spread is that of scores of as many genes at like levels, in the
same cells of the same donors. Genes of a programme move together, so scores spread more than
that, some much more; how much, the study's own scores tell. No permutation is drawn here: the
p-values rest on normal scores and on spreads that scatter as F variables do.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from turncoat.allegiance.lines import Line
from turncoat.allegiance.science import HARM, Evidence
from turncoat.errors import DesignError, DesignWarning, warn
from turncoat.stats.adjusted import compare_adjusted
from turncoat.stats.compare import Donors
from turncoat.stats.equivalence import equivalence_pvalue
from turncoat.stats.estimate import estimate
from turncoat.stats.laws import student_tail
from turncoat.stats.scale import Scale, learn_scale, moderate
from turncoat.tables import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Moderation:
    """What was learned of the scores' spreads, and whether verdicts rest on it.

    Parameters
    ----------
    scale
        None where too few scores tell.
    decides
        Whether verdicts rest on the moderated test instead of the permutation test.
    """

    scale: Scale | None
    decides: bool

    def moderated(self, line: Line, band: float) -> Line:
        """Give a line the moderated evidence of its donors, where it has any."""
        if self.scale is None or line.evidence is None:
            return line
        expected = expected_squares(line, line.donors, np.ones(len(line.scores), dtype=bool))
        evidence = moderated_evidence(line.evidence, expected, self.scale, band)
        also = tuple(self.moderated(other, band) for other in line.also)
        return replace(line, evidence=evidence, also=also)

    def joint(self, line: Line, band: float) -> float:
        """Moderated joint p-value of a line; NaN where it has none."""
        again = self.moderated(line, band).evidence
        return float("nan") if again is None or self.scale is None else again.joint

    def left_out(self, line: Line, other: dict[str, Any], band: float) -> dict[str, Any]:
        """Moderate the evidence without one donor, as :func:`left_out` found it."""
        if self.scale is None or other["evidence"] is None:
            return other
        keep = other["keep"]
        expected = expected_squares(line, line.donors.take(keep), keep)
        return other | {
            "evidence": moderated_evidence(other["evidence"], expected, self.scale, band)
        }


def expected_squares(line: Line, donors: Donors, keep: BoolArray) -> FloatArray:
    """Squared standard error expected of each axis' shift, shape ``(2,)``; NaN without a score."""
    expected = np.full(2, np.nan)
    for place, matched in enumerate(line.matched):
        if matched is None:
            continue
        values = matched[keep]
        if donors.covariates.shape[1]:
            _, found = compare_adjusted(
                values, donors.units, donors.covariates, weights=donors.weights, n_permutations=1
            )
        else:
            found = estimate(values, donors.units, weights=donors.weights)
        expected[place] = np.mean(found.error**2)
    return expected


def learn_moderation(lines: list[Line], *, decides: bool) -> Moderation:
    """Learn how far the tested scores' spreads stray from what was expected of them.

    Where verdicts should rest on it and too few scores were tested, it warns, and they rest on the
    permutation test instead.
    """
    tested = [(line, line.evidence) for line in lines if line.evidence is not None]
    ratio, freedom = np.empty((len(tested), 2)), np.empty((len(tested), 2))
    for place, (line, evidence) in enumerate(tested):
        expected = expected_squares(line, line.donors, np.ones(len(line.scores), dtype=bool))
        with np.errstate(divide="ignore", invalid="ignore"):
            # Scores without any spread have no ratio, and are left out of the scale.
            ratio[place] = evidence.found.error**2 / expected
        freedom[place] = evidence.found.freedom
    try:
        scale = learn_scale(ratio.ravel(), freedom.ravel())
    except DesignError as error:
        if decides:
            warn(
                f"The moderated test (argument 'test') learns from the study's other scores. {error} "
                "Verdicts rest on the permutation test instead.",
                DesignWarning,
            )
        return Moderation(None, decides=False)
    return Moderation(scale, decides)


def moderated_evidence(
    evidence: Evidence, expected: FloatArray, scale: Scale, band: float
) -> Evidence:
    """Weigh the evidence with spreads drawn towards their expectation.

    Parameters
    ----------
    evidence
        What the donors say by themselves.
    expected
        Squared standard error expected of each axis, shape ``(2,)``.
    scale
        How much the expectation is worth.
    band
        Half-width of the equivalence band, log2.

    Returns
    -------
    Evidence
        Student's p-values; the joint one is the smaller of the axes' times their number.
    """
    found = moderate(evidence.found, expected, scale)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = found.effect / found.error
    harm = np.asarray(student_tail(statistic * HARM, found.freedom))
    scored = np.isfinite(harm)
    joint = min(1.0, float(scored.sum() * np.nanmin(harm))) if scored.any() else float("nan")
    loyal = float(np.max(equivalence_pvalue(found, band))) if scored.all() else float("nan")
    both_sides = np.asarray(2 * student_tail(np.abs(statistic), found.freedom))
    return replace(
        evidence, found=found, pvalue=both_sides, harm=harm, balance=float("nan"), joint=joint,
        loyal=loyal, is_exact=False,
    )  # fmt: skip
