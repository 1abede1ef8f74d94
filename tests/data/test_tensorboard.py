import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_neurovit import InputError
from keras_neurovit.data import tensorboard
from keras_neurovit.data.tensorboard import slices
from keras_neurovit.training import finetune

events_of = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator


def test_a_run_is_shown(tmp_path):
    volumes = np.random.default_rng(0).normal(size=(6, 4, 6, 10, 1)).astype("float32")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4, 6, 10, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return volumes[3 * index : 3 * index + 3], np.array([0, 1, 0])

    callbacks = tensorboard(tmp_path / "logs", Batches())
    how = {"epochs": 2, "verbose": 0, "jit_compile": False}
    history = finetune(model, Batches(), Batches(), folder=tmp_path / "run", callbacks=callbacks, **how)
    told = {}
    for folder in ("train", "validation", "samples"):
        events = events_of(str(tmp_path / "logs" / folder)).Reload()
        tags = events.Tags()["tensors"]
        told[folder] = {tag: [tf.make_ndarray(event.tensor_proto) for event in events.Tensors(tag)] for tag in tags}
    assert {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"} <= set(told["train"])
    assert told["train"]["epoch_learning_rate"] == pytest.approx([row["learning_rate"] for row in history])
    assert "epoch_loss" in told["validation"]
    (image,) = told["samples"]["slices"]
    assert [int(text) for text in image[:2]] == [14, 10]  # columns and rows, then a PNG a volume
    assert len(image) == 2 + 3
    assert image[2].startswith(b"\x89PNG")


def test_slices_stand_upright():
    volume = np.zeros((4, 6, 10, 1), "float32")
    volume[:, :, 8:] = 1.0  # superior
    image = slices(volume)
    assert image.shape == (10, 6 + 4 + 4, 1)
    assert image[:2, :10].min() == 1.0
    assert image[2:, :10].max() == 0.0


def test_samples_that_are_no_volumes(tmp_path):
    with pytest.raises(InputError, match="no volumes"):
        tensorboard(tmp_path, np.zeros((3, 5)))


def test_it_is_told_where_tensorboard_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"keras-neurovit\[tensorboard\]"):
        tensorboard(tmp_path)
