"""The callback under `fit`: what it sets, what it logs, and what survives an interruption."""

import csv
import doctest

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_neurovit._checks import InputError
from keras_neurovit.training import WarmupCosineDecay, callbacks, warmup_anneal

# Keras 3.15 itself, where it saves or reads a scalar of the optimizer under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SETTING = {"peak": 0.1, "warmup": 3, "total": 12, "floor": 0.01}
X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X @ np.array([[1.0], [-2.0], [0.5]], "float32")


def linear(optimizer=None, **compiling):
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="only")
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(optimizer or keras.optimizers.SGD(0.7), "mse", **compiling)
    return model


def fit(model, *extra, epochs=3, **arguments):
    return model.fit(
        X, Y, batch_size=5, shuffle=False, verbose=0, epochs=epochs, callbacks=list(extra), **arguments
    ).history


def descend(rates):
    """Gradient descent on the same data in NumPy, one rate a batch of 5."""
    weights = np.zeros((3, 1))
    for number, rate in enumerate(rates):
        rows = slice(number % 4 * 5, number % 4 * 5 + 5)
        weights -= rate * 2 / 5 * X[rows].T @ (X[rows] @ weights - Y[rows])
    return weights


class Interruption(Exception):
    pass


class Interrupt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.current = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.current, batch) == (self.epoch, 2):
            raise Interruption


def test_the_weights_move_by_the_scheduled_rates():
    model, schedule = linear(), WarmupCosineDecay(**SETTING)
    logs = fit(model, schedule)
    rates = warmup_anneal(np.arange(12), **SETTING)
    assert schedule.history == list(enumerate(rates))
    assert logs["learning_rate"] == rates[[3, 7, 11]].tolist()
    np.testing.assert_allclose(model.get_weights()[0], descend(rates), rtol=1e-5)


def test_epochs_as_the_unit_may_be_fractions():
    schedule = WarmupCosineDecay(0.1, 0.75, 3, 0.01, unit="epochs")
    fit(linear(), schedule)
    assert schedule.history == list(enumerate(warmup_anneal(np.arange(12), **SETTING)))


def test_shape_of_the_curve_is_passed_on():
    schedule = WarmupCosineDecay(**SETTING, anneal="polynomial", power=2.0, start=0.05)
    fit(linear(), schedule)
    expected = warmup_anneal(np.arange(12), **SETTING, anneal="polynomial", power=2.0, start=0.05)
    assert schedule.history == list(enumerate(expected))


def test_gradient_accumulation_counts_updates():
    optimizer = keras.optimizers.SGD(0.7, gradient_accumulation_steps=2)
    schedule = WarmupCosineDecay(0.1, 1.5, 3, unit="epochs")
    fit(linear(optimizer), schedule)
    assert schedule.history == list(enumerate(warmup_anneal(np.arange(6), peak=0.1, warmup=3, total=6)))


def test_steps_per_execution_hold_the_rate_for_a_block():
    model, schedule = linear(steps_per_execution=2), WarmupCosineDecay(**SETTING)
    fit(model, schedule)
    rates = warmup_anneal(np.arange(0, 12, 2), **SETTING)
    assert schedule.history == list(zip(range(0, 12, 2), rates, strict=True))
    np.testing.assert_allclose(model.get_weights()[0], descend(np.repeat(rates, 2)), rtol=1e-5)


def test_a_loss_scaling_optimizer_is_reached_inside():
    inner = keras.optimizers.SGD(0.7)
    model, schedule = linear(keras.optimizers.LossScaleOptimizer(inner)), WarmupCosineDecay(**SETTING)
    fit(model, schedule)
    rates = warmup_anneal(np.arange(12), **SETTING)
    assert schedule.history == list(enumerate(rates))
    np.testing.assert_allclose(model.get_weights()[0], descend(rates), rtol=1e-4)


def test_multi_optimizer_keeps_the_ratios():
    fast, slow = keras.optimizers.SGD(0.8), keras.optimizers.SGD(0.2)
    optimizer = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(fast, {".*/only/.*": slow}))
    model, schedule = linear(optimizer), WarmupCosineDecay(**SETTING)
    fit(model, schedule)
    rates = warmup_anneal(np.arange(12), **SETTING)
    assert schedule.history == list(enumerate(rates))
    np.testing.assert_allclose(model.get_weights()[0], descend(rates / 4), rtol=1e-5)
    assert float(slow.learning_rate) == pytest.approx(float(fast.learning_rate) / 4)


