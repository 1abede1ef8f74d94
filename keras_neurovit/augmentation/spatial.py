"""Changes of place: mirror, turn, bend."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.augmentation.base import RandomTransform3D
from keras_neurovit.augmentation.randomness import between
from keras_neurovit.augmentation.sampling import along_axes, bspline_weights, sample_at, voxel_axes


def flip(volumes, flipped):
    """Mirror left and right in the volumes that `flipped` says.

    Shape: (batch, x, y, z, channel), (batch,) bool → (batch, x, y, z, channel); x is the person's left→Right

    Example:
        >>> flip(np.arange(2.0).reshape(1, 2, 1, 1, 1), np.array([True])).numpy().ravel().tolist()
        [1.0, 0.0]
    """
    return ops.where(ops.reshape(flipped, (-1, 1, 1, 1, 1)), ops.flip(volumes, axis=1), volumes)


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomFlip3D(RandomTransform3D):
    """Mirror the person's left and right, in some volumes.

    Brains are not symmetric, and atrophy need not be: leave it out where the side may matter.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        rate: probability, 0 to 1.
        seed: of the draws as a layer.

    Example:
        >>> RandomFlip3D(1.0)(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    def __init__(self, rate: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)

    def draw(self, seeds, shape):
        return (self.chosen(seeds),)

    def change(self, volumes, flipped):
        return flip(volumes, flipped)


def affine(volumes, matrices, shifts):
    """Read each voxel from where its matrix, about the volume's middle, and shift send it; beyond the edge, the edge's.

    Shape: (batch, x, y, z, channel), (batch, 3, 3), (batch, 3) → (batch, x, y, z, channel)

    Args:
        volumes: float32.
        matrices: from places in the result to places in the volume, in voxels from the middle.
        shifts: in voxels, added after the matrix.
    """
    matrices, shifts = ops.convert_to_tensor(matrices), ops.convert_to_tensor(shifts)
    shape = tuple(volumes.shape[1:4])
    x, y, z = (ops.convert_to_tensor(a.reshape(np.roll((1, -1, 1, 1), k))) for k, a in enumerate(voxel_axes(shape)))
    places = []
    for axis, size in enumerate(shape):  # told by its axes alone, a grid need not be read from memory
        a, b, c, shift = (
            ops.reshape(v, (-1, 1, 1, 1)) for v in (*ops.unstack(matrices[:, axis], axis=1), shifts[:, axis])
        )
        places.append(a * x + b * y + c * z + (shift + (size - 1) / 2))
    return sample_at(volumes, places)


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


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomAffine3D(RandomTransform3D):
    """Rotate, scale and shift.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        rotation_degrees: largest angle about each axis.
        scaling: largest relative change of size along each axis; head size carries information on sex and atrophy, so
            keep it small where that matters.
        shift_voxels: largest shift along each axis.
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Example:
        >>> RandomAffine3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    def __init__(
        self,
        rotation_degrees: float = 8.0,
        scaling: float = 0.05,
        shift_voxels: float = 3.0,
        rate: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(rate, seed, **kwargs)
        self.rotation_degrees = _checks.between("rotation_degrees", rotation_degrees, 0.0, 180.0)
        self.scaling = _checks.between("scaling", scaling, 0.0, 0.9)
        self.shift_voxels = _checks.between("shift_voxels", shift_voxels, 0.0, 1000.0)

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or not (self.rotation_degrees or self.scaling or self.shift_voxels)

    def draw(self, seeds, shape):
        radians = float(np.deg2rad(self.rotation_degrees))
        rotations = rotation_matrices(between(seeds, -radians, radians, (3,), stream=0))
        scales = 1.0 + between(seeds, -self.scaling, self.scaling, (3,), stream=1)
        shifts = between(seeds, -self.shift_voxels, self.shift_voxels, (3,), stream=2)
        return rotations / ops.expand_dims(scales, 1), shifts

    def change(self, volumes, matrices, shifts):
        return affine(volumes, matrices, shifts)


def elastic(volumes, control):
    """Read each voxel from where a smooth field sends it: cubic B-splines over a coarse grid of control shifts.

    Shape: (batch, x, y, z, channel), (batch, i, j, k, 3) in voxels → (batch, x, y, z, channel)
    """
    shape = tuple(volumes.shape[1:4])
    weights = [bspline_weights(control.shape[1 + axis], size) for axis, size in enumerate(shape)]
    places = []
    for axis, size in enumerate(shape):
        own = np.arange(size, dtype="float32").reshape(np.roll((1, -1, 1, 1), axis))
        places.append(ops.convert_to_tensor(own) + along_axes(control[..., axis], weights))
    return sample_at(volumes, places)


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomElastic3D(RandomTransform3D):
    """Bend smoothly.

    No two voxels change places while shifts are below 0.4 of the distance between control points (Choi & Lee 2000),
    which is checked; the outermost control points lie beyond the volume.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        shift_voxels: largest shift of a control point along each axis.
        knots: control points along each axis.
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Raises:
        InputError: a shift that could fold a volume, when the layer meets it.

    Source: no folding below 0.4: Choi & Lee 2000 (Graphical Models 62:411).

    Example:
        >>> RandomElastic3D(1.0)(np.zeros((1, 24, 28, 20, 1)), training=True).shape
        TensorShape([1, 24, 28, 20, 1])
    """

    def __init__(self, shift_voxels: float = 4.0, knots: int = 7, rate: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.shift_voxels = _checks.between("shift_voxels", shift_voxels, 0.0, 1000.0)
        self.knots = int(_checks.between("knots", knots, 4, 64))

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or self.shift_voxels == 0.0

    def draw(self, seeds, shape):
        apart = (min(shape) - 1) / (self.knots - 3)
        if self.shift_voxels > 0.4 * apart:
            mend = "Choose smaller shifts or fewer knots."
            expected = f"{0.4 * apart:.2f} voxels or less for volumes of {shape}"
            raise _checks.InputError("shift_voxels could fold a volume", expected, self.shift_voxels, mend)
        return (between(seeds, -self.shift_voxels, self.shift_voxels, (self.knots,) * 3 + (3,), stream=0),)

    def change(self, volumes, control):
        return elastic(volumes, control)
