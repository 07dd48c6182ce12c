"""A study made to order: cells with donors, and effects whose truth is known."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError
from turncoat.study.planted.atlas import NAMES
from turncoat.study.planted.cells import CellBlock, blocks
from turncoat.study.planted.files import barcodes, write_cells
from turncoat.study.planted.genes import choose_genes
from turncoat.study.planted.model import Model
from turncoat.study.planted.plan import Plan
from turncoat.study.planted.record import truth_of
from turncoat.study.planted.truth import KEY, SYNTHETIC_KEY
from turncoat.tables import UNS_KEY, to_uns

if TYPE_CHECKING:
    import anndata as ad

#: Above this many cells a study goes to a file, not to memory.
MAX_IN_MEMORY = 200_000


def planted(
    *,
    n_donors: int = 8,
    n_controls: int = 8,
    tissues: tuple[str, ...] = ("tumour",),
    cells_per_donor: int = 500,
    n_genes: int = 2_000,
    plan: Plan | None = None,
    effect: float = 1.0,
    donor_spread: float = 1.0,
    depth: float = 3_000.0,
    ambient: float = 0.0,
    seed: int = 0,
) -> "ad.AnnData":
    """Make a synthetic study whose switches, signals and shifts are known.

    Counts are negative binomial around levels that vary between donors, donors × populations
    and samples; sixteen populations carry real marker genes. In the case donors' first tissue
    the effects of the plan are added. Every cell is drawn from its own counter, so the data
    depend on the seed and the sizes only.

    Parameters
    ----------
    n_donors, n_controls
        Donors of condition ``case`` and ``control``. With ``n_controls=0`` and two tissues
        the study is paired.
    tissues
        Tissues that every donor gives; effects are planted in the first. A tissue whose name
        begins with ``normal`` has no tumour cells.
    cells_per_donor
        Mean cells per donor, over all tissues.
    n_genes
        Number of genes: those with a role, up to 40 % genes of bundled ligand-receptor pairs,
        and made-up ones.
    plan
        What to plant; the default has switches, true edges, every kind of decoy, and shifts.
    effect
        Multiplies every planted size. 0 is the null: donors vary, groups do not differ.
    donor_spread
        Multiplies every standard deviation between donors and samples.
    depth
        Median counts per cell of an average population.
    ambient
        Mean share of a cell's counts that come from the sample's ambient RNA.
    seed
        Everything follows from it.

    Returns
    -------
    AnnData
        Cells × genes, counts in ``X`` (CSR); ``obs`` has donor, sample, tissue, condition,
        population and cycling. ``uns["turncoat"]["planted"]`` holds the truth (read it with
        :func:`turncoat.ds.planted_truth`) and ``uns["turncoat"]["synthetic"]`` says how the
        data were made.

    Raises
    ------
    ArgumentError
        When a number is out of range, or the study is too large for memory.

    See Also
    --------
    write_planted : The same, straight to a file of any size.

    Examples
    --------
    >>> import turncoat as tc
    >>> cells = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=50, n_genes=700)
    >>> cells.shape
    (200, 700)
    """
    import anndata as ad

    model = _model(
        plan, n_genes, effect, n_donors, n_controls, tissues, cells_per_donor, donor_spread, seed
    )
    _check_sampling(depth, ambient)
    n_cells = cells_per_donor * (n_donors + n_controls)
    if n_cells > MAX_IN_MEMORY:
        raise ArgumentError(
            f"{n_cells} cells are too many for memory (at most {MAX_IN_MEMORY}); "
            "use turncoat.ds.write_planted(path, ...)."
        )
    drawn = blocks(model, depth=depth, ambient=ambient, rows_per_block=1_000, n_threads=2)
    matrix, obs = _gather(model, list(drawn))
    adata = ad.AnnData(X=matrix, obs=obs, var=pd.DataFrame(index=pd.Index(model.genes)))
    adata.uns[UNS_KEY] = _labels(model, depth, ambient)
    return adata


def write_planted(
    path: Path | str,
    *,
    n_donors: int = 12,
    n_controls: int = 12,
    tissues: tuple[str, ...] = ("tumour",),
    cells_per_donor: int = 5_000,
    n_genes: int = 20_000,
    plan: Plan | None = None,
    effect: float = 1.0,
    depth: float = 3_000.0,
    ambient: float = 0.0,
    seed: int = 0,
    compression: int = 4,
) -> Path:
    """Make a synthetic study of any size on disk, holding one block of cells at a time.

    Parameters
    ----------
    path
        A ``.h5ad`` file or ``.zarr`` folder; replaced when it exists.
    n_donors, n_controls, tissues, cells_per_donor, n_genes, plan, effect, depth, ambient, seed
        As in :func:`planted`; the same arguments give the same cells.
    compression
        Level of zlib in an h5ad file, 0 for none; zarr keeps its default codec.

    Returns
    -------
    Path
        The file, complete.

    Raises
    ------
    ArgumentError
        When a number is out of range or the path ends in something else.

    Examples
    --------
    >>> import tempfile, turncoat as tc
    >>> folder = tempfile.TemporaryDirectory()
    >>> tc.ds.write_planted(
    ...     f"{folder.name}/cells.h5ad", n_donors=2, n_controls=2, cells_per_donor=20, n_genes=700
    ... ).name
    'cells.h5ad'
    >>> folder.cleanup()
    """
    import anndata as ad

    model = _model(plan, n_genes, effect, n_donors, n_controls, tissues, cells_per_donor, 1.0, seed)
    _check_sampling(depth, ambient)
    empty = ad.AnnData(shape=(0, n_genes), var=pd.DataFrame(index=pd.Index(model.genes)))
    empty.uns[UNS_KEY] = _labels(model, depth, ambient)
    drawn = blocks(model, depth=depth, ambient=ambient, rows_per_block=2_000, n_threads=2)
    write_cells(empty, model.samples, drawn, Path(path), compression=compression, n_threads=2)
    return Path(path)


def _model(
    plan: Plan | None,
    n_genes: int,
    effect: float,
    n_donors: int,
    n_controls: int,
    tissues: tuple[str, ...],
    cells_per_donor: int,
    donor_spread: float,
    seed: int,
) -> Model:
    if n_donors < 1 or n_controls < 0 or cells_per_donor < 1:
        raise ArgumentError(
            "A planted study needs n_donors >= 1, n_controls >= 0 and cells_per_donor >= 1; got "
            f"{n_donors}, {n_controls}, {cells_per_donor}."
        )
    if not tissues or len(set(tissues)) < len(tissues):
        raise ArgumentError(f"Give one or more different tissues; got {tissues}.")
    if donor_spread < 0 or seed < 0:
        raise ArgumentError(
            f"donor_spread and seed cannot be negative; got {donor_spread} and {seed}."
        )
    plan = plan or Plan()
    genes = choose_genes(n_genes, plan, np.random.default_rng([seed, 0]))
    return Model(
        genes=genes,
        plan=plan,
        effect=effect,
        n_donors=n_donors,
        n_controls=n_controls,
        tissues=tissues,
        cells_per_donor=cells_per_donor,
        donor_spread=donor_spread,
        seed=seed,
    )


def _check_sampling(depth: float, ambient: float) -> None:
    if depth <= 0 or not 0 <= ambient < 1:
        raise ArgumentError(
            f"depth must be positive and ambient within [0, 1); got {depth} and {ambient}."
        )


def _labels(model: Model, depth: float, ambient: float) -> dict[str, object]:
    truth = truth_of(model, depth=depth, ambient=ambient)
    return {SYNTHETIC_KEY: str(truth.params["synthetic"]), KEY: to_uns(truth)}


def _gather(model: Model, drawn: Iterable[CellBlock]) -> tuple[object, pd.DataFrame]:
    from scipy.sparse import csr_matrix

    parts = list(drawn)
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    data = np.concatenate([part.data for part in parts])
    indices = np.concatenate([part.indices for part in parts])
    matrix = csr_matrix((data, indices, indptr), shape=(lengths.size, len(model.genes)))
    sample = np.concatenate([np.full(part.population.size, part.sample) for part in parts])
    population = np.concatenate([part.population for part in parts])
    table = model.samples
    obs = pd.DataFrame(
        {
            name: pd.Categorical(
                table[name].to_numpy()[sample], categories=sorted(set(table[name]))
            )
            for name in ("donor", "sample", "tissue", "condition")
        }
    )
    obs["population"] = pd.Categorical(np.array(NAMES)[population], categories=list(NAMES))
    obs["cycling"] = np.concatenate([part.cycling for part in parts])
    names = [name for part in parts for name in barcodes(part, table["sample"].iloc[part.sample])]
    return matrix, obs.set_axis(pd.Index(names), axis=0)
