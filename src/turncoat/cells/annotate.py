"""From raw counts to the population and state of every cell, and how far to trust it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from turncoat.cells.accounts import count_states, summarise_samples, tabulate_disagreement
from turncoat.cells.fit import fit_annotator
from turncoat.cells.fits import check_fit
from turncoat.cells.markers import MarkerSet, marker_set
from turncoat.cells.model import Annotator
from turncoat.cells.result import UNASSIGNED, Annotation
from turncoat.cells.sample import Sample
from turncoat.cells.seek import seek as seek_populations
from turncoat.cells.stream import Calls, call_cells, draw_cells, say_untold
from turncoat.errors import DroppedDataWarning, StudyError, did_you_mean, warn
from turncoat.knowledge.registry import verified_path
from turncoat.knowledge.vocabulary import match_labels
from turncoat.study import TallyPlan, plan_cells
from turncoat.tables import store

if TYPE_CHECKING:
    from turncoat.study.sources.open import Cells

#: Cells that an annotator is learnt from at most; more cost time and change little.
N_LEARN: Final = 8_000


def annotate(
    source: "Cells | Sequence[Cells]",
    *,
    sample_key: str,
    donor_key: str | None = None,
    label_key: str | None = None,
    layer: str | None = None,
    markers: str | Path | None = None,
    annotator: Annotator | None = None,
    seek: Sequence[str] = (),
    seed: int = 0,
    key_added: str | None = None,
) -> Annotation:
    """Say what every cell is, how sure that is, and abstain where it is not.

    Markers call the clearest cells; a linear model learnt from those (and, among human T cells,
    from a labelled reference) calls all, one row at a time.

    Parameters
    ----------
    source
        AnnData, path, or a list of these; raw counts.
    sample_key, donor_key
        Columns of ``obs``; without a donor column each sample is a donor of its own.
    label_key
        Column of ``obs`` with labels that the user already has. They win; what we would have
        called is tabulated beside them.
    layer
        Layer with raw counts.
    markers
        A TOML or CSV file of further markers; see :func:`turncoat.cells.marker_set`.
    annotator
        A model made earlier, instead of one learnt from these cells.
    seek
        Rare populations that are looked for (``["Treg"]``): called at the line that finds most of
        them with the fewest others, below the confidence of other calls.
    seed
        For drawing and thinning examples.
    key_added
        Also store the result under ``source.uns["turncoat"]``; AnnData only.

    Returns
    -------
    Annotation
        One row a cell, samples, panel, states, disagreement.

    Raises
    ------
    CountsError
        When the matrix is not raw, or no lineage can be told on these genes.
    StudyError
        When none of the user's labels is a population that we know.
    KnowledgeError
        When the marker file cannot be used.

    Examples
    --------
    >>> import warnings
    >>> import turncoat as tc
    >>> cells = tc.ds.planted(n_donors=2, n_controls=0, cells_per_donor=100, n_genes=700)
    >>> model = tc.pp.train_annotator(cells, label_key="population")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # a panel of 700 genes cannot tell everything
    ...     found = annotate(cells, sample_key="sample", annotator=model)
    >>> "Macrophage" in set(found.cells["population"])
    True
    """
    plan = plan_cells(source, donor_key=donor_key or sample_key, sample_key=sample_key, layer=layer)
    labels = user_labels(plan, label_key)
    result = annotate_plan(
        plan, markers=markers, annotator=annotator, seek=seek, labels=labels, seed=seed
    )
    if key_added is not None:
        store(source, key_added, result)
    return result


def annotate_plan(
    plan: TallyPlan,
    *,
    markers: str | Path | None = None,
    annotator: Annotator | None = None,
    seek: Sequence[str] = (),
    labels: list[pd.Series] | None = None,
    seed: int = 0,
) -> Annotation:
    """Annotate the cells of a plan; ``labels`` are the user's, in our words."""
    known = marker_set(str(plan.meta["species"]), extra=markers)
    model = annotator or learn_annotator(plan, known, seed=seed)
    check_fit(model, plan.genes.index, known.species)
    model = look_for(plan, known, model, seek)
    return assemble(plan, known, model, call_cells(plan, model), labels=labels, seed=seed)


