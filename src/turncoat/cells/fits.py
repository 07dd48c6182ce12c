"""Whether an annotator was made for the cells at hand."""

from typing import Final

import pandas as pd

from turncoat.cells.model import Annotator
from turncoat.errors import DroppedDataWarning, StudyError, warn

#: With a smaller share of its genes measured, an annotator is asked about what it was not made for.
FEW_GENES: Final = 1 / 3


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
        When the annotator says that it was made for another species.
    ArgumentError
        When none of its genes is measured.
    """
    made_for = str(model.about.get("species", species))
    if made_for != species:
        raise StudyError(
            f"The annotator was made for {made_for} cells (genes like "
            f"{', '.join(model.genes[:3])}), and these are {species} cells (like "
            f"{', '.join(map(str, genes[:3]))}). Leave 'annotator' out, so that one is learnt from "
            f"these cells with {species} markers, or train one on labelled {species} cells "
            "(turncoat.pp.train_annotator)."
        )
    measured = model.prepare(genes).n_measured
    if measured < FEW_GENES * len(model.genes):
        warn(
            f"Only {measured:,} of the annotator's {len(model.genes):,} genes are measured here: its "
            "calls, and its confidence, were made for more. Train it on cells with these genes.",
            DroppedDataWarning,
        )