def test_multi_optimizer_without_any_rate_is_refused():
    optimizer = keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.0), {".*/only/.*": keras.optimizers.SGD(0.0)})
    )
    with pytest.raises(InputError, match="newly built optimizers"):
        fit(linear(optimizer), WarmupCosineDecay(**SETTING))


@pytest.mark.parametrize("last", [False, True])
def test_interrupted_and_continued_equals_uninterrupted(tmp_path, last):
    def listed(*others):
        keep = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        schedule = WarmupCosineDecay(0.1, 1.25, 5, unit="epochs")
        return [keep, schedule, *others] if last else [schedule, keep, *others]

    through = linear()
    logs = fit(through, WarmupCosineDecay(0.1, 1.25, 5, unit="epochs"), epochs=5)
    broken = linear()
    with pytest.raises(Interruption):
        fit(broken, *listed(Interrupt(epoch=3)), epochs=5)
    continued = linear()
    later = fit(continued, *listed(), epochs=5)
    assert later["learning_rate"] == logs["learning_rate"][3:]
    assert later["loss"] == pytest.approx(logs["loss"][3:], rel=1e-6)
    np.testing.assert_array_equal(continued.get_weights()[0], through.get_weights()[0])


@pytest.mark.parametrize("first", [True, False])
def test_csv_logger_has_the_rate_if_listed_after(tmp_path, first):
    order = [WarmupCosineDecay(**SETTING), keras.callbacks.CSVLogger(tmp_path / "log.csv")]
    logs = fit(linear(), *(order if first else order[::-1]))
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert ("learning_rate" in rows[0]) is first  # the promise of the docstring
    if first:
        assert [float(row["learning_rate"]) for row in rows] == logs["learning_rate"]


def test_the_rate_in_the_logs_is_the_one_used():
    model = linear()
    logs = fit(model, keras.callbacks.LearningRateScheduler(lambda epoch, rate: 5.0), WarmupCosineDecay(**SETTING))
    np.testing.assert_allclose(model.get_weights()[0], descend(warmup_anneal(np.arange(12), **SETTING)), rtol=1e-5)
    assert logs["learning_rate"] == warmup_anneal(np.array([3, 7, 11]), **SETTING).tolist()


def unknown_length():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(5).filter(lambda x, y: True)


@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_data_of_unknown_length_log_the_last_rate_used():
    schedule = WarmupCosineDecay(**SETTING)
    logs = linear().fit(unknown_length(), epochs=3, verbose=0, shuffle=False, callbacks=[schedule]).history
    # Which steps these are is left open: on TensorFlow Keras also counts the attempt that finds the data exhausted.
    assert len(schedule.history) == 12
    assert logs["learning_rate"] == [schedule.history[last][1] for last in (3, 7, 11)]


def test_epochs_of_unknown_length_are_refused():
    with pytest.raises(InputError, match=r"number of batches.*steps_per_epoch"):
        linear().fit(
            unknown_length(), verbose=0, shuffle=False, callbacks=[WarmupCosineDecay(0.1, 1, 2, unit="epochs")]
        )


def test_epochs_of_told_length_are_accepted():
    schedule = WarmupCosineDecay(0.1, 1, 2, unit="epochs")
    data = unknown_length().repeat()
    linear().fit(data, epochs=2, steps_per_epoch=4, verbose=0, shuffle=False, callbacks=[schedule])
    assert schedule.history[4] == (4, 0.1)


@pytest.mark.parametrize("rate", [keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), lambda: 0.1])
def test_an_optimizer_with_its_own_schedule_is_refused(rate):
    with pytest.raises(InputError, match="Build it with a number"):
        fit(linear(keras.optimizers.SGD(rate)), WarmupCosineDecay(**SETTING))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unit": "epoch"}, "Did you mean 'epochs'"),
        ({"peak": -1.0}, "peak is out of range"),
        ({"warmup": 13}, "warmup is out of range"),
    ],
)
def test_wrong_arguments_fail_at_construction(arguments, message):
    with pytest.raises(InputError, match=message):
        WarmupCosineDecay(**(SETTING | arguments))


def test_the_example_runs():
    result = doctest.testmod(callbacks)
    assert result.attempted > 0
    assert result.failed == 0
