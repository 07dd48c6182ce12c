"""Cells of donors who differ: the simulator of the statistics benchmark, NumPy alone.

Gamma-Poisson counts around donor means that vary by gene (log-normal), with depth that varies
by cell and donor and cell numbers that vary by donor. The peers' interpreters import it too.

:func:`study` draws every cell, for methods that count cells. :func:`sums` draws the donors' summed
counts of the same model at once, hundreds of times faster, for methods that see only sums.
"""

import numpy as np

N_GENES = 300
N_PROGRAMME = 12


def base_rates(rng: np.random.Generator) -> np.ndarray:
    rates = rng.lognormal(0.0, 1.6, N_GENES)
    # Programme genes are neither the rarest nor the commonest: between 1 and 20 per 10,000 and up.
    rates[:N_PROGRAMME] = rng.uniform(0.3, 2.0, N_PROGRAMME)
    return rates / rates.sum()


def study(
    seed: int, *, n_per_arm: int, n_cells: int, effect: float = 0.0, donor_sd: float = 0.5
) -> dict[str, np.ndarray]:
    """Counts (cells × genes), donor of each cell and arm of each donor; genes 0-11 rise by
    ``effect`` (log2) in cases."""
    rng = np.random.default_rng(seed)
    base = base_rates(rng)
    counts, donors = [], []
    arm = np.repeat([True, False], n_per_arm)
    for donor, case in enumerate(arm):
        rate = base * np.exp(donor_sd * rng.normal(size=N_GENES))
        if case:
            rate[:N_PROGRAMME] *= 2.0**effect
        rate /= rate.sum()
        n = max(3, round(n_cells * rng.gamma(4.0, 0.25)))
        depth = 1_500 * np.exp(0.3 * rng.normal()) * rng.lognormal(0.0, 0.4, n)
        mean = depth[:, None] * rate
        counts.append(rng.poisson(mean * rng.gamma(2.0, 0.5, mean.shape)).astype(np.float32))
        donors.append(np.full(n, donor))
    return {"counts": np.vstack(counts), "donor": np.concatenate(donors), "arm": arm}


def pseudobulk(data: dict[str, np.ndarray]) -> np.ndarray:
    sums = np.zeros((len(data["arm"]), data["counts"].shape[1]))
    np.add.at(sums, data["donor"], data["counts"].astype(float))
    return sums


def sums(
    seed: int, *, n_per_arm: int, n_cells: int, effect: float = 0.0, donor_sd: float = 0.5,
    uneven: float = 0.0, shared: float = 0.0,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Summed counts (donors × genes), cells per donor and arm, without drawing a cell.

    Given the depths of a donor's cells, a gene's sum over them is Poisson around a sum of scaled
    gammas, drawn here as one gamma of the same mean and variance. With ``uneven``, the donors'
    spread differs between genes (log-normal); with ``shared``, the programme's genes move together
    from donor to donor, in some studies little and in some much: that is the mean, over studies,
    of an exponentially distributed spread (natural log).
    """
    rng = np.random.default_rng([seed, 1])
    together = shared * np.random.default_rng([seed, 2]).exponential()
    base = base_rates(rng)
    arm = np.repeat([True, False], n_per_arm)
    spread = donor_sd * np.exp(uneven * rng.normal(size=N_GENES))
    rate = base * np.exp(spread * rng.normal(size=(arm.size, N_GENES)))
    rate[:, :N_PROGRAMME] *= np.exp(together * rng.normal(size=(arm.size, 1)))
    rate[:n_per_arm, :N_PROGRAMME] *= 2.0**effect
    rate /= rate.sum(axis=1, keepdims=True)
    n = np.maximum(3, np.round(n_cells * rng.gamma(4.0, 0.25, arm.size))).astype(int)
    own = 1_500 * np.exp(0.3 * rng.normal(size=arm.size))
    cells = rng.lognormal(0.0, 0.4, n.sum())
    start = np.concatenate([[0], np.cumsum(n)[:-1]])
    total, squares = np.add.reduceat(cells, start), np.add.reduceat(cells**2, start)
    shape = (2 * total**2 / squares)[:, None]
    mean = (own * total)[:, None] * rate
    drawn = rng.poisson(mean * rng.gamma(np.broadcast_to(shape, mean.shape)) / shape)
    return {"sums": drawn.astype(float), "n_cells": n.astype(float), "arm": arm}
