"""What was planted, as tables that travel with the cells."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pandas as pd

from turncoat.tables import Column, TableSchema, restore

if TYPE_CHECKING:
    import anndata as ad

KEY: Final = "planted"
#: ``uns["turncoat"]["synthetic"]`` of cells: how they were made. A tally carries it on.
SYNTHETIC_KEY: Final = "synthetic"

_SENDER = (
    Column("sender", "text", "", "Population that expresses the ligand."),
    Column("ligand", "text", "", "Ligand gene."),
    Column("receiver", "text", "", "Population that expresses the receptor."),
    Column("receptor", "text", "", "Receptor gene, subunits joined by '_'."),
)


@dataclass(frozen=True, slots=True)
class PlantedTruth:
    """Everything that was planted in a synthetic study.

    Parameters
    ----------
    samples, composition
        The design as drawn.
    switches, programmes
        Populations that changed sides, and the genes that show it.
    edges, strengths, responses
        Signals and decoys, their strength in every sample, and the genes that answer.
    shifts
        Populations that became more or less common.
    params
        Arguments of the call, the contrast to test, and a sentence saying it is synthetic.
    """

    samples: pd.DataFrame
    composition: pd.DataFrame
    switches: pd.DataFrame
    programmes: pd.DataFrame
    edges: pd.DataFrame
    strengths: pd.DataFrame
    responses: pd.DataFrame
    shifts: pd.DataFrame
    params: dict[str, Any]

    schemas: ClassVar[dict[str, TableSchema]] = {
        "samples": TableSchema(
            (
                Column("donor", "text", "", "Donor."),
                Column("sample", "text", "", "Sample."),
                Column("tissue", "text", "", "Tissue."),
                Column("condition", "text", "", "Case or control donor."),
                Column("affected", "flag", "", "Whether effects were planted in the sample."),
                Column("n_cells", "whole", "cells", "Cells in the sample."),
            ),
            key=("sample",),
        ),
        "composition": TableSchema(
            (
                Column("sample", "text", "", "Sample."),
                Column("population", "text", "", "Population."),
                Column("share", "real", "fraction", "Expected share of the sample's cells."),
            ),
            key=("sample", "population"),
        ),
        "switches": TableSchema(
            (
                Column("population", "text", "", "Population."),
                Column("axis", "text", "", "Programmes that change: both, anti or pro."),
                Column("size", "real", "log2 fold", "Change of a programme gene, case samples."),
                Column("switched", "flag", "", "Whether this is a full switch of sides."),
            ),
            key=("population",),
        ),
        "programmes": TableSchema(
            (
                Column("population", "text", "", "Population."),
                Column("side", "text", "", "anti- or pro-tumour."),
                Column("gene", "text", "", "Gene of the programme."),
            ),
            key=("population", "side", "gene"),
        ),
        "edges": TableSchema(
            (
                *_SENDER,
                Column("size", "real", "log2 fold", "Change of the ligand, case samples."),
                Column("response", "text", "", "Response of the receiver; empty for none."),
                Column("hearing", "text", "", "heard, silent or opposite."),
                Column("decoy", "text", "", "Why it is no true edge; empty for a true edge."),
                Column("true_edge", "flag", "", "Whether the edge differs between the groups."),
            ),
            key=("sender", "ligand", "receiver", "receptor"),
        ),
        "strengths": TableSchema(
            (
                Column("sample", "text", "", "Sample."),
                Column("edge", "whole", "", "Row of the table of edges."),
                Column(
                    "log2_strength", "real", "log2 fold", "Ligand in the sender, from baseline."
                ),
            ),
            key=("sample", "edge"),
        ),
        "responses": TableSchema(
            (
                Column("response", "text", "", "Response."),
                Column("gene", "text", "", "Gene that answers."),
                Column("sign", "real", "", "+1 rises, -1 falls with the signal."),
            ),
            key=("response", "gene"),
        ),
        "shifts": TableSchema(
            (
                Column("population", "text", "", "Population."),
                Column("log_odds", "real", "log-odds", "Change of its share, case samples."),
            ),
            key=("population",),
        ),
    }

    def __post_init__(self) -> None:
        for name, schema in self.schemas.items():
            schema.check(getattr(self, name))


def planted_truth(adata: "ad.AnnData") -> PlantedTruth:
    """Read back what was planted in a synthetic study.

    Parameters
    ----------
    adata
        Cells made by :func:`turncoat.ds.planted`.

    Returns
    -------
    PlantedTruth
        The truth tables.

    Raises
    ------
    MissingKeyError
        When nothing was planted in these cells.

    Examples
    --------
    >>> import turncoat as tc
    >>> cells = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=20, n_genes=700)
    >>> tc.ds.planted_truth(cells).shifts["population"].tolist()
    ['NK immature', 'Treg', 'Monocyte']
    """
    return restore(adata, KEY, PlantedTruth)
