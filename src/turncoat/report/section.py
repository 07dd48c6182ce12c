"""What a room hands to the report: a section of claims, tables, figures and notes."""

import base64
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pandas as pd

from turncoat.errors import ArgumentError
from turncoat.report.claim import Claim

if TYPE_CHECKING:
    import anndata as ad
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MplFigure

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

    def titles(self) -> dict[str, str]:
        """Give the contrasts' names as the study calls them, by the same part."""

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
    wide
        Whether it takes the full width of the page.
    """

    title: str
    address: str
    alt: str
    caption: str = ""
    wide: bool = False

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


#: Figures broader than this many inches take the full width of the page.
WIDE = 7.0
#: A drawing of more bytes than this becomes an image of points.
MAX_VECTORS = 400_000
PNG_DPI = 110
COORDINATES = re.compile(rb' d="[^"]*"')
DIGITS = re.compile(rb"(\d\.\d\d)\d+")

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
    wide = drawing.get_size_inches()[0] > WIDE
    with mpl.rc_context(SVG_STYLE):  # type: ignore[arg-type]
        vectors = _saved(drawing, format="svg", metadata={"Date": None})
        image, kind = COORDINATES.sub(_rounded, vectors), "svg+xml"
        if len(image) > MAX_VECTORS:
            image, kind = _saved(drawing, format="png", dpi=PNG_DPI), "png"
    plt.close(drawing)
    encoded = base64.b64encode(image).decode("ascii")
    return Figure(title, f"data:image/{kind};base64,{encoded}", alt, caption, wide=bool(wide))


def _saved(drawing: "MplFigure", **options: Any) -> bytes:
    stream = io.BytesIO()
    # A layout engine has fitted everything already; fitting again would draw all twice.
    fit = None if drawing.get_layout_engine() is not None else "tight"
    drawing.savefig(stream, bbox_inches=fit, **options)
    return stream.getvalue()


def _rounded(found: "re.Match[bytes]") -> bytes:
    """Round the coordinates of a path to a hundredth of a point; nobody sees more."""
    return DIGITS.sub(rb"\1", found.group(0)).replace(b"\n", b"")
