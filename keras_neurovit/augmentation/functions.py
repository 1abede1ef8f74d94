"""Deterministic changes to volumes: what the random layers choose the parameters for."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_neurovit.augmentation.sampling import sample_trilinear, voxel_grid


def flip(volumes, flipped):
    """Mirror left and right in the volumes that `flipped` says.

    Shape: (batch, x, y, z, channel), (batch,) bool → (batch, x, y, z, channel); x is the person's left→Right

    Example:
        >>> import numpy as np
        >>> flip(np.arange(2.0).reshape(1, 2, 1, 1, 1), np.array([True])).numpy().ravel().tolist()
        [1.0, 0.0]
    """
    return ops.where(ops.reshape(flipped, (-1, 1, 1, 1, 1)), ops.flip(volumes, axis=1), volumes)


def affine(volumes, matrices, shifts):
    """Read each voxel from where its matrix, about the volume's middle, and shift send it; beyond the edge, the edge's.

    Shape: (batch, x, y, z, channel), (batch, 3, 3), (batch, 3) → (batch, x, y, z, channel)

    Args:
        volumes: float32.
        matrices: from places in the result to places in the volume, in voxels from the middle.
        shifts: in voxels, added after the matrix.
    """
    shape = tuple(volumes.shape[1:4])
    grid = ops.reshape(ops.convert_to_tensor(voxel_grid(shape)), (1, -1, 3))
    middle = ops.convert_to_tensor((np.asarray(shape, "float32") - 1) / 2)
    places = ops.matmul(grid, ops.transpose(matrices, (0, 2, 1))) + ops.expand_dims(shifts, 1) + middle
    return ops.reshape(sample_trilinear(volumes, places), (-1, *volumes.shape[1:]))


def gamma(volumes, exponents):
    """Bend intensities between each volume's least and greatest: below 1 brightens, above 1 darkens.

    Shape: (batch, x, y, z, channel), (batch,) → (batch, x, y, z, channel)
    """
    volumes = ops.convert_to_tensor(volumes)
    low = ops.min(volumes, axis=(1, 2, 3, 4), keepdims=True)
    span = ops.maximum(ops.max(volumes, axis=(1, 2, 3, 4), keepdims=True) - low, 1e-6)
    exponents = ops.reshape(exponents, (-1, 1, 1, 1, 1))
    return low + span * ops.clip((volumes - low) / span, 1e-6, 1.0) ** exponents


def rotation_matrices(angles):
    """Rotations about x, then y, then z.

    Shape: (batch, 3), radians → (batch, 3, 3)
    """
    (cx, cy, cz), (sx, sy, sz) = (ops.unstack(wave(angles), axis=1) for wave in (ops.cos, ops.sin))
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]
    return ops.stack([ops.stack(row, axis=-1) for row in rows], axis=1)
