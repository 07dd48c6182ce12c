"""Progress for people: bars on a terminal, silence anywhere else."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from turncoat.pipeline import Progress, Silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Drawn:
    """Draws the stages of a run on standard error.

    Parameters
    ----------
    bars
        The live display.
    """

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def begin(self, stage: str, title: str) -> None:
        """Start a stage's line."""
        self._task = self._bars.add_task(title or stage, total=None, note="")

    def advance(self, done: float, total: float, note: str = "") -> None:
        """Move the bar of the current stage."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total, note=note)

    def end(self, stage: str, seconds: float, outcome: str) -> None:  # noqa: ARG002
        """Close a stage's line with how it ended."""
        if self._task is None:
            return
        note = f"{seconds:.1f} s" if outcome == "done" else outcome
        if outcome == "kept":
            note = "unchanged, kept"
        self._bars.update(self._task, completed=1, total=1, note=f"[dim]{note}[/dim]")
        self._task = None


@contextlib.contextmanager
def shown() -> Iterator[Progress]:
    """Give progress that is drawn where somebody watches."""
    if not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[note]}"),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        yield Drawn(bars)
