"""Whether probabilities mean what they say, and how to make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_neurovit._checks import InputError, between
from keras_neurovit.evaluation.metrics import binary_rows, finite_rows

NEAR = 1e-7  # probabilities nearer than this to 0 or 1 have no usable logit


def calibration_error(targets: Sequence[int], probabilities: Sequence[float], *, bins: int = 10) -> float:
    """Expected calibration error: mean distance of the share of positives from what was said, over bins of equal width.

    Shape: (row,) of 0 and 1, (row,) → scalar

    Source: Guo et al. 2017 (arXiv 1706.04599), equation 3, of the positive class.

    Example:
        >>> calibration_error([0, 1, 1, 1], [0.75, 0.75, 0.75, 0.75])
        0.0
    """
    targets, probabilities = _rows(targets, probabilities)
    found = reliability(targets, probabilities, bins=bins)
    return float(sum(row.count * abs(row.observed - row.said) for row in found) / targets.size)


@dataclass(frozen=True)
class Bin:
    """People who were told about the same.

    Args:
        said: their mean probability.
        observed: the share of positives among them.
        count: how many.
    """

    said: float
    observed: float
    count: int


def reliability(targets: Sequence[int], probabilities: Sequence[float], *, bins: int = 10) -> list[Bin]:
    """What was said and what was, in bins of equal width; empty ones are left out.

    Shape: (row,), (row,) → up to `bins`

    Example:
        >>> reliability([0, 1], [0.1, 0.9], bins=2)
        [Bin(said=0.1, observed=0.0, count=1), Bin(said=0.9, observed=1.0, count=1)]
    """
    targets, probabilities = _rows(targets, probabilities)
    place = np.minimum((probabilities * bins).astype(int), int(between("bins", bins, 1, 1000)) - 1)
    chosen = [place == number for number in np.unique(place)]
    return [Bin(float(probabilities[c].mean()), float(targets[c].mean()), int(c.sum())) for c in chosen]


def calibration_line(targets: Sequence[int], probabilities: Sequence[float]) -> tuple[float, float]:
    """Slope and intercept of the calibration: 1 and 0 where probabilities mean what they say.

    A slope below 1 tells that they are too extreme. The intercept is that of a slope of 1: above 0 tells that they are
    too low on the whole.

    Shape: (row,), (row,) → slope, intercept

    Raises:
        InputError: one class only, numbers that are no probabilities, or the same for everybody.

    Source: Cox 1958 (Biometrika 45:562); Van Calster et al. 2016 (J. Clin. Epidemiol. 74:167), section 2.

    Example:
        >>> slope, intercept = calibration_line([0, 1] * 50 + [1, 1], [0.3, 0.7] * 50 + [0.3, 0.7])
        >>> slope > 1, intercept > 0
        (True, True)
    """
    from scipy import optimize, special

    targets, probabilities = _rows(targets, probabilities)
    logits = special.logit(np.clip(probabilities, NEAR, 1 - NEAR))
    if np.ptp(logits) == 0:
        raise InputError("probabilities are the same for everybody", mend="There is no slope to tell.")

    def loss(line, slope=None):
        z = (line[0] if slope is None else slope) * logits + line[-1]
        return float(np.logaddexp(0, z).sum() - (targets * z).sum())

    slope = float(optimize.minimize(loss, [1.0, 0.0], method="BFGS").x[0])
    intercept = float(optimize.minimize_scalar(lambda shift: loss([shift], 1.0), bounds=(-30, 30), method="bounded").x)
    return slope, intercept


def fit_temperature(targets: Sequence[int], logits: np.ndarray, *, smooth: bool = False) -> float:
    """The number that logits are divided by so that their softmax fits the targets best.

    Choose it on validation people, never on those a figure is told of; it changes no order and no AUC.

    Shape: (row,) of 0 … class − 1, (row, class) → scalar above 0

    Args:
        targets: classes.
        logits: or logarithms of probabilities.
        smooth: keep targets a little short of certain, by as much as so few rows leave open; else classes that are
            separated give a temperature near 0.

    Source: Guo et al. 2017 (arXiv 1706.04599), section 4.2; Platt 1999 (Advances in Large Margin Classifiers, p. 61).

    Example:
        >>> 1 < fit_temperature([0, 1, 1, 0], np.array([[4, 0], [0, 4], [4, 0], [4, 0]])) < 10
        True
    """
    from scipy import optimize, special

    logits = np.asarray(logits, dtype=np.float64)
    targets = finite_rows("targets", targets).astype(int)
    if logits.ndim != 2 or len(logits) != len(targets) or not np.isfinite(logits).all():
        raise InputError("logits do not fit targets", f"({len(targets)}, class) finite numbers", logits.shape)

    classes = logits.shape[1]
    counts = np.bincount(targets, minlength=classes)
    sure = ((counts + 1) / (counts + 2) if smooth else np.ones(classes))[targets, None]
    is_class = np.eye(classes)[targets]
    wanted = is_class * sure + (1 - is_class) * (1 - sure) / (classes - 1)

    def loss(log_temperature):
        scaled = logits / np.exp(log_temperature)
        return float((special.logsumexp(scaled, axis=1) - (wanted * scaled).sum(axis=1)).mean())

    return float(np.exp(optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))


def _rows(targets, probabilities) -> tuple[np.ndarray, np.ndarray]:
    targets, probabilities = binary_rows(targets, probabilities, "probabilities")
    if probabilities.min() < 0 or probabilities.max() > 1:
        received = f"{probabilities.min():.4g} to {probabilities.max():.4g}"
        raise InputError("probabilities are no probabilities", "0 to 1", received, "Apply softmax or sigmoid first.")
    return targets, probabilities
