"""The allegiance question as a user asks it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, get_args

import anndata as ad
import pandas as pd

from turncoat.allegiance.assemble import (
    coverage_table,
    dropped_table,
    gene_table,
    score_table,
    verdict_table,
)
from turncoat.allegiance.gather import Knowledge, Limits, gather
from turncoat.allegiance.moderation import Moderation, learn_moderation
from turncoat.allegiance.result import Allegiance
from turncoat.allegiance.science import AxesPlan
from turncoat.errors import ArgumentError, DesignWarning, DroppedDataWarning, warn
from turncoat.stats.contrast import Contrast
from turncoat.stats.permutation import N_PERMUTATIONS
from turncoat.stats.scale import Scale
from turncoat.tables import store
from turncoat.tally.arms import tally_meta

#: Half-width of the equivalence band: a fold of 0.80 to 1.25, the limits within which
#: medicines count as bioequivalent (FDA 2003; EMA 2010).
BAND = math.log2(1.25)

Test = Literal["permutation", "moderated"]


def allegiance(  # noqa: PLR0913 - the question's choices; each stands alone
    tally: ad.AnnData,
    contrast: Contrast,
    *,
    programmes: pd.DataFrame | None = None,
    matches: Mapping[str, str] | None = None,
    contaminants: Sequence[str] | None = None,
    min_cells: int = 1,
    min_donors: int = 3,
    fdr: float = 0.05,
    band: float = BAND,
    test: Test = "permutation",
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    key_added: str | None = "allegiance",
) -> Allegiance:
    """Tell which populations switched sides, which stayed loyal, and which cannot be told.

    Each population with a known programme gets two scores per donor, anti-tumour and
    pro-tumour, and one permutation test over donors of "lost the one or gained the other".

    Parameters
    ----------
    tally
        A tally (:func:`turncoat.pp.tally`).
    contrast
        What is compared. With ``block="donor"``, donors with both arms are compared with
        themselves and the others are used as well.
    programmes
        Columns population, axis (anti_tumour or pro_tumour), gene, weight, and optionally
        species; the bundled table by default.
    matches
        Which programme a population has, where its name does not tell: label to name.
    contaminants
        Populations whose RNA pollutes others in the same sample; that share is estimated and
        taken off. By default those whose label means malignant cells; none with ``()``.
    min_cells
        Units of fewer cells are left out. 1 by default: a donor with few cells is given less
        weight instead, which no doubling of cells changes.
    min_donors
        Donors needed in each arm; with 3 against 3 the smallest p-value is 0.05.
    fdr
        False-discovery rate over all rows.
    band
        Half-width, in log2, of the band within which a population counts as unmoved.
    test
        What verdicts rest on: ``"permutation"``, which assumes nothing but that donors are
        exchangeable under the null, or ``"moderated"``, which finds more with few donors by
        learning each score's spread from the study's other scores, and assumes normal scores.
        With fewer than eight tested scores it warns, and the permutation test decides.
    n_permutations
        Permutations drawn where there are more than 20,000 arrangements.
    seed
        Fixes those draws.
    key_added
        Where the result is kept in ``tally.uns["turncoat"]``; None to keep it nowhere.

    Returns
    -------
    Allegiance
        Verdicts, and the tables behind them.

    Raises
    ------
    ArgumentError
        When a number is out of range.
    MissingKeyError, StudyError, DesignError
        When the contrast does not fit the tally.
    KnowledgeError
        When the programmes are unusable, or share no gene with the tally.

    Examples
    --------
    >>> import turncoat as tc
    >>> contrast = tc.Contrast("tissue", "tLung", "nLung", block="donor")
    >>> result = tc.tl.allegiance(tally, contrast)  # doctest: +SKIP
    """
    if test not in get_args(Test):
        raise ArgumentError(f"'test' should be permutation or moderated; got {test!r}.")
    _check_numbers(fdr=fdr, min_donors=min_donors, n_permutations=n_permutations, band=band)
    plan = AxesPlan(band, seed, n_permutations)
    limits = Limits(min_cells, min_donors, fdr)
    knowledge = Knowledge(programmes, matches, contaminants)
    gathered = gather(tally, contrast, knowledge, plan, limits)
    lines = gathered.lines
    moderation = learn_moderation(lines, decides=test == "moderated")
    verdicts, without = verdict_table(lines, plan, moderation, min_donors=min_donors, fdr=fdr)
    result = Allegiance(
        table=verdicts,
        scores=score_table(lines),
        coverage=coverage_table(gathered.programmes),
        leave_one_out=without,
        genes=gene_table(lines, [str(gene) for gene in tally.var_names], plan),
        contamination=Allegiance.contamination_schema.build(gathered.shares),
        dropped=dropped_table([*lines, *gathered.others]),
        params=_params(contrast, tally, gathered.polluting, plan, limits) | _learned(moderation),
    )
    _tell(result)
    if key_added is not None:
        store(tally, key_added, result)
    return result


def _check_numbers(*, fdr: float, min_donors: int, n_permutations: int, band: float) -> None:
    if not 0 < fdr < 1:
        raise ArgumentError(f"'fdr' should lie between 0 and 1; got {fdr!r}.")
    if min_donors < 2:
        raise ArgumentError(f"'min_donors' should be at least 2; got {min_donors!r}.")
    if n_permutations < 99:
        raise ArgumentError(f"'n_permutations' should be at least 99; got {n_permutations!r}.")
    if not band > 0:
        raise ArgumentError(f"'band' should be a positive number of log2 units; got {band!r}.")


def _params(
    contrast: Contrast,
    tally: ad.AnnData,
    polluting: tuple[str, ...],
    plan: AxesPlan,
    limits: Limits,
) -> dict[str, Any]:
    return {
        "contrast": contrast.label,
        "variable": contrast.variable,
        "case": contrast.case,
        "reference": contrast.reference,
        "block": contrast.block or "",
        "covariates": list(contrast.covariates),
        "contaminants": list(polluting),
        **asdict(limits),
        **asdict(plan),
        "synthetic": str(tally_meta(tally, "synthetic")),
    }


def _learned(moderation: Moderation) -> dict[str, Any]:
    # Where nothing was learned, the expectation is worth nothing.
    scale = moderation.scale or Scale(1.0, 0.0, 0)
    return {
        "test": "moderated" if moderation.decides else "permutation",
        "scale_factor": scale.factor,
        "scale_freedom": scale.freedom,
    }


def _tell(result: Allegiance) -> None:
    open_rows = result.table[result.table["status"] != "tested"]
    if len(open_rows) == len(result.table):
        warn(
            "No population can be tested with these donors: the result only describes "
            "(no p-values). Its reasons are in .table.",
            DesignWarning,
        )
    elif not result.dropped.empty:
        names = ", ".join(dict.fromkeys(result.dropped["what"]))
        warn(f"Left out, with the reason in .dropped: {names}.", DroppedDataWarning)
