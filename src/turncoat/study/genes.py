"""Genes by one name: symbols, whatever the file called them, and the species they betray."""

import functools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from turncoat.errors import CountsError, StudyError
from turncoat.knowledge.registry import verified_path
from turncoat.study.features import Features
from turncoat.tables import BoolArray, TextArray

Species: TypeAlias = Literal["human", "mouse"]

SPECIES: tuple[Species, ...] = ("human", "mouse")
STEMS = {"human": "ENSG", "mouse": "ENSMUSG"}
ENSEMBL_ID = re.compile(r"^(ENSG|ENSMUSG)(\d{11})(?:\.\d+)?(?:_PAR_Y)?$")
OTHER_ENSEMBL_ID = re.compile(r"^ENS(?!G\d|MUSG\d)[A-Z]{3}G\d{11}")
#: How Cell Ranger marks the genome in files of two species.
GENOME_PREFIX = re.compile(r"^(GRCh3[78]|hg19|hg38|GRCm3[89]|mm9|mm10|mm39)_+")
MOUSE_GENOMES = ("GRCm", "mm")
GENOMES = ("GRC", "hg", *MOUSE_GENOMES)
#: What files call features that are no genes. All else is: CELLxGENE has biotypes in that column.
NO_GENE = re.compile(
    r"antibody|crispr|guide|custom|multiplex|hashtag|peaks?$|^(adt|hto|protein)$|antigen",
    re.IGNORECASE,
)
#: Below this share of names that only one species has, a file counts as of one species.
#: Contaminating names (spike-ins, a transgene, an alias) are far fewer, barnyard files far more.
MIXED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class NamedGenes:
    """The columns of one file by the names the tally uses.

    Parameters
    ----------
    symbols
        One per file column; empty where the column is no gene (an antibody, say).
    ensembl
        Ensembl id without version, or empty.
    species
        Species of the file.
    remarks
        What was done to how many names, for ``dropped``.
    """

    symbols: TextArray
    ensembl: TextArray
    species: Species
    remarks: tuple[tuple[str, int, str], ...]


@functools.cache
def _table() -> dict[str, tuple[list[int], list[str]]]:
    """Numbers and symbols of the bundled table, by species, without a data frame between."""
    # Lines of species, number, symbol, sorted by species: split as one text, by far the fastest.
    text = verified_path("gene_ids").read_text(encoding="utf-8").rstrip("\n")
    fields = text.replace("\n", ",").split(",")[3:]
    kinds, numbers, symbols = fields[::3], list(map(int, fields[1::3])), fields[2::3]
    table, begin = {}, 0
    for species, n in Counter(kinds).items():
        own = slice(begin, begin + n)
        table[species] = numbers[own], symbols[own]
        begin += n
    return table


def _ensembl(species: Species, number: int) -> str:
    return f"{STEMS[species]}{number:011d}" if number else ""


@functools.cache
def symbols_by_id(species: Species) -> dict[str, str]:
    """Map Ensembl ids to symbols, from the bundled table."""
    numbers, symbols = _table()[species]
    stem = STEMS[species]
    return {f"{stem}{n:011d}": symbol for n, symbol in zip(numbers, symbols, strict=True)}


@functools.cache
def numbers_by_symbol(species: Species) -> dict[str, int]:
    """Map symbols to the numbers of their Ensembl ids; 0 where several ids share the symbol."""
    numbers, symbols = _table()[species]
    known = dict(zip(symbols, numbers, strict=True))
    if len(known) < len(symbols):
        known |= dict.fromkeys((s for s, n in Counter(symbols).items() if n > 1), 0)
    return known


def name_genes(source: str, features: Features, species: Species | None) -> NamedGenes:
    """Give every column of a file its symbol and find out the species.

    Parameters
    ----------
    source
        What messages call the file.
    features
        Names as the file has them, Ensembl ids and kinds.
    species
        What the user says, or None to find out.

    Returns
    -------
    NamedGenes
        Symbols, ids, species.

    Raises
    ------
    StudyError
        When the species are mixed, contradict the user, or cannot be told.
    CountsError
        When no column is a gene.
    """
    is_gene = are_genes(features.kinds)
    if not is_gene.any():
        raise CountsError(f"{source} has no gene: every feature is {set(features.kinds)}.")
    names = _without_genome(source, features.names)
    ids = _bare_ids(names)
    found = find_species(source, names[is_gene], ids[is_gene], species)
    known = symbols_by_id(found) if any(ids) else {}
    reverse = numbers_by_symbol(found)
    symbols = np.array(
        [known.get(i, i) if i else n for n, i in zip(names, ids, strict=True)], dtype=object
    )
    symbols = _undo_unique(symbols, reverse)
    stated = _bare_ids(features.ensembl)
    ensembl = np.array(
        [
            i or s or _ensembl(found, reverse.get(n, 0))
            for n, i, s in zip(symbols, ids, stated, strict=True)
        ],
        dtype=object,
    )
    symbols[~is_gene] = ""
    unnamed = int(sum(1 for i in ids[is_gene] if i and i not in known))
    remarks = _remarks(source, symbols[is_gene], int((~is_gene).sum()), unnamed)
    return NamedGenes(symbols, ensembl, found, remarks)


