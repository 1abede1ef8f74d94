"""Intervals at 95 % cover the truth in 93 to 97 % of simulated studies."""

import numpy as np
import pytest
from scipy import special

from keras_neurovit.evaluation import calibration_error, scorecard
from keras_neurovit.evaluation.calibration_interval import calibration_interval
from keras_neurovit.evaluation.predictions import Predictions


def study(rng, people, visits, slope, stretch, shift=0.0) -> Predictions:
    """People whose scans differ from each other by chance; `stretch` makes probabilities too extreme."""
    hidden = slope * rng.normal(size=people)
    targets = np.repeat((rng.random(people) < special.expit(hidden)).astype(int), visits)
    seen = np.repeat(hidden, visits) + (0.5 * rng.normal(size=people * visits) if visits > 1 else 0)
    return table(targets, special.expit(stretch * seen + shift), people, visits, ("0", "1"))


def three_classes(rng, people, visits, slope, stretch) -> Predictions:
    hidden = slope * rng.normal(size=(people, 3))
    chance = np.cumsum(special.softmax(hidden, axis=1), axis=1)
    targets = np.repeat((rng.random(people)[:, None] > chance[:, :2]).sum(axis=1), visits)
    seen = np.repeat(hidden, visits, axis=0) + (0.5 * rng.normal(size=(people * visits, 3)) if visits > 1 else 0)
    return table(targets, special.softmax(stretch * seen, axis=1), people, visits, ("a", "b", "c"))


def measurements(rng, people, visits, *_) -> Predictions:
    truth = np.repeat(rng.normal(60, 15, people), visits)
    missed = np.repeat(rng.normal(0, 6, people), visits) + rng.normal(0, 4, people * visits)
    return table(truth, 12 + 0.8 * truth + missed, people, visits, ())


def table(targets, said, people, visits, labels) -> Predictions:
    names = tuple(str(person) for person in np.repeat(np.arange(people), visits))
    scans = tuple(str(row) for row in range(people * visits))
    said = np.stack([1 - said, said], axis=1) if len(labels) == 2 else said
    return Predictions(names, scans, ("",) * len(scans), targets, said, labels, {}, "simulated")


def coverage(make, studies, draws, people, visits, *how) -> dict[str, float]:
    everybody = make(np.random.default_rng(0), 100_000, visits, *how)
    truth = {name: one.value for name, one in scorecard(everybody, draws=2).items()}
    covered = {name: [] for name in truth}
    for seed in range(studies):
        for name, one in scorecard(make(np.random.default_rng((1, seed)), people, visits, *how), draws=draws).items():
            covered[name].append(one.low <= truth[name] <= one.high)
    return {name: float(np.mean(each)) for name, each in covered.items()}


def held(found: dict[str, float], low: float, high: float) -> dict[str, float]:
    """Those outside of what they promise."""
    return {name: c for name, c in found.items() if not low <= c <= high}


def test_classifiers():
    # Few enough studies to take seconds: their own chance is ± 3 %, and the seeds are fixed.
    assert held(coverage(study, 250, 150, 80, 2, 1.5, 1.0), 0.92, 0.98) == {}


def test_regressions():
    assert held(coverage(measurements, 500, 300, 80, 2), 0.925, 0.975) == {}


@pytest.mark.slow
@pytest.mark.parametrize("how", [(100, 1, 2.0, 1.0), (100, 2, 1.5, 2.0), (200, 1, 3.0, 1.0), (80, 3, 1.5, 1.0)])
def test_classifiers_at_length(how):
    assert held(coverage(study, 2500, 500, *how), 0.93, 0.97) == {}


@pytest.mark.slow
@pytest.mark.parametrize("how", [(100, 1, 2.0, 1.0), (100, 2, 1.5, 2.0)])
def test_three_classes_at_length(how):
    assert held(coverage(three_classes, 2500, 500, *how), 0.93, 0.97) == {}


@pytest.mark.slow
@pytest.mark.parametrize("how", [(80, 1), (80, 3), (200, 2)])
def test_regressions_at_length(how):
    assert held(coverage(measurements, 2500, 500, *how), 0.93, 0.97) == {}


def error_covered(studies, people, visits, slope, stretch, shift) -> float:
    """The share of studies whose interval of the calibration error holds the truth, which is 0 where it is meant so."""
    how, meant = (visits, slope, stretch, shift), visits == 1 and (stretch, shift) == (1.0, 0.0)
    truth, found = 0.0, []
    if not meant:
        many = study(np.random.default_rng(0), 1_000_000, *how)
        truth = calibration_error(many.targets, many.scores)
    for seed in range(studies):
        one = study(np.random.default_rng((2, seed)), people, *how)
        whose = np.unique(one.participants, return_inverse=True)[1]
        low, high = calibration_interval(one.targets, one.scores, whose, seed=seed)
        found.append(low <= truth <= high)
    return float(np.mean(found))


def test_a_calibration_error_of_none():
    assert 0.92 <= error_covered(400, 60, 1, 2.0, 1.0, 0.0) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        (60, 1, 2.0, 1.0, 0.0), (100, 1, 2.0, 1.0, 0.0), (200, 1, 3.0, 1.0, 0.0), (80, 3, 1.5, 1.0, 0.0),
        (100, 1, 2.0, 1.3, 0.0), (100, 2, 1.5, 2.0, 0.0), (100, 1, 1.0, 2.5, 0.0), (100, 1, 3.0, 3.0, 0.0),
        (200, 1, 0.5, 1.0, 0.4), (300, 1, 1.5, 1.0, 0.7), (1000, 1, 2.0, 1.2, 0.0),
    ],
)  # fmt: skip
def test_calibration_errors_at_length(how):
    """From none to 0.16, too extreme and too high, one scan a person and several."""
    assert 0.93 <= error_covered(1500, *how) <= 0.97
