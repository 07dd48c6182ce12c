"""Whom a signal serves when this receiver takes it: the tumour, or the body against it.

The table ``signal_effects`` holds what experiments showed, each row with its publication. A signal
without a row, and one that experiments show both ways, stays unknown: nothing is guessed.
"""

import functools
import re
from typing import Final

import numpy as np
import pandas as pd

from turncoat.crosstalk.labels import labelled
from turncoat.crosstalk.pairs import EFFECTS, UNKNOWN, Pairs
from turncoat.knowledge.registry import read_table
from turncoat.knowledge.vocabulary import match_population
from turncoat.tables import IntArray

#: How malignant populations are called.
TUMOUR: Final = re.compile(r"tumou?r|malignan|cancer|neoplas", re.IGNORECASE)
#: What is said of a sign that was read from a publication and set beside no data.
UNCHECKED: Final = "unchecked"
#: How the table of effects tells whether SecAct's signatures agree with a sign.
CHECKED: Final = {
    "SecAct agrees": "agrees",
    "SecAct disagrees": "disagrees",
    "not checked": UNCHECKED,
}
#: Kinds of receivers, by our names of populations.
KINDS: Final = {
    "tumour": ("Malignant",),
    "Treg": ("Treg",),
    "killer": ("NK", "CD8 T", "Gamma-delta T", "T"),
    "helper": ("CD4 T",),
    "dendritic": ("Dendritic", "cDC1", "cDC2", "mregDC", "pDC"),
    "myeloid": ("Myeloid", "Monocyte", "Macrophage", "Neutrophil", "Mast"),
    "fibroblast": ("Fibroblast", "Pericyte"),
    "endothelial": ("Endothelial",),
}
#: States of a population whose label our vocabulary does not list ("NK immature").
STEMS: Final = (
    ("Treg", re.compile(r"\bt-?regs?\b|regulatory", re.IGNORECASE)),
    ("killer", re.compile(r"\bNK\b|natural killer|\bCD8\b|cytotoxic", re.IGNORECASE)),
    ("helper", re.compile(r"\bCD4\b|\bTh\d*\b|helper", re.IGNORECASE)),
    ("dendritic", re.compile(r"dendritic|\bc?DC\d?s?\b", re.IGNORECASE)),
    ("myeloid", re.compile(r"macroph|monocyt|\bTAMs?\b|neutroph|myeloid", re.IGNORECASE)),
    ("fibroblast", re.compile(r"fibrobl|\w*CAFs?\b|pericyt", re.IGNORECASE)),
    ("endothelial", re.compile(r"endothel", re.IGNORECASE)),
)


@functools.cache
def kind_of_receiver(population: str) -> str:
    """Say what kind of receiver a population is; empty where none fits.

    Examples
    --------
    >>> kind_of_receiver("Tumour"), kind_of_receiver("NK immature"), kind_of_receiver("Erythroid")
    ('tumour', 'killer', '')
    """
    if TUMOUR.search(population) and "associated" not in population.lower():
        return "tumour"
    ours = match_population(population).population
    for kind, names in KINDS.items():
        if ours in names:
            return kind
    return next((kind for kind, stem in STEMS if stem.search(population)), "")


def edge_effects(
    pairs: Pairs, populations: tuple[str, ...], receiver: IntArray, pair: IntArray
) -> tuple[pd.Categorical, pd.Categorical, pd.Categorical]:
    """Look up whom each edge's signal serves, who showed it, and whether data agree.

    A rule for this kind of receiver counts more than one for all. The user's own pairs may bring
    their own effect, which counts most.

    Parameters
    ----------
    pairs
        The pairs; their table has the column ``own_effect``.
    populations
        Names of the populations.
    receiver, pair
        Numbers of each edge's receiver and pair, shape ``(n_edges,)``.

    Returns
    -------
    tuple
        Effects (``pro_tumour``, ``anti_tumour`` or ``unknown``), their sources, and what SecAct's
        signatures say of them: ``agrees``, ``disagrees``, ``unchecked``, or empty for no effect.
    """
    kinds = ["", *KINDS]
    codes = np.array([kinds.index(kind_of_receiver(name)) for name in populations], dtype=np.int64)
    rule = rule_of_pairs(pairs.table, kinds)[pair, codes[receiver]]
    table = read_table("signal_effects")
    # Rules first, then what is not known (-1), then what the study's own table of pairs states.
    effects = [*table["effect"], *EFFECTS, UNKNOWN]
    sources = [*table["source"], *["the study's own table of pairs"] * len(EFFECTS), ""]
    number = {name: len(table) + place for place, name in enumerate(EFFECTS)}
    stated = pairs.table["own_effect"].map(number).fillna(-1).to_numpy(dtype=np.int64)[pair]
    chosen = np.where(stated >= 0, stated, rule)
    checked = [*table["checked"].map(CHECKED), *[UNCHECKED] * len(EFFECTS), ""]
    return labelled(effects, chosen), labelled(sources, chosen), labelled(checked, chosen)


def rule_of_pairs(table: pd.DataFrame, kinds: list[str]) -> IntArray:
    """Find the rule that holds for each pair and kind of receiver, -1 for none.

    Mouse genes are matched to the human rules by their capital letters.

    Returns
    -------
    IntArray
        Row of the table ``signal_effects``, shape ``(n_pairs, n_kinds)``.
    """
    rules = read_table("signal_effects")
    names = zip(table["ligand"], table["receptor"], strict=True)
    place = {(str(a).upper(), str(b).upper()): number for number, (a, b) in enumerate(names)}
    found = np.full((len(table), len(kinds)), -1, dtype=np.int64)
    for number, (ligand, receptor, receiver) in enumerate(
        rules[["ligand", "receptor", "receiver"]].itertuples(index=False, name=None)
    ):
        row = place.get((ligand, receptor))
        if row is None:
            continue
        if receiver:  # more specific than a rule for all, which never overwrites it
            found[row, kinds.index(receiver)] = number
        else:
            found[row, found[row] < 0] = number
    return found