def are_genes(kinds: TextArray) -> BoolArray:
    """Tell genes from antibodies, guides and peaks by the ``kind`` that the file gives them."""
    told = {kind: NO_GENE.search(str(kind)) is None for kind in set(kinds.tolist())}
    return np.fromiter((told[kind] for kind in kinds.tolist()), dtype=bool, count=kinds.size)


def _bare_ids(names: TextArray) -> TextArray:
    """Give Ensembl ids without version, and an empty text for any other name."""
    ids = np.full(names.size, "", dtype=object)
    for place, name in enumerate(names.tolist()):
        match = ENSEMBL_ID.match(name) if str(name).startswith("ENS") else None
        if match:
            ids[place] = f"{match[1]}{match[2]}"
    return ids


def _without_genome(source: str, names: TextArray) -> TextArray:
    """Strip a genome's prefix, and refuse two genomes."""
    texts = [str(name) for name in names]
    matches = [GENOME_PREFIX.match(n) if n.startswith(GENOMES) else None for n in texts]
    genomes = {match[1] for match in matches if match}
    if len({genome.startswith(MOUSE_GENOMES) for genome in genomes}) > 1:
        raise StudyError(
            f"{source} mixes human and mouse genes (prefixes {sorted(genomes)}). Split the cells "
            "and the genes by species and study them apart."
        )
    bare = [n[m.end() :] if m else n for n, m in zip(texts, matches, strict=True)]
    return np.array(bare, dtype=object)


def looks_like_genes(names: Sequence[str]) -> int:
    """Count the names that are human or mouse symbols or Ensembl ids."""
    bare = [GENOME_PREFIX.sub("", str(name)) for name in names]
    known = [numbers_by_symbol(species) for species in SPECIES]
    return sum(1 for n in bare if any(n in table for table in known) or ENSEMBL_ID.match(n))


def find_species(source: str, names: TextArray, ids: TextArray, stated: Species | None) -> Species:
    """Tell human from mouse by Ensembl ids and by symbols that only one of them has.

    Raises
    ------
    StudyError
        When both occur, neither does, or the other one than stated does.
    """
    ens = (str(name) for name in names if str(name).startswith("ENS"))
    other = next((name for name in ens if OTHER_ENSEMBL_ID.match(name)), None)
    if other is not None:
        raise StudyError(f"{source} has genes of another species ({other}): human or mouse only.")
    hits = {species: _hits(species, names, ids) for species in SPECIES}
    present = [s for s in SPECIES if hits[s] >= max(1, MIXED_SHARE * sum(hits.values()))]
    if len(present) == 2:
        raise StudyError(
            f"{source} mixes human and mouse genes ({hits['human']} human, {hits['mouse']} mouse "
            "names). Split the cells and the genes by species and study them apart."
        )
    if stated is None:
        if not present:
            raise StudyError(
                f"{source}: no gene name is a known human or mouse symbol or Ensembl id (the first "
                f"are {[str(n) for n in names[:4]]}). If the names are right, state the species."
            )
        return present[0]
    if present and present[0] != stated:
        raise StudyError(
            f"{source} has {present[0]} genes ({hits[present[0]]} names, {hits[stated]} "
            f"{stated}), but the species stated is {stated}. Correct 'species', or leave it out."
        )
    return stated


def _hits(species: Species, names: TextArray, ids: TextArray) -> int:
    other: Species = "mouse" if species == "human" else "human"
    symbols, others = numbers_by_symbol(species), numbers_by_symbol(other)
    by_id = sum(1 for i in ids if i and i.startswith(STEMS[species]))
    return by_id + sum(1 for name in names if name in symbols and name not in others)


def _undo_unique(symbols: TextArray, known: dict[str, int]) -> TextArray:
    """Give 'TBCE-1', which AnnData made of a second 'TBCE', its name back."""
    present = set(symbols)
    undone = symbols.copy()
    for place, name in enumerate(symbols.tolist()):
        if not name[-1:].isdigit():
            continue
        stem, dash, number = name.rpartition("-")
        if dash and number.isdigit() and name not in known and stem in known and stem in present:
            undone[place] = stem
    return undone


def _remarks(
    source: str, symbols: TextArray, n_other: int, n_unnamed: int
) -> tuple[tuple[str, int, str], ...]:
    remarks = []
    if n_other:
        remarks.append(("features", n_other, f"{source}: no genes (antibodies or guides)"))
    if n_unnamed:
        remarks.append(
            ("gene names", n_unnamed, f"{source}: Ensembl ids without a symbol keep the id")
        )
    repeated = {name: n for name, n in Counter(symbols).items() if n > 1}
    if repeated:
        shown = ", ".join(sorted(repeated)[:5]) + (", …" if len(repeated) > 5 else "")
        remarks.append(
            (
                "duplicated genes",
                sum(repeated.values()) - len(repeated),
                f"{source}: columns with the same symbol were summed ({shown})",
            )
        )
    return tuple(remarks)
