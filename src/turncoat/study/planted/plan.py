"""What is planted: switches, edges, decoys and shifts, as plain declarations."""

from dataclasses import dataclass, field
from typing import Literal

from turncoat.errors import ArgumentError
from turncoat.study.planted.atlas import NAMES, PROGRAMMES, RESPONSES

Axis = Literal["both", "anti", "pro"]
Hearing = Literal["heard", "silent", "opposite"]
DecoyKind = Literal[
    "receptor_absent", "never_together", "composition_only", "subunit_missing", "antagonist_up"
]


@dataclass(frozen=True, slots=True)
class Switch:
    """A population that changes sides in the case samples.

    Parameters
    ----------
    population
        Which one.
    axis
        ``both``: loses its anti-tumour programme and gains its pro-tumour one, a true switch;
        ``anti`` or ``pro``: one of the two only.
    size
        Change of each programme gene, log2 fold.
    """

    population: str
    axis: Axis = "both"
    size: float = 1.0

    def __post_init__(self) -> None:
        _check_population(self.population)
        if (self.population, "anti") not in PROGRAMMES:
            known = sorted({name for name, _ in PROGRAMMES})
            raise ArgumentError(f"No programmes are known for '{self.population}'; only {known}.")


@dataclass(frozen=True, slots=True)
class Edge:
    """A ligand of one population that rises in case samples, and what its receiver does.

    Parameters
    ----------
    sender, receiver
        Populations.
    ligand, receptor
        Genes; the subunits of a complex joined by ``_``.
    response
        Key of :data:`turncoat.study.planted.atlas.RESPONSES`, or empty for none.
    size
        Change of the ligand in case samples, log2 fold.
    hearing
        Whether the receiver's response follows the ligand, ignores it or goes against it.
    decoy
        Empty for a true edge, else why it must not be believed.
    """

    sender: str
    ligand: str
    receiver: str
    receptor: str
    response: str = ""
    size: float = 1.5
    hearing: Hearing = "heard"
    decoy: DecoyKind | Literal[""] = ""

    def __post_init__(self) -> None:
        _check_population(self.sender)
        _check_population(self.receiver)
        if self.response and self.response not in RESPONSES:
            raise ArgumentError(f"No response '{self.response}'; known: {sorted(RESPONSES)}.")


@dataclass(frozen=True, slots=True)
class Shift:
    """A population that becomes more or less common in case samples (log-odds, base e)."""

    population: str
    log_odds: float

    def __post_init__(self) -> None:
        _check_population(self.population)


def _check_population(name: str) -> None:
    if name not in NAMES:
        raise ArgumentError(f"A planted study has no population '{name}'; it has {list(NAMES)}.")


#: The two signals of Kos 2022 and Thacker 2023 first, then common ones of tumour atlases.
DEFAULT_EDGES = (
    Edge("NK immature", "WNT10B", "Tumour", "FZD6_LRP6", "WNT"),
    Edge("Treg", "TGFB1", "NK", "TGFBR1_TGFBR2", "TGFB"),
    Edge("Macrophage", "IL10", "DC", "IL10RA_IL10RB", "STAT3"),
    Edge("Macrophage", "IL1B", "Fibroblast", "IL1R1_IL1RAP", "NFKB"),
    Edge("CD4 T", "IFNG", "Macrophage", "IFNGR1_IFNGR2", "IFNG", hearing="opposite"),
    Edge("Fibroblast", "AREG", "Tumour", "EGFR_ERBB2", "EGF", hearing="silent"),
    Edge("Fibroblast", "CXCL12", "CD4 T", "CXCR4", hearing="silent"),
    Edge("Tumour", "CCL22", "Treg", "CCR4", hearing="silent"),
    Edge("Macrophage", "OSM", "Endothelial", "IL6ST_OSMR", "STAT3", decoy="subunit_missing"),
    Edge("Plasma", "IL6", "B", "IL6R_IL6ST", "STAT3", decoy="never_together"),
    Edge("Mast", "LIF", "Epithelial", "IL6ST_LIFR", "STAT3", decoy="receptor_absent"),
    Edge("Monocyte", "TNF", "Endothelial", "TNFRSF1A", "NFKB", size=0.0, decoy="composition_only"),
    Edge("Fibroblast", "WNT3A", "Epithelial", "FZD7_LRP5", "WNT", decoy="antagonist_up"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that distinguishes case samples from the others.

    Parameters
    ----------
    switches
        Populations that change sides.
    edges
        Signals between populations, decoys among them.
    shifts
        Populations that become more or less common.

    Examples
    --------
    >>> [switch.population for switch in Plan().switches]
    ['NK', 'Macrophage', 'CD8 T', 'Treg']
    """

    switches: tuple[Switch, ...] = (
        Switch("NK"),
        Switch("Macrophage"),
        Switch("CD8 T", axis="anti"),
        Switch("Treg", axis="pro"),
    )
    edges: tuple[Edge, ...] = DEFAULT_EDGES
    shifts: tuple[Shift, ...] = field(
        default=(Shift("NK immature", 0.7), Shift("Treg", 0.6), Shift("Monocyte", 1.0))
    )
