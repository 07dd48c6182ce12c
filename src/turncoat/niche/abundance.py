"""Which populations become more or less common, donor by donor."""

from collections.abc import Sequence
from typing import Any, Literal

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.errors import DesignError, DesignWarning, MissingKeyError, warn
from turncoat.niche.make_up import cells_per_unit, composition_rows, ratio_rows, unit_columns
from turncoat.niche.quantities import (
    DEFAULT_RATIOS,
    Ratio,
    parse_ratio,
    quantities,
)
from turncoat.niche.result import Abundance
from turncoat.stats.compare import Donors, compare
from turncoat.stats.composition import beta_binomial_pvalue, interval_of_test
from turncoat.stats.contrast import Contrast
from turncoat.stats.design import covariate_columns, why_not_exchangeable
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.stats.permutation import N_PERMUTATIONS
from turncoat.stats.units import Units, arrange
from turncoat.tables import FloatArray, store
from turncoat.tally import layout
from turncoat.tally.arms import block_labels, check_contrast, tally_meta, tissues_within

NAN = float("nan")
ODDS = ("odds", "odds_lower", "odds_upper", "odds_pvalue")


def abundance(
    tally: ad.AnnData,
    contrast: Contrast,
    *,
    ratios: Sequence[str] | None = None,
    min_donors: int = 3,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    key_added: str | None = "abundance",
) -> Abundance:
    """Tell which populations, and which ratios of populations, differ between donors' samples.

    Shares are parts of a whole: one population's gain is the others' loss. Hence log-ratios:
    named ones such as Treg/NK say what they say whatever else is in the sample; the centred
    log-ratio compares each population with the sample's geometric mean.

    Parameters
    ----------
    tally
        A tally of a study whose samples were neither sorted nor subsampled.
    contrast
        What is compared: in pairs or other blocks, and adjusted for its covariates, as it asks.
    ratios
        Named ratios, ``"A/B"`` or ``"A + B/C"``; Treg/NK where the study has both by default.
    min_donors
        Donors needed in each arm.
    n_permutations
        Permutations drawn where there are more than 20,000 arrangements.
    seed
        Fixes those draws.
    key_added
        Where the result is kept in ``tally.uns["turncoat"]``; None to keep it nowhere.

    Returns
    -------
    Abundance
        All rows abstained, with the reason, where the study says that its cells were sorted or
        subsampled: shares then say how the study was made, not what the tissue holds.

    Raises
    ------
    MissingKeyError, StudyError, DesignError
        When the contrast does not fit the tally, or a ratio's population does not occur.

    References
    ----------
    Aitchison (1986), *The Statistical Analysis of Compositional Data*; Kos et al. (2022), *Cell
    Reports* 38:110447 (Treg/NK in sentinel nodes).

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.tl.abundance(tally, contrast, ratios=["Treg/NK"])  # doctest: +SKIP
    """
    check_contrast(tally, contrast)
    populations = sorted(set(tally.obs[layout.POPULATION].astype(str)))
    named = _ratios(ratios, populations)
    params = {
        "contrast": contrast.label,
        "case": contrast.case,
        "reference": contrast.reference,
        "ratios": [ratio.name for ratio in named],
        "min_donors": min_donors,
        "n_permutations": n_permutations,
        "seed": seed,
        "study_kind": str(tally_meta(tally, "study_kind", "unsorted")),
    }
    if params["study_kind"] != "unsorted":
        result = _refused(populations, named, params)
    else:
        rows, composition, values = [], [], []
        for tissue in tissues_within(tally, contrast):
            cells, facts = cells_per_unit(tally, contrast, populations, tissue)
            rows += _rows(tally, cells, facts, contrast, named, tissue, params)
            composition += composition_rows(cells, facts, tissue)
            values += ratio_rows(cells, facts, named, tissue)
        result = Abundance(
            _with_qvalues(rows),
            Abundance.composition_schema.build(composition),
            Abundance.ratios_schema.build(values),
            params,
        )
    if key_added is not None:
        store(tally, key_added, result)
    return result


def _ratios(chosen: Sequence[str] | None, populations: list[str]) -> list[Ratio]:
    if chosen is not None:
        return [parse_ratio(text, populations) for text in chosen]
    found = []
    for text in DEFAULT_RATIOS:
        try:
            found.append(parse_ratio(text, populations))
        except MissingKeyError:
            continue
    return found


