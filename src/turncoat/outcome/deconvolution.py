"""Shares of populations in bulk samples, and which of them such a sample can show at all."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from scipy import optimize

from turncoat.errors import DesignError
from turncoat.outcome.reference import Reference
from turncoat.outcome.signature import Rules, marker_ranks
from turncoat.tables import Column, FloatArray, TableSchema

#: Markers per population; enough to average noise, few enough to stay specific.
MARKERS: Final = 40
#: A gene's error grows with its expression; this much (CPM) is added so that silent genes
#: do not rule the fit.
FLOOR: Final = 20.0
#: Robust weights (Huber 1964): residuals beyond this many median deviations count less.
HUBER: Final = 1.345
#: Passes of reweighting after the first fit.
PASSES: Final = 2
#: Standard deviation of a gene's efficiency between single-cell and bulk platform, log2. An
#: assumption, half a doubling; real differences can be larger.
PLATFORM_SD: Final = 0.5
#: Standard deviation of a bulk measurement of one gene, log2 (technical replicates of arrays).
NOISE_SD: Final = 0.15
#: With fewer markers an estimate rests on what is left over by the others.
MIN_MARKERS: Final = 3
#: Correlation between true and estimated share that makes a population resolvable.
RESOLVED: Final = 0.8
#: Shares at which detection is tried.
LADDER: Final = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
#: Smallest relative weight of a population that is present, and how often one is absent.
SMALLEST: Final = 0.01
ABSENT: Final = 0.35

RESOLUTION = TableSchema(
    columns=(
        Column("population", "text", "", "Population of the single-cell study."),
        Column("n_markers", "whole", "genes", "Its markers among the genes at hand."),
        Column("correlation", "real", "", "True against estimated share in simulated mixtures."),
        Column("blank", "real", "", "95 % of estimates lie below this when it is absent."),
        Column("limit", "real", "", "Least share seen above the blank in 95 % of mixtures."),
        Column("verdict", "text", "", "resolvable, only above its limit, or not resolvable."),
    ),
    key=("population",),
)


def marker_genes(
    reference: Reference, available: set[str], per_population: int = MARKERS
) -> dict[str, list[str]]:
    """Choose each population's markers among the genes at hand."""
    ranked = marker_ranks(reference, Rules(max_genes=10_000, min_log2_ratio=0.5))
    return {
        population: [gene for gene in genes if gene in available][:per_population]
        for population, genes in ranked.items()
    }


def shares(mixtures: FloatArray, profiles: FloatArray) -> FloatArray:
    """Estimate shares by robust, weighted, non-negative least squares.

    Parameters
    ----------
    mixtures
        Linear expression of the samples, shape ``(n_samples, n_genes)``, any unit.
    profiles
        Expression of the populations in the same genes, shape ``(n_populations, n_genes)``.

    Returns
    -------
    ndarray
        Shares of the transcripts, shape ``(n_samples, n_populations)``, each row sums to 1.

    References
    ----------
    Lawson and Hanson (1974), *Solving Least Squares Problems*.

    Examples
    --------
    >>> shares(np.array([[3.0, 1.0]]), np.array([[4.0, 0.0], [0.0, 4.0]])).round(2).tolist()
    [[0.75, 0.25]]
    """
    found = np.empty((mixtures.shape[0], profiles.shape[0]))
    base = 1.0 / (profiles.mean(axis=0) + FLOOR)
    for sample, mixture in enumerate(mixtures):
        weight = base.copy()
        scaled = mixture * (profiles.mean(axis=0).sum() / max(mixture.sum(), 1e-12))
        for _ in range(1 + PASSES):
            q, r = np.linalg.qr((profiles * weight).T)
            estimate, _ = optimize.nnls(r, q.T @ (scaled * weight))
            residual = (scaled - estimate @ profiles) * base
            size = np.median(np.abs(residual)) * 1.4826 + 1e-12
            weight = base * np.sqrt(
                np.minimum(1.0, HUBER * size / np.maximum(np.abs(residual), 1e-12))
            )
        found[sample] = estimate / max(estimate.sum(), 1e-12)
    return found


