"""From a cohort to batches."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_neurovit import _checks
from keras_neurovit.augmentation import RandomTransform3D, augment, policy
from keras_neurovit.cohorts import Cohort
from keras_neurovit.data.cache import conform_all
from keras_neurovit.volumes import VolumeContract


def make_dataset(
    cohort: Cohort,
    contract: VolumeContract,
    *,
    batch_size: int = 8,
    shuffle: bool = False,
    augmentation: str | Sequence[RandomTransform3D] = "none",
    targets: np.ndarray | None = None,
    class_weights: Mapping[int, float] | None = None,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
    verbose: bool = True,
) -> tf.data.Dataset:
    """Batches of conformed volumes and labels, for `model.fit` on any Keras backend.

    Scans are conformed into the cache first, with a progress bar. Every epoch shuffles and augments anew; with the same
    seed a run repeats itself.

    Shape: → volumes (batch, x, y, z, 1) float32, labels (batch,) int32, and if asked for weights (batch,) float32

    Args:
        cohort: whose scans.
        contract: what the model reads, `load_preset(name).volume`.
        batch_size: scans a batch; the last batch may be smaller.
        shuffle: whether to shuffle the scans every epoch, for training; batches are then all full, and the scans left
            over (others every epoch) wait for the next.
        augmentation: name of a policy, or random layers.
        targets: what to learn in place of the labels, a row a scan, for example ages.
        class_weights: weight of each label, `cohort.class_weights()`.
        seed: of the shuffling and the augmentation.
        cache: folder for conformed volumes; None for the user's cache.
        verbose: whether to show the progress bar.

    Raises:
        InputError: an empty cohort, a scan that cannot be read, an unknown policy.
    """
    if len(cohort) == 0:
        raise _checks.InputError(f"{cohort.source}: the cohort is empty", expected="at least one scan")
    if batch_size < 1:
        raise _checks.InputError("batch_size is unusable", expected="1 or more", received=batch_size)
    layers = policy(augmentation) if isinstance(augmentation, str) else list(augmentation)
    files = [str(file) for file in conform_all(cohort.paths, contract, cache=cache, verbose=verbose)]
    labels = cohort.targets.astype("int32")
    if targets is not None and (len(targets) != len(cohort) or class_weights is not None):
        expected = f"a row for each of {len(cohort)} scans, and no class_weights"
        raise _checks.InputError("targets are unusable", expected=expected, received=f"{len(targets)} rows")
    targets = labels if targets is None else np.asarray(targets)
    shape = (*contract.shape, 1)
    order = _epochs(len(files), shuffle, seed)
    dataset = order.map(lambda index, chance: (tf.gather(files, index), tf.gather(targets, index), chance))
    dataset = dataset.map(
        lambda file, target, chance: (_read(file, shape), target, chance), num_parallel_calls=tf.data.AUTOTUNE
    )
    run = _augmenter(layers, shape) if layers else lambda volume, chance: volume
    dataset = dataset.map(
        lambda volume, target, chance: (run(volume, chance), target), num_parallel_calls=tf.data.AUTOTUNE
    )
    if class_weights is not None:
        table = tf.constant([class_weights[label] for label in range(len(cohort.labels))], "float32")
        dataset = dataset.map(lambda volume, target: (volume, target, tf.gather(table, target)))
    # Another batch size would be compiled anew; which scans are left over changes every epoch.
    even = shuffle and len(files) >= batch_size
    return dataset.batch(batch_size, drop_remainder=even).prefetch(tf.data.AUTOTUNE)


def _epochs(scans: int, shuffle: bool, seed: int) -> tf.data.Dataset:
    """Index and seed of every sample, other ones each time it is iterated.

    TensorFlow's own shuffling and random datasets also depend on the global seed: the same call would give other
    batches after an unrelated `set_random_seed`.
    """
    epoch = itertools.count()

    def draw():
        random = np.random.default_rng((seed, next(epoch)))
        indices = random.permutation(scans) if shuffle else np.arange(scans)
        yield indices.astype("int32"), random.integers(2**31 - 1, size=scans, dtype="int32")

    row = tf.TensorSpec((scans,), tf.int32)
    dataset = tf.data.Dataset.from_generator(draw, output_signature=(row, row)).unbatch()
    return dataset.apply(tf.data.experimental.assert_cardinality(scans))


def _read(file, shape):
    def load(name: bytes) -> np.ndarray:
        return np.load(name.decode())

    volume = tf.numpy_function(load, [file], tf.float16, stateful=False)
    return tf.cast(tf.ensure_shape(volume, shape), tf.float32)


def _augmenter(layers: Sequence[RandomTransform3D], shape):
    if keras.backend.backend() == "tensorflow":
        # XLA fuses the eight corners of a trilinear sample: ten times faster than op by op.
        run = tf.function(lambda volumes, seeds: augment(volumes, seeds, layers), jit_compile=True)
    else:

        def augment_here(volumes, seeds):
            return keras.ops.convert_to_numpy(augment(volumes, seeds, layers))

        def run(volumes, seeds):
            return tf.numpy_function(augment_here, [volumes, seeds], tf.float32)

    return lambda volume, chance: tf.ensure_shape(run(volume[None], chance[None])[0], shape)
