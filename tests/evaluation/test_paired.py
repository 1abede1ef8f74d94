"""Paired comparisons: the same people or none, and p-values that mean what they say."""

import dataclasses

import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.evaluation import compare_all, delong_difference
from keras_neurovit.evaluation.predictions import Predictions


def told(targets, said, labels=("0", "1"), people=None, source="one.csv") -> Predictions:
    rows = len(targets)
    names = tuple(str(person) for person in (range(rows) if people is None else people))
    table = np.stack([1 - said, said], axis=1) if len(labels) == 2 else said
    return Predictions(names, tuple(map(str, range(rows))), ("",) * rows, targets, table, labels, {}, source)


@pytest.fixture
def models():
    rng = np.random.default_rng(0)
    targets = rng.permutation(np.arange(80) % 2)
    good = 1 / (1 + np.exp(-(2.0 * targets - 1 + rng.normal(size=80))))
    return targets, good, rng.random(80)


def test_order_of_rows_does_not_matter(models):
    targets, good, poor = models
    one, other = told(targets, good), told(targets, poor, source="other.csv")
    found = compare_all(one, {"other": other.subset(np.arange(80)[::-1])})["other"]
    difference, p = delong_difference(targets, good, poor)
    assert (found.difference, found.p, found.test) == (difference, p, "DeLong")
    assert found.p < 0.01


def test_holm_over_many(models):
    targets, good, poor = models
    others = {"poor": told(targets, poor), "same": told(targets, good), "turned": told(targets, 1 - good)}
    found = compare_all(told(targets, good), others)
    assert found["same"].corrected == 1.0
    assert found["poor"].corrected == pytest.approx(2 * found["poor"].p)
    assert found["turned"].corrected == pytest.approx(3 * found["turned"].p)


def test_clusters_classes_and_numbers(models):
    targets, good, poor = models
    people = np.repeat(np.arange(40), 2)
    clustered = compare_all(told(targets, good, people=people), {"o": told(targets, poor, people=people)}, draws=300)[
        "o"
    ]
    assert (clustered.test, clustered.difference.n) == ("permutation of people", 40)
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 3, 90)
    right, guess = np.eye(3)[classes], np.eye(3)[rng.integers(0, 3, 90)]
    accuracy = compare_all(told(classes, right, "abc"), {"o": told(classes, guess, "abc")}, draws=500)["o"]
    assert accuracy.difference.value == pytest.approx(1 - (guess.argmax(axis=1) == classes).mean())
    assert accuracy.p == pytest.approx(1 / 501)
    ages = rng.normal(60, 10, 90)
    near, far = ages + rng.normal(0, 2, 90), ages + rng.normal(0, 8, 90)
    mae = compare_all(told(ages, near, ()), {"o": told(ages, far, ())}, draws=500)["o"]
    assert mae.difference.high < 0
    assert mae.p < 0.01


def test_permutations_are_level():
    p_values = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        ages, people = rng.normal(60, 10, 60), np.repeat(np.arange(30), 2)
        shared = np.repeat(rng.normal(0, 3, 30), 2)  # what a model misses of a person it misses twice
        one, other = told(ages, ages + shared + rng.normal(0, 2, 60), (), people), ages + rng.normal(0, 3, 60)
        other = told(ages, other + np.repeat(rng.normal(0, 2, 30), 2), (), people)
        p_values.append(compare_all(one, {"o": other}, draws=200)["o"].p)
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.09


def test_other_people_are_refused(models):
    targets, good, poor = models
    one, other = told(targets, good), told(targets, poor, source="other.csv")
    with pytest.raises(InputError, match=r"other.csv: holds other scans than one.csv: lacks 10 scans, has 0 others"):
        compare_all(one, {"o": other.subset(np.arange(70))})
    with pytest.raises(InputError, match=r"tells another truth than one.csv of 0 0, 1 1"):
        compare_all(one, {"o": dataclasses.replace(other, targets=1 - targets)})
    with pytest.raises(InputError, match="does not predict what"):
        compare_all(one, {"o": told(targets, poor, ("a", "b"))})


def test_scans_have_names_in_one_table_only(models):
    targets, good, poor = models
    named = dataclasses.replace(told(targets, good), scans=tuple(f"{row}_T1w.nii.gz" for row in range(80)))
    assert compare_all(named, {"o": told(targets, poor)})["o"].p < 0.01
    twice = dataclasses.replace(named, participants=("1",) * 80, sessions=("",) * 80)
    with pytest.raises(InputError, match="which scan is which is not told"):
        compare_all(twice, {"o": told(targets, poor)})
