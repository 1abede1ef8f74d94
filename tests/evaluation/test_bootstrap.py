"""The bootstrap: against draws made one by one, and against the coverage it promises."""

import doctest
import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation import bootstrap, roc_auc, summary
from keras_neurovit.evaluation.bootstrap import Estimate, enumerate_people, weighted_auc, weighted_mean


def binormal(rng, rows, shift=1.0):
    targets = rng.permutation(np.arange(rows) % 2)
    return targets, rng.normal(size=rows) + shift * targets


@pytest.mark.parametrize("decimals", [9, 0])  # 0: many ties
def test_weighted_auc_equals_scikit_learn_with_the_rows_repeated(decimals):
    rng = np.random.default_rng(1)
    targets, scores = binormal(rng, 41)
    scores = scores.round(decimals)
    weights = rng.integers(0, 4, size=(7, 41))
    found = weighted_auc(targets == 1, scores)(weights.astype(float))
    expected = [roc_auc_score(np.repeat(targets, row), np.repeat(scores, row)) for row in weights]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_draw_without_a_class_is_undefined():
    weights = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]])
    found = weighted_auc(np.array([False, False, True]), np.array([0.1, 0.9, 0.5]))(weights)
    assert math.isnan(found[0])
    assert found[1] == 0.0
    assert math.isnan(weighted_mean(np.ones(3), np.array([False, False, True]))(weights)[0])


def test_weighted_mean_over_chosen_rows():
    found = weighted_mean(np.array([1.0, 5.0, 9.0]), np.array([True, False, True]))(np.array([[3.0, 8.0, 1.0]]))
    assert found.tolist() == [3.0]


def test_draws_of_people_hold_as_many_people_as_there_are():
    weights = bootstrap._weights(np.random.default_rng(0), 50, 23)
    assert weights.shape == (50, 23)
    assert (weights.sum(axis=1) == 23).all()
    assert weights.var() == pytest.approx(1 - 1 / 23, rel=0.15)  # of a multinomial count


def test_draws_equal_those_made_one_by_one():
    targets, scores = binormal(np.random.default_rng(2), 60)
    measure = weighted_auc(targets == 1, scores)
    found = bootstrap.samples({"auc": measure}, np.arange(60), draws=4000, seed=3)["auc"]
    right = np.where(scores[:, None] == scores, 0.5, scores[:, None] > scores)
    rng, sample = np.random.default_rng(4), []
    while len(sample) < 4000:
        rows = rng.integers(60, size=60)
        ill, well = rows[targets[rows] == 1], rows[targets[rows] == 0]
        if ill.size and well.size:
            sample.append(right[np.ix_(ill, well)].mean())
    assert np.quantile(found, [0.025, 0.975]) == pytest.approx(np.quantile(sample, [0.025, 0.975]), abs=0.01)


def test_a_person_scanned_twice_counts_once():
    targets, scores = binormal(np.random.default_rng(5), 80)
    once = roc_auc(targets, scores)
    names = [f"sub-{row:02}" for row in range(80)]
    twice = roc_auc(np.tile(targets, 2), np.tile(scores, 2), participants=names * 2)
    assert (twice.value, twice.n) == (pytest.approx(once.value), 80)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    naive = roc_auc(np.tile(targets, 2), np.tile(scores, 2))
    assert naive.high - naive.low < 0.8 * (once.high - once.low)


def test_blocks_do_not_change_what_is_measured(monkeypatch):
    targets, scores = binormal(np.random.default_rng(6), 50)
    whole = roc_auc(targets, scores)
    monkeypatch.setattr(bootstrap, "CELLS", 50 * 7)  # 7 draws a block, the last one shorter
    assert roc_auc(targets, scores).low == pytest.approx(whole.low, abs=0.01)


def test_too_few_people_have_no_interval():
    """With one person in each of three classes, 2 draws of 9 hold them all."""
    found = summary([0, 1, 2], np.eye(3), ["CN", "MCI", "AD"], draws=500)["auc"]
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert str(found) == "1.000 [nan, nan]"


@pytest.mark.parametrize("people", [False, True])
def test_coverage_of_the_interval(people):
    """Of 200 intervals at 90 %, about 180 hold the true area Φ(1/√2); with scans of a person correlated too."""
    truth = 0.5 * (1 + math.erf(0.5))
    rng, held = np.random.default_rng(7), 0
    for _ in range(200):
        targets, scores = binormal(rng, 100)
        names = None
        if people:
            names = np.repeat(np.arange(100), 2)
            targets, scores = np.repeat(targets, 2), np.repeat(scores, 2)  # two scans that agree exactly
        found = roc_auc(targets, scores, participants=names, draws=300, level=0.9)
        held += found.low <= truth <= found.high
    assert 168 <= held <= 191  # 84 to 95 %: within 3 standard errors of 90 %


def test_coverage_near_one():
    """An area of 0.95 among 60 people: percentiles of draws held it in 90 % only of what promises 95 %."""
    rng, held = np.random.default_rng(8), []
    for _ in range(400):
        targets, scores = binormal(rng, 60, shift=2.3262)
        found = roc_auc(targets, scores, draws=300)
        held.append(found.low <= 0.95 <= found.high)
    assert 0.925 <= np.mean(held) <= 0.98


@pytest.mark.parametrize("names", [["a", None, "c"], ["a", float("nan"), "c"], ["a", "", "c"]])
def test_rows_without_a_person_are_refused(names):
    with pytest.raises(InputError, match="lack a name in 1 rows, the first in row 1"):
        enumerate_people(names, 3)


def test_people_must_fit_the_rows():
    with pytest.raises(InputError, match="participants does not fit targets"):
        enumerate_people(["a", "b"], 3)


@pytest.mark.parametrize("arguments", [{"draws": 0}, {"draws": 1.5}, {"level": 0.0}, {"level": 95}])
def test_settings_out_of_range_are_refused(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        roc_auc([0, 1], [0.1, 0.2], **arguments)


def test_an_estimate_reads_well_and_cannot_be_changed():
    found = Estimate(0.9123, 0.861, 0.9526, level=0.95, n=120)
    assert str(found) == "0.912 [0.861, 0.953]"
    with pytest.raises(AttributeError):
        found.value = 1.0


def test_the_examples_run():
    result = doctest.testmod(bootstrap)
    assert result.attempted > 0
    assert result.failed == 0
