"""Changes of brightness: contrast, shading, noise."""

from __future__ import annotations

import functools
from math import prod

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.augmentation.base import RandomTransform3D
from keras_neurovit.augmentation.randomness import between
from keras_neurovit.augmentation.sampling import along_axes


def _each(numbers):
    """One number a volume, ready to meet voxels. Shape: (batch,) → (batch, 1, 1, 1, 1)"""
    return ops.reshape(numbers, (-1, 1, 1, 1, 1))


def lowest(volumes):
    """Each volume's least intensity. Shape: (batch, x, y, z, channel) → (batch, 1, 1, 1, 1)"""
    return ops.min(volumes, axis=(1, 2, 3, 4), keepdims=True)


def highest(volumes):
    """Each volume's greatest intensity. Shape: (batch, x, y, z, channel) → (batch, 1, 1, 1, 1)"""
    return ops.max(volumes, axis=(1, 2, 3, 4), keepdims=True)


def gamma(volumes, exponents, low=None, high=None):
    """Bend intensities between each volume's least and greatest: below 1 brightens, above 1 darkens.

    Shape: (batch, x, y, z, channel), (batch,) → (batch, x, y, z, channel)

    Args:
        volumes: float32.
        exponents: of the share of the way from least to greatest.
        low: `lowest(volumes)`, where it is known already.
        high: `highest(volumes)`, where it is known already.
    """
    volumes = ops.convert_to_tensor(volumes)
    low, high = lowest(volumes) if low is None else low, highest(volumes) if high is None else high
    span = ops.maximum(high - low, 1e-6)
    # A power as it stands is computed one number at a time; exponential and logarithm are not.
    return low + span * ops.exp(_each(exponents) * ops.log(ops.clip((volumes - low) / span, 1e-6, 1.0)))


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomGamma3D(RandomTransform3D):
    """Bend the contrast.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        strength: the exponent's logarithm lies within ± this.
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Example:
        >>> RandomGamma3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    pointwise = monotone = True
    measures = (lowest, highest)

    def __init__(self, strength: float = 0.25, rate: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.strength = _checks.between("strength", strength, 0.0, 5.0)

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or self.strength == 0.0

    def draw(self, seeds, shape):
        return (ops.exp(between(seeds, -self.strength, self.strength, (), stream=0)),)

    def change(self, volumes, exponents, low, high):
        return gamma(volumes, exponents, low, high)


def bias_field(volumes, coefficients, low=None):
    """Shade as an uneven coil does: intensities above each volume's least times the exponential of a polynomial.

    Shape: (batch, x, y, z, channel), (batch, n, n, n) → (batch, x, y, z, channel)

    Args:
        volumes: float32.
        coefficients: of xⁱ yʲ zᵏ, where x, y and z run from −1 to 1 over the volume.
        low: `lowest(volumes)`, where it is known already.

    Source: the logarithm of a coil's shading as a polynomial: Van Leemput et al. 1999 (IEEE TMI 18:885).
    """
    volumes = ops.convert_to_tensor(volumes)
    powers = [
        np.vander(np.linspace(-1, 1, n), coefficients.shape[1], increasing=True).astype("float32")
        for n in volumes.shape[1:4]
    ]
    low = lowest(volumes) if low is None else low
    return low + (volumes - low) * ops.exp(ops.expand_dims(along_axes(coefficients, powers), -1))


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomBiasField3D(RandomTransform3D):
    """Shade as an uneven coil does.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        strength: coefficients of the shading's logarithm lie within ± this.
        order: of the polynomial.
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Example:
        >>> RandomBiasField3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    pointwise = True
    measures = (lowest,)

    def __init__(self, strength: float = 0.3, order: int = 3, rate: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.strength = _checks.between("strength", strength, 0.0, 5.0)
        self.order = int(_checks.between("order", order, 1, 9))

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or self.strength == 0.0

    def draw(self, seeds, shape):
        degree = np.indices((self.order + 1,) * 3).sum(axis=0)
        kept = ops.convert_to_tensor(((degree >= 1) & (degree <= self.order)).astype("float32"))
        return (kept * between(seeds, -self.strength, self.strength, degree.shape, stream=0),)

    def change(self, volumes, coefficients, low):
        return bias_field(volumes, coefficients, low)


TABLE = 1_299_709
"""Numbers in the table of noise: a prime, so that a larger volume meets the same number nowhere near or in line."""

ALIGNED = 16
"""Numbers, 64 bytes: TensorFlow hands on a part of a table that begins at a multiple of these, and copies any other."""


def noise(volumes, deviations, starts):
    """Add white Gaussian noise, read from one long table: drawing it anew takes many times as long.

    Shape: (batch, x, y, z, channel), (batch,), (batch,) int32 → (batch, x, y, z, channel)

    Args:
        volumes: float32.
        deviations: standard deviation in each volume.
        starts: where in the table each volume begins to read; it goes on at the table's beginning.
    """
    volumes = ops.convert_to_tensor(volumes)
    return volumes + _each(deviations) * _drawn(starts, volumes.shape)


def _drawn(starts, shape):
    """A part of the table for each volume."""
    count = prod(shape[1:])
    if shape[0] == 1 and count <= TABLE:  # as in a pipeline: one slice is quicker than numbers one by one
        drawn = ops.slice(ops.convert_to_tensor(_table(count)), starts, (count,))
    else:
        places = ops.expand_dims(starts, 1) + ops.arange(count, dtype="int32")
        drawn = ops.take(ops.convert_to_tensor(_table()), places % TABLE)
    return ops.reshape(drawn, (-1, *shape[1:]))


@functools.lru_cache(maxsize=4)
def _table(more: int = 0) -> np.ndarray:
    """The table, and so many of its first numbers again."""
    return np.resize(np.random.default_rng(0).standard_normal(TABLE, "float32"), TABLE + more)


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomNoise3D(RandomTransform3D):
    """Add white Gaussian noise.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        strength: largest standard deviation, in the volume's units (of a conformed volume, its own deviations).
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Example:
        >>> RandomNoise3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    pointwise = True

    def __init__(self, strength: float = 0.1, rate: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.strength = _checks.between("strength", strength, 0.0, 100.0)

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or self.strength == 0.0

    def draw(self, seeds, shape):
        starts = ALIGNED * ops.cast(between(seeds, 0.0, float(TABLE // ALIGNED), (), stream=1), "int32")
        return between(seeds, 0.0, self.strength, (), stream=0), starts

    def fetch(self, volumes, deviations, starts):
        return deviations, _drawn(starts, volumes.shape)

    def change(self, volumes, deviations, drawn):
        return volumes + _each(deviations) * drawn
