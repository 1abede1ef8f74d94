"""Losses of measuring models are least at the truth."""

import keras
import numpy as np
import pytest

from keras_neurovit import training


def test_the_expected_share_costs_least():
    shares = np.array([0.0] * 9 + [1.0], "float32").reshape(10, 1, 1, 1, 1)
    costs = {guess: float(training.ShareLoss([7.0])(shares, np.full_like(shares, guess))) for guess in (0.05, 0.1, 0.2)}
    assert min(costs, key=costs.get) == 0.1


def test_volumes_are_compared_by_ratio():
    loss = training.LogVolumeLoss(floor_mm3=0.0, delta=0.2)
    true = np.float32([[1000.0, 10.0]])
    assert float(loss(true, true)) == 0.0
    assert float(loss(true, true * 1.1)) == pytest.approx(np.log(1.1) ** 2 / 0.4, rel=1e-3)
    assert float(loss(true, true * 2)) == pytest.approx(np.log(2) - 0.1, rel=1e-3)


@pytest.mark.parametrize("loss", [training.ShareLoss([1.0, 2.0]), training.LogVolumeLoss(10.0, 0.3)])
def test_losses_survive_saving(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    values = np.random.default_rng(0).random((2, 3, 1, 1, 2)).astype("float32")
    assert float(again(values, values[::-1])) == pytest.approx(float(loss(values, values[::-1])))