def _refused(populations: list[str], named: list[Ratio], params: dict[str, Any]) -> Abundance:
    kind = params["study_kind"]
    reason = (
        f"the study declares its cells as {kind}: how many cells of a population there are says "
        "how the study was made, not what the tissue holds"
    )
    warn(f"Abundance is not tested: {reason}.", DesignWarning)
    names = [(ratio.name, "ratio") for ratio in named] + [(p, "centred") for p in populations]
    rows = [
        _blank(name, what, "") | {"status": "abstained", "reason": reason} for name, what in names
    ]
    return Abundance(
        Abundance.table_schema.build(rows),
        Abundance.composition_schema.build([]),
        Abundance.ratios_schema.build([]),
        params,
    )


def _blank(quantity: str, kind: str, tissue: str) -> dict[str, Any]:
    numbers = ("shift", "lower", "upper", "pvalue", "qvalue", "p_floor", *ODDS)
    row: dict[str, Any] = {"quantity": quantity, "kind": kind, "tissue": tissue, "reason": ""}
    row |= {"status": "tested", "n_donors": 0, "n_case": 0, "n_reference": 0}
    return row | dict.fromkeys(numbers, NAN)


def _rows(
    tally: ad.AnnData,
    cells: pd.DataFrame,
    facts: pd.DataFrame,
    contrast: Contrast,
    named: list[Ratio],
    tissue: str,
    params: dict[str, Any],
) -> list[dict[str, Any]]:
    names, kinds, values = quantities(cells, named)
    case = facts["case"].to_numpy(dtype=bool)
    columns = unit_columns(tally, contrast, facts, tissue)
    block = _block(contrast, columns, facts)
    units = arrange(list(facts["donor"]), case, block=block)
    rows = []
    for place, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        keep = np.isfinite(values[:, place])
        own = units if keep.all() else units.take(keep)
        covariates = columns.loc[keep, list(contrast.covariates)]
        row = _test(values[keep, place], own, covariates, params) | {"tissue": tissue}
        row |= {"quantity": name, "kind": kind}
        if kind == "centred" and row["status"] == "tested" and own.pairing == "unpaired":
            counts = cells[name].to_numpy(dtype=float)
            adjusted = covariate_columns(covariates, list(covariates.columns.astype(str)), own)
            row |= _odds(counts, cells.sum(axis=1).to_numpy(dtype=float), own, adjusted)
        rows.append(row)
    return rows


def _block(
    contrast: Contrast, columns: pd.DataFrame, facts: pd.DataFrame
) -> list[str] | Literal["donor"] | None:
    if contrast.block in (None, layout.DONOR):
        return "donor" if contrast.block else None
    return block_labels(columns[contrast.block], list(facts["donor"]))


def _test(
    values: FloatArray, units: Units, covariates: pd.DataFrame, params: dict[str, Any]
) -> dict[str, Any]:
    row = _blank("", "", "")
    case, reference = units.n_case, units.n_reference
    row |= {"n_donors": units.n_donors, "n_case": case, "n_reference": reference}
    if min(case, reference) < params["min_donors"]:
        reason = f"{case} donors against {reference}; at least {params['min_donors']} needed"
        return row | {"status": "not_testable", "reason": reason}
    reason = "the same in all donors" if np.ptp(values) == 0 else why_not_exchangeable(units)
    if reason:
        return row | {"status": "not_testable", "reason": reason}
    try:
        columns = covariate_columns(covariates, list(covariates.columns.astype(str)), units)
    except DesignError as error:
        return row | {"status": "not_testable", "reason": str(error)}
    donors = Donors(units, np.ones(values.size), columns)
    permuted, found = compare(
        values[:, np.newaxis],
        donors,
        seed=params["seed"],
        n_permutations=params["n_permutations"],
    )
    lower, upper = found.interval()
    same = [
        str(name) for name in covariates if not (covariates[name] != covariates[name].iloc[0]).any()
    ]
    return row | {
        "reason": f"not adjusted for {', '.join(same)}: the same in all donors" if same else "",
        "shift": found.effect[0],
        "lower": lower[0],
        "upper": upper[0],
        "pvalue": permuted.pvalue()[0],
        "p_floor": units.floor(params["n_permutations"]),
    }


def _odds(
    counts: FloatArray, totals: FloatArray, units: Units, covariates: FloatArray
) -> dict[str, float]:
    if counts.sum() == 0:
        return {}
    design = np.column_stack([np.ones(counts.size), units.case, covariates])
    effect, pvalue = beta_binomial_pvalue(counts, totals, design, 1)
    lower, upper = interval_of_test(effect, pvalue, len(counts) - design.shape[1])
    return dict(zip(ODDS, (effect, lower, upper, pvalue), strict=True))


def _with_qvalues(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = Abundance.table_schema.build(rows)
    for kind in ("ratio", "centred"):
        own = (table["kind"] == kind).to_numpy()
        table.loc[own, "qvalue"] = benjamini_hochberg(table.loc[own, "pvalue"].to_numpy())
    return table
