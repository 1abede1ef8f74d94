"""Reading volumes between their voxels, and fields that vary slowly over them."""

from __future__ import annotations

import itertools

import numpy as np
from keras import ops


def sample_trilinear(volumes, coordinates):
    """Values of volumes at places between voxels; beyond the edge, the edge's.

    Shape: (batch, x, y, z, channel), (batch, …, 3) → (batch, …, channel)

    Args:
        volumes: float.
        coordinates: in voxels along (x, y, z), float32.

    Example:
        >>> import numpy as np
        >>> ramp = np.arange(4, dtype="float32").reshape(1, 4, 1, 1, 1)
        >>> float(sample_trilinear(ramp, np.float32([[[1.25, 0, 0]]]))[0, 0, 0])
        1.25
    """
    sizes, channels = volumes.shape[1:4], volumes.shape[4]
    flat = ops.reshape(volumes, (-1, channels))
    batch = ops.shape(volumes)[0]
    places = ops.shape(coordinates)[1:-1]
    coordinates = ops.reshape(coordinates, (batch, -1, 3))
    low, share = [], []
    for axis, size in enumerate(sizes):
        place = ops.clip(coordinates[..., axis], 0.0, float(size - 1))
        floor = ops.clip(ops.floor(place), 0.0, float(max(size - 2, 0)))
        low.append(ops.cast(floor, "int32"))
        share.append(place - floor)
    strides = (sizes[1] * sizes[2], sizes[2], 1)
    first = ops.reshape(ops.arange(batch, dtype="int32") * (sizes[0] * strides[0]), (-1, 1))
    first = first + low[0] * strides[0] + low[1] * strides[1] + low[2]
    total = 0.0
    for corner in itertools.product((0, 1), repeat=3):
        if any(c and size == 1 for c, size in zip(corner, sizes, strict=True)):
            continue  # an axis of one voxel has no upper neighbour, and its share is zero
        weight = 1.0
        for c, s in zip(corner, share, strict=True):
            weight = weight * (s if c else 1.0 - s)
        offset = sum(c * stride for c, stride in zip(corner, strides, strict=True))
        total = total + ops.take(flat, first + offset, axis=0) * ops.expand_dims(weight, -1)
    return ops.reshape(total, (batch, *places, channels))


def voxel_grid(shape: tuple[int, int, int]) -> np.ndarray:
    """Coordinates of every voxel, relative to the middle of the volume.

    Shape: → (x, y, z, 3), float32

    Example:
        >>> voxel_grid((2, 3, 5))[0, 0, 0].tolist()
        [-0.5, -1.0, -2.0]
    """
    axes = [np.arange(n, dtype="float32") - (n - 1) / 2 for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).astype("float32")


def smooth_field(control, shape: tuple[int, int, int]):
    """A field that varies slowly: cubic B-splines over a coarse grid of control values.

    Shape: (batch, i, j, k, channel) → (batch, x, y, z, channel)

    Example:
        >>> import numpy as np
        >>> smooth_field(np.ones((1, 5, 5, 5, 3), "float32"), (8, 12, 20)).shape
        TensorShape([1, 8, 12, 20, 3])
    """
    field = control
    for axis, size in enumerate(shape, start=1):
        weights = bspline_weights(control.shape[axis], size)
        field = ops.moveaxis(ops.tensordot(field, weights, axes=[[axis], [1]]), -1, axis)
    return field


def bspline_weights(knots: int, size: int) -> np.ndarray:
    """Uniform cubic B-splines as a matrix from `knots` control values to `size` voxels; rows sum to one.

    Shape: → (size, knots), float32

    Example:
        >>> bspline_weights(6, 9).sum(axis=1).round(6).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    place = np.linspace(1.0, knots - 2.0, size)[:, None] - np.arange(knots)
    distance = np.abs(place)
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.where(distance < 1, near, far).astype("float32")
