"""The built-in study: cells of lung adenocarcinoma, normal lung and lymph nodes.

A subset of GSE131907 (Kim et al. 2020): 6,172 cells, 4,869 genes, 58 samples. The cells were
subsampled per state, so it shows expression within a population, never abundance.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from turncoat.knowledge.registry import verified_path

if TYPE_CHECKING:
    import anndata as ad


def lung_niches() -> "ad.AnnData":
    """Load the built-in study, after checking its checksum.

    Returns
    -------
    anndata.AnnData
        Raw counts, shape ``(6172, 4869)``; obs has donor, sample, tissue, cell_type and
        cell_state; ``uns["about"]`` has the source and the caveats. Donors are inferred from
        the names of the samples: LUNG_Tnn and LUNG_Nnn share donor Pnn.

    Raises
    ------
    KnowledgeError
        When the file is missing or damaged.

    References
    ----------
    Kim et al. (2020), Nature Communications 11:2285, doi:10.1038/s41467-020-16164-1.

    Examples
    --------
    >>> cells = lung_niches()
    >>> cells.n_obs, cells.n_vars
    (6172, 4869)
    """
    import anndata as ad

    return ad.read_h5ad(verified_path("lung_niches"))


def lung_niches_study() -> Path:
    """Give the path of the built-in study's ``study.toml``.

    Returns
    -------
    pathlib.Path
        The file that ``turncoat demo`` runs.

    Raises
    ------
    KnowledgeError
        When the cells beside it are missing or damaged.

    Examples
    --------
    >>> lung_niches_study().name
    'study.toml'
    """
    return verified_path("lung_niches").resolve().with_name("study.toml")
