"""In-silico mice."""

from turncoat.simulate.schedule import Arm, Dose, Knockout, Surgery
from turncoat.simulate.trial import trial

__all__ = ["Arm", "Dose", "Knockout", "Surgery", "trial"]
