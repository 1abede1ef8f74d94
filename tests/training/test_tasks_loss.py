"""Several targets are learnt at once, each from those of whom it is known."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import special
from sklearn.metrics import log_loss

from keras_neurovit import InputError
from keras_neurovit.training import TasksLoss

TRUTH = np.float32([[2, 0.5], [0, np.nan], [np.nan, -1.0], [np.nan, np.nan]])
TOLD = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")


def test_it_is_the_mean_of_what_is_known():
    found = ops.convert_to_numpy(TasksLoss((3, 1), reduction="none")(TRUTH, TOLD))
    chance = special.softmax(TOLD[:, :3].astype("float64"), axis=1)
    entropy = [log_loss([int(label)], [row], labels=[0, 1, 2]) for label, row in zip((2, 0), chance, strict=False)]
    errors = (TOLD[:, 3] - TRUTH[:, 1]) ** 2
    np.testing.assert_allclose(found, [(entropy[0] + errors[0]) / 2, entropy[1], errors[2], 0.0], rtol=1e-5)


def test_what_is_not_known_pulls_at_nothing():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, use_bias=False, kernel_initializer="identity")])
    model.compile(keras.optimizers.SGD(1.0), TasksLoss((3, 1)))
    before = np.copy(model.get_weights()[0])
    model.fit(TOLD[3:], TRUTH[3:], verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    model.fit(TOLD, TRUTH, verbose=0)
    assert np.isfinite(model.get_weights()[0]).all()
    assert not np.array_equal(model.get_weights()[0], before)


def test_it_is_saved_and_refuses_what_does_not_fit():
    loss = keras.losses.deserialize(keras.losses.serialize(TasksLoss((2, 1))))
    assert loss.outputs == (2, 1)
    with pytest.raises(InputError, match="2 targets and 3 outputs"):
        loss(TRUTH, TOLD)
    with pytest.raises(InputError, match="from 1"):
        TasksLoss((2, 0))
