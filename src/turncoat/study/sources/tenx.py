"""10x Genomics HDF5: format 3 (``matrix/``) and format 2 (one group a genome)."""

from typing import Any

import numpy as np
import pandas as pd

from turncoat.errors import FileFormatError, StudyError
from turncoat.study.sources.frames import texts
from turncoat.study.sources.h5ad import open_hdf5
from turncoat.study.sources.matrix import CsrMatrix, checked_pointers
from turncoat.study.sources.plain import PlainSource


class TenxSource(PlainSource):
    """Cells of a 10x h5 file. Stored gene by cell in columns, which is cell by cell in rows."""

    def load(self) -> None:
        """Open the file and read names."""
        self.refuse_layer()
        root = open_hdf5(self._path)
        group = root["matrix"] if "matrix" in root else self._only_genome(root)
        self.obs = pd.DataFrame(index=pd.Index(texts(group["barcodes"]), dtype=object))
        self.var = self._features(group)
        stated = tuple(int(n) for n in np.asarray(group["shape"][...]))
        if stated != (len(self.var), len(self.obs)):
            raise FileFormatError(
                f"{self._path}: the stated shape is {stated}, but there are {len(self.var)} "
                f"features and {len(self.obs)} barcodes. Make or fetch the file again."
            )
        where = f"{self._path}: {group.name}"
        pointers = checked_pointers(
            group["indptr"], len(self.obs), int(group["data"].shape[0]), where
        )
        shape = (len(self.obs), len(self.var))
        self.matrix = CsrMatrix(group["data"], group["indices"], pointers, shape, where)

    def _only_genome(self, root: Any) -> Any:
        genomes = [name for name in root if "indptr" in root[name]]
        if len(genomes) != 1:
            raise StudyError(
                f"{self._path} holds {len(genomes)} genomes {genomes}; one is needed. Take out one "
                "species with cellranger or scanpy, and study the species apart."
            )
        return root[genomes[0]]

    @staticmethod
    def _features(group: Any) -> pd.DataFrame:
        if "features" not in group:
            index = pd.Index(texts(group["gene_names"]), dtype=object)
            return pd.DataFrame({"ensembl": texts(group["genes"]), "kind": ""}, index=index)
        features = group["features"]
        index = pd.Index(texts(features["name"]), dtype=object)
        kinds = texts(features["feature_type"]) if "feature_type" in features else ""
        return pd.DataFrame({"ensembl": texts(features["id"]), "kind": kinds}, index=index)
