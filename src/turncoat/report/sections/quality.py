"""Quality on the page: which cells are doubtful, who was left out, and whose RNA is whose."""

from turncoat.cells import Quality
from turncoat.cells import plot as pictures
from turncoat.errors import MissingKeyError
from turncoat.report.section import Figure, Material, Section, Table, figure_of
from turncoat.tally.ambient import Ambient

NOTES = (
    "A cell is marked where it lies far outside its own sample; a mark is no verdict.",
    "Ambient RNA is an upper bound: doublets, wrong labels and true expression add to it.",
)
#: Leaks shown: the strongest.
MOST_LEAKS = 30
#: A table of more samples than this starts closed.
MOST_OPEN = 20


def section(material: Material) -> Section | None:
    """Write how fit the cells are, or nothing in a run of chosen stages."""
    try:
        found = material.result("quality", Quality)
    except MissingKeyError:
        return None
    try:
        soup = material.result("ambient", Ambient)
    except MissingKeyError:
        soup = None
    return Section(
        title="Are the cells fit to be counted?",
        lead=_lead(found, soup),
        tables=tuple(_tables(found, soup)),
        figures=tuple(_figures(found)),
        notes=NOTES,
    )


def _lead(found: Quality, soup: Ambient | None) -> str:
    samples = found.samples
    total, marked, out = (int(samples[c].sum()) for c in ("n_cells", "n_marked", "n_removed"))
    text = f"{marked:,} of {total:,} cells carry a mark of doubtful quality. "
    if found.params["remove"]:
        text += f"{out:,} were left out, for: {found.params['remove']}."
    else:
        text += 'None was left out: the study names no mark under [quality] "remove".'
    if soup is not None and len(soup.samples):
        middle = float(soup.samples["soup"].median())
        much = soup.leaks[soup.leaks["reading"] == "more than ambient"]
        text += f" Of a typical cell's counts, up to {middle:.1%} came from other cells."
        if len(much):
            pairs = ", ".join(
                f"{genes} genes in {population}"
                for population, genes in much[["population", "genes"]].head(3).to_numpy()
            )
            text += f" Ambient RNA does not explain {pairs}."
    return text


def _tables(found: Quality, soup: Ambient | None) -> list[Table]:
    seen = found.marks[found.marks["n_cells"] > 0]
    tables = [
        Table(
            "Cells marked and left out by sample",
            found.samples,
            "Every cell of the study's files.",
            schema=found.samples_schema,
            folded=len(found.samples) > MOST_OPEN,
        ),
        Table(
            "Marks by sample and reason",
            seen,
            "A cell with two marks counts under both.",
            schema=found.marks_schema,
            folded=True,
        ),
        Table(
            "Thresholds of each sample",
            found.thresholds,
            f"{found.params['n_deviations']:g} median absolute deviations from the sample's "
            "median, counts and genes on a log scale.",
            schema=found.thresholds_schema,
            folded=True,
        ),
    ]
    return tables + ([] if soup is None or soup.leaks.empty else _soup(soup))


def _soup(soup: Ambient) -> list[Table]:
    worth = soup.leaks[soup.leaks["reading"] != "hardly any"]
    return [
        Table(
            "Lineage genes where they do not belong",
            worth.sort_values("times_soup", ascending=False).head(MOST_LEAKS),
            "Whether the sample's ambient RNA explains them, median over samples.",
            schema=soup.leaks_schema,
        ),
        Table(
            "Ambient RNA by sample",
            soup.samples,
            "Median over populations and foreign genes.",
            schema=soup.samples_schema,
            folded=True,
        ),
    ]


def _figures(found: Quality) -> list[Figure]:
    if not (found.marks["n_cells"] > 0).any():
        return []
    worst = found.marks.groupby("reason")["n_cells"].sum().idxmax()
    return [
        figure_of(
            pictures.quality(found),
            title="Marks by sample",
            alt=f"Share of each sample's cells with each mark; the commonest is {worst}.",
            caption="Darker: more of the sample's cells.",
        )
    ]
