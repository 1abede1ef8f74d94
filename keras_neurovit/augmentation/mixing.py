"""Leaving parts out, and mixing volumes with each other."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from scipy import special

from keras_neurovit import _checks
from keras_neurovit.augmentation.base import RandomTransform3D, draw_seeds
from keras_neurovit.augmentation.randomness import between, uniform


def boxes(corners, sizes, shape: tuple[int, int, int]):
    """1 inside a box, 0 outside.

    Shape: (batch, 3), (batch, 3) in voxels → (batch, x, y, z, 1)

    Example:
        >>> float(ops.sum(boxes(np.float32([[1, 2, 3]]), np.float32([[2, 2, 2]]), (8, 12, 20))))
        8.0
    """
    inside, corners, sizes = 1.0, ops.convert_to_tensor(corners), ops.convert_to_tensor(sizes)
    for axis, size in enumerate(shape):
        places = ops.arange(size, dtype="float32") + 0.5
        first, length = corners[:, axis : axis + 1], sizes[:, axis : axis + 1]
        within = ops.cast(ops.logical_and(places > first, places < first + length), "float32")
        inside = inside * ops.reshape(within, (-1, *(size if a == axis else 1 for a in range(3)), 1))
    return inside


def cutout(volumes, corners, sizes, value: float = 0.0):
    """Fill a box.

    Shape: (batch, x, y, z, channel), (batch, 3), (batch, 3) in voxels → (batch, x, y, z, channel)
    """
    volumes = ops.convert_to_tensor(volumes)
    inside = boxes(corners, sizes, tuple(volumes.shape[1:4]))
    return volumes + inside * (value - volumes)


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomCutout3D(RandomTransform3D):
    """Fill a box with the mean of the head, so that no single place is relied on.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        share: longest edge of the box, as a share of the volume's.
        value: to fill with; of a conformed volume 0 is the mean of the head.
        rate: share of volumes that are changed.
        seed: of the draws as a layer.

    Source: DeVries & Taylor 2017 (arXiv 1708.04552).

    Example:
        >>> RandomCutout3D()(np.zeros((1, 8, 12, 20, 1)), training=True).shape
        TensorShape([1, 8, 12, 20, 1])
    """

    def __init__(self, share: float = 0.3, value: float = 0.0, rate: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.share, self.value = _checks.between("share", share, 0.0, 1.0), value

    @property
    def still(self) -> bool:
        return self.rate == 0.0 or self.share == 0.0

    def draw(self, seeds, shape):
        edges = ops.convert_to_tensor(shape, "float32")
        sizes = between(seeds, 0.5, 1.0, (3,), stream=0) * edges * self.share
        corners = uniform(seeds, (3,), stream=1) * (edges - sizes)
        return corners, sizes

    def change(self, volumes, corners, sizes):
        return cutout(volumes, corners, sizes, self.value)


class _Mixing(keras.layers.Layer):
    def __init__(self, alpha: float, rate: float, seed: int | None, **kwargs):
        super().__init__(**kwargs)
        self.alpha, self.rate = _checks.between("alpha", alpha, 1e-3, 100.0), _checks.between("rate", rate, 0.0, 1.0)
        self.seed, self.seed_generator = seed, keras.random.SeedGenerator(seed)
        # The beta distribution's quantiles: uniform numbers become its own by a look into this table.
        self._quantiles = special.betaincinv(alpha, alpha, np.linspace(0, 1, 1025)).astype("float32")

    def call(self, batch, training=None):
        volumes, targets = batch
        if len(targets.shape) != 2:
            mend = "Turn labels into rows first, for example by keras.ops.one_hot."
            raise _checks.InputError("targets cannot be mixed", "a row of numbers for each volume", targets.shape, mend)
        if not training:
            return volumes, targets
        return self.transform(volumes, targets, draw_seeds(ops.shape(volumes)[0], self.seed_generator))

    def weights_of(self, seeds):
        """What a volume keeps of itself. Shape: (batch,) → (batch,)"""
        place = 1024.0 * uniform(seeds, (), stream=0)
        low = ops.cast(place, "int32")
        below, above = (ops.take(ops.convert_to_tensor(self._quantiles), ops.minimum(low + n, 1024)) for n in (0, 1))
        kept = below + (above - below) * (place - ops.cast(low, "float32"))
        return ops.where(uniform(seeds, (), stream=90) < self.rate, kept, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_neurovit")
class MixUp3D(_Mixing):
    """Weighted means of each volume and the one before it in the batch, and of their targets.

    Shape: ((batch, x, y, z, channel), (batch, class)) → the same

    Args:
        alpha: of the beta distribution the weights come from; small values mix little.
        rate: share of volumes that are mixed.
        seed: of the draws as a layer.

    Source: Zhang et al. 2018 (arXiv 1710.09412).

    Example:
        >>> volumes, targets = MixUp3D()((np.zeros((2, 8, 12, 20, 1)), np.eye(2)), training=True)
        >>> targets.shape
        TensorShape([2, 2])
    """

    def __init__(self, alpha: float = 0.1, rate: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(alpha, rate, seed, **kwargs)

    def transform(self, volumes, targets, seeds):
        """The mixture that `seeds` stand for; targets are one row of numbers a volume."""
        kept = self.weights_of(seeds)
        return mix(volumes, kept), mix(targets, kept)


def mix(values, kept):
    """Weighted means of each row and the one before it; the first's is the last.

    Shape: (batch, …), (batch,) → (batch, …)

    Example:
        >>> mix(np.float32([[0.0], [4.0]]), np.float32([0.75, 0.5])).numpy().ravel().tolist()
        [1.0, 2.0]
    """
    values = ops.cast(values, "float32")
    kept = ops.reshape(kept, (-1, *(1 for _ in values.shape[1:])))
    return kept * values + (1.0 - kept) * ops.roll(values, 1, axis=0)


@keras.saving.register_keras_serializable("keras_neurovit")
class CutMix3D(_Mixing):
    """Each volume with a box of the one before it in the batch; targets are mixed by the box's share.

    Shape: ((batch, x, y, z, channel), (batch, class)) → the same

    Args:
        alpha: of the beta distribution that the box's share comes from.
        rate: share of volumes that are mixed.
        seed: of the draws as a layer.

    Source: Yun et al. 2019 (arXiv 1905.04899).

    Example:
        >>> volumes, targets = CutMix3D()((np.zeros((2, 8, 12, 20, 1)), np.eye(2)), training=True)
        >>> targets.shape
        TensorShape([2, 2])
    """

    def __init__(self, alpha: float = 1.0, rate: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(alpha, rate, seed, **kwargs)

    def transform(self, volumes, targets, seeds):
        """The mixture that `seeds` stand for; targets are one row of numbers a volume."""
        edges = ops.convert_to_tensor(tuple(volumes.shape[1:4]), "float32")
        sizes = ops.floor(ops.expand_dims((1.0 - self.weights_of(seeds)) ** (1 / 3), 1) * edges + 0.5)
        corners = ops.floor(uniform(seeds, (3,), stream=1) * (edges - sizes) + 0.5)
        kept = 1.0 - ops.prod(sizes, axis=1) / float(np.prod(volumes.shape[1:4]))
        return paste(volumes, corners, sizes), mix(targets, kept)


def paste(volumes, corners, sizes):
    """Each volume with a box of the one before it in the batch; the first's is of the last.

    Shape: (batch, x, y, z, channel), (batch, 3), (batch, 3) in voxels → (batch, x, y, z, channel)
    """
    volumes, inside = ops.cast(volumes, "float32"), boxes(corners, sizes, tuple(volumes.shape[1:4]))
    return volumes + inside * (ops.roll(volumes, 1, axis=0) - volumes)
