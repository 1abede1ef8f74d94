"""Batches of Keras' own kind, made while the model computes."""

from __future__ import annotations

import keras
import tensorflow as tf

AHEAD = 2  # batches that are ready before they are asked for


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """A dataset that is read ahead, by as many calls at once as there are cores, 16 at most.

    TensorFlow's tuner looks at a pipeline after ever longer sleeps, of up to a minute, that the end of an epoch does
    not break: whoever iterates waits until it wakes.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(AHEAD).with_options(options)


def read_ahead(batches: keras.utils.PyDataset) -> keras.utils.PyDataset | tf.data.Dataset:
    """What `model.fit` takes in place of a `PyDataset`, to spare its epochs the tuner of TensorFlow, see `untuned`.

    On TensorFlow a dataset of the same batches in the same order; on other backends, which have no tuner, the batches
    as they are.

    Args:
        batches: of a known number, and structured alike; a method `start_epoch` is kept, see `training.finetune`.

    Example:
        >>> import numpy as np
        >>> class Counted(keras.utils.PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...
        ...     def __getitem__(self, index):
        ...         return np.full((2, 4), index), np.array([0, 1])
        >>> [int(x[0, 0]) for x, y in read_ahead(Counted())]
        [0, 1, 2]
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    count = len(batches)
    signature = tf.nest.map_structure(_any_number, batches[0])

    def epoch():
        batches.on_epoch_begin()
        yield from map(batches.__getitem__, range(count))
        batches.on_epoch_end()

    dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    dataset = untuned(dataset.apply(tf.data.experimental.assert_cardinality(count)))
    for name in ("start_epoch", "scans_of", "labels"):
        if hasattr(batches, name):
            setattr(dataset, name, getattr(batches, name))
    return dataset


def _any_number(array) -> tf.TensorSpec:
    """What arrays of a batch are like; the last batch may be smaller."""
    return tf.TensorSpec((None, *array.shape[1:]), tf.as_dtype(array.dtype))
