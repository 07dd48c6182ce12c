"""In-silico mice."""

from turncoat.simulate import experiments
from turncoat.simulate.dose_grid import dose_grid
from turncoat.simulate.engine.sbml import read_sbml
from turncoat.simulate.engine.simulator import Simulator
from turncoat.simulate.mouse import contexts, parameters
from turncoat.simulate.schedule import Arm, Dose, Knockout, Surgery, drugs
from turncoat.simulate.signs import kos_signs, thacker_signs
from turncoat.simulate.trial import trial
from turncoat.simulate.warm import warmup
from turncoat.simulate.words import parse_arm

__all__ = [
    "Arm",
    "Dose",
    "Knockout",
    "Simulator",
    "Surgery",
    "contexts",
    "dose_grid",
    "drugs",
    "experiments",
    "kos_signs",
    "parameters",
    "parse_arm",
    "read_sbml",
    "thacker_signs",
    "trial",
    "warmup",
]
