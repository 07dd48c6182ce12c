"""What would cut the signal."""

from turncoat.therapy import plot
from turncoat.therapy.catalogue import drugs
from turncoat.therapy.result import Therapy
from turncoat.therapy.therapy import therapy

__all__ = ["Therapy", "drugs", "plot", "therapy"]
