"""The stages in order, keyed by the hash of what they depend on, resumable."""

from turncoat.pipeline.progress import Progress, Silent
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage

__all__ = ["Progress", "Run", "Silent", "Stage"]
