"""Bundled tables, each with source, licence, date and checksum."""

from turncoat.knowledge.programmes import programme_coverage, programmes
from turncoat.knowledge.registry import (
    Card,
    card_of,
    catalogue,
    read_table,
    verified_path,
    verify_all,
    versions,
)
from turncoat.knowledge.vocabulary import (
    PopulationMatch,
    match_labels,
    match_population,
    populations,
)

__all__ = [
    "Card",
    "PopulationMatch",
    "card_of",
    "catalogue",
    "match_labels",
    "match_population",
    "populations",
    "programme_coverage",
    "programmes",
    "read_table",
    "verified_path",
    "verify_all",
    "versions",
]
