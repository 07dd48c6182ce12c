"""Three ways to compare a gene between the donors of two arms."""

import warnings
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.special import ndtri

from turncoat.errors import ArgumentError, require
from turncoat.stats.compare import Donors, compare
from turncoat.stats.design import stratum_columns
from turncoat.stats.laws import never_zero
from turncoat.stats.library import effective_library
from turncoat.stats.moderated import fit_linear, moderated_test, voom
from turncoat.stats.units import Units
from turncoat.tables import FloatArray

Method = Literal["moderated", "permutation", "deseq2"]

#: Permutations drawn where not all can be enumerated: genes are many, each needs less resolution.
N_PERMUTATIONS = 1_999
LEVEL = 0.05
#: Student's and the normal law set no smallest p-value.
NO_FLOOR = float("nan")


@dataclass(frozen=True, slots=True)
class GeneFits:
    """Shifts of genes, with intervals and p-values, each of shape ``(n_genes,)``; log2."""

    shift: FloatArray
    lower: FloatArray
    upper: FloatArray
    pvalue: FloatArray
    p_floor: float


def check_method(method: str) -> None:
    """Refuse a method that does not exist, or whose package is not there.

    Raises
    ------
    ArgumentError
        When there is no such method.
    MissingExtraError
        When it needs PyDESeq2 and that is not installed.
    """
    if method not in get_args(Method):
        raise ArgumentError(f"'method' should be one of {list(get_args(Method))}; got {method!r}.")
    if method == "deseq2":
        _pydeseq2("pydeseq2.dds")


def _pydeseq2(module: str):  # type: ignore[no-untyped-def]
    return require(module, extra="deseq2", purpose="fit negative-binomial models of genes")


def fit_genes(
    counts: FloatArray, units: Units, covariates: FloatArray, *, method: Method, seed: int
) -> GeneFits:
    """Compare every gene between the arms.

    Parameters
    ----------
    counts
        Summed counts, shape ``(n_units, n_genes)``.
    units
        The donors as arranged; pairs and blocks become columns of the models.
    covariates
        Columns to adjust for, shape ``(n_units, n_columns)``.
    method
        ``moderated``, ``permutation`` or ``deseq2``.
    seed
        Fixes the draws of permutations.

    Returns
    -------
    GeneFits
        NaN where a gene could not be fitted.

    Raises
    ------
    DesignError
        When nothing is left to tell the spread from.
    """
    design = np.column_stack([stratum_columns(units), covariates, units.case.astype(float)])
    if method == "moderated":
        return _moderated(counts, design)
    if method == "permutation":
        return _permuted(counts, units, covariates, seed)
    return _negative_binomial(counts, design)


def _moderated(counts: FloatArray, design: FloatArray) -> GeneFits:
    levels, weights = voom(counts, design, library=effective_library(counts))
    found = moderated_test(fit_linear(levels, design, weights=weights), design.shape[1] - 1)
    lower, upper = found.found.interval()
    return GeneFits(found.found.effect, lower, upper, found.pvalue, NO_FLOOR)


def _permuted(counts: FloatArray, units: Units, covariates: FloatArray, seed: int) -> GeneFits:
    levels = log_cpm(counts)
    donors = Donors(units, np.ones(len(levels)), covariates)
    permuted, found = compare(levels, donors, seed=seed, n_permutations=N_PERMUTATIONS)
    lower, upper = found.interval()
    floor = units.floor(N_PERMUTATIONS)
    return GeneFits(found.effect, lower, upper, permuted.pvalue(), floor)


def log_cpm(counts: FloatArray) -> FloatArray:
    """Turn summed counts into log2 counts per million of the effective library, half a count added."""
    library = effective_library(counts)[:, np.newaxis]
    levels: FloatArray = np.log2((counts + 0.5) / (library + 1) * 1e6)
    return levels


def _negative_binomial(counts: FloatArray, design: FloatArray) -> GeneFits:
    """Fit PyDESeq2's Wald test with a design of our own, all its defaults kept.

    References
    ----------
    Love, Huber and Anders (2014), *Genome Biology* 15:550; Muzellec et al. (2023),
    *Bioinformatics* 39:btad547.
    """
    dds, ds = _pydeseq2("pydeseq2.dds"), _pydeseq2("pydeseq2.ds")
    inference = _pydeseq2("pydeseq2.default_inference").DefaultInference(n_cpus=1)
    names = [f"u{number}" for number in range(len(counts))]
    frame = pd.DataFrame(counts.astype(np.int64), index=names)
    frame.columns = pd.Index([f"g{number}" for number in range(counts.shape[1])])
    columns = [f"c{number}" for number in range(design.shape[1])]
    matrix = pd.DataFrame(design, index=names, columns=columns)
    # The median of ratios needs a gene that every donor has.
    factors = "ratio" if (counts > 0).all(axis=0).any() else "poscounts"
    contrast = np.zeros(design.shape[1])
    contrast[-1] = 1.0
    with warnings.catch_warnings():
        # Genes that do not converge come back as NaN and are said to be so.
        warnings.simplefilter("ignore")
        fitted = dds.DeseqDataSet(
            counts=frame,
            metadata=pd.DataFrame({"unit": names}, index=names),
            design=matrix,
            size_factors_fit_type=factors,
            inference=inference,
            quiet=True,
        )
        fitted.deseq2()
        tested = ds.DeseqStats(fitted, contrast=contrast, inference=inference, quiet=True)
        tested.summary()
    table = tested.results_df
    effect, error = (table[name].to_numpy(dtype=float) for name in ("log2FoldChange", "lfcSE"))
    reach = float(ndtri(1 - LEVEL / 2)) * error
    pvalue = never_zero(table["pvalue"].to_numpy(dtype=float))
    return GeneFits(effect, effect - reach, effect + reach, pvalue, NO_FLOOR)
