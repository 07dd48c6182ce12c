"""Change of an organ against its own baseline, and organs against each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from turncoat.stats.clustered import clustered_contrast
from turncoat.stats.compare import Donors, compare
from turncoat.stats.estimate import Estimate
from turncoat.stats.laws import student_tail
from turncoat.stats.units import Units, arrange
from turncoat.tables import FloatArray

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Plan:
    """How changes are tested.

    Parameters
    ----------
    min_donors
        Donors needed on each side.
    n_permutations
        Permutations drawn where there are too many to enumerate.
    seed
        Fixes the draws.
    """

    min_donors: int
    n_permutations: int
    seed: int


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between two sides, tested or with the reason why not.

    Parameters
    ----------
    status, reason
        ``tested``, ``not_testable`` or ``abstained``, and why.
    within
        Whether patients were compared with themselves: ``within patients``, ``between
        patients``, ``both``.
    n_donors
        Donors that enter.
    shift, error, freedom
        Estimate; NaN where not made.
    pvalue
        Two-sided p-value.
    p_floor
        Smallest p-value that this design's permutations can reach; NaN on Student's law.
    """

    status: str
    reason: str
    within: str
    n_donors: int
    shift: float = NAN
    error: float = NAN
    freedom: float = NAN
    pvalue: float = NAN
    p_floor: float = NAN

    def interval(self) -> tuple[float, float]:
        """Give the 95 % interval."""
        found = Estimate(*(np.array([v]) for v in (self.shift, self.error, self.freedom)))
        low, high = found.interval()
        return float(low[0]), float(high[0])


def refused(reason: str, *, status: str = "not_testable", n_donors: int = 0) -> Change:
    """Make a change that was not tested."""
    return Change(status, reason, "", n_donors)


WITHIN = {"paired": "within patients", "partly paired": "both", "unpaired": "between patients"}


def change_between(
    values: pd.DataFrame, case: str, reference: str, plan: Plan, *, pairs_only: bool = False
) -> Change:
    """Test a quantity between two tissues, patients with themselves where they gave both.

    Parameters
    ----------
    values
        Columns donor, tissue, value, weight, batch (empty where unknown).
    case, reference
        The tissues.
    plan
        Donors needed, permutations, seed.
    pairs_only
        Compare only patients with themselves: what differs between organs differs between
        patients too, unless each gave both.

    Returns
    -------
    Change
        Refused where organ and patient, or organ and batch, cannot be told apart.
    """
    own = values[values["tissue"].isin([case, reference])].dropna(subset=["value"])
    own = own.sort_values(["donor", "tissue"], kind="stable")
    if pairs_only:
        both = own.groupby("donor")["tissue"].nunique()
        own = own[own["donor"].isin(both.index[both > 1])]
        if own["donor"].nunique() < plan.min_donors:
            return refused(
                f"organ and patient cannot be told apart: {own['donor'].nunique()} patients gave "
                f"both {case} and {reference}, {plan.min_donors} are needed",
                n_donors=int(own["donor"].nunique()),
            )
    reason = _confounded(own, case, reference)
    if reason:
        return refused(reason)
    units = arrange(list(own["donor"]), list(own["tissue"] == case), block="donor")
    return _test(own["value"].to_numpy(), units, own["weight"].to_numpy(), plan)


def _confounded(own: pd.DataFrame, case: str, reference: str) -> str:
    batches = [set(own.loc[own["tissue"] == side, "batch"]) - {""} for side in (case, reference)]
    if all(batches) and not batches[0] & batches[1]:
        first, second = (", ".join(sorted(side)[:3]) for side in batches)
        return (
            f"organ and batch cannot be told apart: {case} was measured in {first}, "
            f"{reference} in {second}"
        )
    return ""


def _changes_confounded(
    values: pd.DataFrame, first: tuple[str, str], second: tuple[str, str]
) -> str:
    """Say where batches decide a difference of changes; they cancel where they are the same in both."""
    reasons = [_confounded(values[values["tissue"].isin(pair)], *pair) for pair in (first, second)]
    batch = {
        str(tissue): frozenset(own["batch"]) - {""} for tissue, own in values.groupby("tissue")
    }
    sides = [tuple(batch.get(tissue) for tissue in pair) for pair in (first, second)]
    return "" if sides[0] == sides[1] else next(filter(None, reasons), "")


def _test(values: FloatArray, units: Units, weights: FloatArray, plan: Plan) -> Change:
    sides = (units.n_case, units.n_reference)
    if min(sides) < plan.min_donors:
        return refused(
            f"{sides[0]} donors against {sides[1]}; at least {plan.min_donors} are needed",
            n_donors=units.n_donors,
        )
    if units.n_arrangements == 1 or np.ptp(values) == 0:
        return refused("the same in all donors", n_donors=units.n_donors)
    donors = Donors(units, weights, np.zeros((values.size, 0)))
    permuted, found = compare(
        values[:, np.newaxis], donors, seed=plan.seed, n_permutations=plan.n_permutations
    )
    return Change(
        "tested",
        "",
        WITHIN[units.pairing],
        units.n_donors,
        float(found.effect[0]),
        float(found.error[0]),
        float(found.freedom[0]),
        float(permuted.pvalue()[0]),
        units.floor(plan.n_permutations),
    )


