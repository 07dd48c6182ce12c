"""The niche question as a user asks it: organ by organ."""

import itertools
from collections.abc import Mapping
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, MissingKeyError, StudyError, did_you_mean
from turncoat.niche.result import Niche
from turncoat.niche.science import (
    PARTS,
    Change,
    Plan,
    change_between,
    change_of_changes,
    openness_values,
    refused,
)
from turncoat.niche.values import (
    STATE_KINDS,
    Values,
    batches_of,
    make_up_values,
    state_values,
    with_batch,
)
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.stats.permutation import N_PERMUTATIONS
from turncoat.tables import store
from turncoat.tally import layout
from turncoat.tally.arms import tally_meta

NAN = float("nan")


def niche(
    tally: ad.AnnData,
    organs: Mapping[str, str],
    *,
    scores: pd.DataFrame,
    batch_key: str | None = None,
    min_donors: int = 3,
    fdr: float = 0.05,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    key_added: str | None = "niche",
) -> Niche:
    """Tell apart what an organ is made of, what its cells do, and what the organ always does.

    Each involved tissue is compared with the healthy or adjacent tissue of the same organ.
    Organs are compared by these changes: a difference that the baselines show as well is the
    organ's own, not the tumour's. (CD56bright NK cells dominate healthy nodes.)

    Parameters
    ----------
    tally
        A tally.
    organs
        Involved tissue to baseline tissue, for instance ``{"tLung": "nLung", "mLN": "nLN"}``.
    scores
        ``turncoat.tl.axis_scores(tally).table``: the cells' state per donor and tissue.
    batch_key
        Column of ``tally.obs`` that must not coincide with the organ.
    min_donors
        Donors needed on each side.
    fdr
        False-discovery rate, within kind.
    n_permutations
        Permutations drawn where there are more than 20,000 arrangements.
    seed
        Fixes those draws.
    key_added
        Where the result is kept in ``tally.uns["turncoat"]``; None to keep it nowhere.

    Returns
    -------
    Niche
        Changes per organ, contrasts of organs, openness with its parts. What the design
        cannot separate (organ and patient, organ and batch) is refused, with the reason.

    Raises
    ------
    StudyError
        When a tissue does not occur.
    MissingKeyError
        When the batch column is absent.
    ArgumentError
        Without an organ, or with one as its own baseline.

    References
    ----------
    Kos et al. (2022), *Cell Reports* 38:110447. Thacker et al. (2023), *Science Translational
    Medicine* 15:eabl4414.

    Examples
    --------
    >>> import turncoat as tc
    >>> scores = tc.tl.axis_scores(tally).table  # doctest: +SKIP
    >>> tc.tl.niche(tally, {"tLung": "nLung"}, scores=scores)  # doctest: +SKIP
    """
    _check(tally, organs, batch_key)
    plan = Plan(min_donors, n_permutations, seed)
    values = state_values(scores) | make_up_values(tally)
    batches = batches_of(tally, batch_key)
    values = {key: with_batch(table, batches) for key, table in values.items()}
    kind = str(tally_meta(tally, "study_kind", "unsorted"))
    if kind != "unsorted":
        # Kept in the tables with the reason, never with a number.
        values = {
            key: table.iloc[:0] if key[1] not in STATE_KINDS else table
            for key, table in values.items()
        }
    result = Niche(
        _changes(values, organs, plan, kind),
        _organs(values, organs, plan, kind, fdr),
        _openness(values, scores, organs, plan),
        {
            "organs": dict(organs),
            "batch_key": batch_key or "",
            "min_donors": min_donors,
            "fdr": fdr,
            "n_permutations": n_permutations,
            "seed": seed,
            "study_kind": kind,
        },
    )
    if key_added is not None:
        store(tally, key_added, result)
    return result


def _check(tally: ad.AnnData, organs: Mapping[str, str], batch_key: str | None) -> None:
    if not organs:
        raise ArgumentError("Give at least one organ: {involved tissue: baseline tissue}.")
    present = sorted(set(tally.obs[layout.TISSUE].astype(str)))
    for involved, baseline in organs.items():
        if involved == baseline:
            raise ArgumentError(f"The organ '{involved}' cannot be its own baseline.")
        for tissue in (involved, baseline):
            if tissue not in present:
                raise StudyError(
                    f"The tissue '{tissue}' does not occur. {did_you_mean(tissue, present)}"
                )
    if batch_key is not None and batch_key not in tally.obs:
        raise MissingKeyError(
            f"tally.obs has no column '{batch_key}' (argument 'batch_key'). "
            f"{did_you_mean(batch_key, tally.obs.columns)}"
        )


