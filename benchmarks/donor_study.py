"""Cells of donors who differ: the simulator of the statistics benchmark, NumPy alone.

Gamma-Poisson counts around donor means that vary by gene (log-normal), with depth that varies
by cell and donor and cell numbers that vary by donor. The peers' interpreters import it too.
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
