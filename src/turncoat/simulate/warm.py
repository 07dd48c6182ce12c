"""Compile everything the in-silico mice need, once, so that later sessions start at once."""

from turncoat.simulate.engine import cache
from turncoat.simulate.engine.lane_code import LANES
from turncoat.simulate.mouse import mouse
from turncoat.simulate.trial import trial


def warmup() -> str:
    """Compile the engine and the shipped model, and keep the code on disk.

    Returns
    -------
    str
        Folder of the model's compiled code.

    Examples
    --------
    >>> "models" in warmup()
    True
    """
    for n_mice in (1, LANES):
        trial("kep", ["control", "doxorubicin 5 mg/kg d14 + mastectomy d30"], n_mice, days=40.0)
    model = mouse()
    model.integrate([0.0, 1.0], method="dopri5")
    folder = cache.model_folder(model.form)
    cache.seal(folder)
    return str(folder)
