"""The top of the page: what a reader in a hurry must find in one screen."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from turncoat.report.cells import number, word
from turncoat.report.claim import Claim

#: The room whose verdicts make the grid at the top of the page.
GRID_ROOM = "allegiance"
#: Findings of other rooms that are shown at the top; the rest is in their sections.
MAX_OTHERS = 5
#: Findings on one kind of evidence: only so many, only at this q-value, and only where nothing
#: stands on more.
MAX_WEAK = 3
CLEAR = 0.01

SEVERITY = ("switched", "loyal", "inconclusive", "not testable")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the first question, and the best-held findings of the other rooms."""

    lead: str
    subjects: tuple[str, ...]
    contrasts: tuple[str, ...]
    others: tuple[Claim, ...]
    grid: dict[tuple[str, str], Claim]

    def claim(self, subject: str, contrast: str) -> Claim | None:
        """Find the claim of one square of the grid."""
        return self.grid.get((subject, contrast))

    def short(self, claim: Claim) -> str:
        """Say in a few words what a square of the grid rests on."""
        if not claim.evidence:
            return ""
        first = next((e for e in claim.evidence if e.bearing == "supports"), claim.evidence[0])
        parts = [f"{first.n_donors} donors"] if first.n_donors else []
        if not math.isnan(first.qvalue):
            parts.append(f"q = {number(first.qvalue)}")
        if first.note:
            parts.append(first.note)
        return ", ".join(parts)


def answer_of(claims: Sequence[Claim]) -> Answer:
    """Build the top of the page from all claims."""
    own = [claim for claim in claims if claim.identifier.startswith(f"{GRID_ROOM}/")]
    contrasts = tuple(dict.fromkeys(claim.contrast for claim in own))
    grid = {(claim.subject, claim.contrast): claim for claim in own}
    others = _worth_a_line([claim for claim in claims if claim not in own])
    return Answer(_lead(own, contrasts), _subjects(own), contrasts, others, grid)


def _worth_a_line(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Rank the other rooms' findings; those of one rung come only where nothing better is held."""
    held = [claim for claim in claims if claim.grade in {"strong", "moderate"}]
    weak = [claim for claim in claims if claim.grade == "weak" and _least_q(claim) <= CLEAR]
    weak = [claim for claim in weak if _takes_a_side(claim)]
    rank = {"strong": 0, "moderate": 1}
    held.sort(key=lambda claim: (rank[claim.grade], -_n_rungs(claim), _least_q(claim)))
    weak.sort(key=_least_q)
    return tuple(held[:MAX_OTHERS]) or tuple(weak[:MAX_WEAK])


def _takes_a_side(claim: Claim) -> bool:
    return any(rung.direction in {"pro-tumour", "anti-tumour"} for rung in claim.evidence)


def _n_rungs(claim: Claim) -> int:
    return len({rung.rung for rung in claim.evidence if rung.bearing == "supports"})


def _least_q(claim: Claim) -> float:
    values = [rung.qvalue for rung in claim.evidence if rung.bearing == "supports"]
    return min((value for value in values if not math.isnan(value)), default=1.0)


def _severity(claim: Claim) -> int:
    verdict = word(claim.verdict)
    return SEVERITY.index(verdict) if verdict in SEVERITY else len(SEVERITY)


def _subjects(claims: Sequence[Claim]) -> tuple[str, ...]:
    """Order populations by their gravest verdict, then by name."""
    gravest: dict[str, int] = {}
    for claim in claims:
        gravest[claim.subject] = min(gravest.get(claim.subject, 99), _severity(claim))
    return tuple(sorted(gravest, key=lambda name: (gravest[name], name.lower())))


def _lead(claims: Sequence[Claim], contrasts: Sequence[str]) -> str:
    if not claims:
        return "No population could be judged in this study; the sections below say why."
    return " ".join(_one_contrast(claims, contrast) for contrast in contrasts)


def _one_contrast(claims: Sequence[Claim], contrast: str) -> str:
    own = [claim for claim in claims if claim.contrast == contrast]
    counts = Counter(word(claim.verdict) for claim in own)
    switched = [claim.subject for claim in own if word(claim.verdict) == "switched"]
    first = f"{listed(switched)} switched sides" if switched else "no population switched sides"
    rest = [
        f"{counts[verdict]} {meaning}"
        for verdict, meaning in (
            ("loyal", "shown to be loyal"),
            ("inconclusive", "inconclusive"),
            ("not testable", "not testable"),
        )
        if counts[verdict]
    ]
    return f"{contrast}: {first}{'; ' + ', '.join(rest) if rest else ''}."


def listed(names: Sequence[str]) -> str:
    """Join names as a sentence does.

    Examples
    --------
    >>> listed(["NK", "Treg", "mast"])
    'NK, Treg and mast'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