@dataclass(frozen=True, slots=True)
class Mixer:
    """Simulated bulk samples made of donors that the reference has not seen.

    Parameters
    ----------
    profiles
        Expression of the populations in the held-out donors, CPM.
    efficiency
        What the bulk platform makes of each gene, as a factor.
    """

    profiles: FloatArray
    efficiency: FloatArray

    def mix(self, composition: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Measure samples of given composition."""
        clean = composition @ self.profiles * self.efficiency
        return np.asarray(clean * 2 ** rng.normal(0, NOISE_SD, clean.shape))


def hold_out(reference: Reference, rng: np.random.Generator) -> tuple[Reference, Reference]:
    """Split donors in halves such that both know as many populations as possible.

    Raises
    ------
    DesignError
        With fewer than two donors.
    """
    donors = np.array(reference.donors)
    if donors.size < 2:
        raise DesignError("Held-out mixtures need at least two donors in the single-cell study.")
    best, most = None, -1
    for _ in range(20):
        drawn = rng.permutation(donors)
        halves = (
            reference.only(drawn[: donors.size // 2].tolist()),
            reference.without(drawn[: donors.size // 2].tolist()),
        )
        shared = len(set(halves[0].populations) & set(halves[1].populations))
        if shared > most:
            best, most = halves, shared
    if best is None or most < 2:
        raise DesignError("No split of the donors leaves two populations in both halves.")
    return best


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which populations bulk samples measured in some genes can show.

    Parameters
    ----------
    table
        One row per population.
    mixtures
        True and estimated shares of the simulated mixtures.
    """

    table: pd.DataFrame
    mixtures: pd.DataFrame

    schema: ClassVar[TableSchema] = RESOLUTION

    def __post_init__(self) -> None:
        self.schema.check(self.table)


def resolve(
    reference: Reference,
    available: set[str],
    rng: np.random.Generator,
    *,
    n_mixtures: int = 400,
    platform_sd: float = PLATFORM_SD,
) -> Resolution:
    """Check on simulated mixtures of held-out donors what deconvolution can resolve.

    Parameters
    ----------
    reference
        What the populations express.
    available
        Genes that the bulk cohort measures.
    rng
        Source of the mixtures.
    n_mixtures
        Mixtures, in each of which a population is absent or of random share.
    platform_sd
        Spread of gene efficiencies between platforms, log2.

    Returns
    -------
    Resolution
        Correlation, blank and detection limit of each population.

    Raises
    ------
    DesignError
        When donors cannot be held out.
    """
    seen, unseen = hold_out(reference, rng)
    names = tuple(sorted(set(seen.populations) & set(unseen.populations)))
    seen, unseen = seen.restricted_to(names), unseen.restricted_to(names)
    markers = marker_genes(seen, available)
    genes = sorted({gene for chosen in markers.values() for gene in chosen})
    if len(genes) < len(names):
        raise DesignError(
            f"Only {len(genes)} marker genes are measured for {len(names)} populations."
        )
    column = {gene: at for at, gene in enumerate(reference.genes)}
    at = [column[gene] for gene in genes]
    profiles = seen.profiles()[:, at]
    efficiency = 2 ** rng.normal(0, platform_sd, len(genes))
    mixer = Mixer(unseen.profiles()[:, at], efficiency)
    truth = compositions(len(names), n_mixtures, rng)
    guess = shares(mixer.mix(truth, rng), profiles)
    rows = []
    for k, name in enumerate(names):
        correlation = _correlation(truth[:, k], guess[:, k])
        blank, limit = detection(truth[:, k], guess[:, k])
        verdict = _verdict(correlation, limit, len(markers[name]))
        rows.append((name, len(markers[name]), correlation, blank, limit, verdict))
    mixtures = pd.DataFrame(
        {
            "population": np.tile(np.array(names, dtype=object), n_mixtures),
            "true_share": truth.ravel(),
            "estimated_share": guess.ravel(),
        }
    )
    table = pd.DataFrame(rows, columns=RESOLUTION.names)
    return Resolution(RESOLUTION.build({name: table[name] for name in RESOLUTION.names}), mixtures)


def _correlation(truth: FloatArray, guess: FloatArray) -> float:
    if truth.std() == 0 or guess.std() == 0:
        return float("nan")
    return float(np.corrcoef(truth, guess)[0, 1])


def compositions(n_populations: int, n_mixtures: int, rng: np.random.Generator) -> FloatArray:
    """Draw compositions in which rare, common and absent populations are all frequent."""
    drawn = np.exp(rng.uniform(np.log(SMALLEST), 0.0, (n_mixtures, n_populations)))
    drawn[rng.random(drawn.shape) < ABSENT] = 0.0
    drawn[np.arange(n_mixtures), rng.integers(0, n_populations, n_mixtures)] += SMALLEST
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def detection(truth: FloatArray, guess: FloatArray) -> tuple[float, float]:
    """Find the blank and the least share that stands out of it.

    Parameters
    ----------
    truth, guess
        True and estimated shares of one population.

    Returns
    -------
    tuple
        What 95 % of samples without the population stay below, and the lowest share from which
        on, octave by octave, 95 % of samples lie above that; NaN where there is none.
    """
    absent = truth == 0
    if not absent.any():
        return float("nan"), float("nan")
    blank = float(np.quantile(guess[absent], 0.95))
    limit = float("nan")
    for share in reversed(LADDER):
        octave = (truth >= share) & (truth < 2 * share)
        if not octave.any():
            continue
        if np.mean(guess[octave] > blank) < 0.95:
            break
        limit = share
    return blank, limit


def _verdict(correlation: float, limit: float, n_markers: int) -> str:
    if n_markers < MIN_MARKERS or not correlation >= RESOLVED or np.isnan(limit):
        return "not resolvable"
    return "resolvable" if limit <= 0.01 else f"only above {limit:.1%}"
