"""Probabilities made to mean what they say, by what was seen on validation people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.evaluation.calibration import fit_temperature
from keras_neurovit.evaluation.predictions import Predictions
from keras_neurovit.evaluation.scorecard import best_threshold

METHODS = ("temperature", "isotonic")
TINY = 1e-12  # the logarithm of nothing is no number
FEWEST = 10  # people of a class; fewer tell next to nothing about probabilities


def fit_calibration(predictions: Predictions, method: Literal["temperature", "isotonic"] = "temperature") -> dict:
    """What makes a model's probabilities right on validation people, as plain values for a preset's JSON.

    "temperature" divides logits by one number, which changes no order; "isotonic" fits a rising line of steps to each
    class, which needs hundreds of people. Two classes get a threshold too, chosen after calibration.

    Args:
        predictions: a classifier's own probabilities of people it was not trained on and will not be told of.
        method: see above.

    Raises:
        InputError: a regression, an unknown method, or fewer than ten people of a class.

    Source: Guo et al. 2017 (arXiv 1706.04599); targets short of 0 and 1, so that separated classes give no infinite
    confidence, Platt 1999 (Advances in Large Margin Classifiers, p. 61); Zadrozny & Elkan 2002 (KDD, p. 694).

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> rows = [f"{i},{i % 2},{0.99 if i % 2 ^ (i % 5 == 0) else 0.01}" for i in range(100)]
        >>> _ = Path("v.csv").write_text("participant_id,target,probability\\n" + "\\n".join(rows))
        >>> found = fit_calibration(read_predictions("v.csv"))  # too sure of itself: a fifth is wrong
        >>> 3 < found["temperature"] < 4, calibrated(found, [[0.01, 0.99]]).round(2).tolist()
        (True, [[0.21, 0.79]])
    """
    one_of("method", method, METHODS)
    if predictions.kind == "regression":
        raise InputError(
            f"{predictions.source}: holds numbers, not probabilities", expected="a classifier's predictions"
        )
    people = np.array(predictions.participants)
    for place, label in enumerate(predictions.labels):
        count = len(set(people[predictions.targets == place]))
        if count < FEWEST:
            what = f"{predictions.source}: too few people of class {label} to calibrate on"
            raise InputError(what, expected=f"{FEWEST} or more", received=count)
    facts: dict = {"method": method, "people": len(set(people))}
    if method == "temperature":
        logits = np.log(np.clip(predictions.probabilities, TINY, 1))
        facts["temperature"] = fit_temperature(predictions.targets, logits, smooth=True)
    else:
        facts |= _steps(predictions)
    if predictions.kind == "binary":
        facts["threshold"] = best_threshold(after(facts, predictions))
    return facts


def calibrated(calibration: Mapping | None, probabilities: np.ndarray) -> np.ndarray:
    """Probabilities as a calibration has them; without one as they are.

    Shape: (row, class) → (row, class)

    Raises:
        InputError: a calibration of an unknown method, or of another number of classes.
    """
    table = np.asarray(probabilities, dtype=np.float64)
    if not calibration:
        return table
    if one_of("method of calibration", str(calibration.get("method")), METHODS) == "temperature":
        logits = np.log(np.clip(table, TINY, 1)) / calibration["temperature"]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    elif len(calibration["said"]) == 1 and table.shape[1] == 2:
        second = np.interp(table[:, 1], calibration["said"][0], calibration["meant"][0])
        powers = np.stack([1 - second, second], axis=1)
    elif len(calibration["said"]) == table.shape[1]:
        steps = zip(table.T, calibration["said"], calibration["meant"], strict=True)
        powers = np.stack([np.interp(*each) for each in steps], axis=1)
    else:
        raise InputError("the calibration is of another number of classes", len(calibration["said"]), table.shape[1])
    return powers / powers.sum(axis=1, keepdims=True)


def after(calibration: Mapping | None, predictions: Predictions) -> Predictions:
    """The same predictions, calibrated."""
    return replace(predictions, probabilities=calibrated(calibration, predictions.probabilities))


def _steps(predictions: Predictions) -> dict:
    """For each class, or of two the second, what was said and what it meant."""
    from sklearn.isotonic import IsotonicRegression

    short = 1 / (len(set(predictions.participants)) + 2)  # nobody's probability becomes 0 or 1
    said, meant = [], []
    for place in (1,) if predictions.kind == "binary" else range(len(predictions.labels)):
        steps = IsotonicRegression(y_min=short, y_max=1 - short, out_of_bounds="clip")
        steps.fit(predictions.probabilities[:, place], predictions.targets == place)
        said.append([round(float(number), 6) for number in steps.X_thresholds_])
        meant.append([round(float(number), 6) for number in steps.y_thresholds_])
    return {"said": said, "meant": meant}
