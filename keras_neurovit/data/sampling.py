"""What an epoch is: which scans, in which order, with which seeds."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import tensorflow as tf

from keras_neurovit import _checks

Sampling = Literal["scans", "people", "classes"]


def epochs(people: np.ndarray, labels: np.ndarray, sampling: Sampling, shuffle: bool, seed: int):
    """Index and seed of every sample, other ones each time the dataset is iterated; and how many there are.

    TensorFlow's own shuffling and random datasets also depend on the global seed: the same call would give other
    batches after an unrelated `set_random_seed`.

    Args:
        people: (scan,) whose.
        labels: (scan,) places of labels.
        sampling: see `make_dataset`.
        shuffle: whether the order is random.
        seed: of order and seeds.

    Raises:
        InputError: an unknown sampling, or one that chooses at random without `shuffle`.
    """
    _checks.one_of("sampling", sampling, ("scans", "people", "classes"))
    if sampling != "scans" and not shuffle:
        mend = "Pass shuffle=True, or sampling='scans' to see every scan once."
        raise _checks.InputError(f"sampling {sampling!r} chooses scans at random", "shuffle=True", shuffle, mend)
    epoch, count = itertools.count(), len(draw(people, labels, sampling, np.random.default_rng(0)))

    def order():
        random = np.random.default_rng((seed, next(epoch)))
        indices = draw(people, labels, sampling, random) if shuffle else np.arange(count)
        yield indices.astype("int32"), random.integers(2**31 - 1, size=count, dtype="int32")

    row = tf.TensorSpec((count,), tf.int32)
    dataset = tf.data.Dataset.from_generator(order, output_signature=(row, row)).unbatch()
    return dataset.apply(tf.data.experimental.assert_cardinality(count)), count


def batch_seeds(batches: int, batch_size: int, seed: int) -> tf.data.Dataset:
    """Seeds for the samples of each batch, other ones each time it is iterated."""
    epoch = itertools.count()

    def seeds():
        random = np.random.default_rng((seed, next(epoch), 1))
        for _ in range(batches):
            yield random.integers(2**31 - 1, size=batch_size, dtype="int32")

    dataset = tf.data.Dataset.from_generator(seeds, output_signature=tf.TensorSpec((batch_size,), tf.int32))
    return dataset.apply(tf.data.experimental.assert_cardinality(batches))


def draw(people: np.ndarray, labels: np.ndarray, sampling: Sampling, random: np.random.Generator) -> np.ndarray:
    """An epoch's scans, in random order.

    Shape: (scan,), (scan,) → (sample,), indices

    Example:
        >>> rows = draw(np.array(["a", "a", "b"]), np.array([0, 0, 1]), "people", np.random.default_rng(0))
        >>> sorted(rows)[1:]
        [np.int64(2)]
    """
    shuffled = random.permutation(len(labels))
    if sampling == "people":
        _, first = np.unique(people[shuffled], return_index=True)
        return random.permutation(shuffled[first])
    if sampling == "classes":
        each = [shuffled[labels[shuffled] == label] for label in np.unique(labels)]
        return random.permutation(np.concatenate([np.resize(rows, max(map(len, each))) for rows in each]))
    return shuffled
