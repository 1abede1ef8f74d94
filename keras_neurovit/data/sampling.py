"""What an epoch is: which scans, in which order, with which seeds."""

from __future__ import annotations

import functools
import itertools
from typing import Literal

import numpy as np
import tensorflow as tf

from keras_neurovit import _checks

Sampling = Literal["scans", "people", "classes"]


class Epochs:
    """Index and seed of every sample, other ones in each epoch, all known beforehand.

    TensorFlow's own shuffling and random datasets also depend on the global seed: the same call would give other
    batches after an unrelated `set_random_seed`.

    Args:
        people: (scan,) whose.
        labels: (scan,) places of labels.
        sampling: see `make_dataset`.
        shuffle: whether the order is random.
        seed: of order and seeds.
        most: samples an epoch has at most, drawn anew each time; None for all.

    Attributes:
        count: samples an epoch.

    Raises:
        InputError: an unknown sampling, or one that chooses at random without `shuffle`.

    Example:
        >>> epochs = Epochs(np.array(["a", "b"]), np.array([0, 1]), "scans", True, seed=1)
        >>> bool((epochs.samples(3)[0] == epochs.samples(3)[0]).all())
        True
    """

    def __init__(
        self,
        people: np.ndarray,
        labels: np.ndarray,
        sampling: Sampling,
        shuffle: bool,
        seed: int,
        most: int | None = None,
    ):
        _checks.one_of("sampling", sampling, ("scans", "people", "classes"))
        if sampling != "scans" and not shuffle:
            mend = "Pass shuffle=True, or sampling='scans' to see every scan once."
            raise _checks.InputError(f"sampling {sampling!r} chooses scans at random", "shuffle=True", shuffle, mend)
        self._draw = functools.partial(draw, people, labels, sampling)
        self.shuffle, self.seed = shuffle, seed
        self.count = len(self._draw(np.random.default_rng(0))[:most])
        self.start(0)

    def start(self, epoch: int) -> None:
        """Make the next iteration that of an epoch; those after it follow."""
        self._orders, self._mixtures = itertools.count(epoch), itertools.count(epoch)

    def samples(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The scans of an epoch in their order, and a seed for each. Shape: → (sample,), (sample,), int32"""
        random = np.random.default_rng((self.seed, epoch))
        indices = self._draw(random)[: self.count] if self.shuffle else np.arange(self.count)
        return indices.astype("int32"), random.integers(2**31 - 1, size=self.count, dtype="int32")

    def dataset(self) -> tf.data.Dataset:
        """The samples of the next epoch, one by one, each time it is iterated."""

        def order():
            yield self.samples(next(self._orders))

        row = tf.TensorSpec((self.count,), tf.int32)
        dataset = tf.data.Dataset.from_generator(order, output_signature=(row, row)).unbatch()
        return dataset.apply(tf.data.experimental.assert_cardinality(self.count))

    def batch_seeds(self, batches: int, batch_size: int) -> tf.data.Dataset:
        """Seeds for the samples of each batch of the next epoch, each time it is iterated."""

        def seeds():
            random = np.random.default_rng((self.seed, next(self._mixtures), 1))
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
