"""The measures, against scikit-learn and on degenerate input."""

import doctest

import numpy as np
import pytest
from sklearn import metrics as theirs

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation import metrics, roc_auc, summary


def data(rows=90, classes=2):
    rng = np.random.default_rng(0)
    targets = np.arange(rows) % classes
    logits = rng.normal(size=(rows, classes)).round(1) + 1.2 * np.eye(classes)[targets]
    return targets, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_roc_auc_equals_scikit_learn_and_lies_in_its_interval():
    targets, table = data()
    found = roc_auc(targets, table[:, 1])
    assert found.value == theirs.roc_auc_score(targets, table[:, 1])
    assert found.low < found.value < found.high
    assert (found.level, found.n) == (0.95, 90)


def test_the_same_seed_gives_the_same_interval():
    targets, table = data()
    assert roc_auc(targets, table[:, 1], seed=4) == roc_auc(targets, table[:, 1], seed=4)
    assert roc_auc(targets, table[:, 1], seed=4) != roc_auc(targets, table[:, 1], seed=5)


def test_a_higher_level_is_wider():
    targets, table = data()
    narrow, wide = (roc_auc(targets, table[:, 1], level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_constant_score_tells_nothing():
    found = roc_auc([0, 1, 0, 1, 1, 0], [0.3] * 6)
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


@pytest.mark.parametrize("form", ["vector", "column", "table", "labels"])
def test_summary_of_two_classes_equals_scikit_learn(form):
    targets, table = data()
    given = {"vector": table[:, 1], "column": table[:, 1:], "table": table, "labels": table}[form]
    named = np.array(["CN", "AD"])[targets] if form == "labels" else targets
    found = {name: estimate.value for name, estimate in summary(named, given, ["CN", "AD"], threshold=0.4).items()}
    predicted = table[:, 1] >= 0.4
    assert found == pytest.approx(
        {
            "auc": theirs.roc_auc_score(targets, table[:, 1]),
            "accuracy": theirs.accuracy_score(targets, predicted),
            "balanced_accuracy": theirs.balanced_accuracy_score(targets, predicted),
            "sensitivity": theirs.recall_score(targets, predicted),
            "specificity": theirs.recall_score(targets, predicted, pos_label=0),
            "brier": theirs.brier_score_loss(targets, table[:, 1]),
        }
    )


def test_summary_of_three_classes_equals_scikit_learn():
    targets, table = data(classes=3)
    found = summary(targets, table, ["CN", "MCI", "AD"], draws=200)
    assert {name: estimate.value for name, estimate in found.items()} == pytest.approx(
        {
            "auc": theirs.roc_auc_score(targets, table, multi_class="ovr"),
            "accuracy": theirs.accuracy_score(targets, table.argmax(axis=1)),
            "balanced_accuracy": theirs.balanced_accuracy_score(targets, table.argmax(axis=1)),
            "brier": theirs.brier_score_loss(targets, table, scale_by_half=False),
        }
    )
    assert all(estimate.low < estimate.value < estimate.high for estimate in found.values())


def test_summary_and_roc_auc_agree_on_the_interval_by_person():
    targets, table = data()
    names = np.arange(90) // 3
    one = summary(targets, table, ["CN", "AD"], participants=names)["auc"]
    assert one == roc_auc(targets, table[:, 1], participants=names)
    assert one.n == 30


@pytest.mark.parametrize(
    ("targets", "scores", "message"),
    [
        ([1, 1, 1], [0.1, 0.2, 0.3], "one class only .*only 1"),
        ([0, 1, 2], [0.1, 0.2, 0.3], "expected 0 and 1, received 0, 1, 2"),
        ([0, 1, 1], [0.1, float("nan"), 0.3], "1 values that are not finite, the first in row 1"),
        ([0, 1, 1], [0.1, float("inf"), 0.3], "not finite"),
        ([0, 1, 1], [0.1, 0.2], "scores do not fit targets .*expected 3 numbers, received 2"),
        ([0, 1], [[0.1], [0.2]], r"scores are unusable .*shape \(2, 1\)"),
        ([0, 1], ["low", "high"], "scores are unusable .*expected numbers"),
        ([], [], "targets are unusable"),
    ],
)
def test_unusable_scores_are_refused(targets, scores, message):
    with pytest.raises(InputError, match=message):
        roc_auc(targets, scores)


@pytest.mark.parametrize(
    ("targets", "table", "labels", "message"),
    [
        ([0, 0], [0.1, 0.2], ["CN", "AD"], "targets hold no AD"),
        (["CN", "MCI"], [0.1, 0.2], ["CN", "AD"], "unknown class .*received MCI"),
        ([0, 2], [0.1, 0.2], ["CN", "AD"], "unknown class .*received 2"),
        ([0, 1], [0.1, 0.2, 0.3], ["CN", "AD"], r"expected shape \(2, 2\)"),
        ([0, 1], [0.1, float("nan")], ["CN", "AD"], "not finite"),
        ([0, 1], [-2.0, 3.1], ["CN", "AD"], "no probabilities .*softmax"),
        ([0, 1], [[0.9, 0.9], [0.1, 0.9]], ["CN", "AD"], "each row summing to 1"),
        ([0, 0], [0.1, 0.2], ["CN"], "labels are unusable"),
        ([0, 1], [0.1, 0.2], ["CN", "CN"], "labels are unusable"),
        ([0, 1], [0.1, 0.2], [0, 1], "labels are unusable"),
        ([[0], [1]], [0.1, 0.2], ["CN", "AD"], "one class a row"),
    ],
)
def test_unusable_probabilities_are_refused(targets, table, labels, message):
    with pytest.raises(InputError, match=message):
        summary(targets, table, labels)


def test_a_threshold_out_of_range_is_refused():
    with pytest.raises(InputError, match="threshold"):
        summary([0, 1], [0.1, 0.2], ["CN", "AD"], threshold=1.5)


def test_the_examples_run():
    result = doctest.testmod(metrics)
    assert result.attempted > 0
    assert result.failed == 0
