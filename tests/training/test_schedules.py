"""The mathematics of the learning rate, against values worked out by hand and against Keras."""

import doctest

import keras
import numpy as np
import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.training import schedules, warmup_anneal

SETTING = {"peak": 8.0, "warmup": 4, "total": 12, "floor": 2.0}


@pytest.mark.parametrize(
    ("step", "arguments", "expected"),
    [
        (0, {}, 0.0),
        (1, {}, 2.0),
        (4, {}, 8.0),
        (8, {}, 5.0),
        (6, {}, 2 + 6 * (2 + 2**0.5) / 4),  # 45°: (1 + √½) / 2
        (12, {}, 2.0),
        (99, {}, 2.0),
        (-1, {}, 0.0),
        (0, {"start": 4.0}, 4.0),
        (2, {"start": 4.0}, 6.0),
        (1.5, {}, 3.0),
        (6, {"anneal": "linear"}, 6.5),
        (8, {"anneal": "polynomial", "power": 2.0}, 3.5),
        (8, {"anneal": "polynomial"}, 5.0),
        (99, {"anneal": "polynomial", "power": 0.5}, 2.0),
        (2, {"anneal": "constant"}, 4.0),
        (99, {"anneal": "constant"}, 8.0),
        (0, {"warmup": 0}, 8.0),
        (0, {"warmup": 0, "start": 1.0}, 8.0),
        (12, {"warmup": 12}, 8.0),
        (13, {"warmup": 12}, 2.0),
        (12.001, {"warmup": 12}, 2.0),
    ],
)
def test_values_worked_out_by_hand(step, arguments, expected):
    value = warmup_anneal(step, **(SETTING | arguments))
    assert isinstance(value, float)
    assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("anneal", schedules.ANNEALS)
def test_an_array_of_steps_gives_each_step_its_value(anneal):
    steps = np.arange(15)
    values = warmup_anneal(steps, **SETTING, anneal=anneal, power=3.0)
    assert values.shape == steps.shape
    assert values.tolist() == [warmup_anneal(step, **SETTING, anneal=anneal, power=3.0) for step in steps]


@pytest.mark.parametrize("anneal", schedules.ANNEALS)
def test_it_rises_to_the_peak_then_never_rises_again(anneal):
    values = warmup_anneal(np.arange(15), **SETTING, anneal=anneal, power=0.7)
    assert values.argmax() == 4
    assert np.all(np.diff(values[:5]) > 0)
    assert np.all(np.diff(values[4:]) <= 0)


@pytest.mark.parametrize("warmup", [1, 7])
@pytest.mark.parametrize("floor", [0.0, 3e-5])
def test_cosine_equals_keras_cosine_decay(warmup, floor):
    peak, total = 4e-4, 31
    theirs = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=total - warmup, alpha=floor / peak, warmup_target=peak, warmup_steps=warmup
    )
    steps = range(total + 5)
    ours = warmup_anneal(np.array(steps), peak=peak, warmup=warmup, total=total, floor=floor)
    np.testing.assert_allclose(ours, [float(theirs(step)) for step in steps], rtol=1e-5, atol=peak * 1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"peak": 0.0, "floor": 0.0}, "peak is out of range"),
        ({"peak": float("nan")}, "peak is out of range"),
        ({"floor": 9.0}, "floor is out of range"),
        ({"floor": -1.0}, "floor is out of range"),
        ({"start": 9.0}, "start is out of range"),
        ({"warmup": 13}, "warmup is out of range .*total counts the warm-up too"),
        ({"warmup": -1}, "warmup is out of range"),
        ({"total": 0, "warmup": 0}, "total is out of range"),
        ({"power": 0}, "power is out of range"),
        ({"anneal": "cosinus"}, "Did you mean 'cosine'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        warmup_anneal(0, **(SETTING | arguments))


def test_the_example_runs():
    result = doctest.testmod(schedules)
    assert result.attempted > 0
    assert result.failed == 0


def test_no_warm_up_at_later_steps():
    assert warmup_anneal(5, peak=1.0, warmup=0, total=10, anneal="constant") == 1.0
