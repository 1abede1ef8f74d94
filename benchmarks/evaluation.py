"""Twelve measures with intervals: 2,000 draws of 10,000 people, beside scikit-learn's area under the curve alone."""

from __future__ import annotations

import numpy as np
from scipy import special
from sklearn.metrics import roc_auc_score

from benchmarks.timing import alternate, one_thread
from keras_neurovit.evaluation import scorecard
from keras_neurovit.evaluation.predictions import Predictions

PEOPLE, DRAWS = 10_000, 2000
THEIRS = 50  # of the draws; the others would take as long each


def run(options) -> dict:
    """Core-seconds of the whole scorecard, and what scikit-learn's one measure would take for as many draws."""
    random = np.random.default_rng(5)
    hidden = 2 * random.normal(size=PEOPLE)
    said = special.expit(hidden)
    targets = (random.random(PEOPLE) < said).astype(int)
    names = tuple(map(str, range(PEOPLE)))
    told = Predictions(
        names, ("",) * PEOPLE, ("",) * PEOPLE, targets, np.stack([1 - said, said], axis=1), ("0", "1"), {}, "drawn"
    )
    drawings = [random.integers(PEOPLE, size=PEOPLE) for _ in range(THEIRS)]
    works = {
        "scorecard": lambda: scorecard(told, draws=DRAWS),
        "scikit-learn's area": lambda: [roc_auc_score(targets[rows], said[rows]) for rows in drawings],
    }
    with one_thread():
        seconds = alternate(works, options.rounds, warm=0)
    ours, theirs = seconds["scorecard"], seconds["scikit-learn's area"] * DRAWS / THEIRS
    return {"scorecard_s": round(ours, 2), "sklearn_auc_alone_s": round(theirs, 2), "ratio": round(theirs / ours, 2)}
