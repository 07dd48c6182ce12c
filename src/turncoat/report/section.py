"""What a room hands to the report: a section of claims, tables, figures and notes."""

import base64
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pandas as pd

from turncoat.errors import ArgumentError
from turncoat.report.claim import Claim

if TYPE_CHECKING:
    import anndata as ad
    from matplotlib.axes import Axes

    from turncoat.stats import Contrast
    from turncoat.study import Study
    from turncoat.tables import TableSchema

T = TypeVar("T")


class Material(Protocol):
    """What a section is written from: the study, the tally and the findings of one run."""

    @property
    def study(self) -> "Study":
        """The study that was run."""

    @property
    def skipped(self) -> dict[str, str]:
        """Stages that had nothing to do for this study, and why."""

    def contrasts(self) -> "dict[str, Contrast]":
        """Give the study's contrasts by the part of the findings' names that they make."""

    def tally(self) -> "ad.AnnData":
        """Read the tally."""

    def result(self, name: str, cls: type[T]) -> T:
        """Read one result."""

    def results(self, room: str, cls: type[T]) -> dict[str, T]:
        """Read all results of a room, by part."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report.

    Parameters
    ----------
    title
        Short heading, unique within its section.
    frame
        The rows, columns in reading order.
    caption
        What a row is and how to read it, one or two sentences.
    schema
        Declares units and meanings, shown on the column heads; None for a plain table.
    folded
        Whether the table starts closed; for long tables that few readers need.
    verdicts
        Columns whose values are shown as verdict marks.
    """

    title: str
    frame: pd.DataFrame
    caption: str = ""
    schema: "TableSchema | None" = None
    folded: bool = False
    verdicts: tuple[str, ...] = ("verdict",)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the report, as a data address that needs no other file.

    Parameters
    ----------
    title
        Short heading.
    address
        The image as ``data:`` address.
    alt
        What a reader who cannot see it must know: the finding, not the drawing.
    caption
        What is drawn, on which donors, in which unit.
    """

    title: str
    address: str
    alt: str
    caption: str = ""

    def __post_init__(self) -> None:
        if not self.alt:
            raise ArgumentError(f"The figure '{self.title}' needs an alternative text.")


@dataclass(frozen=True, slots=True)
class Section:
    """One room's part of the report.

    Parameters
    ----------
    title
        The question that the section answers.
    lead
        The answer in two or three sentences.
    claims
        Findings for ``claims.json`` and the plain page.
    tables, figures
        In reading order.
    notes
        Limits and choices a reader must know, one sentence each.
    dropped
        What was left out and why: columns ``what`` and ``why``, possibly more.
    """

    title: str
    lead: str
    claims: tuple[Claim, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    dropped: pd.DataFrame = field(default_factory=pd.DataFrame)


#: Text stays text (small files, the reader's own font); the salt makes the bytes repeatable.
SVG_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "turncoat",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
}


def figure_of(axes: "Axes", *, title: str, alt: str, caption: str = "") -> Figure:
    """Turn a drawn axes into a figure of the report, and close it.

    Parameters
    ----------
    axes
        What a room's ``plot`` function returned.
    title
        Short heading.
    alt
        The finding, for a reader who cannot see the figure.
    caption
        What is drawn, on which donors, in which unit.

    Returns
    -------
    Figure
        The whole matplotlib figure that the axes belong to, as SVG.

    Raises
    ------
    ArgumentError
        Without an alternative text.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    drawing = axes.get_figure(root=True)
    if drawing is None:
        raise ArgumentError(f"The axes of the figure '{title}' belong to no figure.")
    stream = io.BytesIO()
    with mpl.rc_context(SVG_STYLE):  # type: ignore[arg-type]
        drawing.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(drawing)
    encoded = base64.b64encode(stream.getvalue()).decode("ascii")
    return Figure(title, f"data:image/svg+xml;base64,{encoded}", alt, caption)
