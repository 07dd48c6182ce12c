"""Findings sorted by what a reader without training asks, in words that need none."""

from collections.abc import Sequence
from dataclasses import dataclass

from turncoat.report.cells import word
from turncoat.report.claim import Claim

#: What each population is, for somebody who never heard of it. The short name stays visible, so
#: that both pages can be read side by side.
PLAIN_NAMES = {
    "B": "B cells, which can become makers of antibodies",
    "CD4 T": "Helper T cells (CD4 T), which steer the defence",
    "CD8 T": "Killer T cells (CD8 T)",
    "Dendritic": "Dendritic cells, which show T cells what to attack",
    "Endothelial": "Endothelial cells, which line the vessels",
    "Epithelial": "Epithelial cells, which line the organs",
    "Fibroblast": "Fibroblasts, which build the scaffold of an organ",
    "ILC": "Innate lymphoid cells (ILC)",
    "Macrophage": "Macrophages, the scavengers",
    "Malignant": "Cancer cells",
    "Mast": "Mast cells, known from allergies",
    "Monocyte": "Monocytes, which turn into macrophages",
    "NK": "Natural killer cells (NK)",
    "Neutrophil": "Neutrophils, the first to arrive at a wound",
    "Plasma": "Plasma cells, the makers of antibodies",
    "Treg": "Regulatory T cells (Treg), the brakes of the defence",
    "cDC1": "Dendritic cells of type 1 (cDC1), which show killer T cells what to attack",
    "cDC2": "Dendritic cells of type 2 (cDC2), which show helper T cells what to attack",
    "mregDC": "Mature dendritic cells (mregDC)",
    "pDC": "Plasmacytoid dendritic cells (pDC), known from viral infections",
}


def plain_name(population: str) -> str:
    """Say what a population is; an unknown one keeps its name.

    Examples
    --------
    >>> plain_name("CD8 T")
    'Killer T cells (CD8 T)'
    """
    return PLAIN_NAMES.get(population, f"{population.replace('_', ' ')} cells")


def plain_short(population: str) -> str:
    """Name a population in the middle of a sentence, without saying what it is.

    Examples
    --------
    >>> plain_short("Treg")
    'regulatory T cells (Treg)'
    >>> plain_short("B")
    'B cells'
    """
    name = plain_name(population).partition(",")[0]
    is_word = name[:1].isupper() and name[1:2].islower()
    return name[0].lower() + name[1:] if is_word else name


@dataclass(frozen=True, slots=True)
class PlainList:
    """Populations of whom one question stays open.

    Parameters
    ----------
    contrast
        The comparison it was asked of; empty for none.
    question
        What could not be told, as the opening of a sentence.
    names
        The populations, as they stand in the middle of a sentence.
    """

    contrast: str
    question: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlainGroup:
    """Claims that answer one plain question.

    Parameters
    ----------
    title, lead
        The heading and the sentence below it.
    claims
        Claims told one by one.
    listed
        Populations that are only named: those of whom there is nothing to tell.
    """

    title: str
    lead: str
    claims: tuple[Claim, ...]
    listed: tuple[PlainList, ...]


@dataclass(frozen=True, slots=True)
class _Heading:
    title: str
    verdicts: frozenset[str]
    lead: str
    otherwise: str = ""
    is_told: bool = True


#: Every verdict word that a room may use has its heading here.
HEADINGS = (
    _Heading(
        "Cells that changed sides",
        frozenset({"switched"}),
        "In person after person, these cells lost part of what they do against a tumour, or took "
        "up what helps it.",
        "No kind of immune cell could be shown to have changed sides in this study.",
    ),
    _Heading(
        "Cells that stayed on the patient's side",
        frozenset({"loyal"}),
        "For these cells it could be shown that any change is too small to matter.",
    ),
    _Heading(
        "What else was seen",
        frozenset({"heard", "opposite", "worse", "better", "found"}),
        "Signals between cells, organs, patients' outcomes, and simulations.",
    ),
    _Heading(
        "What was looked for and is not there",
        frozenset({"silent", "no association"}),
        "Here the study was able to see an effect, and there was none that matters.",
    ),
    _Heading(
        "What nobody can tell from these data",
        frozenset({"inconclusive", "not testable", "cannot tell", "abstained"}),
        "Too few people, too few cells or too few measured genes to say anything either way.",
        is_told=False,
    ),
)


#: What stays open when a room cannot tell, by the first word of its claims' identifiers.
QUESTIONS = {
    "allegiance": "Whether these changed sides",
    "pool": "Whether these changed sides, over all studies",
    "states": "Whether these come in several kinds",
    "crosstalk": "What these say to others",
    "outcome": "Whether patients with more of these, or with these in the state found here, do better or worse",
}
TOLD_ELSEWHERE = "found"


def plain_groups(claims: Sequence[Claim]) -> list[PlainGroup]:
    """Sort claims under the headings of the plain page; an empty heading is left out."""
    groups = []
    for heading in HEADINGS:
        own = [claim for claim in claims if _verdict(claim) in heading.verdicts]
        if own or heading.otherwise:
            told = _told_once(own) if heading.is_told else ()
            listed = () if heading.is_told else _named(own)
            lead = heading.lead if own else heading.otherwise
            groups.append(PlainGroup(heading.title, lead, told, listed))
    known = frozenset().union(*(heading.verdicts for heading in HEADINGS))
    rest = tuple(claim for claim in claims if _verdict(claim) not in known)
    if rest:
        groups.append(PlainGroup("Other findings", "", rest, ()))
    return groups


def _verdict(claim: Claim) -> str:
    """Give the verdict to sort by: where a rung holds there is something to tell.

    A signal may be gained for sure while nobody can say whether the receiver answers.
    """
    untold = next(heading.verdicts for heading in HEADINGS if not heading.is_told)
    verdict = word(claim.verdict)
    holds = any(rung.bearing == "supports" for rung in claim.evidence)
    return TOLD_ELSEWHERE if verdict in untold and holds else verdict


def _told_once(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Leave out what would be said again in the same words, such as of each state of a kind."""
    return tuple({(claim.contrast, claim.plain): claim for claim in reversed(claims)}.values())[
        ::-1
    ]


def _named(claims: Sequence[Claim]) -> tuple[PlainList, ...]:
    """Name each population once under what could not be told of it."""
    named: dict[tuple[str, str], dict[str, None]] = {}
    for claim in claims:
        question = QUESTIONS.get(claim.identifier.partition("/")[0], "Of these nothing can be told")
        names = [plain_short(name) for name in claim.populations] or [claim.subject]
        named.setdefault((claim.contrast, question), {}).update(dict.fromkeys(names))
    return tuple(PlainList(*key, tuple(names)) for key, names in named.items())