def assemble(
    plan: TallyPlan,
    known: MarkerSet,
    model: Annotator,
    calls: Sequence[Calls],
    *,
    labels: list[pd.Series] | None = None,
    seed: int = 0,
) -> Annotation:
    """Tabulate the calls of the cells of a plan, and what they can be trusted with."""
    cells = pd.concat(
        [_cell_table(plan, n, call, labels) for n, call in enumerate(calls)], ignore_index=True
    )
    panel = known.coverage(plan.genes.index).astype({"missing": object})
    say_untold(
        [
            name
            for name, level, told in panel[["name", "level", "told"]].to_numpy()
            if level == "population" and not told
        ],
        len(plan.genes),
    )
    donors = pd.Series(plan.rows["donor"].to_numpy(), index=plan.rows["sample"].to_numpy())
    return Annotation(
        cells=cells,
        samples=summarise_samples(cells),
        panel=panel,
        states=count_states(cells, model, known, donors[~donors.index.duplicated()]),
        disagreement=tabulate_disagreement(cells),
        params={"seed": seed, "confidence": model.confidence, "about": model.about},
    )


def learn_annotator(plan: TallyPlan, markers: MarkerSet, *, seed: int = 0) -> Annotator:
    """Learn an annotator from the cells of a plan."""
    references = bundled_references() if markers.species == "human" else []
    return fit_annotator(
        draw_cells(plan, n_cells=N_LEARN),
        list(plan.genes.index),
        markers,
        references=references,
        seed=seed,
    )


def look_for(
    plan: TallyPlan, markers: MarkerSet, model: Annotator, populations: Sequence[str]
) -> Annotator:
    """Draw a line for each population that is looked for, on a sample of the plan's cells."""
    if not populations:
        return model
    drawn = Sample.of(draw_cells(plan, n_cells=N_LEARN), list(plan.genes.index))
    return seek_populations(model, drawn, populations, markers)


def bundled_references() -> list[Annotator]:
    """Annotators of T cells that come with turncoat, learnt from labelled cells."""
    return [Annotator.load(verified_path("t_cells"))]


def user_labels(
    plan: TallyPlan, key: str | None, label_map: "dict[str, str] | Any" = None
) -> list[pd.Series] | None:
    """Read the user's labels in our words, refuse them where none means anything to us."""
    if key is None:
        return None
    found = []
    for source in plan.sources:
        if key not in source.obs:
            raise StudyError(
                f"{source.name} has no column '{key}' in obs. {did_you_mean(key, source.obs.columns)}"
            )
        found.append(source.obs[key].astype(str).replace(dict(label_map or {})))
    table = match_labels(label for one in found for label in one.unique())
    if (table["population"] == "").all():
        shown = ", ".join(table["label"].head(5))
        raise StudyError(
            f"None of the labels in '{key}' ({shown}) is a population that we know. Map them in "
            f"[cells.label_map] of study.toml ('{table['label'].iloc[0]}' = \"CD8 T\"; "
            "turncoat.knowledge.populations() lists our words), or leave the column out."
        )
    _say_unmapped(table[table["population"] == ""], key)
    words = {
        str(label): str(ours or label) for label, ours in table[["label", "population"]].to_numpy()
    }
    return [one.map(words) for one in found]


def _say_unmapped(strange: pd.DataFrame, key: str) -> None:
    """Warn of labels that stay as they are, with the nearest words of ours."""
    if strange.empty:
        return
    told = [
        f"'{label}'" + (f" ({near}?)" if near else "")
        for label, near in strange[["label", "suggestions"]].head(8).to_numpy()
    ]
    more = f" and {len(strange) - 8} more" if len(strange) > 8 else ""
    warn(
        f"{len(strange)} of the labels in '{key}' are no population that we know and stay as they "
        f"are: {', '.join(told)}{more}. Where one is, say so under [cells.label_map].",
        DroppedDataWarning,
    )


def _cell_table(
    plan: TallyPlan, number: int, calls: Calls, labels: list[pd.Series] | None
) -> pd.DataFrame:
    source = plan.sources[number]
    codes = plan.row_codes[number]
    samples = np.append(plan.rows["sample"].to_numpy(dtype=object), "")
    names, lineages = np.array(calls.names, dtype=object), np.array(calls.lineages, dtype=object)
    n = source.n_cells
    # A cell that was left out is in no sample: it is guessed at, and called nothing.
    out = codes < 0
    population, state = names[calls.population], np.array(calls.states, dtype=object)[calls.state]
    population[out], state[out] = UNASSIGNED, ""
    return Annotation.cells_schema.build(
        {
            "file": np.full(n, source.name, dtype=object),
            "barcode": source.read_obs([]).index.astype(str).to_numpy(dtype=object),
            "sample": samples[codes],
            "population": population,
            "confidence": calls.confidence.astype(np.float64),
            "lineage": lineages[calls.lineage],
            "lineage_confidence": calls.lineage_confidence.astype(np.float64),
            "state": state,
            "guess": names[calls.guess],
            "depth": calls.depth,
            "label": np.full(n, "", dtype=object)
            if labels is None
            else labels[number].to_numpy(dtype=object),
        }
    )
