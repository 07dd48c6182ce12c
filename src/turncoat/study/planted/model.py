"""The generative model: samples, expected levels of every population, and planted effects.

Levels are expected counts per 10,000. Effects multiply them, so they add on the log scale:
donor, donor × population, sample, programme and signal, each with its own spread. The spreads
are of the size that pseudobulk studies report between people (coefficients of variation of
0.2 to 0.4; Squair 2021), which is what a donor-level test must cope with.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from turncoat.study.planted.atlas import (
    ANTAGONISTS,
    CYCLE,
    NAMES,
    POPULATIONS,
    PROGRAMMES,
    RESPONSES,
)
from turncoat.study.planted.levels import base_levels
from turncoat.study.planted.plan import Edge, Plan
from turncoat.tables import FloatArray, IntArray

LN2: Final = float(np.log(2))

#: Natural-log standard deviations.
DONOR_SD: Final = 0.20
DONOR_POPULATION_SD: Final = 0.20
SAMPLE_SD: Final = 0.10
PROGRAMME_SD: Final = 0.25
SIGNAL_SD: Final = 0.45
SHARE_SD: Final = 0.35
SAMPLE_SIZE_SD: Final = 0.30
SAMPLE_DEPTH_SD: Final = 0.15
TISSUE_SD: Final = 0.25
#: How much of a signal's log change its response genes follow.
RESPONSE_GAIN: Final = 0.7
#: Dispersion of the negative binomial: median 0.3, as in droplet data within a population.
DISPERSION: Final = 0.3
DISPERSION_SD: Final = 0.4


@dataclass(frozen=True)
class Model:
    """A planted study before any cell is drawn.

    Parameters
    ----------
    genes
        Gene symbols.
    plan
        What to plant.
    effect
        Multiplies every planted size; 0 plants nothing.
    n_donors, n_controls
        Donors of the case and of the control group.
    tissues
        Tissues of every donor; effects are planted in the first.
    cells_per_donor
        Mean number of cells per donor.
    donor_spread
        Multiplies every standard deviation between donors and samples.
    seed
        Everything follows from it.
    """

    genes: tuple[str, ...]
    plan: Plan
    effect: float
    n_donors: int
    n_controls: int
    tissues: tuple[str, ...]
    cells_per_donor: int
    donor_spread: float
    seed: int

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row per sample, in the order of the cells."""
        n_all = self.n_donors + self.n_controls
        width = max(2, len(str(n_all)))
        rows = [
            (
                f"D{donor + 1:0{width}d}",
                f"D{donor + 1:0{width}d}" + (f"-{tissue}" if len(self.tissues) > 1 else ""),
                tissue,
                "case" if donor < self.n_donors else "control",
                donor < self.n_donors and tissue == self.tissues[0],
            )
            for donor in range(n_all)
            for tissue in self.tissues
        ]
        table = pd.DataFrame(rows, columns=["donor", "sample", "tissue", "condition", "affected"])
        spread = SAMPLE_SIZE_SD * self.donor_spread
        size = np.exp(spread * self._normal("size", shape=len(table)))
        total = self.cells_per_donor * n_all
        ends = np.rint(np.cumsum(size) / size.sum() * total).astype(np.int64)
        table["n_cells"] = np.diff(ends, prepend=0)
        return table

    @cached_property
    def gene_number(self) -> dict[str, int]:
        """Column of every gene."""
        return {gene: number for number, gene in enumerate(self.genes)}

    @cached_property
    def levels(self) -> FloatArray:
        """Expected counts per 10,000 without any effect, shape (populations, genes)."""
        return base_levels(self.genes, self.plan, self.generator("levels"))

    @cached_property
    def sizes(self) -> FloatArray:
        """Size parameter of each gene's negative binomial."""
        spread = self._normal("dispersion", shape=len(self.genes))
        return np.asarray(1 / (DISPERSION * np.exp(DISPERSION_SD * spread)))

    @cached_property
    def composition(self) -> FloatArray:
        """Expected share of each population in each sample, rows sum to one."""
        share = np.array([population.share for population in POPULATIONS])
        logits = np.log(share) + SHARE_SD * self.donor_spread * self._normal(
            "composition", shape=(len(self.samples), share.size)
        )
        affected = self.samples["affected"].to_numpy()
        for shift in self.plan.shifts:
            logits[affected, NAMES.index(shift.population)] += self.effect * shift.log_odds
        healthy = self.samples["tissue"].str.startswith("normal").to_numpy(dtype=bool)
        logits[healthy, NAMES.index("Tumour")] = -np.inf
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    @cached_property
    def strengths(self) -> FloatArray:
        """Natural-log change of each edge's ligand from baseline, (samples, edges)."""
        table, edges = self.samples, self.plan.edges
        planted = np.array([edge.size * LN2 * self.effect for edge in edges])
        donors = pd.factorize(table["donor"])[0]
        of_donor = self._normal("signal donor", shape=(donors.max() + 1, len(edges)))[donors]
        of_sample = self._normal("signal sample", shape=(len(table), len(edges)))
        noise = SIGNAL_SD * self.donor_spread * (0.8 * of_donor + 0.6 * of_sample)
        return np.outer(table["affected"].to_numpy(dtype=float), planted) + noise

    def generator(self, *tags: object) -> np.random.Generator:
        """Open a stream of random numbers that belongs to these tags alone."""
        words = [int.from_bytes(str(tag).encode(), "little") for tag in tags]
        return np.random.default_rng([self.seed, *words])

    def _normal(self, *tags: object, shape: int | tuple[int, ...]) -> FloatArray:
        return self.generator(*tags).standard_normal(shape)

    def sample_depth(self, sample: int) -> float:
        """Depth of a sample relative to the study's."""
        spread = SAMPLE_DEPTH_SD * self.donor_spread
        return float(np.exp(spread * self._normal("depth", sample, shape=1)[0]))

    def profiles(self, sample: int) -> FloatArray:
        """Compute expected expression in one sample: rows sum to one, (populations, genes)."""
        row = self.samples.iloc[sample]
        spread, shape = self.donor_spread, self.levels.shape
        log_change = spread * (
            DONOR_SD * self._normal("donor", row["donor"], shape=shape[1])
            + DONOR_POPULATION_SD * self._normal("donor population", row["donor"], shape=shape)
            + SAMPLE_SD * self._normal("sample", sample, shape=shape[1])
        )
        if row["tissue"] != self.tissues[0]:
            log_change += TISSUE_SD * self._normal("tissue", row["tissue"], shape=shape)
        self._add_programmes(log_change, row["donor"], sample)
        levels = self.levels.copy()
        for number, edge in enumerate(self.plan.edges):
            self._add_signal(log_change, edge, float(self.strengths[sample, number]))
            if edge.decoy == "never_together":
                self._keep_apart(levels, edge, row["donor"])
        expected = levels * np.exp(log_change)
        return np.asarray(expected / expected.sum(axis=1, keepdims=True))

    def cycle_profile(self) -> FloatArray:
        """Compute what a cell in cycle adds: sums to one, (genes,)."""
        profile = np.zeros(len(self.genes))
        profile[self.numbers(CYCLE)] = 1.0
        return np.asarray(profile / max(profile.sum(), 1.0))

    def numbers(self, genes: tuple[str, ...]) -> IntArray:
        """Columns of those of some genes that the study has."""
        known = [self.gene_number[gene] for gene in genes if gene in self.gene_number]
        return np.array(known, dtype=np.int64)

    def _add_programmes(self, log_change: FloatArray, donor: str, sample: int) -> None:
        affected = bool(self.samples["affected"].iloc[sample])
        for (population, side), genes in PROGRAMMES.items():
            noise = self._normal("programme", donor, population, side, shape=1)[0]
            shift = PROGRAMME_SD * self.donor_spread * noise
            for switch in self.plan.switches if affected else ():
                if switch.population == population and switch.axis in {"both", side}:
                    sign = -1 if side == "anti" else 1
                    shift += sign * switch.size * LN2 * self.effect
            log_change[NAMES.index(population), self.numbers(genes)] += shift

    def _add_signal(self, log_change: FloatArray, edge: Edge, strength: float) -> None:
        sender, receiver = NAMES.index(edge.sender), NAMES.index(edge.receiver)
        log_change[sender, self.numbers(tuple(edge.ligand.split("_")))] += strength
        if edge.decoy == "antagonist_up":
            rising = self.numbers(ANTAGONISTS.get(edge.response, ()))
            log_change[sender, rising] += strength
        gain = {"heard": RESPONSE_GAIN, "silent": 0.0, "opposite": -RESPONSE_GAIN}[edge.hearing]
        if edge.response and not edge.decoy:
            up, down = RESPONSES[edge.response]
            log_change[receiver, self.numbers(up)] += gain * strength
            log_change[receiver, self.numbers(down)] -= gain * strength

    def _keep_apart(self, levels: FloatArray, edge: Edge, donor: str) -> None:
        number = int(donor[1:])
        absent = edge.ligand if number % 2 else edge.receptor
        owner = edge.sender if number % 2 else edge.receiver
        levels[NAMES.index(owner), self.numbers(tuple(absent.split("_")))] = 0.0
