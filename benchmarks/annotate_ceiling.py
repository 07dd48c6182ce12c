"""How well regulatory T cells can be told at all: classifiers taught on those very labels.

``python benchmarks/annotate_ceiling.py FILE.npz`` (in an interpreter with scikit-learn) prints, for
counts ``c`` and labels ``y`` of the T cells of one data set, the F1 and the average precision of
classifiers judged by five-fold cross-validation, mean over three splits (the threshold of the F1 is
chosen within the training folds), and the average precision of the linear one by the number of
labelled cells that it learns from. No upper bound: few labels teach little, and a method that knows
the markers may do better.
"""

import json
import sys
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import (
    StratifiedKFold,
    StratifiedShuffleSplit,
    TunedThresholdClassifierCV,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

N_SPLITS = 3
#: Learning curve: shares of the cells learnt from, and splits of each.
SHARES, N_CURVE = (0.2, 0.4, 0.6, 0.8), 8


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
        scores, ranked = [], []
        for seed in range(N_SPLITS):
            folds = StratifiedKFold(5, shuffle=True, random_state=seed)
            called = cross_val_predict(tuned, features, labels, cv=folds)
            scores.append(float(f1_score(labels, called)))
            likely = cross_val_predict(model, features, labels, cv=folds, method="predict_proba")
            ranked.append(float(average_precision_score(labels, likely[:, 1])))
        found[name] = [float(np.mean(scores)), float(np.mean(ranked))]
    found["learning curve"] = curve(linear, features, labels)
    print(json.dumps(found))


def curve(model: Any, features: Any, labels: Any) -> list[list[float]]:
    """Average precision on a fifth of the cells, by the number of labelled Treg learnt from."""
    rows = []
    for share in SHARES:
        splits = StratifiedShuffleSplit(N_CURVE, train_size=share, test_size=0.2, random_state=0)
        scores = []
        for teach, ask in splits.split(features, labels):
            model.fit(features[teach], labels[teach])
            likely = model.predict_proba(features[ask])[:, 1]
            scores.append(average_precision_score(labels[ask], likely))
        rows.append([float(round(share * labels.sum())), float(np.mean(scores))])
    return rows


if __name__ == "__main__":
    main()