def _row(change: Change) -> dict[str, Any]:
    low, high = change.interval()
    return {
        "status": change.status,
        "reason": change.reason,
        "within": change.within,
        "n_donors": change.n_donors,
        "shift": change.shift,
        "lower": low,
        "upper": high,
        "pvalue": change.pvalue,
        "qvalue": NAN,
        "p_floor": change.p_floor,
    }


def _abstained(kind: str) -> Change:
    return refused(
        f"the study declares its cells as {kind}, so its make-up says nothing of the tissue",
        status="abstained",
    )


def _changes(
    values: Values, organs: Mapping[str, str], plan: Plan, study_kind: str
) -> pd.DataFrame:
    rows = []
    for organ, baseline in organs.items():
        for (population, kind), table in values.items():
            if kind not in STATE_KINDS and study_kind != "unsorted":
                change = _abstained(study_kind)
            else:
                change = change_between(table, organ, baseline, plan)
            place = {"organ": organ, "baseline": baseline, "population": population, "kind": kind}
            rows.append(place | _row(change))
    return _with_qvalues(Niche.changes_schema.build(rows), "kind")


def _organs(
    values: Values, organs: Mapping[str, str], plan: Plan, study_kind: str, fdr: float
) -> pd.DataFrame:
    rows = []
    for first, second in itertools.combinations(organs, 2):
        for (population, kind), table in values.items():
            place = {"organ": first, "versus": second, "population": population, "kind": kind}
            if kind not in STATE_KINDS and study_kind != "unsorted":
                raw = resting = own = _abstained(study_kind)
            else:
                raw = change_between(table, first, second, plan, pairs_only=True)
                resting = change_between(
                    table, organs[first], organs[second], plan, pairs_only=True
                )
                pairs = ((first, organs[first]), (second, organs[second]))
                own = change_of_changes(table, *pairs, plan)
            seen = {"raw": raw.shift, "raw_pvalue": raw.pvalue, "raw_reason": raw.reason}
            seen |= {"resting": resting.shift, "resting_pvalue": resting.pvalue}
            rows.append(place | seen | {"verdict": ""} | _row(own))
    table = _with_qvalues(Niche.organs_schema.build(rows), "kind")
    raw_q = _adjusted(table, "raw_pvalue", "kind")
    table["verdict"] = [
        _verdict({str(k): v for k, v in row.items()}, float(q), fdr)
        for row, q in zip(table.to_dict("records"), raw_q, strict=True)
    ]
    return table


def _verdict(row: Mapping[str, Any], raw_q: float, fdr: float) -> str:
    if row["status"] != "tested":
        return "not testable"
    if row["qvalue"] <= fdr:
        return "own change"
    same_way = row["raw"] * row["resting"] > 0
    if raw_q <= fdr and row["resting_pvalue"] <= fdr and same_way:
        return "baseline"
    return "cannot tell"


def _openness(
    values: Values, scores: pd.DataFrame, organs: Mapping[str, str], plan: Plan
) -> pd.DataFrame:
    programme = scores.drop_duplicates("population").set_index("population")["programme"].to_dict()
    parts: dict[str, pd.DataFrame] = {}
    for name, wanted, kind, sign in PARTS:
        found = [
            table
            for (population, own), table in values.items()
            if own == kind and wanted in (population, programme.get(population, population))
        ]
        if found and len(found[0]):
            parts[name] = found[0].assign(value=sign * found[0]["value"])
    tested = parts | {"openness": openness_values(list(parts.values()))}
    rows = [
        {"organ": organ, "baseline": baseline, "part": name}
        | _row(change_between(table, organ, baseline, plan))
        for organ, baseline in organs.items()
        for name, table in tested.items()
    ]
    table = Niche.openness_schema.build(rows)
    # The openness is one question per organ; its parts explain it.
    whole = (table["part"] == "openness").to_numpy()
    for member in (whole, ~whole):
        pvalues = table.loc[member, "pvalue"].to_numpy()
        table.loc[member, "qvalue"] = benjamini_hochberg(pvalues)
    return table


def _with_qvalues(table: pd.DataFrame, by: str) -> pd.DataFrame:
    return table.assign(qvalue=_adjusted(table, "pvalue", by))


def _adjusted(table: pd.DataFrame, column: str, by: str) -> np.ndarray:
    out = np.full(len(table), np.nan)
    for members in table.groupby(by).indices.values():
        out[members] = benjamini_hochberg(table[column].to_numpy()[members])
    return out
