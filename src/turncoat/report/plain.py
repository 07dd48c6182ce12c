"""Findings sorted by what a reader without training asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from turncoat.report.cells import word
from turncoat.report.claim import Claim


@dataclass(frozen=True, slots=True)
class PlainGroup:
    """Claims that answer one plain question."""

    title: str
    lead: str
    claims: tuple[Claim, ...]


#: Verdict → heading of the plain page. Rooms may use any of these words as their verdict.
GROUPS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    (
        "Cells that changed sides",
        ("switched",),
        "In person after person, these cells lost part of what they do against a tumour, or help it.",
        "No kind of immune cell could be shown to have changed sides in this study.",
    ),
    (
        "Cells that stayed on the patient's side",
        ("loyal",),
        "For these cells any change is so small that it does not matter.",
        "",
    ),
    (
        "What else was seen",
        ("heard", "silent", "opposite", "worse", "better", "no association", "found"),
        "Signals between cells, organs, patients' outcomes and simulations.",
        "",
    ),
    (
        "What nobody can tell from these data",
        ("inconclusive", "not testable", "cannot tell", "abstained"),
        "Too few people, too few cells or too few measured genes to say anything either way.",
        "",
    ),
)


def plain_groups(claims: Sequence[Claim]) -> list[PlainGroup]:
    """Sort claims into the plain page's groups; a group with nothing to say is left out."""
    groups, placed = [], set()
    for title, verdicts, lead, otherwise in GROUPS:
        own = tuple(claim for claim in claims if word(claim.verdict) in verdicts)
        placed |= {claim.identifier for claim in own}
        if own or otherwise:
            groups.append(PlainGroup(title, lead if own else otherwise, own))
    rest = tuple(claim for claim in claims if claim.identifier not in placed)
    if rest:
        groups.append(PlainGroup("Other findings", "", rest))
    return groups
