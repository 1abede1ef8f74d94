"""What every random change of volumes has in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import keras
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.augmentation.randomness import uniform


class RandomTransform3D(keras.layers.Layer):
    """A random change of volumes while training, none otherwise.

    A layer of a model draws seeds of its own; a data pipeline calls `transform` with a seed a sample, or `draw`,
    `fetch`, `measure` and `change` apart, since compilers are quick with what is drawn and slow with the drawing.

    Args:
        rate: share of volumes that are changed.
        seed: of the draws as a layer.
    """

    compiled = True
    """Whether a pipeline should compile `change`; products of matrices are as fast without, or faster."""

    pointwise = False
    """Whether `change` makes each voxel from itself and its place alone; a pipeline compiles such neighbours as one."""

    monotone = False
    """Whether `change` keeps the order of intensities wherever they are: their extremes change as they do, then."""

    measures: tuple[Callable, ...] = ()
    """What `measure` measures, each (batch, x, y, z, channel) → (batch, 1, 1, 1, 1)."""

    def __init__(self, rate: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = _checks.between("rate", rate, 0.0, 1.0), seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, volumes, training=None):
        if not training:
            return volumes
        seeds = draw_seeds(ops.shape(volumes)[0], self.seed_generator)
        # Places and shades need single precision, whatever the model computes in.
        return ops.cast(self.transform(ops.cast(volumes, "float32"), seeds), self.compute_dtype)

    def transform(self, volumes, seeds):
        """The change that `seeds` stand for.

        Shape: (batch, x, y, z, channel), (batch,) int32 → (batch, x, y, z, channel)
        """
        volumes = ops.convert_to_tensor(volumes)
        if len(volumes.shape) != 5:
            mend = "Give one volume as a batch of one: volume[None]."
            received = tuple(volumes.shape)
            raise _checks.InputError(f"{self.name}: takes batches", "(batch, x, y, z, channel)", received, mend)
        if self.still:
            return volumes
        drawn = self.fetch(volumes, *self.draw(seeds, tuple(volumes.shape[1:4])))
        changed = self.change(volumes, *drawn, *self.measure(volumes))
        if self.rate == 1.0:
            return changed
        return ops.where(ops.reshape(self.chosen(seeds), (-1, 1, 1, 1, 1)), changed, volumes)

    @property
    def still(self) -> bool:
        """Whether the layer never changes anything."""
        return self.rate == 0.0

    @abstractmethod
    def draw(self, seeds, shape: tuple[int, int, int]) -> tuple:
        """What seeds stand for, in few numbers.

        Shape: (batch,) int32 → several of (batch, …)
        """

    def fetch(self, volumes, *drawn) -> tuple:
        """What was drawn, made ready for `change`: a table's part in place of where it begins, which only known numbers
        compile well for.

        Shape: (batch, x, y, z, channel), several of (batch, …) → several of (batch, …)
        """
        return drawn

    def measure(self, volumes) -> tuple:
        """What the change must know of the volumes as a whole, which compiled takes seven times as long to find.

        Shape: (batch, x, y, z, channel) → several of (batch, …)
        """
        return tuple(measure(volumes) for measure in self.measures)

    @abstractmethod
    def change(self, volumes, *drawn):
        """Volumes changed by what was drawn, and then measured.

        Shape: (batch, x, y, z, channel), several of (batch, …) → (batch, x, y, z, channel)
        """

    def chosen(self, seeds):
        """Whether each volume is changed at all. Shape: (batch,) → (batch,), bool"""
        return uniform(seeds, (), stream=90) < self.rate

    def compute_output_shape(self, input_shape):
        return input_shape


def draw_seeds(count, generator):
    """Seeds for the samples of a batch. Shape: → (count,), int32"""
    return keras.random.randint((count,), 0, 2**31 - 1, dtype="int32", seed=generator)
