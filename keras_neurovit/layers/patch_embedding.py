"""Volumes to tokens."""

from __future__ import annotations

from math import prod

import keras
import numpy as np

from keras_neurovit import _checks
from keras_neurovit.layers.patches import patches_of


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
        patches = patches_of(volumes, self.patch_size)
        return keras.ops.matmul(patches, keras.ops.reshape(self.kernel, (-1, self.hidden_dim))) + self.bias

    def compute_output_shape(self, input_shape):
        return (input_shape[0], prod(_checks.divisible(input_shape[1:4], self.patch_size)), self.hidden_dim)


def resize_kernel(kernel: np.ndarray, patch_size: tuple[int, int, int]) -> np.ndarray:
    """A patch's kernel for patches of another size, by the pseudo-inverse of resizing a patch.

    A patch enlarged trilinearly scores, with the new kernel, exactly what it scored before. Where the patch shrinks
    something is lost: the new kernel is then the nearest in least squares that scores constant patches as before.

    Shape: (px, py, pz, channel, hidden_dim) → (*patch_size, channel, hidden_dim)

    Source: Beyer et al. 2022 (FlexiViT, arXiv 2212.08013), section 3.4 and equation 5; the constraint where it shrinks
    is ours.

    Example:
        >>> kernel = resize_kernel(np.ones((2, 2, 2, 1, 4), "float32"), (4, 2, 1))
        >>> kernel.shape, kernel.sum(axis=(0, 1, 2)).round(5).tolist()
        ((4, 2, 1, 1, 4), [[8.0, 8.0, 8.0, 8.0]])
    """
    resized = np.asarray(kernel, "float64")
    for axis, (old, new) in enumerate(zip(kernel.shape[:3], patch_size, strict=True)):
        if old != new:
            resized = np.moveaxis(np.tensordot(_score_resizing(old, new), resized, axes=(1, axis)), 0, axis)
    return resized.astype("float32")


def resize_channels(kernel: np.ndarray, num_channels: int) -> np.ndarray:
    """A kernel for another number of channels: each new one gets its share of the sum over the old.

    An image that is alike in all channels scores what it scored before.

    Shape: (…, channel, feature) → (…, num_channels, feature)

    Example:
        >>> resize_channels(np.ones((3, 3, 3, 1, 4), "float32"), 2)[0, 0, 0, :, 0].tolist()
        [0.5, 0.5]
    """
    whole = np.asarray(kernel, "float32").sum(axis=-2, keepdims=True) / num_channels
    return np.repeat(whole, num_channels, axis=-2)


def resizing_matrix(old: int, new: int) -> np.ndarray:
    """Linear interpolation of one axis, antialiased where it shrinks, as a matrix.

    Shape: → (new, old)

    Example:
        >>> resizing_matrix(2, 4).tolist()
        [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    places = (np.arange(new) + 0.5) * old / new - 0.5
    weights = np.clip(1.0 - np.abs(np.arange(old) - places[:, None]) / max(1.0, old / new), 0.0, None)
    return weights / weights.sum(axis=1, keepdims=True)


def _score_resizing(old: int, new: int) -> np.ndarray:
    matrix = resizing_matrix(old, new)
    scores = np.linalg.pinv(matrix.T)
    # Lagrange: the least change, in what patches score, after which every column sums to one.
    direction = np.linalg.pinv(matrix @ matrix.T) @ np.ones(new)
    return scores + np.outer(direction / direction.sum(), 1.0 - scores.sum(axis=0))
