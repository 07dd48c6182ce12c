"""The stages in order, keyed by the hash of what they depend on, resumable."""

from pathlib import Path

__all__ = ["run"]


def run(study: str | Path) -> Path:
    """Run a study file to its report; returns the run directory."""
    raise NotImplementedError(study)
