"""Annotation on the page: what the cells were called, how surely, and what could not be told."""

from typing import TYPE_CHECKING

from turncoat.cells import Annotation, Malignancy
from turncoat.cells import plot as pictures
from turncoat.errors import MissingKeyError
from turncoat.report.section import Figure, Material, Section, Table, figure_of

if TYPE_CHECKING:
    import anndata as ad

#: Donors whose cells are drawn along the genome at most, and malignant cells needed for it.
MOST_DONORS, LEAST_SHOWN = 6, 5
#: A table of more samples or donors than this starts closed.
MOST_OPEN = 20
NOTES = (
    "Populations were called by markers and a model learnt from these cells.",
    "A cell that is not sure is left out of every test.",
    "Noise is measured by shuffling each marker between cells of like depth.",
)


def section(material: Material) -> Section | None:
    """Write how the cells were named, or nothing where the study brought its own names."""
    if "annotation" in material.skipped:
        return None
    try:
        found = material.result("annotation", Annotation)
    except MissingKeyError:
        # A run of chosen stages.
        return None
    called = _malignancy(material)
    return Section(
        title="What are these cells?",
        lead=_lead(found),
        tables=tuple(_tables(found, called)),
        figures=tuple(_figures(found, called, material.tally())),
        notes=NOTES,
    )


def _malignancy(material: Material) -> dict[str, Malignancy]:
    try:
        return {"malignant": material.result("annotation.malignant", Malignancy)}
    except MissingKeyError:
        return {}


def _lead(found: Annotation) -> str:
    samples = found.samples
    total, called = int(samples["n_cells"].sum()), int(samples["n_called"].sum())
    untold = found.panel[(found.panel["level"] == "population") & ~found.panel["told"]]["name"]
    text = (
        f"The study names no populations, so they were called from raw counts: {called:,} of "
        f"{total:,} cells got a population, {total - called:,} were left unassigned."
    )
    if len(untold):
        text += f" These genes cannot tell {', '.join(untold)}."
    if reason := found.params.get("malignant", ""):
        text += f" Malignant and normal cells were not told apart. {reason}"
    return text


def _tables(found: Annotation, called: dict[str, Malignancy]) -> list[Table]:
    tables = [
        Table(
            "Calls by sample",
            found.samples,
            "Cells of each sample with and without a population.",
            schema=found.samples_schema,
            folded=len(found.samples) > MOST_OPEN,
        ),
        Table(
            "States and their noise",
            found.states,
            "Where each state was seen, the share that noise alone would give, and the fewest "
            "cells that are more than noise.",
            schema=found.states_schema,
        ),
    ]
    tables += [
        Table(
            "Malignant cells by donor",
            one.donors,
            "Epithelial cells called malignant by copy number along the genome.",
            schema=one.donors_schema,
            folded=len(one.donors) > MOST_OPEN,
        )
        for one in called.values()
    ]
    return tables


def _figures(found: Annotation, called: dict[str, Malignancy], tally: "ad.AnnData") -> list[Figure]:
    figures = [
        figure_of(
            pictures.composition(found),
            title="Cells of each sample by population",
            alt="Shares of the called populations in each sample, unassigned in grey.",
            caption="Shares depend on how the tissue was dissociated; read shifts, not levels.",
        ),
        figure_of(
            pictures.confidence(found),
            title="Confidence of the calls",
            alt="Histogram of the confidence of called and unassigned cells.",
            caption="Left of the line a cell is left unassigned; right of it, where it is epithelial "
            "and copy number does not tell whether it is malignant.",
        ),
        figure_of(
            pictures.abstentions(found),
            title="Unassigned cells by sample",
            alt="Share of each sample's cells that were left unassigned.",
            caption="Many in one sample: shallow, doublets, or cells that our markers do not know.",
        ),
        figure_of(
            pictures.marker_dots(tally),
            title="Markers of what was called",
            alt="Each called population shows its own markers in most of its cells.",
            caption="Area: share of cells with a count; colour: mean log level. Markers come from "
            "the table that also taught the calls: a check of the calls, no independent proof.",
        ),
    ]
    return figures + _genomes(called)


def _genomes(called: dict[str, Malignancy]) -> list[Figure]:
    figures = [
        figure_of(
            pictures.genome(one),
            title="Gains and losses of the tumour cells",
            alt="Mean expression shift of each chromosome arm per donor.",
            caption="Red: gained, blue: lost, against normal cells; donors with ten candidates.",
        )
        for one in called.values()
        if len(one.arms)
    ]
    figures += [
        figure_of(
            pictures.genome_cells(one, donor=donor),
            title=f"Genomes of {donor}'s cells",
            alt=f"Shift along the genome of single cells of {donor}, malignant above reference.",
            caption="A row a cell: red gained, blue lost. A call is sound where the malignant cells "
            "share stripes that the reference lacks.",
        )
        for one in called.values()
        for donor in _donors_to_show(one)
    ]
    return figures


def _donors_to_show(called: Malignancy) -> list[str]:
    some = called.donors[called.donors["n_malignant"] >= LEAST_SHOWN]
    return [str(donor) for donor in some.nlargest(MOST_DONORS, "n_malignant")["donor"]]