def change_of_changes(
    values: pd.DataFrame, first: tuple[str, str], second: tuple[str, str], plan: Plan
) -> Change:
    """Compare two organs' changes against their own baselines.

    Patients who gave all four tissues are compared with themselves, by permutation. With too few
    of them, Student's law decides: where no patient has a say in both changes these are
    independent; where some have (three of four tissues, say) their values are taken together,
    patient by patient, for what one patient gave hangs together.

    Parameters
    ----------
    values
        Columns donor, tissue, value, weight, batch.
    first, second
        Involved tissue and baseline of either organ.
    plan
        Donors needed, permutations, seed.

    Returns
    -------
    Change
        First organ's change less the second's.
    """
    reason = _changes_confounded(values, first, second)
    if reason:
        return refused(reason)
    wide = values.pivot_table(index="donor", columns="tissue", values="value")
    needed = [*first, *second]
    complete = wide.reindex(columns=needed).dropna()
    if len(complete) >= plan.min_donors and len(set(needed)) == len(needed):
        change = (complete[first[0]] - complete[first[1]]) - (
            complete[second[0]] - complete[second[1]]
        )
        stacked = np.concatenate([change.to_numpy(), np.zeros(len(change))])
        donors = list(complete.index) * 2
        units = arrange(donors, [True] * len(change) + [False] * len(change), block="donor")
        return _test(stacked, units, np.ones(stacked.size), plan)
    parts = [change_between(values, *pair, plan) for pair in (first, second)]
    untested = next((part for part in parts if part.status != "tested"), None)
    if untested is not None:
        return untested
    givers = [
        set(values.loc[values["tissue"].isin(pair), "donor"].astype(str))
        for pair in (first, second)
    ]
    if givers[0] & givers[1]:
        return _jointly(values, needed)
    return _difference(*parts)


def _jointly(values: pd.DataFrame, needed: Sequence[str]) -> Change:
    signs = dict.fromkeys(needed, 0.0)
    for tissue, sign in zip(needed, (1.0, -1.0, -1.0, 1.0), strict=True):
        signs[tissue] += sign  # a baseline that serves both organs cancels
    own = values[values["tissue"].isin(signs)].dropna(subset=["value"])
    own = own.sort_values(["donor", "tissue"], kind="stable")
    donors = list(own["donor"].astype(str))
    found = clustered_contrast(
        own["value"].to_numpy(dtype=float),
        pd.Index(signs).get_indexer(pd.Index(own["tissue"])),
        np.array(list(signs.values())),
        donors,
        own["weight"].to_numpy(dtype=float),
    )
    numbers = (float(found.effect[0]), float(found.error[0]), float(found.freedom[0]))
    return Change("tested", "", "both", len(set(donors)), *numbers, _student(*numbers))


def _difference(a: Change, b: Change) -> Change:
    variance = a.error**2 + b.error**2
    below = a.error**4 / a.freedom + b.error**4 / b.freedom
    freedom = variance**2 / below if below > 0 else min(a.freedom, b.freedom)
    shift, error = a.shift - b.shift, float(np.sqrt(variance))
    pvalue = _student(shift, error, freedom)
    within = a.within if a.within == b.within else "both"
    return Change("tested", "", within, a.n_donors + b.n_donors, shift, error, freedom, pvalue)


def _student(shift: float, error: float, freedom: float) -> float:
    return 2 * student_tail(abs(shift) / error, freedom) if error > 0 else NAN


#: What makes an organ open, with the sign of each part and where it comes from.
PARTS: tuple[tuple[str, str, str, float], ...] = (
    # Kos 2022: Treg/NK rises in nodes before they are colonised; NK cells hold the door.
    ("Treg/NK ratio", "Treg/NK", "ratio", 1.0),
    ("Loss of NK duty", "NK", "anti_tumour", -1.0),
    ("Treg harm", "Treg", "pro_tumour", 1.0),
    # Bill 2023, Nalio Ramos 2022: SPP1-like against CXCL9-like macrophages.
    ("Suppressive macrophages", "Macrophage", "pro_tumour", 1.0),
    ("Loss of CD8 duty", "CD8 T", "anti_tumour", -1.0),
)
#: An openness of fewer parts would be one of its parts under another name.
MIN_PARTS = 2


def openness_values(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Average standardised parts into one openness per donor and tissue.

    Parameters
    ----------
    parts
        Tables of columns donor, tissue, value, weight, batch, value already signed.

    Returns
    -------
    DataFrame
        The same columns; each part in units of its spread over all donors and tissues, which
        knows nothing of the arms. Donors with fewer than two parts are left out.
    """
    scaled = []
    for part in parts:
        spread = part["value"].std(ddof=1)
        if len(part) > 1 and spread > 0:
            centred = (part["value"] - part["value"].mean()) / spread
            scaled.append(part.assign(value=centred))
    if not scaled:
        return pd.DataFrame(columns=["donor", "tissue", "value", "weight", "batch"])
    every = pd.concat(scaled, ignore_index=True)
    grouped = every.groupby(["donor", "tissue"], sort=True)
    means = grouped.agg(value=("value", "mean"), batch=("batch", "first"), n=("value", "size"))
    return means[means["n"] >= MIN_PARTS].reset_index().assign(weight=1.0).drop(columns="n")
