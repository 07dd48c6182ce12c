"""Which genes differ between donors, population by population."""

from collections.abc import Sequence
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.allegiance.genes_fit import GeneFits, Method, check_method, fit_genes, log_cpm
from turncoat.allegiance.genes_result import Genes
from turncoat.errors import ArgumentError, DesignError, MissingKeyError, did_you_mean
from turncoat.stats.contrast import Contrast
from turncoat.stats.design import covariate_columns, why_not_exchangeable
from turncoat.stats.multiplicity import hierarchical
from turncoat.tables import BoolArray, FloatArray, store
from turncoat.tally import layout
from turncoat.tally.arms import DonorArms, check_contrast, donor_arms, tissues_within

NAN = float("nan")
#: Levels (log2 CPM) that differ by less differ by rounding alone.
ROUNDING = 1e-9


def genes(
    tally: ad.AnnData,
    contrast: Contrast,
    *,
    populations: Sequence[str] | None = None,
    method: Method = "moderated",
    min_count: int = 10,
    min_cells: int = 1,
    min_donors: int = 3,
    seed: int = 0,
    key_added: str | None = "genes",
) -> Genes:
    """Tell which genes differ between the arms, on counts summed per donor.

    Parameters
    ----------
    tally
        A tally (:func:`turncoat.pp.tally`).
    contrast
        What is compared: in pairs or blocks, and beside covariates, as it asks.
    populations
        Which; all for None.
    method
        ``moderated``: log-CPM with precision weights and moderated t (voom, limma), the default for
        its power with few donors at a true level, set against TMM-scaled libraries (edgeR). ``permutation``: donors' labels exchanged, exact
        where they can be enumerated. ``deseq2``: negative-binomial Wald test by PyDESeq2, which
        ``pip install turncoat[deseq2]`` brings.
    min_count
        Genes of fewer counts over all donors are left out, and counted.
    min_cells, min_donors
        As in :func:`turncoat.tl.allegiance`.
    seed
        Fixes sampled permutations.
    key_added
        Where the result is kept in ``tally.uns["turncoat"]``; None to keep it nowhere.

    Returns
    -------
    Genes
        q-values are hierarchical: over the genes of a population, and over populations.

    Raises
    ------
    ArgumentError
        When a number or the method is not what it should be.
    MissingExtraError
        When the method's package is not installed.
    MissingKeyError, StudyError, DesignError
        When the contrast or a population does not fit the tally.

    References
    ----------
    Law et al. (2014), *Genome Biology* 15:R29; Robinson and Oshlack (2010), *Genome Biology*
    11:R25; Benjamini and Bogomolov (2014), *Journal of the
    Royal Statistical Society B* 76:297; Squair et al. (2021), *Nature Communications* 12:5692
    (why counts are summed per donor).

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.tl.genes(tally, contrast, populations=["NK"]).table  # doctest: +SKIP
    """
    check_method(method)
    if min_donors < 2 or min_count < 1:
        raise ArgumentError(
            f"'min_donors' should be at least 2 and 'min_count' at least 1; got {min_donors} and "
            f"{min_count}."
        )
    check_contrast(tally, contrast)
    wanted = _wanted(tally, populations)
    parts, dropped = [], []
    for tissue in tissues_within(tally, contrast):
        for population in wanted:
            arms = donor_arms(tally, contrast, population, tissue, min_cells=min_cells)
            dropped += _dropped(arms, arms.dropped)
            found, left_out = _one(
                arms, contrast, tally.var_names, method, min_count, min_donors, seed
            )
            parts.append(found)
            dropped += left_out
    result = Genes(
        _with_qvalues(parts),
        Genes.dropped_schema.build(dropped),
        {
            "contrast": contrast.label,
            "method": method,
            "populations": wanted,
            "min_count": min_count,
            "min_cells": min_cells,
            "min_donors": min_donors,
            "seed": seed,
        },
    )
    if key_added is not None:
        store(tally, key_added, result)
    return result


