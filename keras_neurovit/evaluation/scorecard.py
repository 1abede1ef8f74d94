"""Every measure that a reviewer asks for, with its interval, from a table of predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from keras_neurovit._checks import InputError, between, one_of
from keras_neurovit.evaluation.bootstrap import (
    Estimate,
    Measure,
    enumerate_people,
    samples,
    weighted_auc,
    weighted_mean,
)
from keras_neurovit.evaluation.calibration import NEAR
from keras_neurovit.evaluation.calibration_interval import calibration_interval
from keras_neurovit.evaluation.delong import delong_auc
from keras_neurovit.evaluation.intervals import Kind, from_draws
from keras_neurovit.evaluation.measures import (
    weighted_average_precision,
    weighted_calibration_error,
    weighted_correlation,
    weighted_line,
    weighted_r2,
)
from keras_neurovit.evaluation.predictions import Predictions

MAIN = {"binary": "auc", "multiclass": "auc", "regression": "mae"}  # the measure that is told where only one is


class _Asked(NamedTuple):
    measure: Measure
    kind: Kind
    people: int
    told: tuple[np.ndarray, np.ndarray] | None = None  # of a calibration error: outcomes, and what was said of them


def scorecard(
    predictions: Predictions,
    *,
    threshold: float = 0.5,
    only: Sequence[str] | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """The measures of a classifier or a regression, each with its interval; NaN where one is undefined.

    Two classes: auc, average_precision, balanced_accuracy, accuracy, sensitivity, specificity, ppv, npv at the
    threshold, brier, calibration_error, calibration_slope, calibration_intercept. More classes: auc and
    average_precision as means of each class against the rest, accuracy, balanced_accuracy, brier,
    calibration_error of the most probable class, and the auc and recall of each label. Regression: mae, rmse, r, r2.

    The AUC of two classes has DeLong's interval where everybody has one scan, the calibration error one of its own
    (`calibration_interval`), above whose end the error itself may lie. All other intervals draw people with
    replacement, a person's scans together; see `intervals.from_draws`. Simulated, those at 0.95 cover 0.93 to 0.97
    from 60 people on.

    Args:
        predictions: from `read_predictions`.
        threshold: two classes: the second is predicted from this probability on. Choose it on validation people, for
            example with `best_threshold`.
        only: names of the measures that are asked for; None for all. Each is what it is among all.
        draws: of the bootstrap.
        seed: of the draws.
        level: of the intervals.

    Raises:
        InputError: a class that nobody has.

    Source: as `summary`, `delong_auc`, `calibration_line`.

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> _ = Path("p.csv").write_text("participant_id,target,probability\\n1,0,0.2\\n2,0,0.4\\n3,1,0.7\\n4,1,0.9\\n")
        >>> scorecard(read_predictions("p.csv"), draws=100)["ppv"].value
        1.0
    """
    between("threshold", threshold, 0.0, 1.0)
    people = enumerate_people(predictions.participants, len(predictions))
    asked = _ASKED[predictions.kind](predictions, lambda where: len(np.unique(people[where])), threshold)
    if only is not None:
        asked = {name: asked[one_of("measure", name, asked)] for name in only}
    once = np.ones((1, len(predictions)))
    values = {name: float(one.measure(once)[0]) for name, one in asked.items()}
    quick = predictions.kind == "binary" and not predictions.clustered
    by_theory = {"auc"} if quick else set()
    measures = {name: one.measure for name, one in asked.items() if not one.told and name not in by_theory}
    drawn = samples(measures, people, draws=draws, seed=seed)
    found, n = {}, int(people.max()) + 1
    for name, one in asked.items():
        if name in by_theory:
            found[name] = delong_auc(predictions.targets, predictions.scores, level=level)
        elif one.told:
            low, high = calibration_interval(*one.told, people, seed=seed, level=level)
            found[name] = Estimate(values[name], low, high, level, n)
        else:
            facts = {"people": one.people, "n": n, "draws": draws, "level": level}
            found[name] = from_draws(values[name], drawn[name], one.kind, **facts)
    return found


_Counter = Callable[[np.ndarray], int]  # how many people have a row among some


def _of_two(predictions: Predictions, count: _Counter, threshold: float) -> dict[str, _Asked]:
    up, p = _need_all(predictions) == 1, predictions.scores
    called, clipped = p >= threshold, np.clip(p, NEAR, 1 - NEAR)
    logits = np.log(clipped / (1 - clipped))
    everybody = count(np.full(up.shape, True))
    fewest = min(count(up), count(~up))
    right = (called == up).astype(float)
    recalls = weighted_mean(right, up), weighted_mean(right, ~up)
    return {
        "auc": _Asked(weighted_auc(up, p), "area", fewest),
        "average_precision": _Asked(weighted_average_precision(up, p), "area", fewest),
        "balanced_accuracy": _Asked(_mean(recalls), "share", 2 * fewest),
        "accuracy": _Asked(weighted_mean(right), "share", everybody),
        "sensitivity": _Asked(recalls[0], "share", count(up)),
        "specificity": _Asked(recalls[1], "share", count(~up)),
        "ppv": _Asked(weighted_mean(right, called), "share", count(called)),
        "npv": _Asked(weighted_mean(right, ~called), "share", count(~called)),
        "brier": _Asked(weighted_mean((p - up) ** 2), "number", everybody),
        "calibration_error": _Asked(weighted_calibration_error(up, p), "number", everybody, (up, p)),
        "calibration_slope": _Asked(weighted_line(up.astype(float), logits), "slope", everybody),
        "calibration_intercept": _Asked(weighted_line(up.astype(float), logits, True), "number", everybody),
    }


def _of_several(predictions: Predictions, count: _Counter, threshold: float) -> dict[str, _Asked]:
    classes, table = _need_all(predictions), predictions.probabilities
    is_class = [classes == place for place in range(len(predictions.labels))]
    everybody, fewest = count(classes >= 0), min(map(count, is_class))
    right = (table.argmax(axis=1) == classes).astype(float)
    areas = [weighted_auc(own, table[:, place]) for place, own in enumerate(is_class)]
    precisions = [weighted_average_precision(own, table[:, place]) for place, own in enumerate(is_class)]
    recalls = [weighted_mean(right, own) for own in is_class]
    sure = table.max(axis=1)
    brier = ((table - np.eye(len(is_class))[classes]) ** 2).sum(axis=1)
    asked = {
        "auc": _Asked(_mean(areas), "area", fewest),
        "average_precision": _Asked(_mean(precisions), "area", fewest),
        "balanced_accuracy": _Asked(_mean(recalls), "share", len(recalls) * fewest),
        "accuracy": _Asked(weighted_mean(right), "share", everybody),
        "brier": _Asked(weighted_mean(brier), "number", everybody),
        "calibration_error": _Asked(weighted_calibration_error(right, sure), "number", everybody, (right, sure)),
    }
    for label, own, area, recall in zip(predictions.labels, is_class, areas, recalls, strict=True):
        asked[f"auc of {label}"] = _Asked(area, "area", min(count(own), count(~own)))
        asked[f"recall of {label}"] = _Asked(recall, "share", count(own))
    return asked


def _of_numbers(predictions: Predictions, count: _Counter, threshold: float) -> dict[str, _Asked]:
    missed = predictions.targets - predictions.probabilities
    everybody, squares = count(np.isfinite(missed)), weighted_mean(missed**2)
    pair = predictions.targets, predictions.probabilities
    return {
        "mae": _Asked(weighted_mean(np.abs(missed)), "number", everybody),
        "rmse": _Asked(lambda weights: np.sqrt(squares(weights)), "size", everybody),
        "r": _Asked(weighted_correlation(*pair), "correlation", everybody),
        "r2": _Asked(weighted_r2(*pair), "number", everybody),
    }


_ASKED: dict[str, Callable[..., dict[str, _Asked]]] = {
    "binary": _of_two,
    "multiclass": _of_several,
    "regression": _of_numbers,
}


def _need_all(predictions: Predictions) -> np.ndarray:
    absent = [label for place, label in enumerate(predictions.labels) if not (predictions.targets == place).any()]
    if absent:
        raise InputError(
            f"{predictions.source}: nobody has the target {', '.join(absent)}",
            expected="every class at least once",
            mend="Without it there is nothing to tell apart: check the labels and the split.",
        )
    return predictions.targets


def _mean(measures) -> Measure:
    return lambda weights: np.mean([measure(weights) for measure in measures], axis=0)


def best_threshold(predictions: Predictions) -> float:
    """The probability from which on to predict the second class, so that sensitivity plus specificity is highest.

    It lies in the middle between two people; of equally good ones it is the one nearest to 0.5. Choose it on
    validation people.

    Raises:
        InputError: not two classes, or one that nobody has.

    Source: Youden 1950 (Cancer 3:32).

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> _ = Path("v.csv").write_text("participant_id,target,probability\\n1,0,0.2\\n2,0,0.3\\n3,1,0.4\\n4,1,0.9\\n")
        >>> round(best_threshold(read_predictions("v.csv")), 6)
        0.35
    """
    scores, up = predictions.scores, _need_all(predictions) == 1
    places = np.unique(scores)
    candidates = np.r_[(places[1:] + places[:-1]) / 2, 0.5] if places.size > 1 else np.array([0.5])
    found = np.searchsorted(np.sort(scores[up]), candidates) / up.sum()
    kept = np.searchsorted(np.sort(scores[~up]), candidates) / (~up).sum()
    gain = kept - found
    best = candidates[gain >= gain.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])
