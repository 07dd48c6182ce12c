"""By which signal, and does the receiver answer."""

from turncoat.crosstalk.crosstalk import crosstalk
from turncoat.crosstalk.result import Crosstalk

__all__ = ["Crosstalk", "crosstalk"]
