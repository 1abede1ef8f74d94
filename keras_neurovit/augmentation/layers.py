"""Layers that draw parameters for the functions beside them."""

from __future__ import annotations

from abc import abstractmethod

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.augmentation import functions
from keras_neurovit.augmentation.randomness import between, normal, uniform


class RandomTransform3D(keras.layers.Layer):
    """A random change of volumes while training, none otherwise.

    A layer of a model draws seeds of its own; a data pipeline calls `transform` with a seed a sample.
    """

    def __init__(self, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, volumes, training=None):
        if not training:
            return volumes
        shape = (ops.shape(volumes)[0],)
        seeds = keras.random.randint(shape, 0, 2**31 - 1, dtype="int32", seed=self.seed_generator)
        return self.transform(volumes, seeds)

    @abstractmethod
    def transform(self, volumes, seeds):
        """The change that `seeds` stand for.

        Shape: (batch, x, y, z, channel), (batch,) int32 → (batch, x, y, z, channel)
        """

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomFlip3D(RandomTransform3D):
    """Mirror the person's left and right, in some volumes.

    Brains are not symmetric, and atrophy need not be: leave it out where the side may matter.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        rate: probability, 0 to 1.
        seed: of the draws as a layer.

    Example:
        >>> import numpy as np
        >>> RandomFlip3D(1.0)(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    def __init__(self, rate: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = _checks.between("rate", rate, 0.0, 1.0)

    def transform(self, volumes, seeds):
        return functions.flip(volumes, uniform(seeds, (), stream=0) < self.rate)


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomAffine3D(RandomTransform3D):
    """Rotate, scale and shift.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        rotation_degrees: largest angle about each axis.
        scaling: largest relative change of size along each axis; head size carries information on sex and atrophy, so
            keep it small where that matters.
        shift_voxels: largest shift along each axis.
        seed: of the draws as a layer.

    Example:
        >>> import numpy as np
        >>> RandomAffine3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    def __init__(
        self,
        rotation_degrees: float = 8.0,
        scaling: float = 0.05,
        shift_voxels: float = 3.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        self.rotation_degrees = _checks.between("rotation_degrees", rotation_degrees, 0.0, 180.0)
        self.scaling = _checks.between("scaling", scaling, 0.0, 0.9)
        self.shift_voxels = _checks.between("shift_voxels", shift_voxels, 0.0, 1000.0)

    def transform(self, volumes, seeds):
        radians = float(np.deg2rad(self.rotation_degrees))
        rotations = functions.rotation_matrices(between(seeds, -radians, radians, (3,), stream=0))
        scales = 1.0 + between(seeds, -self.scaling, self.scaling, (3,), stream=1)
        shifts = between(seeds, -self.shift_voxels, self.shift_voxels, (3,), stream=2)
        return functions.affine(volumes, rotations / ops.expand_dims(scales, 1), shifts)


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomGamma3D(RandomTransform3D):
    """Bend the contrast.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        strength: the exponent's logarithm lies within ± this.
        seed: of the draws as a layer.

    Example:
        >>> import numpy as np
        >>> RandomGamma3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    def __init__(self, strength: float = 0.25, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        self.strength = _checks.between("strength", strength, 0.0, 5.0)

    def transform(self, volumes, seeds):
        if self.strength == 0:
            return volumes
        return functions.gamma(volumes, ops.exp(between(seeds, -self.strength, self.strength, (), stream=0)))


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomNoise3D(RandomTransform3D):
    """Add white Gaussian noise.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        strength: largest standard deviation, in the volume's units (of a conformed volume, its own deviations).
        seed: of the draws as a layer.

    Example:
        >>> import numpy as np
        >>> RandomNoise3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    def __init__(self, strength: float = 0.1, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        self.strength = _checks.between("strength", strength, 0.0, 100.0)

    def transform(self, volumes, seeds):
        deviations = ops.reshape(between(seeds, 0.0, self.strength, (), stream=0), (-1, 1, 1, 1, 1))
        return ops.convert_to_tensor(volumes) + deviations * normal(seeds, tuple(volumes.shape[1:]), stream=1)
