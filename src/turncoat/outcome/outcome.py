"""Whether patients with more of a cell state fare worse, in cohorts nobody chose for it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, DesignError, DesignWarning, warn
from turncoat.outcome.asking import ADJUST, ask, effect_rows, sight_row, with_gain
from turncoat.outcome.cohorts.cohort import Cohort
from turncoat.outcome.deconvolution import Resolution, resolve
from turncoat.outcome.machinery import check_against_lifelines
from turncoat.outcome.pooling import pool_answers
from turncoat.outcome.reference import Reference, reference_of
from turncoat.outcome.result import (
    COHORT_RESOLUTION,
    CURVES,
    EFFECTS,
    POOLED,
    RANDOM,
    SIGHT,
    Outcome,
)
from turncoat.outcome.scoring import MIN_COVERAGE
from turncoat.outcome.signature import Rules, Signature, Unmeasured, signature_of
from turncoat.outcome.tabulate import (
    considered_genes,
    curves_of,
    dropped_by,
    params_of,
    with_random,
    with_resolution,
)
from turncoat.outcome.verdict import SMALLEST_HR
from turncoat.tables import FloatArray, store
from turncoat.tally import layout

if TYPE_CHECKING:
    import anndata as ad


def signature(
    tally: "ad.AnnData",
    *,
    population: str,
    genes: Mapping[str, float] | None = None,
    name: str = "",
    malignant: Sequence[str] = ("Malignant",),
    parts: Sequence[str] = (),
    unmeasured: Unmeasured = "drop",
    min_log2_ratio: float = Rules().min_log2_ratio,
    origin: str = "",
) -> Signature:
    """Make a bulk score of a population or a state, with genes specific to it in this study.

    Parameters
    ----------
    tally
        The tally: the genes of the score must be higher in the population than in every other
        population of it.
    population
        The population; with ``genes``, the one whose state they describe.
    genes
        Genes of the state, 1 for more and -1 for less. None takes the population's markers.
    name
        What tables and figures call it.
    malignant
        Names of the malignant populations.
    parts
        Populations that belong to ``population`` and are no rivals of it.
    unmeasured
        Whether a named gene that the study did not measure is dropped or kept on trust.
    min_log2_ratio
        How far above the next population a gene must be.
    origin
        Where the genes come from.

    Returns
    -------
    Signature
        The genes with the reason for each that is not used.

    Raises
    ------
    MissingKeyError
        When the tally has no such population.

    Examples
    --------
    >>> turncoat.tl.signature(tally, population="NK")  # doctest: +SKIP
    """
    rules = Rules(min_log2_ratio=min_log2_ratio, unmeasured=unmeasured)
    return signature_of(
        reference_from(tally),
        population,
        name=name,
        genes=genes,
        malignant=malignant,
        parts=parts,
        rules=rules,
        origin=origin,
    )


def reference_from(tally: "ad.AnnData") -> Reference:
    """Take from a tally what each population expresses in each donor."""
    return reference_of(
        [str(gene) for gene in tally.var_names],
        [str(name) for name in tally.obs[layout.POPULATION]],
        [str(name) for name in tally.obs[layout.DONOR]],
        tally.obs[layout.N_CELLS].to_numpy(dtype=float),
        _dense(tally.layers[layout.COUNTS]),
        _dense(tally.layers[layout.DETECTED]),
    )


def _dense(values: object) -> FloatArray:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=float)


def outcome(
    tally: "ad.AnnData",
    *,
    signatures: Sequence[Signature],
    cohorts: Sequence[Cohort],
    adjust: Sequence[str] = ADJUST,
    smallest_hr: float = SMALLEST_HR,
    min_coverage: float = MIN_COVERAGE,
    n_random: int = 1000,
    n_boot: int = 100,
    cross_check: bool = True,
    seed: int = 0,
    key_added: str | None = "outcome",
) -> Outcome:
    """Ask patient cohorts what more of a cell state costs.

    Each score is asked for its hazard ratio per standard deviation beside the covariates,
    pooled over cohorts, and held against random signatures in the same models. A score that a
    cohort cannot measure is refused, and a cohort that is too small says so.

    Parameters
    ----------
    tally
        The single-cell study that the signatures come from.
    signatures
        From :func:`turncoat.tl.signature`.
    cohorts
        From :func:`turncoat.ds.cohort` or a TOML file.
    adjust
        Covariates, most important first. Later ones are left out where events are few.
    smallest_hr
        The hazard ratio per standard deviation that would matter.
    min_coverage
        Share of a signature's genes that a cohort must measure.
    n_random
        Random signatures; 0 asks none, and then nothing can be worse or better than chance.
    n_boot
        Bootstrap samples for the gain in concordance.
    cross_check
        Refit every unpenalised model with lifelines and refuse to disagree with it.
    seed
        Seed of all random numbers.
    key_added
        Where the result is stored in ``tally.uns["turncoat"]``; None to store nothing.

    Returns
    -------
    Outcome
        Verdicts, and everything they rest on.

    Raises
    ------
    ArgumentError
        Without a signature or a cohort, or with two of the same name.

    References
    ----------
    Venet, Dumont and Detours (2011), PLoS Comput Biol 7:e1002240. Hartung and Knapp (2001),
    Stat Med 20:3875.

    Examples
    --------
    >>> turncoat.tl.outcome(tally, signatures=[nk], cohorts=[tc.ds.cohort("gse1992")])  # doctest: +SKIP
    """
    _check_names("signatures", [each.name for each in signatures])
    _check_names("cohorts", [each.name for each in cohorts])
    streams = np.random.default_rng(seed).spawn(len(signatures) * len(cohorts) + len(cohorts) + 1)
    asked = [
        with_gain(
            ask(signature, cohort, adjust=adjust, min_coverage=min_coverage), streams.pop(), n_boot
        )
        for signature in signatures
        for cohort in cohorts
    ]
    if cross_check:
        for each in asked:
            check_against_lifelines(each)
    answers = pool_answers(
        asked, cohorts, n_random=n_random, smallest_hr=smallest_hr, rng=streams.pop()
    )
    resolution = _resolutions(reference_from(tally), cohorts, streams)
    effects = EFFECTS.build([row for each in asked for row in effect_rows(each)])
    result = Outcome(
        table=POOLED.build(answers.rows),
        effects=with_random(effects, answers.random_pvalues),
        sight=with_resolution(SIGHT.build([sight_row(each) for each in asked]), asked, resolution),
        genes=considered_genes(signatures),
        resolution=resolution,
        random=RANDOM.build(answers.random),
        curves=CURVES.build([row for each in asked for row in curves_of(each)]),
        dropped=dropped_by(cohorts),
        params=params_of(signatures, cohorts, adjust, smallest_hr, n_random, n_boot, seed),
    )
    if key_added is not None:
        store(tally, key_added, result)
    return result


def _check_names(what: str, names: list[str]) -> None:
    if not names:
        raise ArgumentError(f"'{what}' is empty: nothing can be asked.")
    if len(set(names)) < len(names):
        raise ArgumentError(f"'{what}' must have different names; got {names}.")


def _resolutions(
    reference: Reference, cohorts: Sequence[Cohort], streams: list[np.random.Generator]
) -> pd.DataFrame:
    """Check per cohort which populations its genes could resolve."""
    parts = []
    for cohort in cohorts:
        try:
            found: Resolution = resolve(reference, set(cohort.genes), streams.pop())
        except DesignError as error:
            warn(f"Cohort '{cohort.name}': no resolution check. {error}", DesignWarning)
            continue
        parts.append(found.table.assign(cohort=cohort.name))
    if not parts:
        return COHORT_RESOLUTION.build([])
    joined = pd.concat(parts)
    return COHORT_RESOLUTION.build({name: joined[name] for name in COHORT_RESOLUTION.names})
