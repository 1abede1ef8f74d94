"""Scaling curves: a known law is found again, its interval covers it, and nothing is promised above the ceiling."""

import json

import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.evaluation import fit_scaling_curve

PEOPLE = np.repeat([12, 24, 48, 96, 192], 5)


def law(people, ceiling=0.93, loss=1.2, rate=0.6):
    return ceiling - loss * people**-rate


def test_a_law_is_found_again():
    curve = fit_scaling_curve(PEOPLE, law(PEOPLE), draws=20)
    assert (curve.ceiling, curve.loss, curve.rate) == pytest.approx((0.93, 1.2, 0.6), rel=0.05)
    assert curve.score(500).value == pytest.approx(law(500), abs=0.003)
    needed = (1.2 / (0.93 - 0.9)) ** (1 / 0.6)
    assert curve.people_for(0.9).value == pytest.approx(needed, rel=0.1)
    assert curve.sizes == (12, 24, 48, 96, 192)


def test_intervals_cover_the_truth():
    random, covered, runs = np.random.default_rng(0), 0, 60
    for _ in range(runs):
        scores = np.clip(law(PEOPLE) + 0.03 * random.normal(size=len(PEOPLE)), 0, 1)
        found = fit_scaling_curve(PEOPLE, scores, draws=60).score(96)
        covered += found.low <= law(96) <= found.high
    assert 0.8 <= covered / runs <= 1.0


def test_nothing_is_promised_above_the_ceiling():
    random = np.random.default_rng(1)
    scores = np.clip(law(PEOPLE) + 0.01 * random.normal(size=len(PEOPLE)), 0, 1)
    found = fit_scaling_curve(PEOPLE, scores, draws=60).people_for(0.99)
    assert (found.value, found.high) == (np.inf, np.inf)


def test_a_flat_curve_needs_nobody_more():
    curve = fit_scaling_curve(PEOPLE, np.full(len(PEOPLE), 0.8), draws=10)
    assert curve.score(12).value == pytest.approx(0.8, abs=0.01)
    assert curve.people_for(0.7).value == 1


@pytest.mark.parametrize(
    ("people", "scores", "told"),
    [
        ([10, 10, 20, 20], [0.6, 0.6, 0.7, 0.7], "too few"),
        ([10, 10, 20, 20, 40], [0.6] * 5, "spread"),
        ([10, 10, 20], [0.6] * 2, "match"),
        ([10, 10, 20, 20, 40, 40], [0.6] * 5 + [np.nan], "finite"),
    ],
)
def test_unusable_runs_are_refused(people, scores, told):
    with pytest.raises(InputError, match=told):
        fit_scaling_curve(people, scores)


def test_a_law_in_values_of_json():
    curve = fit_scaling_curve(PEOPLE, law(PEOPLE), draws=20)
    told = json.loads(json.dumps(curve.to_dict(0.999), allow_nan=False))
    assert told["people_for"]["value"] is None  # above the ceiling: no number is enough
    assert told["ceiling"]["value"] == pytest.approx(curve.ceiling)
    assert told["ceiling"]["low"] <= told["ceiling"]["value"] <= told["ceiling"]["high"]
    assert (told["score"], told["level"], told["sizes"]) == (0.999, 0.95, list(curve.sizes))
    assert "people_for" not in curve.to_dict()
