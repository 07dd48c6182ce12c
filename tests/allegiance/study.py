"""A planted study for the tests of allegiance: what switches is known."""

import anndata as ad
import numpy as np
import pandas as pd

from factories import tally_from_cells

ANTI = [f"DUTY{i}" for i in range(8)]
PRO = [f"HARM{i}" for i in range(8)]
OTHER = [f"G{i}" for i in range(300)]
GENES = [*ANTI, *PRO, *OTHER]
PROGRAMMES = pd.DataFrame(
    [
        (population, axis, gene, 1.0, "human")
        for population in ("NK", "Treg")
        for axis, genes in (("anti_tumour", ANTI), ("pro_tumour", PRO))
        for gene in genes
    ],
    columns=["population", "axis", "gene", "weight", "species"],
)


def planted_cells(
    *,
    n_donors: int = 8,
    n_cells: int = 40,
    switched: tuple[str, ...] = ("NK",),
    fold: float = 2.5,
    noise: float = 0.15,
    seed: int = 0,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Donors with a tumour and a normal sample each; ``switched`` populations turn in tumours."""
    rng = np.random.default_rng(seed)
    base = rng.gamma(1.0, 1.0, len(GENES)) + 0.2
    base[:16] = 1.0
    counts, obs = [], []
    for donor in range(n_donors):
        own = base * np.exp(noise * rng.normal(size=len(GENES)))
        for tissue in ("tumour", "normal"):
            for population in ("NK", "Treg"):
                rate = own * np.exp(noise * rng.normal(size=len(GENES)))
                if tissue == "tumour" and population in switched:
                    rate[:8] /= fold
                    rate[8:16] *= fold
                depth = rng.uniform(500, 2_000, n_cells)
                counts.append(rng.poisson(depth[:, None] * rate / rate.sum()))
                obs += [(f"d{donor}", f"d{donor}_{tissue}", tissue, "c", population)] * n_cells
    columns = ["donor", "sample", "tissue", "condition", "population"]
    return np.vstack(counts).astype(float), pd.DataFrame(obs, columns=columns)


def planted_tally(**chosen: object) -> ad.AnnData:
    counts, obs = planted_cells(**chosen)  # type: ignore[arg-type]
    return tally_from_cells(counts, obs, GENES)
