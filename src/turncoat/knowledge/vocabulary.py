"""One name per population: how the labels of the field map to ours.

A label is compared without case, punctuation, plurals and filler words ("cells"), so that
"NK_cells", "Natural killer cell" and "nk" are the same population.
"""

import difflib
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from turncoat.knowledge.registry import read_table
from turncoat.tables import Column, TableSchema

if TYPE_CHECKING:
    import pandas as pd

#: Words that say no more than that a cell is a cell.
FILLERS: Final = frozenset({"cell", "lymphocyte", "leukocyte", "the", "and"})
SPELLINGS: Final = (
    ("γδ", " gamma delta "),
    ("tumor", "tumour"),
    ("center", "centre"),
    ("φ", "phi"),
)
#: Below this similarity (0 to 1, difflib) a name is no helpful suggestion.
SUGGESTION_CUTOFF: Final = 0.6

MATCH_SCHEMA: Final = TableSchema(
    columns=(
        Column("label", "text", "", "Label as the user wrote it."),
        Column("population", "text", "", "Our population; empty where none matches."),
        Column("how", "text", "", "name, synonym or none."),
        Column("suggestions", "text", "", "Nearest populations, where none matches."),
    ),
    key=("label",),
)


@dataclass(frozen=True, slots=True)
class PopulationMatch:
    """What a label means in our vocabulary.

    Parameters
    ----------
    label
        The label that was looked up.
    population
        Our name, or None where the label matches none.
    how
        ``name`` (it is our name), ``synonym`` or ``none``.
    suggestions
        Nearest populations, best first; empty where one matched.
    """

    label: str
    population: str | None
    how: Literal["name", "synonym", "none"]
    suggestions: tuple[str, ...] = ()


def populations() -> "pd.DataFrame":
    """List the canonical populations.

    Returns
    -------
    pandas.DataFrame
        Columns population, level, parent, programme (whose genes speak for it; empty for none),
        cell_ontology (identifier, may be empty) and synonyms (separated by ``|``).

    Examples
    --------
    >>> table = populations().set_index("population")
    >>> table.loc["NK", "cell_ontology"]
    'CL:0000623'
    """
    return read_table("populations")


def normal_form(label: str) -> str:
    """Reduce a label to the words that distinguish it.

    Examples
    --------
    >>> normal_form("CD8+ T_cells"), normal_form("Natural Killers")
    ('cd8 t', 'natural killer')
    """
    text = label.lower()
    for spelling, ours in SPELLINGS:
        text = text.replace(spelling, ours)
    words = re.findall(r"[a-z0-9]+", text)
    words = [word[:-1] if len(word) > 2 and word.endswith("s") else word for word in words]
    telling = [word for word in words if word not in FILLERS]
    return " ".join(telling or words)


@functools.cache
def _known() -> dict[str, tuple[str, Literal["name", "synonym"]]]:
    known: dict[str, tuple[str, Literal["name", "synonym"]]] = {}
    table = read_table("populations")
    for population, synonyms in zip(table["population"], table["synonyms"], strict=True):
        for synonym in str(synonyms).split("|"):
            known.setdefault(normal_form(synonym), (str(population), "synonym"))
    for population in table["population"]:
        known[normal_form(str(population))] = (str(population), "name")
    return known


def match_population(label: str) -> PopulationMatch:
    """Say which canonical population a label means.

    Parameters
    ----------
    label
        Any label of a population, as users and publications write it.

    Returns
    -------
    PopulationMatch
        The population, or suggestions where none matches; a near miss is never taken.

    Examples
    --------
    >>> match_population("NK cells").population
    'NK'
    >>> match_population("Macrofages").suggestions[0]
    'Macrophage'
    """
    known = _known()
    form = normal_form(label)
    if form in known:
        population, how = known[form]
        return PopulationMatch(label, population, how)
    near = difflib.get_close_matches(form, list(known), n=5, cutoff=SUGGESTION_CUTOFF)
    suggestions = tuple(dict.fromkeys(known[name][0] for name in near))
    return PopulationMatch(label, None, "none", suggestions)


def match_labels(labels: Iterable[str]) -> "pd.DataFrame":
    """Tabulate what a set of labels means, with suggestions for those without a match.

    Parameters
    ----------
    labels
        Labels; repeated ones are listed once.

    Returns
    -------
    pandas.DataFrame
        Columns label, population, how and suggestions (separated by ``; ``).

    Examples
    --------
    >>> match_labels(["Tregs", "what is this"])["population"].tolist()
    ['Treg', '']
    """
    matches = [match_population(label) for label in dict.fromkeys(map(str, labels))]
    return MATCH_SCHEMA.build(
        [
            {
                "label": match.label,
                "population": match.population or "",
                "how": match.how,
                "suggestions": "; ".join(match.suggestions),
            }
            for match in matches
        ]
    )
