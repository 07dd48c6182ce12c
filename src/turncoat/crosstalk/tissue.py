"""All tests of the edges within one tissue."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from turncoat.crosstalk.around import antagonists_of, machinery_status, soup_level
from turncoat.crosstalk.by_unit import by_unit_mean, by_unit_mean_many
from turncoat.crosstalk.different import Differences, arm_means, compare, units_of
from turncoat.crosstalk.heard import Answers, Responses
from turncoat.crosstalk.listen import (
    SHARE_PRIOR,
    Activities,
    Scene,
    choose_responses,
    listen,
    purity_of,
)
from turncoat.crosstalk.pairs import Pairs
from turncoat.crosstalk.read import Field
from turncoat.crosstalk.science import (
    Edges,
    Expression,
    Limits,
    express,
    find_edges,
    log_level,
    presence_pvalues,
    specificity_pvalues,
)
from turncoat.crosstalk.sides import compare_sides, joint_pvalue
from turncoat.crosstalk.weights import learned_weights, strength_weights
from turncoat.errors import DesignError, DesignWarning, warn
from turncoat.stats.contrast import Contrast
from turncoat.stats.design import covariate_columns
from turncoat.stats.units import Units
from turncoat.tables import FloatArray, IntArray, TextArray
from turncoat.tally.arms import block_labels


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every tissue.

    Parameters
    ----------
    contrast
        What is compared.
    limits
        What counts as expressed.
    senders
        Populations that may send; None for all.
    receivers
        Populations that may receive; None for all.
    n_permutations
        Arrangements drawn where they are too many to list.
    species
        human or mouse.
    counts_cells
        Whether composition can be read from the study.
    """

    contrast: Contrast
    limits: Limits
    senders: tuple[str, ...] | None
    receivers: tuple[str, ...] | None
    n_permutations: int
    species: str
    counts_cells: bool


@dataclass(frozen=True, slots=True)
class TissueResult:
    """Everything that was computed within one tissue."""

    tissue: str
    field: Field
    units: Units
    edges: Edges
    change: Differences
    ligand_change: FloatArray
    receptor_change: FloatArray
    pvalue: FloatArray
    side_qvalue: FloatArray
    learned: FloatArray
    priors: tuple[float, float]
    means: tuple[FloatArray, FloatArray]
    present: FloatArray
    specific: FloatArray
    machinery: TextArray
    antagonists: pd.DataFrame
    antagonist_change: Differences
    abundance: Differences
    responses: IntArray
    answers: Answers
    ligand: IntArray
    own: FloatArray
    scene: Scene
    activities: Activities

    @property
    def weight(self) -> FloatArray:
        """Mean strength of every edge over all donors, 1 on average."""
        return strength_weights(self.edges.strength)

    def score(self, edge: IntArray) -> FloatArray:
        """Score the response of some edges in their receivers, shape ``(n_units, n_some)``."""
        return self.activities.of_edges(self.responses[edge], self.edges.receiver[edge])


def analyse(
    field: Field, tissue: str, pairs: Pairs, known: tuple[Responses, dict[str, str]], ask: Question
) -> TissueResult:
    """Find the edges of one tissue and test each of them.

    Parameters
    ----------
    field
        Expression of the tissue's samples.
    tissue
        Its name.
    pairs
        Ligand-receptor pairs on the panel.
    known
        Responses, and the programme of each pathway.
    ask
        What is asked.

    Returns
    -------
    TissueResult
        Arrays over edges.
    """
    unit = field.design["unit"].to_numpy()
    units, covariates = arrange_units(field, ask.contrast)
    expression = express(field, pairs, ask.limits)
    edges = of_sides(find_edges(expression, pairs, unit, units.case, ask.limits), field, ask)
    change = compare_edges(edges, units, covariates, ask)
    of_ligand, of_receptor, priors = compare_sides(
        edges, expression, pairs, unit, (units, covariates), ask.limits.min_donors
    )
    pvalue, side_qvalue = joint_pvalue(change, (of_ligand, of_receptor))
    scene = make_scene(field, expression, units, ask)
    responses = choose_responses(pairs.table, *known)[edges.pair]
    own, ligand = own_ligand(expression, unit), pairs.ligand[edges.pair]
    answered, activities = listen(edges, (responses, ligand), own, scene, known[0])
    table, rising = compare_antagonists(field, units, covariates, ask)
    return TissueResult(
        tissue=tissue,
        field=field,
        units=units,
        edges=edges,
        change=change,
        ligand_change=of_ligand[0],
        receptor_change=of_receptor[0],
        pvalue=pvalue,
        side_qvalue=side_qvalue,
        learned=learned_weights(pvalue, strength_weights(edges.strength), ligand),
        priors=priors,
        means=arm_means(edges.strength, units.case),
        present=presence_pvalues(edges, expression, pairs, unit),
        specific=specificity(edges, expression, pairs, field),
        machinery=machinery_status(field, pairs, ask.limits, ask.species),
        antagonists=table,
        antagonist_change=rising,
        abundance=compare_shares(field, units, covariates, ask),
        responses=responses,
        answers=answered,
        ligand=ligand,
        own=own,
        scene=scene,
        activities=activities,
    )


