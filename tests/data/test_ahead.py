"""Batches of Keras' own kind, read ahead: the same ones, epoch by epoch, and no tuner to wait for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_neurovit.data import read_ahead


class Shuffled(keras.utils.PyDataset):
    """Five samples in batches of two, in an order of the epoch."""

    labels = np.arange(5) % 2

    def __init__(self):
        super().__init__()
        self.start_epoch(0)

    def start_epoch(self, epoch):
        self.order = np.random.default_rng(epoch).permutation(5)

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = self.order[2 * index : 2 * index + 2]
        return rows.astype("float32")[:, None], {"place": rows}


def told(batches):
    return [int(row) for _, y in batches for row in np.asarray(y["place"])]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="asks for what TensorFlow does")
def test_the_same_batches_in_the_order_of_the_epoch():
    plain = Shuffled()
    ahead = read_ahead(plain)
    for epoch in (0, 7, 3):
        ahead.start_epoch(epoch)
        assert told(ahead) == np.random.default_rng(epoch).permutation(5).tolist()
    assert len(ahead) == 3
    assert ahead.labels is plain.labels


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="asks for what TensorFlow does")
def test_what_the_batches_do_between_epochs_they_still_do():
    class Turning(Shuffled):
        epoch = 0

        def on_epoch_end(self):
            self.epoch += 1
            self.start_epoch(self.epoch)

    ahead = read_ahead(Turning())
    for epoch in range(3):
        assert told(ahead) == np.random.default_rng(epoch).permutation(5).tolist()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="asks for what TensorFlow does")
def test_no_tuner_sleeps_while_an_epoch_ends():
    ahead = read_ahead(Shuffled())
    assert isinstance(ahead, tf.data.Dataset)
    assert ahead.options().autotune.enabled is False


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="asks for what other backends do")
def test_other_backends_have_none():
    plain = Shuffled()
    assert read_ahead(plain) is plain
