"""How many events a question needs, and what a number of events can show."""

import numpy as np
from scipy.special import ndtr, ndtri


def events_needed(smallest_hr: float, shared: float, *, power: float = 0.8) -> int:
    """Count the events that would show a hazard ratio per standard deviation.

    Parameters
    ----------
    smallest_hr
        The hazard ratio that should not be missed.
    shared
        Share of the score's variance that the covariates carry.
    power
        Chance to find it in a two-sided 5 % test.

    Returns
    -------
    int
        Events.

    References
    ----------
    Hsieh and Lavori (2000), Control Clin Trials 21:552.

    Examples
    --------
    >>> events_needed(1.6, 0.0)
    36
    """
    z = float(ndtri(0.975) + ndtri(power))
    return int(np.ceil(z**2 / (np.log(smallest_hr) ** 2 * max(1e-6, 1 - shared))))


def expected_power(n_events: float, hr: float, shared: float) -> float:
    """Chance that a Cox model finds a hazard ratio per standard deviation (two-sided 5 %)."""
    reach = np.sqrt(n_events * (1 - shared)) * abs(np.log(hr))
    cut = float(ndtri(0.975))
    return float(ndtr(reach - cut) + ndtr(-reach - cut))
