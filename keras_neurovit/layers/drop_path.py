"""Stochastic depth."""

from __future__ import annotations

import keras

from keras_neurovit import _checks


@keras.saving.register_keras_serializable("keras_neurovit")
class DropPath(keras.layers.Layer):
    """Drop a whole residual branch for some samples of the batch while training; rescale the rest.

    Shape: (batch, …) → (batch, …)

    Args:
        rate: probability that a sample's branch is dropped, 0 ≤ rate < 1.
        seed: seed of the draws.

    Source: Huang et al. 2016 (arXiv 1603.09382), section 3.

    Example:
        >>> import numpy as np
        >>> float(DropPath(0.5)(np.ones((1, 2)), training=False)[0, 0])
        1.0
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rate = _checks.between("rate", rate, 0.0, 0.999)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, branch, training=None):
        if not training or self.rate == 0:
            return branch
        keep = 1.0 - self.rate
        shape = (keras.ops.shape(branch)[0],) + (1,) * (len(branch.shape) - 1)
        kept = keras.ops.floor(keras.random.uniform(shape, seed=self.seed_generator) + keep)
        return branch * keras.ops.cast(kept / keep, branch.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
