"""Models whose reasons are known, because they are made by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_neurovit.models import classifier, vit3d

SHAPE = (8, 12, 20)
PLACE = (slice(4, 6), slice(3, 6), slice(10, 15))  # one patch of (2, 3, 5)


@pytest.fixture
def volume():
    return np.random.default_rng(0).normal(size=(*SHAPE, 1)).astype("float32")


@pytest.fixture
def reader():
    """A model whose second output is the sum of squares of one patch."""
    volumes = keras.Input((*SHAPE, 1))
    told = ops.sum(volumes[:, 4:6, 3:6, 10:15] ** 2, axis=(1, 2, 3))
    return keras.Model(volumes, ops.concatenate([ops.zeros_like(told), told], axis=1))


@pytest.fixture
def vit():
    """A small ViT with random weights, large enough that its attention is not even."""
    keras.utils.set_random_seed(3)
    options = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}
    model = classifier(vit3d(SHAPE, (2, 3, 5), class_token=True, **options), 2, pooling="class")
    model.set_weights([w * (3.0 if w.ndim > 1 else 1.0) for w in model.get_weights()])
    return model


def second(outputs):
    """The log-odds of the second label."""
    return outputs[:, 1:] - outputs[:, :1]
