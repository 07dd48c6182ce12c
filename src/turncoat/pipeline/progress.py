"""How a run tells how far it has come, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Told of every stage; the command line draws it, a notebook may ignore it."""

    def begin(self, stage: str, title: str) -> None:
        """Tell that a stage starts."""

    def advance(self, done: float, total: float, note: str = "") -> None:
        """Tell how much of the current stage is done, and what is worth saying of it."""

    def end(self, stage: str, seconds: float, outcome: str) -> None:
        """Tell how a stage ended: ``done``, ``kept`` (unchanged) or why it was skipped."""


class Silent:
    """Progress that nobody listens to."""

    def begin(self, stage: str, title: str) -> None:
        """Say nothing."""

    def advance(self, done: float, total: float, note: str = "") -> None:
        """Say nothing."""

    def end(self, stage: str, seconds: float, outcome: str) -> None:
        """Say nothing."""
