"""The annotator: a linear model of what each population looks like, applied row by row.

It is small, holds no cells, and is saved as one npz file without pickles: arrays and JSON.
"""

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from turncoat.cells.calibration import AS_IT_IS, Calibration
from turncoat.cells.ceiling import Ceiling
from turncoat.cells.kernels import linear_scores, pick_columns
from turncoat.cells.picking import Called, best_and_pick, sum_and_pick
from turncoat.cells.result import UNASSIGNED
from turncoat.cells.states import StateModel
from turncoat.errors import ArgumentError, FileFormatError, MissingFileError
from turncoat.tables import FloatArray, IntArray

TARGET_SUM: Final = 10_000.0
#: A lineage whose name is also a population stands in where its populations cannot be told.
COARSE: Final = ("T", "Myeloid")
#: Softens the probabilities; what they mean is fitted afterwards (:class:`Calibration`).
TEMPERATURE: Final = 1.5
#: Least confidence of a call: below, the cell is left unassigned.
CONFIDENCE: Final = 0.6
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Annotator:
    """What cells of each population look like, as weights of log counts.

    Parameters
    ----------
    genes
        Features: symbols.
    centre, scale
        Mean and spread of log1p counts per 10,000 where it was learnt, shape ``(n_genes,)``.
    weights, bias
        Shapes ``(n_genes, n_classes)`` and ``(n_classes,)``.
    classes, populations, lineages
        Name of each class, the population and the lineage it counts for.
    states
        How the states of each population are told.
    temperature, calibration, confidence
        Softening of the probabilities, how often a call of a given probability is right, and the
        least confidence of a call.
    ceiling, link
        Most standard deviations that a gene counts for (None: any), and whether probabilities are
        shared among classes (softmax) or each class is asked by itself (logistic), as in CellTypist.
    sought
        Populations that are looked for, each with the least probability of a call (see
        :func:`turncoat.cells.seek.seek`).
    about
        What it was made of: texts and numbers.
    """

    genes: tuple[str, ...]
    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray
    classes: tuple[str, ...]
    populations: tuple[str, ...]
    lineages: tuple[str, ...]
    states: tuple[StateModel, ...] = ()
    temperature: float = TEMPERATURE
    calibration: Calibration = AS_IT_IS
    confidence: float = CONFIDENCE
    ceiling: float | None = None
    link: Literal["softmax", "logistic"] = "softmax"
    sought: tuple[tuple[str, float], ...] = ()
    about: dict[str, Any] = field(default_factory=dict)

    def prepare(self, panel: pd.Index) -> "Reader":
        """Match the features to the columns of a matrix.

        Raises
        ------
        ArgumentError
            When the panel measures none of the features.
        """
        at = panel.get_indexer(pd.Index(self.genes))
        if (at < 0).all():
            raise ArgumentError(
                "None of the annotator's genes is in the matrix. Are the genes symbols of the "
                f"same species? Expected for example {', '.join(self.genes[:5])}; found "
                f"{', '.join(map(str, panel[:5]))}."
            )
        slots = np.full(len(panel), -1, dtype=np.int64)
        measured = np.flatnonzero(at >= 0)
        slots[at[measured]] = np.arange(measured.size)
        scaled = self.weights[measured] / self.scale[measured, np.newaxis] / self.temperature
        offset = self.bias / self.temperature - self.centre[measured] @ scaled
        scaled, capped = np.ascontiguousarray(scaled), None
        if self.ceiling is not None:
            level, spread = self.centre[measured], self.scale[measured]
            capped = Ceiling.of(self.ceiling, level, spread, scaled, TARGET_SUM)
        return Reader(self, slots, scaled, offset, measured.size, capped)

    def save(self, path: str | Path) -> None:
        """Write it as one npz file: arrays and JSON, nothing that runs."""
        told = {
            "format": FORMAT,
            "genes": self.genes,
            "classes": self.classes,
            "populations": self.populations,
            "lineages": self.lineages,
            "states": [state.to_json() for state in self.states],
            "temperature": self.temperature,
            "calibration": [self.calibration.lineage, self.calibration.population],
            "confidence": self.confidence,
            "ceiling": self.ceiling,
            "link": self.link,
            "sought": self.sought,
            "about": self.about,
        }
        with Path(path).open("wb") as stream:
            np.savez_compressed(
                stream,
                told=np.array(json.dumps(told)),
                centre=self.centre.astype(np.float32),
                scale=self.scale.astype(np.float32),
                weights=self.weights.astype(np.float32),
                bias=self.bias,
            )

    @classmethod
    def load(cls, path: str | Path) -> "Annotator":
        """Read what :meth:`save` wrote.

        Raises
        ------
        MissingFileError
            When there is no such file.
        FileFormatError
            When it is no annotator.
        """
        path = Path(path)
        if not path.is_file():
            raise MissingFileError(f"The annotator {path} does not exist.")
        try:
            with np.load(path, allow_pickle=False) as stored:
                told = json.loads(str(stored["told"]))
                return cls(
                    genes=tuple(told["genes"]),
                    centre=stored["centre"].astype(np.float64),
                    scale=stored["scale"].astype(np.float64),
                    weights=stored["weights"].astype(np.float64),
                    bias=stored["bias"].astype(np.float64),
                    classes=tuple(told["classes"]),
                    populations=tuple(told["populations"]),
                    lineages=tuple(told["lineages"]),
                    states=tuple(StateModel.from_json(state) for state in told["states"]),
                    temperature=float(told["temperature"]),
                    calibration=_calibration(told.get("calibration")),
                    confidence=float(told["confidence"]),
                    ceiling=told.get("ceiling"),
                    link=told.get("link", "softmax"),
                    sought=tuple((str(who), float(at)) for who, at in told.get("sought", ())),
                    about=dict(told["about"]),
                )
        except (KeyError, ValueError, OSError, TypeError, zipfile.BadZipFile) as error:
            raise FileFormatError(
                f"{path} is no annotator saved by turncoat ({error}); make one with "
                "turncoat.pp.train_annotator(...).save(...)."
            ) from error


