"""Reaction networks with whole molecules: exact simulation and tau-leaping.

For small models, and as the judge of the approximations elsewhere. Counts are whole and
never negative; a leap that would make one negative is halved.

References
----------
Gillespie (1977), J. Phys. Chem. 81:2340; Gillespie (2001), J. Chem. Phys. 115:1716.
"""

import numpy as np

from turncoat.errors import ModelError
from turncoat.kernel import AS_WRITTEN, kernel
from turncoat.simulate.engine.form import Form
from turncoat.simulate.engine.simulator import Simulator
from turncoat.simulate.engine.steps import Compiled
from turncoat.simulate.stochastic.streams import exponential, poisson, stream_of, uniform
from turncoat.tables import FloatArray, IntArray

MOST_HALVINGS = 20
MOST_EVENTS = 50_000_000


@kernel(reference=AS_WRITTEN)
def exact_run(
    fluxes: Compiled, changes: FloatArray, y: FloatArray, p: FloatArray, times: FloatArray,
    out: FloatArray, stream: IntArray,
) -> bool:  # fmt: skip
    """Follow one network event by event; False when there were too many."""
    rates, words = np.zeros(changes.shape[0]), np.zeros(4, np.uint64)
    t, k = times[0], 0
    for _ in range(MOST_EVENTS):
        fluxes(t, y, p, rates)
        total = rates.sum()
        wait = exponential(stream, words) / total if total > 0.0 else np.inf
        while k < times.size and times[k] < t + wait:
            out[k, :] = y
            k += 1
        if k == times.size:
            return True
        t += wait
        left = uniform(stream, words) * total
        chosen = 0
        while chosen < rates.size - 1 and left >= rates[chosen]:
            left -= rates[chosen]
            chosen += 1
        y += changes[chosen]
    return False


@kernel(reference=AS_WRITTEN)
def leap_run(
    fluxes: Compiled, changes: FloatArray, y: FloatArray, p: FloatArray, times: FloatArray,
    out: FloatArray, stream: IntArray, tau: float,
) -> bool:  # fmt: skip
    """Follow one network in leaps of at most ``tau``; False when no leap was small enough."""
    rates, words = np.zeros(changes.shape[0]), np.zeros(4, np.uint64)
    t = times[0]
    out[0, :] = y
    for k in range(1, times.size):
        while t < times[k]:
            fluxes(t, y, p, rates)
            h, halvings = min(tau, times[k] - t), 0
            while True:
                after = y.copy()
                for r in range(rates.size):
                    after += poisson(rates[r] * h, stream, words) * changes[r]
                if after.min() >= 0.0:
                    break
                h, halvings = 0.5 * h, halvings + 1
                if halvings > MOST_HALVINGS:
                    return False
            y[:] = after
            t = times[k] if times[k] - t <= h else t + h
        out[k, :] = y
    return True


def stoichiometry(form: Form) -> FloatArray:
    """Tabulate what each reaction does to each state, ``(n_reactions, n_states)``.

    Raises
    ------
    ModelError
        When the model is not one of whole counts: rules, events or fractional changes.
    """
    if form.rate_rules or form.events:
        raise ModelError(
            f"The model '{form.name}' has rate rules or events; exact simulation takes "
            "networks of reactions alone."
        )
    index = {name: k for k, name in enumerate(form.state_names)}
    changes = np.zeros((len(form.reactions), len(form.states)))
    for row, reaction in enumerate(form.reactions):
        for name, amount, divisor in reaction.changes:
            if divisor or amount != round(amount):
                raise ModelError(
                    f"Reaction '{reaction.name}' changes '{name}' by a concentration or a "
                    "fraction; exact simulation takes whole amounts."
                )
            changes[row, index[name]] += amount
    return changes


def simulate_counts(
    simulator: Simulator,
    times: FloatArray,
    *,
    n_runs: int,
    seed: int,
    tau: float | None = None,
    constants: FloatArray | None = None,
) -> FloatArray:
    """Run a small network many times with whole molecules.

    Parameters
    ----------
    simulator
        A model of reactions among amounts.
    times
        Increasing times to report.
    n_runs
        Independent runs.
    seed
        Runs with one seed are the same on any machine.
    tau
        Longest leap; None simulates exactly, event by event.
    constants
        Parameters, one row; the model's own by default.

    Returns
    -------
    FloatArray
        Counts, shape ``(n_runs, n_times, n_states)``.

    Raises
    ------
    ModelError
        When the model is not a network of whole counts, or a run does not end.
    """
    changes = stoichiometry(simulator.form)
    parameters = simulator.constants() if constants is None else constants
    start = np.round(simulator.starts(parameters)[0])
    out = np.zeros((n_runs, times.size, start.size))
    for run in range(n_runs):
        stream, y, p = stream_of(seed, run), start.copy(), parameters[0]
        if tau is None:
            ended = exact_run(simulator.compiled_fluxes, changes, y, p, times, out[run], stream)
        else:
            ended = leap_run(simulator.compiled_fluxes, changes, y, p, times, out[run], stream, tau)
        if not ended:
            raise ModelError("A run did not end: too many events, or no leap small enough.")
    return out
