"""ROC and precision–recall curves with bands over draws of people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_neurovit.evaluation.bootstrap import enumerate_people
from keras_neurovit.evaluation.predictions import Predictions

GRID = np.linspace(0, 1, 101)
DRAWS = 500


@dataclass(frozen=True)
class Curve:
    """A curve and the band that covers 95 % of draws of people at each place.

    Args:
        x: from 0 to 1.
        y, low, high: at each x.
    """

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray


def roc_curve(predictions: Predictions, seed: int = 0) -> Curve:
    """Sensitivity by 1 − specificity.

    Source: vertical averaging of bootstrap draws, Fawcett 2006 (Pattern Recognition Letters 27:861), section 8.
    """
    return _with_band(predictions, seed, lambda up, down: (down / down[-1], up / up[-1]))


def precision_recall_curve(predictions: Predictions, seed: int = 0) -> Curve:
    """Precision (PPV) by recall (sensitivity); of places without a prediction, that of the next one."""
    return _with_band(predictions, seed, lambda up, down: (up / up[-1], up / np.maximum(up + down, 1e-12)))


def _with_band(predictions: Predictions, seed: int, coordinates) -> Curve:
    order = np.argsort(-predictions.scores, kind="stable")
    ranked, positive = predictions.scores[order], predictions.targets[order] == 1
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])  # equal scores are one step
    people = enumerate_people(predictions.participants, len(predictions))[order]
    n, random = int(people.max()) + 1, np.random.default_rng(seed)

    def at_grid(weights):
        up, down = np.cumsum(weights * positive)[ends], np.cumsum(weights * ~positive)[ends]
        if up[-1] == 0 or down[-1] == 0:
            return None
        x, y = coordinates(up, down)
        if x[-1] != 1 or y[-1] != 1:  # precision does not begin at 0
            first = np.r_[True, x[1:] > x[:-1]]  # of one recall, the best precision
            return np.interp(GRID, x[first], y[first])
        return np.interp(GRID, np.r_[0.0, x], np.r_[0.0, y])

    drawn = (np.bincount(random.integers(n, size=n), minlength=n)[people] for _ in range(DRAWS))
    lines = np.array([line for line in map(at_grid, drawn) if line is not None])
    low, high = np.quantile(lines, [0.025, 0.975], axis=0)
    return Curve(GRID, at_grid(np.ones(len(order))), low, high)