def _wanted(tally: ad.AnnData, populations: Sequence[str] | None) -> list[str]:
    present = sorted(set(tally.obs[layout.POPULATION].astype(str)))
    for name in populations or ():
        if name not in present:
            raise MissingKeyError(
                f"The tally has no population '{name}' (argument 'populations'). "
                f"{did_you_mean(name, present)}"
            )
    return present if populations is None else list(dict.fromkeys(populations))


def _dropped(arms: DonorArms, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    where = {"population": arms.population, "tissue": arms.tissue}
    return [
        where | {"what": row["what"], "n": row["n_cells"], "reason": row["reason"]} for row in rows
    ]


def _one(
    arms: DonorArms,
    contrast: Contrast,
    names: pd.Index,
    method: Method,
    min_count: int,
    min_donors: int,
    seed: int,
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Test one population within one tissue; an empty table with the reason where it cannot be."""
    where = {"population": arms.population, "tissue": arms.tissue}
    n_case, n_reference = int(arms.case.sum()), int((~arms.case).sum())
    if min(n_case, n_reference) < min_donors:
        why = f"{n_case} donors against {n_reference}; at least {min_donors} a side are needed"
        return pd.DataFrame(), [where | {"what": "population", "n": 1, "reason": why}]
    kept = _expressed(arms.counts, min(n_case, n_reference), min_count)
    why = f"fewer than {min_count} counts, or in fewer donors than the smaller arm has"
    left_out = [where | {"what": "genes", "n": int((~kept).sum()), "reason": why}]
    counts = arms.counts[:, kept]
    try:
        units = arms.units(contrast)
        why = why_not_exchangeable(units) or ("" if kept.any() else f"no gene is left: {why}")
        if why:
            return pd.DataFrame(), [where | {"what": "population", "n": 1, "reason": why}]
        covariates = covariate_columns(arms.table, contrast.covariates, units)
        fits = fit_genes(counts, units, covariates, method=method, seed=seed)
    except DesignError as error:
        return pd.DataFrame(), [where | {"what": "population", "n": 1, "reason": str(error)}]
    donors = {"n_donors": units.n_donors, "n_case": n_case, "n_reference": n_reference}
    return _table(fits, counts, names[kept], method).assign(**where, **donors), left_out


def _expressed(counts: FloatArray, n_smaller: int, min_count: int) -> BoolArray:
    enough: BoolArray = (counts.sum(axis=0) >= min_count) & ((counts > 0).sum(axis=0) >= n_smaller)
    return enough


UNFITTED = {
    "deseq2": "the model could not be fitted, or an outlier decides it",
    "moderated": "no spread between donors is left to set the shift against",
}


def _table(fits: GeneFits, counts: FloatArray, names: pd.Index, method: Method) -> pd.DataFrame:
    # A gene that is the same in all donors has no p-value, and a fit that failed has none either.
    varies = np.ptp(log_cpm(counts), axis=0) > ROUNDING
    tested = np.isfinite(fits.pvalue) & varies
    why = np.where(varies, UNFITTED.get(method, ""), "the same in all donors")
    blank = np.where(tested, 1.0, NAN)
    return pd.DataFrame(
        {
            "gene": names.astype(str),
            "status": np.where(tested, "tested", "not_testable"),
            "reason": np.where(tested, "", why),
            "level": log_cpm(counts).mean(axis=0),
            "shift": fits.shift * blank,
            "lower": fits.lower * blank,
            "upper": fits.upper * blank,
            "pvalue": fits.pvalue * blank,
            "p_floor": fits.p_floor,
        }
    )


def _with_qvalues(parts: list[pd.DataFrame]) -> pd.DataFrame:
    full = [part for part in parts if len(part)]
    if not full:
        return Genes.table_schema.build([])
    families = np.repeat(np.arange(len(full)), [len(part) for part in full])
    table = pd.concat(full, ignore_index=True)
    qvalue = hierarchical(table["pvalue"].to_numpy(dtype=float), families)[0]
    return Genes.table_schema.build(
        {str(name): list(column) for name, column in table.assign(qvalue=qvalue).items()}
    )
