"""A sharpness-aware update goes up, takes the gradient there, goes back, and is AdamW otherwise."""

import keras
import numpy as np
import pytest
from keras import ops
from test_options import QUIET, Kill, Scans, Weights, assert_same, small_model

from keras_neurovit import InputError
from keras_neurovit.training import Options, SharpnessAwareAdamW, finetune
from keras_neurovit.training.sharpness import twice


def slope(weights):
    """Gradient of x⁴ / 4 + x · y² at weights of two variables."""
    (x,), (y,) = (np.asarray(ops.convert_to_numpy(weight), "float64") for weight in weights)
    return [np.array([x**3 + y**2], "float32"), np.array([2 * x * y], "float32")]


@pytest.mark.parametrize("rho", [1e-9, 0.3])
def test_updates_are_those_of_adamw_with_gradients_from_above(rho):
    ours, plain = ([keras.Variable([1.5]), keras.Variable([-0.5])] for _ in range(2))
    sharp = SharpnessAwareAdamW(0.05, rho=rho, weight_decay=0.1, global_clipnorm=1.0)
    adamw = keras.optimizers.AdamW(0.05, weight_decay=0.1, global_clipnorm=1.0)
    sharp.build(ours)
    adamw.build(plain)
    for update in range(6):
        for _ in range(2):
            sharp.apply([ops.convert_to_tensor(part) for part in slope(ours)])
        here = slope(plain)
        norm = np.sqrt(sum(float(part[0]) ** 2 for part in here))
        above = [np.asarray(ops.convert_to_numpy(w)) + rho * g / norm for w, g in zip(plain, here, strict=True)]
        adamw.apply([ops.convert_to_tensor(part) for part in slope(above)])
        assert int(sharp.iterations) == update + 1
        for one, other in zip(ours, plain, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(other), rtol=1e-4)


def test_a_killed_run_ends_in_the_same_weights(tmp_path):
    def run(folder, *callbacks):
        model, options = small_model(), Options(sharpness=0.05, ema=0.8, label_smoothing=0.1)
        how = {"folder": tmp_path / folder, "epochs": 3, "options": options, "callbacks": callbacks, **QUIET}
        return model, finetune(model, Scans(), Scans(), **how)

    whole, history = run("whole")
    for kill in (Kill(1, 2), Kill(2)):  # weights are climbed after the third of eight steps
        with pytest.raises(KeyboardInterrupt):
            run("killed", kill)
    again, continued = run("killed")
    assert continued == history
    assert_same(again, whole)


def test_it_learns_and_is_another_run(tmp_path):
    def run(folder, options):
        model, seen = small_model(), Weights()
        how = {"folder": tmp_path / folder, "epochs": 20, "callbacks": [seen], **QUIET}
        return model, finetune(model, Scans(), options=options, **how), seen

    sharp, history, seen = run("sharp", Options(sharpness=0.2))
    plain, _, alone = run("plain", None)
    assert len(seen.after) == 2 * len(alone.after)
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert np.abs(sharp.get_weights()[0] - plain.get_weights()[0]).max() > 1e-3


def test_the_schedule_over_epochs_is_the_plain_one(tmp_path):
    def rates(folder, options):
        how = {"folder": tmp_path / folder, "epochs": 4, **QUIET | {"warmup_epochs": 1.5}}
        return [row["learning_rate"] for row in finetune(small_model(), Scans(), options=options, **how)]

    plain, sharp = rates("plain", None), rates("sharp", Options(sharpness=0.05))
    assert sharp == plain
    assert sharp[-1] < 0.2 * max(sharp)  # annealed to its end


def test_batches_come_twice_and_know_their_scans():
    batches = Scans()
    batches.scans_of = lambda epoch, step: [f"{epoch}-{step}"]
    double = twice(batches)
    assert len(double) == 2 * len(batches)
    np.testing.assert_array_equal(double[2][0], double[3][0])
    np.testing.assert_array_equal(double[2][0], batches[1][0])
    assert double.scans_of(4, 3) == ["4-1"]
    assert double.labels is batches.labels


def test_datasets_come_twice():
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(4), np.arange(4) % 2)).batch(2)
    double = twice(dataset)
    assert int(double.cardinality()) == 4  # which schedules in epochs ask for
    assert int(twice(dataset.filter(lambda *_: True)).cardinality()) == tf.data.UNKNOWN_CARDINALITY
    assert [volumes.numpy().tolist() for volumes, _ in double] == [[0, 1], [0, 1], [2, 3], [2, 3]]


@pytest.mark.parametrize("options", [{"sharpness": 0}, {"sharpness": -1.0}, {"sharpness": float("nan")}])
def test_what_is_no_climb_is_refused(options):
    with pytest.raises(InputError, match="sharpness"):
        Options(**options)


@pytest.mark.parametrize("other", [{"accumulate": 2}, {"layer_decay": 0.5}])
def test_what_it_does_not_go_with_is_refused(other):
    with pytest.raises(InputError, match="neither accumulate nor layer_decay"):
        Options(sharpness=0.05, **other)
