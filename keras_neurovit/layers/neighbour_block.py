"""Cells that hear their neighbours."""

from __future__ import annotations

import keras
from keras import ops

SIX = ((0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2))


@keras.saving.register_keras_serializable("keras_neurovit")
class NeighbourBlock3D(keras.layers.Layer):
    """What each cell of a grid says, once it has heard itself and the six cells it touches.

    x + Dense(GELU(Dense(norm(x) and its neighbours'))); beyond the border there is zero. The stencil is one product of
    matrices: compilers for CPUs take many times as long over a convolution of few channels.

    Shape: (batch, i, j, k, channel) → (batch, i, j, k, channel)

    Args:
        epsilon: of the layer normalisation.

    Example:
        >>> NeighbourBlock3D()(keras.ops.zeros((2, 4, 5, 4, 8))).shape
        TensorShape([2, 4, 5, 4, 8])
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=self.dtype_policy, name="norm")

    def build(self, input_shape):
        width = input_shape[-1]
        self.hear = keras.layers.Dense(width, activation="gelu", dtype=self.dtype_policy, name="hear")
        self.say = keras.layers.Dense(width, dtype=self.dtype_policy, name="say")
        self.norm.build(input_shape)
        self.hear.build((*input_shape[:-1], (1 + len(SIX)) * width))
        self.say.build(input_shape)

    def call(self, cells):
        normed = self.norm(cells)
        i, j, k = cells.shape[1:4]
        padded = ops.pad(normed, ((0, 0), (1, 1), (1, 1), (1, 1), (0, 0)))
        beside = [padded[:, a : a + i, b : b + j, c : c + k] for a, b, c in SIX]
        return cells + self.say(self.hear(ops.concatenate([normed, *beside], axis=-1)))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
