"""Figures of an annotation: composition, confidence, markers, genomes, quality, UMAP."""

from turncoat.cells.plot.calls import abstentions, composition, confidence, marker_dots
from turncoat.cells.plot.fitness import quality
from turncoat.cells.plot.genomes import genome, genome_cells
from turncoat.cells.plot.picture import umap

__all__ = [
    "abstentions",
    "composition",
    "confidence",
    "genome",
    "genome_cells",
    "marker_dots",
    "quality",
    "umap",
]
