"""From a cohort to batches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from keras_neurovit import _checks
from keras_neurovit.augmentation import RandomTransform3D, augment, policy
from keras_neurovit.augmentation.policies import seeds_of
from keras_neurovit.cohorts import Cohort
from keras_neurovit.data.cache import conform_all
from keras_neurovit.data.sampling import Sampling, epochs
from keras_neurovit.data.storage import Storage, decode
from keras_neurovit.volumes import VolumeContract


def make_dataset(
    cohort: Cohort,
    contract: VolumeContract,
    *,
    batch_size: int = 8,
    shuffle: bool = False,
    sampling: Sampling = "scans",
    augmentation: str | Sequence[RandomTransform3D] = "none",
    targets: np.ndarray | None = None,
    class_weights: Mapping[int, float] | None = None,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
    storage: Storage = "float16",
    on_error: Literal["raise", "skip"] = "raise",
    deterministic: bool = True,
    verbose: bool = True,
) -> tf.data.Dataset:
    """Batches of conformed volumes and labels, for `model.fit` on any Keras backend.

    Scans are conformed into the cache first, with a progress bar, and read from there: a cohort may be larger than
    memory. Every epoch shuffles and augments anew; with the same seed a run repeats itself.

    Shape: → volumes (batch, x, y, z, 1) float32, labels (batch,) int32, and if asked for weights (batch,) float32

    Args:
        cohort: whose scans.
        contract: what the model reads, `load_preset(name).volume`.
        batch_size: scans a batch; the last batch may be smaller.
        shuffle: whether to shuffle the scans every epoch, for training; batches are then all full, and the scans left
            over (others every epoch) wait for the next.
        sampling: what an epoch is. "scans": every scan once; "people": one scan of everybody, another each epoch where
            there are several; "classes": as many of each label, of the rarer ones some several times. The latter two
            are for shuffled datasets.
        augmentation: name of a policy, or random layers.
        targets: what to learn in place of the labels, a row a scan, for example ages.
        class_weights: weight of each label, `cohort.class_weights()`.
        seed: of the shuffling and the augmentation.
        cache: folder for conformed volumes; None for the user's cache.
        storage: of the cached volumes; "uint8" takes half of "float16"'s room, and rounds to 1/255 of the range.
        on_error: "raise" stops at a scan that cannot be read, before anything is trained; "skip" names each once and
            goes on without.
        deterministic: whether batches come in the order of the seed; False lets a slow read be overtaken.
        verbose: whether to show the progress bar.

    Raises:
        InputError: an empty cohort, a scan that cannot be read, an unknown policy.
    """
    if len(cohort) == 0:
        raise _checks.InputError(f"{cohort.source}: the cohort is empty", expected="at least one scan")
    if batch_size < 1:
        raise _checks.InputError("batch_size is unusable", expected="1 or more", received=batch_size)
    layers = policy(augmentation) if isinstance(augmentation, str) else list(augmentation)
    if targets is not None and (len(targets) != len(cohort) or class_weights is not None):
        expected = f"a row for each of {len(cohort)} scans, and no class_weights"
        raise _checks.InputError("targets are unusable", expected=expected, received=f"{len(targets)} rows")
    how = {"cache": cache, "storage": storage, "on_error": on_error, "verbose": verbose}
    files = conform_all(cohort.paths, contract, **how)
    kept = np.flatnonzero([file is not None for file in files])
    if len(kept) == 0:
        raise _checks.InputError(f"{cohort.source}: no scan of the cohort can be read", "at least one")
    labels = cohort.targets.astype("int32")
    targets, labels = (labels if targets is None else np.asarray(targets))[kept], labels[kept]
    files, people = [str(files[index]) for index in kept], np.asarray(cohort.participants)[kept]
    shape = (*contract.shape, 1)
    order, count = epochs(people, labels, sampling, shuffle, seed)
    run = augmenter(layers, shape)

    def sample(index, chance):
        volume = run(decode(tf.io.read_file(tf.gather(files, index)), shape, storage), chance)
        row = (volume, tf.gather(targets, index))
        return row if class_weights is None else (*row, tf.gather(table, tf.gather(labels, index)))

    if class_weights is not None:
        table = tf.constant([class_weights[label] for label in range(len(cohort.labels))], "float32")
    dataset = order.map(sample, num_parallel_calls=tf.data.AUTOTUNE, deterministic=deterministic)
    # Another batch size would be compiled anew; which scans are left over changes every epoch.
    even = shuffle and count >= batch_size
    return dataset.batch(batch_size, drop_remainder=even).prefetch(tf.data.AUTOTUNE)


def augmenter(layers: Sequence[RandomTransform3D], shape):
    """Augmentation of one volume, from its seed. Numbers are drawn outside what is compiled: inside, drawing them takes
    longer than all the rest."""
    if not layers:
        return lambda volume, chance: volume
    if keras.backend.backend() != "tensorflow":

        def augment_here(volumes, seeds):
            return keras.ops.convert_to_numpy(augment(volumes, seeds, layers))

        def run_elsewhere(volume, chance):
            return tf.ensure_shape(tf.numpy_function(augment_here, [volume[None], chance[None]], tf.float32)[0], shape)

        return run_elsewhere
    changes = [tf.function(layer.change, jit_compile=True) if layer.compiled else layer.change for layer in layers]

    def run(volume, chance):
        volumes, seeds = volume[None], chance[None]
        for index, (layer, change) in enumerate(zip(layers, changes, strict=True)):
            if not layer.still:
                own = seeds_of(seeds, index)
                drawn = layer.draw(own, shape[:3])
                if layer.rate < 1.0:
                    # Bound now: the branches are traced later.
                    def changed(volumes=volumes, change=change, drawn=drawn):
                        return change(volumes, *drawn)

                    volumes = tf.cond(layer.chosen(own)[0] > 0, changed, lambda volumes=volumes: volumes)
                else:
                    volumes = change(volumes, *drawn)
        return tf.ensure_shape(volumes[0], shape)

    return run
