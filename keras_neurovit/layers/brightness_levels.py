"""Voxels above levels of brightness."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks


@keras.saving.register_keras_serializable("keras_neurovit")
class BrightnessLevels(keras.layers.Layer):
    """Each voxel's brightness, and how far it lies above each of a few learnt levels.

    What is summed over a patch afterwards can count tissue: a sum of brightness cannot tell one bright voxel among dark
    ones from many of middling brightness.

    Shape: (…, channel) → (…, channel × (1 + num_levels))

    Args:
        num_levels: how many; they start evenly between −1.6 and 0.8, where the tissues of normalised scans lie.

    Raises:
        InputError: fewer than one level.

    Example:
        >>> BrightnessLevels(3)(keras.ops.zeros((2, 8, 12, 20, 1))).shape
        TensorShape([2, 8, 12, 20, 4])
    """

    def __init__(self, num_levels: int, **kwargs):
        super().__init__(**kwargs)
        self.num_levels = num_levels
        if num_levels < 1:
            raise _checks.InputError("too few levels", "1 or more", num_levels)

    def build(self, input_shape):
        self.levels = self.add_weight(shape=(self.num_levels,), initializer="zeros", name="levels")
        self.levels.assign(np.linspace(-1.6, 0.8, self.num_levels).astype("float32"))

    def call(self, volumes):
        above = [ops.relu(volumes - self.levels[index]) for index in range(self.num_levels)]
        return ops.concatenate([volumes, *above], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] * (1 + self.num_levels))
