"""Every measure equals scikit-learn's, also with weights; nothing degenerate gives an undefined surprise."""

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics

from keras_neurovit import InputError
from keras_neurovit.evaluation import best_threshold, calibration_line, measures, scorecard
from keras_neurovit.evaluation.predictions import Predictions


def told(targets, said, labels=("0", "1"), people=None) -> Predictions:
    targets, said = np.asarray(targets), np.asarray(said, dtype=float)
    rows = len(targets)
    table = np.stack([1 - said, said], axis=1) if len(labels) == 2 and said.ndim == 1 else said
    names = tuple(str(person) for person in (range(rows) if people is None else people))
    visits = tuple(str(row) for row in range(rows))
    return Predictions(names, visits, ("",) * rows, targets, table, tuple(labels), {}, "p.csv")


def drawn(rng, people, visits=1, slope=2.0):
    hidden = slope * rng.normal(size=people)
    targets = (rng.random(people) < special.expit(hidden)).astype(int)
    hidden = np.repeat(hidden, visits) + (0.5 * rng.normal(size=people * visits) if visits > 1 else 0)
    return np.repeat(targets, visits), special.expit(hidden), np.repeat(np.arange(people), visits)


def test_two_classes_as_scikit_learn():
    rng = np.random.default_rng(0)
    targets, said, _ = drawn(rng, 150)
    said = said.round(1)  # ties
    called = said >= 0.35
    found = {name: one.value for name, one in scorecard(told(targets, said), threshold=0.35, draws=50).items()}
    slope, intercept = calibration_line(targets, said)
    assert found == pytest.approx(
        {
            "auc": metrics.roc_auc_score(targets, said),
            "average_precision": metrics.average_precision_score(targets, said),
            "balanced_accuracy": metrics.balanced_accuracy_score(targets, called),
            "accuracy": metrics.accuracy_score(targets, called),
            "sensitivity": metrics.recall_score(targets, called),
            "specificity": metrics.recall_score(targets, called, pos_label=0),
            "ppv": metrics.precision_score(targets, called),
            "npv": metrics.precision_score(targets, called, pos_label=0),
            "brier": metrics.brier_score_loss(targets, said),
            "calibration_error": found["calibration_error"],  # held to `calibration_error` below
            "calibration_slope": pytest.approx(slope, abs=1e-4),
            "calibration_intercept": pytest.approx(intercept, abs=1e-4),
        }
    )
    from keras_neurovit.evaluation import calibration_error

    assert found["calibration_error"] == pytest.approx(calibration_error(targets, said))


def test_several_classes_as_scikit_learn():
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 3, 120)
    said = special.softmax(np.eye(3)[targets] + rng.normal(size=(120, 3)), axis=1)
    found = {name: one.value for name, one in scorecard(told(targets, said, "abc"), draws=50).items()}
    called, once = said.argmax(axis=1), np.eye(3)[targets]
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(targets, said, multi_class="ovr"))
    assert found["average_precision"] == pytest.approx(metrics.average_precision_score(once, said))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(targets, called))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(targets, called))
    assert found["brier"] == pytest.approx(((said - once) ** 2).sum(axis=1).mean())
    assert found["auc of b"] == pytest.approx(metrics.roc_auc_score(targets == 1, said[:, 1]))
    assert found["recall of c"] == pytest.approx(metrics.recall_score(targets, called, average=None)[2])


def test_numbers_as_scikit_learn():
    rng = np.random.default_rng(2)
    targets = rng.normal(70, 10, 90)
    said = targets + rng.normal(0, 6, 90)
    found = {name: one.value for name, one in scorecard(told(targets, said, ()), draws=50).items()}
    assert found == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(targets, said),
            "rmse": metrics.root_mean_squared_error(targets, said),
            "r": stats.pearsonr(targets, said).statistic,
            "r2": metrics.r2_score(targets, said),
        }
    )


