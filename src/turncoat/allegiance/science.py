"""Testing the two axes of a population over donors, together and one by one."""

from dataclasses import dataclass

import numpy as np

from turncoat.stats.compare import Donors, compare
from turncoat.stats.design import why_not_exchangeable
from turncoat.stats.equivalence import equivalence_pvalue
from turncoat.stats.estimate import Estimate
from turncoat.stats.permutation import Permuted, share_as_extreme
from turncoat.stats.units import Units
from turncoat.tables import BoolArray, FloatArray

#: The direction of harm on each axis: duty lost, harm gained.
HARM = np.array([-1.0, 1.0])
#: Fewer donors a side than this cannot tell their own spread.
MIN_SIDE = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the donors say about the two axes; NaN where an axis has no score.

    Parameters
    ----------
    found
        Shift, standard error and degrees of freedom per axis.
    pvalue
        Two-sided p-value per axis.
    harm
        One-sided p-value per axis, in the direction of harm.
    balance
        One-sided p-value of harm less duty, each in units of its own spread; NaN unless both were
        scored.
    joint
        Lost duty or gained harm: one p-value, corrected for having looked at both and at their
        balance.
    loyal
        Largest equivalence p-value of the axes; NaN unless both were scored.
    is_exact
        Whether all arrangements were enumerated.
    """

    found: Estimate
    pvalue: FloatArray
    harm: FloatArray
    balance: float
    joint: float
    loyal: float
    is_exact: bool

    @property
    def both(self) -> float:
        """Lost duty and gained harm: the larger one-sided p-value; NaN unless both were scored."""
        return float(np.max(self.harm))


@dataclass(frozen=True, slots=True)
class AxesPlan:
    """How the axes are tested.

    Parameters
    ----------
    band
        Half-width of the equivalence band, log2.
    seed
        Fixes the draws of sampled permutations.
    n_permutations
        Permutations drawn where there are too many to enumerate.
    """

    band: float
    seed: int
    n_permutations: int


def weigh_evidence(scores: FloatArray, donors: Donors, plan: AxesPlan) -> Evidence:
    """Test both axes with the same permutations of the donors' labels.

    The joint test takes the largest of three studentised shifts in the direction of harm (duty
    lost, harm gained, their balance) and compares it with the same maximum under every
    arrangement (Westfall and Young), so that looking three times is paid for, and their
    correlation is not paid for twice. The balance cannot tip towards harm unless duty is lost or
    harm is gained; it finds a population that does some of both, and what raises or lowers both
    scores of a donor alike, such as the quality of the cells, cancels in it.

    Parameters
    ----------
    scores
        Anti- and pro-tumour score per unit, shape ``(n_units, 2)``; a column of NaN for an
        axis without a score.
    donors
        The donors as arranged, with their weights and covariates.
    plan
        Band, seed and number of permutations.

    Returns
    -------
    Evidence
        Everything a verdict rests on.

    References
    ----------
    Westfall and Young (1993), *Resampling-Based Multiple Testing*. Berger (1982),
    *Technometrics* 24:295 (intersection–union).
    """
    scored: BoolArray = np.asarray(np.isfinite(scores).all(axis=0))
    n_axes = int(scored.sum())
    values = np.hstack([scores[:, scored], _balance(scores)])
    permuted, both = compare(values, donors, seed=plan.seed, n_permutations=plan.n_permutations)
    found = Estimate(*(part[:n_axes] for part in (both.effect, both.error, both.freedom)))
    signs = np.append(HARM[scored], np.ones(values.shape[1] - n_axes))
    toward_harm = Permuted(permuted.statistics * signs, permuted.is_exact)
    harm = toward_harm.pvalue_greater()
    joint = share_as_extreme(toward_harm.statistics.max(axis=1, keepdims=True))
    loyal = float(np.max(equivalence_pvalue(found, plan.band))) if scored.all() else float("nan")
    return Evidence(
        Estimate(*(_spread(part, scored) for part in (found.effect, found.error, found.freedom))),
        _spread(permuted.pvalue()[:n_axes], scored),
        _spread(harm[:n_axes], scored),
        float(harm[n_axes]) if harm.size > n_axes else float("nan"),
        float(joint[0]),
        loyal,
        permuted.is_exact,
    )


def _balance(scores: FloatArray) -> FloatArray:
    # The spread is taken over all units alike: the same under every arrangement of the labels.
    spread = scores.std(axis=0)
    if not (np.isfinite(spread).all() and (spread > 0).all()):
        return np.empty((len(scores), 0))
    balance: FloatArray = (scores / spread) @ HARM
    return balance[:, np.newaxis]


def _spread(values: FloatArray, scored: BoolArray) -> FloatArray:
    placed = np.full(scored.size, np.nan)
    placed[scored] = values
    return placed


def informative(units: Units) -> tuple[int, int, int]:
    """Count pairs, and case and reference units that can be compared with anything.

    Returns
    -------
    tuple
        Pairs, case units, reference units.
    """
    members = [units.pairs.ravel(), *units.groups]
    compared = np.concatenate(members).astype(int) if members else np.empty(0, dtype=int)
    n_case = int(units.case[compared].sum())
    return len(units.pairs), n_case, int(compared.size - n_case)


def untestable(
    units: Units, scores: FloatArray, plan: AxesPlan, *, min_donors: int, fdr: float
) -> str:
    """Say why these donors cannot be tested; empty where they can.

    Parameters
    ----------
    units
        The donors as arranged.
    scores
        Anti- and pro-tumour score per unit, shape ``(n_units, 2)``.
    plan
        Band, seed and number of permutations.
    min_donors
        Donors needed in each arm.
    fdr
        The rate that a p-value must be able to pass.

    Returns
    -------
    str
        A reason in words, or nothing.
    """
    _, n_case, n_reference = informative(units)
    needed = max(min_donors, MIN_SIDE)
    if min(units.n_case, units.n_reference) == 0:
        return (
            f"{units.n_case} donors in the case arm and {units.n_reference} in the reference arm "
            f"have such cells; at least {needed} each are needed"
        )
    if units.n_arrangements == 1:
        return why_not_exchangeable(units)
    if min(n_case, n_reference) < needed:
        return (
            f"{n_case} comparable donors in the case arm and {n_reference} in the reference arm; "
            f"at least {needed} each are needed"
        )
    floor = units.floor(plan.n_permutations, sides=1)
    if floor > fdr:
        return f"with these donors no p-value can fall below {floor:.3g}, above the rate of {fdr:g}"
    scored = scores[:, np.isfinite(scores).all(axis=0)]
    if scored.shape[1] == 0 or np.ptp(scored, axis=0).max() == 0:
        return "the scores are the same in all donors"
    return ""
