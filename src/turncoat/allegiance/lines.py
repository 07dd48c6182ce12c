"""One line of the question per population and tissue: its donors, its scores, its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from turncoat.allegiance.background import fit_background, log_rates
from turncoat.allegiance.programmes import AXES, Programme
from turncoat.allegiance.science import (
    AxesPlan,
    Evidence,
    informative,
    untestable,
    weigh_evidence,
)
from turncoat.allegiance.scores import (
    GeneLevels,
    cell_weights,
    even_cells,
    gene_levels,
    matched_scores,
)
from turncoat.errors import DesignError
from turncoat.stats.compare import Donors, compare
from turncoat.stats.design import covariate_columns, is_estimable
from turncoat.stats.units import Units
from turncoat.tables import FloatArray
from turncoat.tally.arms import DonorArms

#: Leaving out each donor in turn asks for less resolution than the verdict itself.
N_PERMUTATIONS_LEFT_OUT = 999
#: Scores are told to so many decimals of log2: what differs by less differs by rounding alone.
DECIMALS = 9
NO_AXES: tuple[tuple[None, None], tuple[None, None]] = ((None, None), (None, None))


@dataclass(frozen=True, slots=True)
class Line:
    """A population in a tissue, on its way from counts to a verdict.

    Parameters
    ----------
    arms
        The donors and their counts.
    axes
        Both programmes; None where none is known.
    levels
        What each axis' score is made of; None for a refused axis.
    matched
        Scores of genes of like level in place of each axis' genes; None for a refused axis.
    scores
        Anti- and pro-tumour score per unit, shape ``(n_units, 2)``, NaN for a refused axis.
    donors
        The donors as arranged, with weights and covariates.
    refused
        Why an axis, or all, have no score; empty where both have.
    reason
        Why the donors cannot be tested; empty where they can.
    evidence
        None where not tested.
    also
        The same with nothing of the contamination taken off, and with twice as much.
    """

    arms: DonorArms
    donors: Donors
    axes: tuple[Programme, Programme] | None
    levels: tuple[GeneLevels | None, GeneLevels | None]
    matched: tuple[FloatArray | None, FloatArray | None]
    scores: FloatArray
    refused: str
    reason: str
    evidence: Evidence | None
    also: tuple["Line", ...] = ()

    @property
    def doubtful(self) -> float:
        """Largest joint p-value over nothing, the estimate and twice the estimate taken off."""
        every = [line.evidence for line in (self, *self.also)]
        return max((each.joint for each in every if each is not None), default=float("nan"))

    @property
    def units(self) -> Units:
        """The donors as arranged."""
        return self.donors.units

    @property
    def weights(self) -> FloatArray:
        """Weight per unit."""
        return self.donors.weights

    @property
    def status(self) -> str:
        """``tested``, ``not_testable`` or ``abstained``."""
        if self.evidence is not None:
            return "tested"
        nothing = self.axes is None or all(level is None for level in self.levels)
        return "abstained" if nothing else "not_testable"

    @property
    def counted(self) -> dict[str, int]:
        """How many donors enter, by arm and pairing."""
        n_pairs, n_case, n_reference = informative(self.units)
        members = [self.units.pairs.ravel(), *self.units.groups]
        compared = np.concatenate(members).astype(int)
        donors = {self.units.donors[unit] for unit in compared}
        return {
            "n_donors": len(donors),
            "n_pairs": n_pairs if self.units.pairing != "blocked" else 0,
            # Where nobody can be compared, those who are there.
            "n_case": n_case if donors else self.units.n_case,
            "n_reference": n_reference if donors else self.units.n_reference,
        }


def make_line(
    arms: DonorArms,
    units: Units,
    axes: tuple[Programme, Programme] | None,
    plan: AxesPlan,
    *,
    min_donors: int,
    fdr: float,
    covariates: Sequence[str] = (),
) -> Line:
    """Score a population's donors and test them where they can be tested.

    Parameters
    ----------
    arms
        The donors and their counts.
    units
        The donors as arranged.
    axes
        Both programmes; None where none is known.
    plan
        Band, seed and number of permutations.
    min_donors
        Donors needed in each arm.
    fdr
        False-discovery rate that a p-value must be able to pass.
    covariates
        Columns of ``arms.table`` to adjust for.

    Returns
    -------
    Line
        With evidence, or with the reason why there is none.
    """
    n_units = len(arms.table)
    scores = np.full((n_units, 2), np.nan)
    n_cells = arms.table["n_cells"].to_numpy(dtype=float) if n_units else np.empty(0)
    donors = Donors(units, np.ones(n_units), np.zeros((n_units, 0)))
    if axes is None:
        why = "no programme is known for this population"
        return Line(arms, donors, None, *NO_AXES, scores, why, why, None)
    refused = "; ".join(axis.refusal for axis in axes if axis.refusal)
    if all(axis.refusal for axis in axes):
        return Line(arms, donors, axes, *NO_AXES, scores, refused, refused, None)
    levels, matched = _levels(arms.counts, axes) if n_units else NO_AXES
    for column, level in enumerate(levels):
        if level is not None:
            scores[:, column] = np.round(level.scores, DECIMALS)
    if n_units:
        like = np.hstack([one for one in matched if one is not None])
        even = even_cells(like, n_cells, units.strata)
        donors = replace(donors, weights=cell_weights(n_cells, even))
    reason = untestable(units, scores, plan, min_donors=min_donors, fdr=fdr)
    if not reason and covariates:
        try:
            columns = covariate_columns(arms.table, covariates, units)
            donors = replace(donors, covariates=columns)
        except DesignError as error:
            reason = str(error)
    evidence = None if reason else weigh_evidence(scores, donors, plan)
    return Line(arms, donors, axes, levels, matched, scores, refused, reason, evidence)


def _levels(
    counts: FloatArray, axes: tuple[Programme, Programme]
) -> tuple[
    tuple[GeneLevels | None, GeneLevels | None], tuple[FloatArray | None, FloatArray | None]
]:
    logged = log_rates(counts)
    excluded = np.concatenate([axis.genes for axis in axes])
    background = fit_background(logged, excluded)
    anti, pro = (None if axis.refusal else gene_levels(logged, axis, background) for axis in axes)
    like_anti, like_pro = (
        None if axis.refusal else matched_scores(logged, axis, excluded, background)
        for axis in axes
    )
    return (anti, pro), (like_anti, like_pro)


def left_out(line: Line, plan: AxesPlan, *, min_donors: int, fdr: float) -> list[dict[str, Any]]:
    """Weigh the evidence with each donor left out in turn.

    Returns
    -------
    list of dict
        One per donor: donor, keep (which units stay), evidence (None where the others cannot be
        tested).
    """
    found: list[dict[str, Any]] = []
    quick = AxesPlan(plan.band, plan.seed, min(plan.n_permutations, N_PERMUTATIONS_LEFT_OUT))
    names = np.array(line.units.donors)
    for donor in dict.fromkeys(line.units.donors):
        keep = names != donor
        donors, scores = line.donors.take(keep), line.scores[keep]
        reason = untestable(donors.units, scores, quick, min_donors=min_donors, fdr=fdr)
        if (
            not reason
            and donors.covariates.shape[1]
            and not is_estimable(donors.units, donors.covariates)
        ):
            reason = "without this donor the covariates decide the arm"
        evidence = None if reason else weigh_evidence(scores, donors, quick)
        found.append({"donor": donor, "keep": keep, "evidence": evidence})
    return found


def gene_rows(line: Line, genes: list[str], plan: AxesPlan) -> list[dict[str, Any]]:
    """Test every gene of both scores, and each score without the gene.

    Parameters
    ----------
    line
        A tested line.
    genes
        All gene names of the tally.
    plan
        Seed and number of permutations.

    Returns
    -------
    list of dict
        Rows of the gene table, without q-values.
    """
    rows = []
    for name, axis, level in zip(AXES, line.axes or (), line.levels, strict=False):
        if level is None or line.evidence is None:
            continue
        n_genes = axis.genes.size
        values = np.hstack([level.levels, level.scores_without()])
        permuted, found = compare(
            values,
            line.donors,
            seed=plan.seed,
            n_permutations=min(plan.n_permutations, N_PERMUTATIONS_LEFT_OUT),
        )
        lower, upper = found.interval()
        pvalue = np.where(np.ptp(values, axis=0) > 0, permuted.pvalue(), np.nan)
        rows += [
            {
                "axis": name,
                "gene": genes[axis.genes[place]],
                "weight": level.weights[place],
                "shift": found.effect[place],
                "lower": lower[place],
                "upper": upper[place],
                "pvalue": pvalue[place],
                "shift_without": found.effect[n_genes + place],
                "pvalue_without": pvalue[n_genes + place],
            }
            for place in range(n_genes)
        ]
    return rows
