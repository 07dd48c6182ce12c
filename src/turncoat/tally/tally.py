"""From files of cells to a tally, in one call."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from turncoat.study import plan_cells
from turncoat.tally.checkpoint import Checkpoint
from turncoat.tally.engine import tally_plan, tally_plan_to_file
from turncoat.tally.progress import Report

if TYPE_CHECKING:
    import anndata as ad
    import distributed

    from turncoat.study.plan import StudyKind
    from turncoat.study.sources.open import Cells


def tally(  # noqa: PLR0913 - keys of the labels, and how to count
    source: "Cells | Sequence[Cells]",
    *,
    donor_key: str,
    sample_key: str,
    tissue_key: str | None = None,
    condition_key: str | None = None,
    population_key: str | None = None,
    study_kind: "StudyKind" = "unsorted",
    layer: str | None = None,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
    partials: str | Path | None = None,
    client: "distributed.Client | None" = None,
) -> "ad.AnnData":
    """Sum cells up per sample, population and gene, in one pass and bounded memory.

    Everything later rooms need of single cells is in these sums, and they do not depend on the
    order of the cells, on threads or on memory: not to the last bit.

    Parameters
    ----------
    source
        AnnData, path (h5ad, zarr, 10x h5, mtx folder, loom, CSV/TSV), or a list of these.
    donor_key, sample_key
        Columns of ``obs``. A sample is one piece of tissue of one donor.
    tissue_key, condition_key, population_key
        Columns of ``obs``, or None where there is only one level.
    study_kind
        ``sorted`` or ``subsampled`` where cells were chosen by kind: what the tissue is made of is
        then not asked.
    layer
        Layer with raw counts, ``"raw"`` for ``.raw``, None for ``X``.
    threads
        Threads that read and count; the cores at hand by default.
    memory_limit
        Bytes to work in; a quarter of what is free by default.
    progress
        Called now and then with :class:`turncoat.tally.Progress`.
    partials
        Folder in which to keep how far it is: a killed tally goes on from there when it is
        called again with the same arguments.
    client
        A Dask client: the cells are counted on its cluster (extra ``dask``), to the same bytes.
        ``threads`` and ``partials`` then have no use.

    Returns
    -------
    AnnData
        One row per sample × population, one column per gene; layers ``counts`` (sum),
        ``detected`` (cells with a count), ``logsum`` and ``logsumsq`` (of log1p counts per
        10,000); in ``var`` each gene's mean and variance over all cells; quality per sample and
        what was left out under ``uns["turncoat"]["cell_account"]``.

    Raises
    ------
    StudyError
        When labels are missing or contradict themselves.
    CountsError
        When the matrix does not hold raw counts: names source, cell and gene.
    FileFormatError
        When a file is damaged.
    ChangedInputError
        When a file changes while it is read.

    Examples
    --------
    >>> import anndata as ad
    >>> import numpy as np
    >>> import pandas as pd
    >>> cells = ad.AnnData(
    ...     np.array([[3, 0], [1, 1], [0, 1]]),
    ...     obs=pd.DataFrame(
    ...         {"who": ["d1", "d1", "d2"], "type": ["NK", "NK", "Treg"]}, index=["a", "b", "c"]
    ...     ),
    ...     var=pd.DataFrame(index=["NCAM1", "FOXP3"]),
    ... )
    >>> counted = tally(cells, donor_key="who", sample_key="who", population_key="type")
    >>> list(counted.obs_names), list(counted.var_names)
    (['d1|NK', 'd2|Treg'], ['NCAM1', 'FOXP3'])
    >>> counted.layers["counts"]
    array([[4., 1.],
           [0., 1.]])
    """
    plan = plan_cells(
        source,
        donor_key=donor_key,
        sample_key=sample_key,
        tissue_key=tissue_key,
        condition_key=condition_key,
        population_key=population_key,
        study_kind=study_kind,
        layer=layer,
    )
    if client is not None:
        from turncoat.tally.cluster import tally_on_cluster

        return tally_on_cluster(plan, client, memory_limit=memory_limit, progress=progress)
    return tally_plan(
        plan,
        threads=threads,
        memory_limit=memory_limit,
        progress=progress,
        checkpoint=None if partials is None else Checkpoint(Path(partials)),
    )


def tally_file(  # noqa: PLR0913 - as tally
    source: "Cells | Sequence[Cells]",
    file: str | Path,
    *,
    donor_key: str,
    sample_key: str,
    tissue_key: str | None = None,
    condition_key: str | None = None,
    population_key: str | None = None,
    study_kind: "StudyKind" = "unsorted",
    layer: str | None = None,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
    partials: str | Path | None = None,
) -> Path:
    """Write the tally of some cells to an h5ad file: :func:`tally` where only the file is wanted.

    The layers go to the file row by row and are never in memory; neither AnnData nor pandas is
    loaded for files whose labels are text.

    Parameters
    ----------
    source
        As in :func:`tally`.
    file
        The h5ad file to write. It appears when it is whole.
    donor_key, sample_key, tissue_key, condition_key, population_key, study_kind, layer
        As in :func:`tally`.
    threads, memory_limit, progress, partials
        As in :func:`tally`.

    Returns
    -------
    Path
        The file. ``anndata.read_h5ad`` gives of it what it gives of the written result of
        :func:`tally`.

    Raises
    ------
    TurncoatError
        As :func:`tally`; ``OutputError`` when the file cannot be written.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.pp.tally_file(
    ...     "cells.h5ad", "tally.h5ad", donor_key="donor", sample_key="sample"
    ... )  # doctest: +SKIP
    PosixPath('tally.h5ad')
    """
    plan = plan_cells(
        source,
        donor_key=donor_key,
        sample_key=sample_key,
        tissue_key=tissue_key,
        condition_key=condition_key,
        population_key=population_key,
        study_kind=study_kind,
        layer=layer,
    )
    return tally_plan_to_file(
        plan,
        Path(file),
        threads=threads,
        memory_limit=memory_limit,
        progress=progress,
        checkpoint=None if partials is None else Checkpoint(Path(partials)),
    )
