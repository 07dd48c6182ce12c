"""The truth of a planted study, written down."""

import numpy as np

from turncoat.study.planted.atlas import NAMES, PROGRAMMES, RESPONSES
from turncoat.study.planted.model import LN2, Model
from turncoat.study.planted.truth import PlantedTruth


def truth_of(model: Model, *, depth: float, ambient: float) -> PlantedTruth:
    """Tabulate everything that a model plants.

    Parameters
    ----------
    model
        The study before any cell is drawn.
    depth, ambient
        How cells are drawn from it.

    Returns
    -------
    PlantedTruth
        The truth tables; sizes include the model's ``effect``.
    """
    build = {name: schema.build for name, schema in PlantedTruth.schemas.items()}
    samples, effect = model.samples, model.effect
    names = samples["sample"].to_numpy(dtype=object)
    has = set(model.genes)
    n_edges = len(model.plan.edges)
    return PlantedTruth(
        samples=build["samples"]({str(name): samples[name] for name in samples}),
        composition=build["composition"](
            {
                "sample": np.repeat(names, len(NAMES)),
                "population": np.tile(np.array(NAMES, dtype=object), names.size),
                "share": model.composition.ravel(),
            }
        ),
        switches=build["switches"](_switch_rows(model)),
        programmes=build["programmes"](
            [
                {"population": population, "side": side, "gene": gene}
                for (population, side), genes in PROGRAMMES.items()
                for gene in genes
                if gene in has
            ]
        ),
        edges=build["edges"](_edge_rows(model)),
        strengths=build["strengths"](
            {
                "sample": np.repeat(names, n_edges),
                "edge": np.tile(np.arange(n_edges), names.size),
                "log2_strength": model.strengths.ravel() / LN2,
            }
        ),
        responses=build["responses"](_response_rows()),
        shifts=build["shifts"](
            [
                {"population": shift.population, "log_odds": shift.log_odds * effect}
                for shift in model.plan.shifts
            ]
        ),
        params=_params(model, depth, ambient),
    )


def _switch_rows(model: Model) -> list[dict[str, object]]:
    return [
        {
            "population": switch.population,
            "axis": switch.axis,
            "size": switch.size * model.effect,
            "switched": switch.axis == "both" and switch.size * model.effect > 0,
        }
        for switch in model.plan.switches
    ]


def _edge_rows(model: Model) -> list[dict[str, object]]:
    return [
        {
            "sender": edge.sender,
            "ligand": edge.ligand,
            "receiver": edge.receiver,
            "receptor": edge.receptor,
            "size": edge.size * model.effect,
            "response": edge.response,
            "hearing": edge.hearing if edge.response and not edge.decoy else "silent",
            "decoy": edge.decoy,
            "true_edge": not edge.decoy and edge.size * model.effect != 0,
        }
        for edge in model.plan.edges
    ]


def _response_rows() -> list[dict[str, object]]:
    return [
        {"response": response, "gene": gene, "sign": sign}
        for response, (up, down) in RESPONSES.items()
        for sign, genes in ((1.0, up), (-1.0, down))
        for gene in genes
    ]


def _params(model: Model, depth: float, ambient: float) -> dict[str, object]:
    paired = model.n_controls == 0 and len(model.tissues) > 1
    contrast = (
        {
            "variable": "tissue",
            "case": model.tissues[0],
            "reference": model.tissues[1],
            "block": "donor",
        }
        if paired
        else {"variable": "condition", "case": "case", "reference": "control", "block": None}
    )
    return {
        "n_donors": model.n_donors,
        "n_controls": model.n_controls,
        "tissues": list(model.tissues),
        "cells_per_donor": model.cells_per_donor,
        "n_genes": len(model.genes),
        "effect": model.effect,
        "donor_spread": model.donor_spread,
        "depth": depth,
        "ambient": ambient,
        "seed": model.seed,
        "contrast": contrast,
        "synthetic": (
            f"Synthetic: made by turncoat.ds.planted (seed {model.seed}, effect {model.effect:g}); "
            "no patient's cells."
        ),
    }
