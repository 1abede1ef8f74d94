"""What goes wrong in a scanner: blur, thick slices, ghosts."""

from __future__ import annotations

import functools

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.augmentation.base import RandomTransform3D
from keras_neurovit.augmentation.randomness import between, one_axis
from keras_neurovit.augmentation.sampling import along_axes_each, gaussian_matrices


def blur(volumes, deviations):
    """Gaussian blur with its own width for each volume and axis; beyond the edge, the volume's mirror image.

    Shape: (batch, x, y, z, channel), (batch, 3) in voxels → (batch, x, y, z, channel)
    """
    matrices = [gaussian_matrices(deviations[:, axis], volumes.shape[1 + axis]) for axis in range(3)]
    return along_axes_each(volumes, matrices)


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomBlur3D(RandomTransform3D):
    """Blur, each axis its own way.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        strength: largest standard deviation, voxels.
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Example:
        >>> RandomBlur3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    compiled = False

    def __init__(self, strength: float = 1.0, rate: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.strength = _checks.between("strength", strength, 0.0, 20.0)

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or self.strength == 0.0

    def draw(self, seeds, shape):
        return (between(seeds, 0.0, self.strength, (3,), stream=0),)

    def change(self, volumes, deviations):
        return blur(volumes, deviations)


def thick_slices(volumes, thickness):
    """Slices as thick as said: averaged over their thickness, then put back on the old grid linearly.

    Shape: (batch, x, y, z, channel), (batch, 3) in voxels, 1 or more → (batch, x, y, z, channel)
    """
    matrices = [_slicing(thickness[:, axis], volumes.shape[1 + axis]) for axis in range(3)]
    return along_axes_each(volumes, matrices)


def _slicing(thickness, size: int):
    """Averages over slices, the first beginning where the axis does, then linear: (batch,) → (batch, size, size)"""
    places, thickness = ops.arange(size, dtype="float32"), ops.reshape(thickness, (-1, 1, 1))
    middles = ops.expand_dims(places, 0) * thickness[..., 0] + (thickness[..., 0] - 1.0) / 2.0  # of each slice
    middles = ops.expand_dims(middles, 2)
    # How much of each voxel a slice holds; slices beyond the end hold none and tell nothing.
    held = ops.minimum(places + 0.5, middles + thickness / 2) - ops.maximum(places - 0.5, middles - thickness / 2)
    held = ops.clip(held, 0.0, 1.0)
    total = ops.sum(held, axis=2, keepdims=True)
    averages = held / ops.maximum(total, 1e-6)
    near = ops.clip(1.0 - ops.abs(ops.reshape(places, (1, 1, -1)) - middles) / thickness, 0.0, 1.0)
    near = ops.where(total > 1e-3, near, 0.0)
    near = near / ops.maximum(ops.sum(near, axis=1, keepdims=True), 1e-6)
    return ops.matmul(ops.transpose(near, (0, 2, 1)), averages)


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomAnisotropy3D(RandomTransform3D):
    """Thick slices along one axis, as many a clinical scan has them.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        thickness: of the thickest slice, voxels; 1 changes nothing.
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Example:
        >>> RandomAnisotropy3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    compiled = False

    def __init__(self, thickness: float = 4.0, rate: float = 0.25, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.thickness = _checks.between("thickness", thickness, 1.0, 100.0)

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or self.thickness == 1.0

    def draw(self, seeds, shape):
        more = between(seeds, 0.0, self.thickness - 1.0, (1,), stream=1)
        return (1.0 + one_axis(seeds, stream=0) * more,)

    def change(self, volumes, thickness):
        return thick_slices(volumes, thickness)


def ghosting(volumes, ghosts, strengths):
    """Faint copies along an axis, as regular motion leaves them: every so-manieth line of the spectrum is weakened.

    Shape: (batch, x, y, z, channel), (batch, 3), (batch, 3) → (batch, x, y, z, channel)

    Args:
        volumes: float32.
        ghosts: copies along each axis, the volume itself among them.
        strengths: 0 leaves the lines, 1 removes them; the middle of the spectrum stays.

    Source: as TorchIO's `Ghosting` (Pérez-García et al. 2021, arXiv 2003.04696).
    """
    matrices = []
    for axis in range(3):
        size = volumes.shape[1 + axis]
        lines = ops.arange(size, dtype="float32")
        count = ops.maximum(ops.reshape(ghosts[:, axis], (-1, 1)), 1.0)
        hit = ops.cast(lines - count * ops.floor(lines / count) < 0.5, "float32")
        hit = hit * ops.cast(ops.abs(lines - size // 2) > 0.01 * size, "float32")  # the middle stays
        kept = 1.0 - ops.reshape(strengths[:, axis], (-1, 1)) * hit
        # Weakening lines is a circular convolution: a matrix whose rows are one row, moved on.
        waves, moved = _waves(size)
        matrices.append(ops.take(ops.matmul(kept, waves), moved, axis=1))
    return along_axes_each(volumes, matrices)


@functools.lru_cache(maxsize=8)
def _waves(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of each line of a spectrum over distances, and the distance of each two voxels: twice (size, size)"""
    places = np.arange(size)
    waves = np.cos(2 * np.pi * np.outer(places - size // 2, places) / size) / size
    return waves.astype("float32"), np.subtract.outer(places, places) % size


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomGhosting3D(RandomTransform3D):
    """Faint copies along one axis, as breath and pulse leave them.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        strength: how far lines of the spectrum are weakened at most, 0 to 1.
        ghosts: most copies; 2 at least.
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Example:
        >>> RandomGhosting3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    compiled = False

    def __init__(self, strength: float = 0.4, ghosts: int = 6, rate: float = 0.25, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.strength = _checks.between("strength", strength, 0.0, 1.0)
        self.ghosts = int(_checks.between("ghosts", ghosts, 2, 100))

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or self.strength == 0.0

    def draw(self, seeds, shape):
        strengths = between(seeds, 0.0, self.strength, (1,), stream=1)
        ghosts = ops.floor(between(seeds, 2.0, self.ghosts + 1.0, (1,), stream=2))
        return ops.repeat(ghosts, 3, axis=1), one_axis(seeds, stream=0) * strengths

    def change(self, volumes, ghosts, strengths):
        return ghosting(volumes, ghosts, strengths)
