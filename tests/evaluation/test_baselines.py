"""The baseline of one number: its direction comes from the training people alone."""

import doctest

import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation import baselines, roc_auc, scalar_baseline

TARGETS = [0, 0, 0, 1, 1, 1]
FALLING = [6.0, 5.0, 3.0, 4.0, 2.0, 1.0]
RISING = [-value for value in FALLING]


@pytest.mark.parametrize(
    ("train", "test", "above"), [(FALLING, FALLING, True), (RISING, RISING, True), (FALLING, RISING, False)]
)
def test_the_direction_is_the_training_one(train, test, above):
    found = scalar_baseline(train, TARGETS, test, TARGETS)
    assert found.value == pytest.approx(8 / 9 if above else 1 / 9)


def test_without_a_direction_higher_means_class_1():
    assert scalar_baseline([1, 1, 1, 1, 1, 1], TARGETS, RISING, TARGETS).value == pytest.approx(8 / 9)


def test_the_interval_is_that_of_roc_auc():
    names = ["a", "a", "b", "c", "c", "d"]
    found = scalar_baseline(FALLING, TARGETS, FALLING, TARGETS, names, seed=3, draws=500)
    assert found == roc_auc(TARGETS, RISING, participants=names, seed=3, draws=500)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FALLING[:5], TARGETS, FALLING, TARGETS), "train_values do not fit targets"),
        ((FALLING, TARGETS, [*FALLING[:5], float("nan")], TARGETS), "^values hold 1 values that are not finite"),
        ((FALLING, [1] * 6, FALLING, TARGETS), "one class only"),
    ],
)
def test_unusable_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        scalar_baseline(*arguments)


def test_the_example_runs():
    result = doctest.testmod(baselines)
    assert result.attempted > 0
    assert result.failed == 0