def test_weights_as_scikit_learn():
    """What the intervals are drawn from: each measure of a draw equals scikit-learn's with sample weights."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    targets, said, _ = drawn(rng, 80)
    said, up = said.round(2).clip(0.01, 0.99), targets == 1
    weights = rng.integers(0, 4, (3, 80)).astype(float)
    precision = measures.weighted_average_precision(up, said)(weights)
    line = measures.weighted_line(targets, special.logit(said))(weights)
    shift = measures.weighted_line(targets, special.logit(said), fixed_slope=True)(weights)
    r, r2 = (make(targets, said)(weights) for make in (measures.weighted_correlation, measures.weighted_r2))
    for row, weight in enumerate(weights):
        assert precision[row] == pytest.approx(metrics.average_precision_score(up, said, sample_weight=weight))
        model = LogisticRegression(C=np.inf, tol=1e-10).fit(special.logit(said)[:, None], targets, weight)
        assert line[row] == pytest.approx(model.coef_[0, 0], abs=1e-4)
        assert (weight * (special.expit(special.logit(said) + shift[row]) - targets)).sum() == pytest.approx(
            0, abs=1e-6
        )
        rows = np.repeat(np.arange(80), weight.astype(int))
        assert r[row] == pytest.approx(np.corrcoef(targets[rows], said[rows])[0, 1])
        assert r2[row] == pytest.approx(metrics.r2_score(targets, said, sample_weight=weight))


def test_people_with_several_scans_widen_intervals():
    rng = np.random.default_rng(4)
    targets, said, people = drawn(rng, 60, visits=4)
    rows, clusters = scorecard(told(targets, said)), scorecard(told(targets, said, people=people))
    for name in ("auc", "sensitivity", "brier", "calibration_slope"):
        narrow, wide = rows[name], clusters[name]
        assert narrow.value == pytest.approx(wide.value)
        assert (wide.high - wide.low) > 1.4 * (narrow.high - narrow.low)
    assert clusters["auc"].n == 60


def test_one_class_is_refused():
    with pytest.raises(InputError, match=r"p.csv: nobody has the target 1"):
        scorecard(told([0, 0], [0.1, 0.2]))
    with pytest.raises(InputError, match="nobody has the target b"):
        scorecard(told([0, 2], np.eye(3)[[0, 2]], "abc"))


def test_constant_score():
    found = scorecard(told([0, 1, 0, 1], [0.3] * 4), draws=200)
    assert (found["auc"].value, found["auc"].low, found["auc"].high) == (0.5, 0.0, 1.0)
    assert found["average_precision"].value == 0.5
    assert (found["sensitivity"].value, found["specificity"].value) == (0.0, 1.0)
    assert np.isnan(found["ppv"].value)  # nobody was called positive
    assert np.isnan(found["calibration_slope"].value)
    assert np.isfinite(found["calibration_intercept"].value)
    half = scorecard(told([0, 1] * 5, [0.5] * 10), draws=200)["calibration_error"]
    assert half.value == half.low == 0
    assert 0.1 < half.high < 0.4  # ten people cannot tell 50 % from 70 %
    numbers = scorecard(told([1.0, 2, 4], [2.0, 2, 2], ()), draws=200)
    assert np.isnan(numbers["r"].value)
    assert numbers["mae"].value == 1.0
    assert np.isnan(scorecard(told([2.0, 2, 2], [1.0, 2, 3], ()), draws=50)["r2"].value)


@pytest.mark.parametrize("said", [[0.1, 0.4, 0.8], [0.9, 0.5, 0.2], [0.5, 0.5, 0.5], [0.2, 0.2, 0.9]])
def test_three_people(said):
    for name, one in scorecard(told([0, 1, 1], said), draws=300).items():
        assert np.isnan(one.low) or one.low <= one.value <= one.high or name == "calibration_error", (name, one)
        if name not in ("calibration_slope", "calibration_intercept") and np.isfinite(one.value):
            assert 0 <= one.value <= 1


def test_perfect_scores():
    found = scorecard(told([0] * 20 + [1] * 20, [0.0] * 20 + [1.0] * 20), draws=200)
    assert found["auc"].value == found["sensitivity"].value == 1
    assert found["auc"].low == pytest.approx(0.025 ** (1 / 20))
    assert 0.8 < found["sensitivity"].low < 0.9  # Wilson's: not the empty interval of percentiles
    assert found["brier"].value == 0
    assert found["calibration_error"].high == pytest.approx(1 - 0.025 ** (1 / 40), abs=0.02)  # of none in forty
    assert np.isnan(found["calibration_slope"].value)
    exact = scorecard(told([1.0, 2, 3], [1.0, 2, 3], ()), draws=50)
    assert (exact["r"].value, exact["mae"].value) == (pytest.approx(1.0), 0.0)


def test_thresholds():
    rng = np.random.default_rng(6)
    targets, said, _ = drawn(rng, 200, slope=1.0)
    chosen = best_threshold(told(targets, said**3))
    false, true, _ = metrics.roc_curve(targets, said)
    found = scorecard(told(targets, said**3), threshold=chosen, draws=50)
    assert found["sensitivity"].value + found["specificity"].value - 1 == pytest.approx((true - false).max())
    assert best_threshold(told([0, 1], [0.4, 0.4])) == 0.5
    assert best_threshold(told([0, 1], [0.2, 0.9])) == 0.5
    with pytest.raises(InputError, match="threshold"):
        scorecard(told([0, 1], [0.4, 0.4]), threshold=1.5)
