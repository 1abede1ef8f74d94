"""A distillation token learns from the teacher, the class token from labels, and a preset keeps both."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops
from test_options import QUIET, Kill, assert_same

from keras_neurovit import InputError, VolumeContract, from_preset, load_preset, models, save_to_preset
from keras_neurovit.training import LabelLoss, Options, finetune
from keras_neurovit.training.distilling import TeacherLoss

SMALL = {"patch_size": (4, 4, 4), "num_layers": 1, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 16}
TOKENS = {"class_token": True, "num_register_tokens": 1}


def student(seed=1, **changes):
    keras.utils.set_random_seed(seed)
    return models.classifier(models.vit3d((8, 8, 8), **SMALL, **TOKENS), 2, pooling="distilled", **changes)


class Volumes(keras.utils.PyDataset):
    """Brightness tells the label."""

    def __init__(self):
        super().__init__()
        self.labels = np.arange(8) % 2
        noise = np.random.default_rng(0).normal(size=(8, 8, 8, 8, 1))
        self.volumes = (noise + self.labels[:, None, None, None, None]).astype("float32")

    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return self.volumes[rows], self.labels[rows]


class Opposite(keras.layers.Layer):
    """Scores of a teacher who is wrong about every label."""

    def call(self, volumes):
        dark = 20.0 * (0.5 - ops.mean(volumes, axis=(1, 2, 3)))
        return ops.concatenate([-dark, dark], axis=-1)


def teacher():
    volumes = keras.Input((8, 8, 8, 1))
    return keras.Model(volumes, Opposite()(volumes))


def test_scores_are_the_mean_of_two_heads():
    model, volumes = student(), Volumes().volumes
    heads = keras.Model(model.input, [model.get_layer(name).output for name in ("head", "distillation_head")])
    one, other = (ops.convert_to_numpy(part) for part in heads(volumes, training=False))
    assert np.abs(one - other).max() > 1e-3
    np.testing.assert_allclose(ops.convert_to_numpy(model(volumes, training=False)), (one + other) / 2, atol=1e-6)
    shares = ops.convert_to_numpy(student(activation="softmax")(volumes, training=False))
    np.testing.assert_allclose(shares, ops.convert_to_numpy(ops.softmax((one + other) / 2)), atol=1e-6)


def test_each_token_learns_from_its_own(tmp_path):
    model, batches = student(), Volumes()
    options = Options(teacher=teacher(), temperature=1.0)
    how = {"folder": tmp_path / "a", "epochs": 60, "options": options, **QUIET | {"peak": 3e-3}}
    history = finetune(model, batches, **how)
    heads = keras.Model(model.input, [model.get_layer(name).output for name in ("head", "distillation_head")])
    by_label, by_teacher = (
        ops.convert_to_numpy(ops.argmax(part, axis=-1)) for part in heads(batches.volumes, training=False)
    )
    assert by_label.tolist() == batches.labels.tolist()
    assert by_teacher.tolist() == (1 - batches.labels).tolist()
    killed = {**how, "folder": tmp_path / "b"}
    with pytest.raises(KeyboardInterrupt):
        finetune(student(), batches, **killed, callbacks=[Kill(30)])
    again = student()
    assert finetune(again, batches, **killed) == history
    assert_same(again, model)


def test_the_loss_of_three_kinds_of_logits():
    random = np.random.default_rng(0)
    own, learner, told = (random.normal(size=(5, 3)).astype("float32") for _ in range(3))
    labels = np.array([0, 1, 2, 0, 1])
    loss = TeacherLoss(LabelLoss(), 0.3, 2.0, token=True)
    found = ops.convert_to_numpy(loss.call(labels, ops.concatenate([own, learner, told], axis=-1)))

    def log_shares(logits):
        return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))

    right, soft, wanted = log_shares(own)[np.arange(5), labels], log_shares(learner / 2), log_shares(told / 2)
    expected = -0.7 * right + 0.3 * 4 * (np.exp(wanted) * (wanted - soft)).sum(axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert TeacherLoss.from_config(loss.get_config()).token


def test_a_preset_keeps_it(tmp_path):
    described = dataclasses.replace(
        load_preset("vit3d_tiny"),
        name="distilled",
        arguments={**SMALL, **TOKENS},
        volume=VolumeContract((8.0, 8.0, 8.0), (24, 28, 24)),
        head={"pooling": "distilled"},
        labels=("a", "b"),
    )
    model = from_preset(described, load_weights=False, verbose=False)
    assert model.get_layer("distillation_head")
    save_to_preset(model, tmp_path / "preset", described)
    volume = np.random.default_rng(0).normal(size=(1, 24, 28, 24, 1)).astype("float32")
    back = from_preset(tmp_path / "preset", verbose=False)
    np.testing.assert_allclose(
        ops.convert_to_numpy(back(volume, training=False)),
        ops.convert_to_numpy(model(volume, training=False)),
        atol=2e-3,
    )


def test_a_token_too_few_is_refused():
    backbone = models.vit3d((8, 8, 8), **SMALL, class_token=True)
    with pytest.raises(InputError, match="num_register_tokens=1"):
        models.classifier(backbone, 2, pooling="distilled")