def compare_edges(edges: Edges, units: Units, covariates: FloatArray, ask: Question) -> Differences:
    """Compare the strength of every edge."""
    return compare(
        edges.strength,
        units,
        covariates,
        min_donors=ask.limits.min_donors,
        n_permutations=ask.n_permutations,
        alike=edges.sender * (int(edges.receiver.max(initial=0)) + 1) + edges.receiver,
    )


def own_ligand(expression: Expression, unit: IntArray) -> FloatArray:
    """Measure every ligand in every population, 0 where it is not measured."""
    known = expression.measured[..., np.newaxis]
    return np.nan_to_num(by_unit_mean_many(expression.log_ligand, known, unit))


def compare_antagonists(
    field: Field, units: Units, covariates: FloatArray, ask: Question
) -> tuple[pd.DataFrame, Differences]:
    """Compare every antagonist on the panel, in all cells of the sample."""
    table = antagonists_of(ask.species, field.genes)
    names = sorted(set(table["antagonist"]))
    everywhere = np.ones((len(field.samples), len(names)), dtype=bool)
    unit = field.design["unit"].to_numpy()
    levels = by_unit_mean(soup_level(field, names), everywhere, unit)
    least = ask.limits.min_donors
    return table, compare(
        levels, units, covariates, min_donors=least, n_permutations=0, leave_out=False
    )


def arrange_units(field: Field, contrast: Contrast) -> tuple[Units, FloatArray]:
    """Arrange the donors of a contrast, and their covariates as numbers.

    Where these cannot be used, it warns, and nothing can be told beside what stands for them.

    Raises
    ------
    DesignError
        When the block is missing for a donor.
    """
    design = field.design.drop_duplicates("unit").sort_values("unit")
    donors = [str(value) for value in design["donor"]]
    block = block_labels(design[contrast.block], donors) if contrast.block else []
    units = units_of(contrast, donors, design["case"].to_numpy(dtype=bool), block)
    try:
        return units, covariate_columns(design, contrast.covariates, units)
    except DesignError as error:
        warn(f"No edge can be tested. {error}", DesignWarning)
        return units, units.case[:, np.newaxis].astype(float)


def of_sides(edges: Edges, field: Field, ask: Question) -> Edges:
    """Keep the edges of the senders and receivers that were asked for."""
    if ask.senders is None and ask.receivers is None:
        return edges
    kept = np.ones(edges.pair.size, dtype=bool)
    for side, names in ((edges.sender, ask.senders), (edges.receiver, ask.receivers)):
        if names is not None:
            kept &= np.isin(field.populations, names)[side]
    return Edges(
        edges.sender[kept],
        edges.receiver[kept],
        edges.pair[kept],
        edges.strength[:, kept],
        edges.ligand[:, kept],
        edges.receptor[:, kept],
        edges.present[:, kept],
    )


def make_scene(field: Field, expression: Expression, units: Units, ask: Question) -> Scene:
    """Average samples into units: what surrounds the edges."""
    unit = field.design["unit"].to_numpy()
    known = expression.measured
    level = by_unit_mean_many(log_level(field.level), known[..., np.newaxis], unit)
    depth = by_unit_mean(np.where(known, field.depth, 1.0), known, unit)
    share = shares(field, unit)
    return Scene(
        units=units,
        level=np.nan_to_num(level),
        known=np.isfinite(depth),
        depth=np.nan_to_num(depth, nan=1.0),
        purity=purity_of(share, field.populations) if ask.counts_cells else np.empty(0),
        genes=field.genes,
    )


def shares(field: Field, unit: IntArray) -> FloatArray:
    """Share of each population among a unit's cells, shape ``(units, populations)``."""
    total = field.n_cells.sum(axis=1, keepdims=True)
    share = field.n_cells / np.maximum(total, 1)
    return by_unit_mean(share, np.ones(share.shape, dtype=bool), unit)


def compare_shares(
    field: Field, units: Units, covariates: FloatArray, ask: Question
) -> Differences:
    """Compare the populations' shares of cells, where the study lets one."""
    if not ask.counts_cells:
        return Differences.none(len(field.populations))
    level = np.log2(shares(field, field.design["unit"].to_numpy()) + SHARE_PRIOR)
    least = ask.limits.min_donors
    return compare(level, units, covariates, min_donors=least, n_permutations=0, leave_out=False)


def specificity(edges: Edges, expression: Expression, pairs: Pairs, field: Field) -> FloatArray:
    """Test that both sides exceed the other populations: the larger of two p-values."""
    donor = pd.factorize(field.design["donor"], sort=True)[0].astype(np.int64)
    of_ligand = specificity_pvalues(expression.log_ligand, expression.measured, donor)
    of_receptor = specificity_pvalues(expression.log_receptor, expression.measured, donor)
    return np.maximum(
        of_ligand[edges.sender, pairs.ligand[edges.pair]],
        of_receptor[edges.receiver, pairs.receptor[edges.pair]],
    )
