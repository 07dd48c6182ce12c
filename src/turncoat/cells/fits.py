"""Whether an annotator was made for the cells at hand."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from turncoat.cells.model import Annotator
from turncoat.errors import DroppedDataWarning, StudyError, warn

#: With a smaller share of its genes measured, an annotator is asked about what it was not made for.
FEW_GENES: Final = 1 / 3
#: Share of an annotator's genes that tells by their letters whose they are.
PLAINLY: Final = 0.8


def check_fit(model: Annotator, genes: pd.Index, species: str) -> None:
    """Refuse an annotator of another species; warn of one that hardly shares a gene.

    Parameters
    ----------
    model
        The annotator.
    genes
        Genes of the cells.
    species
        Species of the cells.

    Raises
    ------
    StudyError
        When the annotator says that it was made for another species, or hardly shares a gene with
        the cells and its genes are written like another's.
    ArgumentError
        When none of its genes is measured.
    """
    stated = model.about.get("species")
    if stated not in (None, species):
        raise _foreign(model, genes, str(stated), species)
    measured = model.prepare(genes).n_measured
    if measured < FEW_GENES * len(model.genes):
        if _written_as(model.genes) not in ("", species):
            raise _foreign(model, genes, _written_as(model.genes), species)
        warn(
            f"Only {measured:,} of the annotator's {len(model.genes):,} genes are measured here: its "
            "calls, and its confidence, were made for more. Train it on cells with these genes.",
            DroppedDataWarning,
        )


def _foreign(model: Annotator, genes: pd.Index, made_for: str, species: str) -> StudyError:
    return StudyError(
        f"The annotator was made for {made_for} cells (genes like {', '.join(model.genes[:3])}), and "
        f"these are {species} cells (like {', '.join(map(str, genes[:3]))}). Leave 'annotator' out, "
        f"so that one is learnt from these cells with {species} markers, or train one on labelled "
        f"{species} cells (turncoat.pp.train_annotator)."
    )


def _written_as(genes: Sequence[str]) -> str:
    """Say whose symbols most genes are written like: GZMB is human, Gzmb mouse; else nothing.

    Examples
    --------
    >>> _written_as(["GZMB", "PRF1"]), _written_as(["Gzmb", "Prf1"]), _written_as(["g1", "g2"])
    ('human', 'mouse', '')
    """
    n_human = sum(gene == gene.upper() for gene in genes)
    n_mouse = sum(gene == gene.capitalize() != gene.upper() for gene in genes)
    if n_human > PLAINLY * len(genes):
        return "human"
    return "mouse" if n_mouse > PLAINLY * len(genes) else ""
