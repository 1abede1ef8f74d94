"""Reading volumes between their voxels, and fields that vary slowly over them."""

from __future__ import annotations

import functools
from math import prod

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
    coordinates = ops.convert_to_tensor(coordinates)
    found = sample_at(volumes, [coordinates[..., axis] for axis in range(3)])
    return ops.reshape(found, (*ops.shape(coordinates)[:-1], volumes.shape[4]))


def sample_at(volumes, places):
    """As `sample_trilinear`, of places told axis by axis, each of which may lack what it does not depend on.

    Shape: (batch, x, y, z, channel), three that broadcast to (batch, …) → (batch, …, channel)
    """
    sizes, channels = volumes.shape[1:4], volumes.shape[4]
    # One gather a corner and channel compiles to a fraction of the time that gathering rows of channels takes.
    flat = ops.reshape(volumes, (-1,))
    low, share = [], []
    for place, size in zip(places, sizes, strict=True):
        place = ops.clip(place, 0.0, float(size - 1))
        low.append(ops.minimum(ops.cast(place, "int32"), max(size - 2, 0)))
        share.append(place - ops.cast(low[-1], place.dtype))
    strides = (sizes[1] * sizes[2], sizes[2], 1)
    first = low[0] * strides[0] + low[1] * strides[1] + low[2]
    starts = ops.arange(ops.shape(volumes)[0], dtype="int32") * (sizes[0] * strides[0])
    first = first + ops.reshape(starts, (-1, *(1,) * (len(first.shape) - 1)))
    first = first * channels

    def between(start: int, axis: int):
        """From `start` on to the next voxel along each further axis, by the share of the way."""
        if axis == 3:
            # No place is below zero: a compiler that sees it leaves out what `take` does for those that are.
            return ops.take(flat, ops.bitwise_and(first + start, np.int32(2**31 - 1)))
        near = between(start, axis + 1)
        if sizes[axis] == 1:
            return near  # there is no next voxel, and its share is zero
        return near + share[axis] * (between(start + channels * strides[axis], axis + 1) - near)

    return ops.stack([between(channel, 0) for channel in range(channels)], axis=-1)


def voxel_axes(shape: tuple[int, int, int]) -> list[np.ndarray]:
    """Coordinates of the voxels along each axis, relative to the middle of the volume.

    Shape: → (x,), (y,), (z,), float32

    Example:
        >>> [axis.tolist() for axis in voxel_axes((1, 2, 3))]
        [[0.0], [-0.5, 0.5], [-1.0, 0.0, 1.0]]
    """
    return [np.arange(n, dtype="float32") - (n - 1) / 2 for n in shape]


def voxel_grid(shape: tuple[int, int, int]) -> np.ndarray:
    """Coordinates of every voxel, relative to the middle of the volume.

    Shape: → (x, y, z, 3), float32

    Example:
        >>> voxel_grid((2, 3, 5))[0, 0, 0].tolist()
        [-0.5, -1.0, -2.0]
    """
    return np.stack(np.meshgrid(*voxel_axes(shape), indexing="ij"), axis=-1)


def smooth_field(control, shape: tuple[int, int, int]):
    """A field that varies slowly: cubic B-splines over a coarse grid of control values.

    Shape: (batch, i, j, k, channel) → (batch, x, y, z, channel)

    Example:
        >>> import numpy as np
        >>> smooth_field(np.ones((1, 5, 5, 5, 3), "float32"), (8, 12, 20)).shape
        TensorShape([1, 8, 12, 20, 3])
    """
    return along_axes(control, [bspline_weights(control.shape[1 + axis], size) for axis, size in enumerate(shape)])


def along_axes(values, matrices):
    """Products with a matrix along each of the axes x, y and z.

    Shape: (batch, i, j, k, …), three of (new, old) → (batch, x, y, z, …)

    Example:
        >>> along_axes(np.ones((1, 2, 3, 5), "float32"), [np.ones((4, n), "float32") for n in (2, 3, 5)]).shape
        TensorShape([1, 4, 4, 4])
    """
    for axis, matrix in enumerate(matrices, start=1):
        values = ops.moveaxis(ops.tensordot(values, matrix, axes=[[axis], [1]]), -1, axis)
    return values


def along_axes_each(volumes, matrices):
    """Products with a matrix along each of the axes x, y and z, another one for each volume; None leaves an axis alone.

    Shape: (batch, i, j, k, channel), three of (batch, new, old) or None → (batch, x, y, z, channel)

    Example:
        >>> swap = np.float32([[[0, 1], [1, 0]]])
        >>> along_axes_each(np.arange(2.0, dtype="float32").reshape(1, 1, 1, 2, 1), [None, None, swap]).numpy().ravel()
        array([1., 0.], dtype=float32)
    """
    for axis, matrix in enumerate(matrices, start=1):
        if matrix is not None:
            before, after = volumes.shape[1:axis], volumes.shape[axis + 1 :]
            # Products of matrices as the voxels lie in memory: other orders are copied to first, and back.
            if prod(after) == 1:
                rows = ops.reshape(volumes, (-1, prod(before), volumes.shape[axis]))
                product = ops.matmul(rows, ops.transpose(matrix, (0, 2, 1)))
            else:
                planes = ops.reshape(volumes, (-1, prod(before), volumes.shape[axis], prod(after)))
                product = ops.matmul(ops.expand_dims(matrix, 1), planes)
            volumes = ops.reshape(product, (-1, *before, matrix.shape[1], *after))
    return volumes


def gaussian_matrices(deviations, size: int):
    """Gaussian blur of an axis as a matrix, exact also where it is narrower than a voxel; mirrored beyond the ends.

    Shape: (batch,) in voxels → (batch, size, size)
    """
    waves = ops.convert_to_tensor((np.pi * np.arange(size) / size).astype("float32"))
    waves_of = ops.convert_to_tensor(cosines(size))
    damping = ops.exp(-0.5 * (ops.expand_dims(deviations, 1) * waves) ** 2)
    return ops.matmul(waves_of * ops.expand_dims(damping, 1), ops.transpose(waves_of))


@functools.lru_cache(maxsize=8)
def cosines(size: int) -> np.ndarray:
    """Orthonormal cosines with no slope at the ends of an axis, one a column.

    Shape: → (size, size), float32
    """
    places, orders = np.arange(size)[:, None] + 0.5, np.arange(size)
    norm = np.where(orders == 0, np.sqrt(1 / size), np.sqrt(2 / size))
    return (norm * np.cos(np.pi * places * orders / size)).astype("float32")


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
