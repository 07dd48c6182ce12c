"""Names on figures: long ones folded, crowded ones set beside their points or left out."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Height of a line and width of a letter at size 8, and the gap to the point, in points.
LINE, LETTER, GAP = 10.0, 5.1, 6.0
#: A name further than this from its point, in lines, would be read as another point's.
FURTHEST = 3
#: Width of a letter of a tick label, in inches.
TICK = 0.075

Box = tuple[float, float, float, float]


def folded(name: str, width: int, *, lines: int = 2) -> str:
    r"""Fold a name into a few short lines; what does not fit gives way to an ellipsis.

    Examples
    --------
    >>> folded("CD56bright CXCR6+ tissue-resident", 17)
    'CD56bright CXCR6+\ntissue-resident'
    >>> folded("NK", 17)
    'NK'
    """
    parts = textwrap.wrap(name, width) or [name]
    if len(parts) > lines:
        parts = [*parts[: lines - 1], f"{parts[lines - 1][: width - 1].rstrip()}…"]
    return "\n".join(parts)


def room_for(labels: Sequence[str], least: int = 12) -> float:
    """Give the inches that tick labels need beyond what short ones do."""
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    return TICK * max(0, longest - least)


def label_points(ax: "Axes", names: Sequence[tuple[str, float, float]]) -> None:
    """Name points, the first first; a name that fits nowhere near its point is left out.

    Parameters
    ----------
    ax
        The axes; their limits should be final.
    names
        Name and place of each point.
    """
    ax.autoscale_view()
    points = 72 / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
    window = ax.get_window_extent().transformed(ax.transAxes.inverted())
    (left, low), (right, high) = (
        ax.transAxes.transform(corner) * points for corner in (window.min, window.max)
    )
    spots = [ax.transData.transform((x, y)) * points for _, x, y in names]
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in spots]
    for (name, x, y), spot in zip(names, spots, strict=True):
        for side, lift in _places():
            start = spot[0] + GAP if side > 0 else spot[0] - GAP - LETTER * len(name)
            middle = spot[1] + lift
            box = (start, middle - LINE / 2, start + LETTER * len(name), middle + LINE / 2)
            inside = box[0] >= left and box[2] <= right and box[1] >= low and box[3] <= high
            if not inside or any(_overlap(box, other) for other in taken):
                continue
            taken.append(box)
            thread = {"arrowstyle": "-", "color": "0.6", "lw": 0.5} if abs(lift) > LINE else None
            ax.annotate(
                name, (x, y), xytext=(side * GAP, lift), textcoords="offset points", fontsize=8,
                va="center", ha="left" if side > 0 else "right", arrowprops=thread,
            )  # fmt: skip
            break


def _places() -> Iterator[tuple[int, float]]:
    for step in range(2 * FURTHEST + 1):
        for lift in (0.0,) if step == 0 else (step * LINE / 2, -step * LINE / 2):
            yield 1, lift
            yield -1, lift


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
