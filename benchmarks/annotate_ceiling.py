"""How well regulatory T cells can be told at all: classifiers taught on those very labels.

``python benchmarks/annotate_ceiling.py FILE.npz`` (in an interpreter with scikit-learn) prints, for
counts ``c`` and labels ``y`` of the T cells of one data set, the F1 of classifiers judged by
five-fold cross-validation, mean over three splits. The threshold is chosen within the training
folds. No method without these labels should be expected to do better.
"""

import json
import sys

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

N_SPLITS = 3


def main() -> None:
    with np.load(sys.argv[1]) as stored:
        counts, labels = stored["c"], stored["y"].astype(int)
    counts = counts[:, (counts > 0).sum(axis=0) >= 5]
    features = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    inner = StratifiedKFold(4, shuffle=True, random_state=1)
    linear = make_pipeline(
        StandardScaler(),
        SelectKBest(f_classif, k=min(2000, features.shape[1])),
        LogisticRegression(C=0.1, max_iter=300),
    )
    forest = RandomForestClassifier(200, class_weight="balanced_subsample", random_state=0)
    found = {}
    for name, model in (("logistic regression", linear), ("random forest", forest)):
        tuned = TunedThresholdClassifierCV(model, scoring="f1", cv=inner)
        scores = []
        for seed in range(N_SPLITS):
            folds = StratifiedKFold(5, shuffle=True, random_state=seed)
            called = cross_val_predict(tuned, features, labels, cv=folds)
            scores.append(float(f1_score(labels, called)))
        found[name] = float(np.mean(scores))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
