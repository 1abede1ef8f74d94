"""Volumes cut into patches, and put together again."""

from __future__ import annotations

import keras

from keras_neurovit import _checks


def patches_of(volumes, patch_size: tuple[int, int, int]):
    """Volumes cut into patches, in C order of their grid, and each patch's voxels in C order.

    Shape: (batch, x, y, z, channel) → (batch, patch, voxel × channel)

    Example:
        >>> patches_of(keras.ops.zeros((2, 8, 12, 20, 1)), (2, 3, 5)).shape
        TensorShape([2, 64, 30])
    """
    (gx, gy, gz), (px, py, pz) = _checks.divisible(volumes.shape[1:4], patch_size), patch_size
    channels = volumes.shape[-1]
    # Six axes, the batch along with the first: LiteRT transposes no more.
    patches = keras.ops.reshape(volumes, (-1, px, gy, py, gz, pz * channels))
    patches = keras.ops.transpose(patches, (0, 2, 4, 1, 3, 5))
    return keras.ops.reshape(patches, (-1, gx * gy * gz, px * py * pz * channels))


def volume_of(patches, grid: tuple[int, int, int], patch_size: tuple[int, int, int]):
    """The volumes that `patches_of` cut.

    Shape: (batch, patch, voxel × channel) → (batch, x, y, z, channel)

    Example:
        >>> volume_of(keras.ops.zeros((2, 64, 30)), (4, 4, 4), (2, 3, 5)).shape
        TensorShape([2, 8, 12, 20, 1])
    """
    (gx, gy, gz), (px, py, pz) = grid, patch_size
    channels = patches.shape[-1] // (px * py * pz)
    # Six axes, as above.
    volumes = keras.ops.reshape(patches, (-1, gy, gz, px, py, pz * channels))
    volumes = keras.ops.transpose(volumes, (0, 3, 1, 4, 2, 5))
    return keras.ops.reshape(volumes, (-1, gx * px, gy * py, gz * pz, channels))


def patch_statistics(patches):
    """Mean and standard deviation of each patch, the latter never zero.

    Shape: (batch, patch, voxel) → (batch, patch, 1) twice

    Example:
        >>> [round(float(keras.ops.squeeze(part)), 3) for part in patch_statistics(keras.ops.array([[[1.0, 3.0]]]))]
        [2.0, 1.0]
    """
    mean = keras.ops.mean(patches, axis=-1, keepdims=True)
    return mean, keras.ops.sqrt(keras.ops.mean((patches - mean) ** 2, axis=-1, keepdims=True) + 1e-6)