@dataclass(frozen=True, slots=True)
class Reader:
    """An annotator matched to the columns of one matrix."""

    annotator: Annotator
    slots: IntArray
    weights: FloatArray
    offset: FloatArray
    n_measured: int
    capped: Ceiling | None = None

    def probabilities(
        self, data: FloatArray, indices: IntArray, indptr: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Probability of every class and depth of every cell of a CSR block."""
        return self.probabilities_with(self.slots, data, indices, indptr)

    def probabilities_with(
        self, slots: IntArray, data: FloatArray, indices: IntArray, indptr: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """As :meth:`probabilities`, where the columns of the block are ordered otherwise."""
        n_cells = indptr.size - 1
        scores = np.empty((n_cells, self.offset.size))
        depth = np.empty(n_cells)
        linear_scores(
            data, indices, indptr, slots, self.weights, self.offset, TARGET_SUM, scores, depth
        )
        if self.capped is not None:
            at = np.full(self.n_measured, -1, dtype=np.int64)
            at[self.capped.features] = np.arange(self.capped.features.size)
            picked = np.empty((n_cells, self.capped.features.size))
            pick_columns(data, indices, indptr, np.where(slots >= 0, at[slots], -1), picked)
            self.capped.take_off(scores, picked, depth)
        return self.soften(scores), depth

    def soften(self, scores: FloatArray) -> FloatArray:
        """Turn the scores of the classes into probabilities."""
        if self.annotator.link == "logistic":
            alone: FloatArray = 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
            return alone
        # As SciPy's softmax, which costs more to load than to run.
        probabilities: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    @property
    def names(self) -> tuple[str, ...]:
        """What a cell may be called: populations, lineages that stand in for them, unassigned."""
        return tuple(dict.fromkeys([*self.annotator.populations, *COARSE, UNASSIGNED]))

    @property
    def lineages(self) -> tuple[str, ...]:
        """What the lineage of a cell may be called."""
        return tuple(dict.fromkeys([*self.annotator.lineages, UNASSIGNED]))

    def call(self, probabilities: FloatArray, depth: FloatArray) -> pd.DataFrame:
        """Name lineage and population of every cell, or abstain.

        Returns
        -------
        pandas.DataFrame
            Columns lineage, lineage_confidence, population, confidence, and guess (the best
            population also where the call abstains).
        """
        called = self.codes(probabilities, depth)
        names, lineages = np.array(self.names, object), np.array(self.lineages, object)
        return pd.DataFrame(
            {
                "lineage": lineages[called.lineage],
                "lineage_confidence": called.lineage_confidence,
                "population": names[called.population],
                "confidence": called.confidence,
                "guess": names[called.guess],
            }
        )

    def codes(self, probabilities: FloatArray, depth: FloatArray) -> Called:
        """Give the same calls as numbers of :attr:`names` and :attr:`lineages`."""
        pick = sum_and_pick if self.annotator.link == "softmax" else best_and_pick
        lineage, lineage_sure = pick(probabilities, self.annotator.lineages)
        guess, sure = pick(probabilities, self.annotator.populations)
        meaning, least = self.annotator.calibration, self.annotator.confidence
        empty = depth <= 0
        lineage_sure = np.where(empty, 0.0, meaning.of_lineage(lineage_sure))
        sure = np.where(empty, 0.0, meaning.of_population(sure))
        known, known_lineages = self.names, self.lineages
        unsure, no_lineage = known.index(UNASSIGNED), known_lineages.index(UNASSIGNED)
        stand_in = np.array([known.index(n) if n in COARSE else unsure for n in known_lineages])
        lineage = np.where(lineage_sure >= least, lineage, no_lineage)
        fallback = stand_in[lineage]
        population = np.where(sure >= least, guess, fallback)
        confidence = np.where((sure < least) & (fallback != unsure), lineage_sure, sure)
        for name, line in self.annotator.sought:
            own = probabilities[:, [who == name for who in self.annotator.populations]].sum(axis=1)
            home = self.annotator.lineages[self.annotator.populations.index(name)]
            at_home = (lineage == known_lineages.index(home)) | (lineage == no_lineage)
            found = (sure < least) & (own >= line) & at_home
            population[found] = known.index(name)
            confidence[found] = meaning.of_population(own[found])
        return Called(
            lineage=lineage,
            lineage_confidence=lineage_sure,
            population=population,
            confidence=confidence,
            guess=guess,
        )


def _calibration(stated: list[list[float]] | None) -> Calibration:
    """Read what was saved; models of earlier versions have none."""
    if stated is None:
        return AS_IT_IS
    (a, b), (c, d) = stated
    return Calibration((float(a), float(b)), (float(c), float(d)))
