"""Pre-training ends in a preset that fine-tuning starts from, and goes on where it was killed."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_neurovit import InputError, from_preset, load_preset, models, training
from keras_neurovit.cohorts import Task
from keras_neurovit.presets import save_to_preset
from keras_neurovit.training.pretrain import own_targets


class Heads(keras.utils.PyDataset):
    """Six heads that differ by a gradient, two noisy scans of each side by side."""

    supervised = False

    def __len__(self):
        return 3

    def start_epoch(self, epoch):
        self.epoch = epoch

    def __getitem__(self, index):
        random = np.random.default_rng((getattr(self, "epoch", 0), index))
        ramps = np.linspace(-1, 1, 6)[2 * index : 2 * index + 2]
        places = np.linspace(-1, 1, 12).reshape(1, -1, 1, 1)
        volumes = np.repeat(1 + ramps[:, None, None, None, None] * places[None], 2, axis=0) * np.ones((1, 8, 1, 20, 1))
        noisy = volumes + 0.05 * random.normal(size=volumes.shape)
        if not self.supervised:
            return noisy.astype("float32"), np.repeat(np.arange(2), 2)
        rows = np.float32([[index, ramps[0] / 0.7], [index, np.nan], [np.nan, ramps[1] / 0.7], [np.nan, np.nan]])
        return noisy.astype("float32"), rows


def backbone():
    return models.vit3d((8, 12, 20), (4, 6, 10), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)


SMALL = {
    "masked": {"mask_ratio": 0.5, "foreground_only": False, "decoder_dim": 12, "decoder_heads": 2, "normalised": False},
    "contrastive": {"projection_dim": 4, "temperature": 0.1},
    "supervised": {"tasks": (Task("site", ("a", "b", "c")), Task("slope", mean=0.0, spread=0.7))},
}
OTHER = {"supervised": {"tasks": (Task("site", ("a", "b", "c")), Task("slope", mean=1.0, spread=0.7))}}


@pytest.mark.parametrize("method", training.METHODS)
def test_it_learns(method, tmp_path):
    how = {"epochs": 8, "peak": 1e-2, "warmup_epochs": 1, "options": SMALL[method], "jit_compile": False, "verbose": 0}
    keras.utils.set_random_seed(0)
    made, heads = backbone(), Heads()
    heads.supervised = method == "supervised"
    before = [np.copy(weight) for weight in made.get_weights()]
    _, rows = training.pretrain(made, heads, method, folder=tmp_path, **how)
    assert min(row["loss"] for row in rows[-3:]) < 0.9 * rows[0]["loss"]
    assert heads.epoch == 7  # told of every epoch, so that a run that goes on sees what it would have seen
    assert any(not np.array_equal(old, new) for old, new in zip(before, made.get_weights(), strict=True))
    with pytest.raises(InputError, match="holds a run with another"):
        training.pretrain(backbone(), Heads(), method, folder=tmp_path, **how | {"options": OTHER.get(method)})


def test_it_ends_in_a_preset_that_starts_another_task(small_preset, tmp_path):
    start = load_preset(small_preset.folder)
    made = from_preset(start, num_classes=0, verbose=False)
    for weight in made.weights:
        weight.assign(np.full(weight.shape, 0.25, "float32"))
    described = dataclasses.replace(start, name="mine", labels=())
    save_to_preset(made, tmp_path, described)
    found = from_preset(tmp_path, num_classes=3, verbose=False)
    assert found.output_shape[-1] == 3
    inner = next(layer for layer in found.layers if isinstance(layer, keras.Model))
    assert all((ops.convert_to_numpy(weight) == 0.25).all() for weight in inner.weights)
    with pytest.raises(InputError, match="has no head"):
        from_preset(tmp_path, verbose=False)
    with pytest.raises(InputError, match="a backbone tells no labels"):
        save_to_preset(made, tmp_path / "other", start)


@pytest.mark.parametrize(
    ("method", "options", "told"),
    [
        ("jigsaw", None, "contrastive"),
        ("masked", {"temperature": 1}, "options do not fit the method 'masked'"),
        ("contrastive", {"mask_ratio": 0.5}, "options do not fit the method 'contrastive'"),
        ("masked", {"mask_ratio": 1.5}, "mask_ratio"),
        ("contrastive", {"temperature": 0}, "temperature is out of range"),
        ("contrastive", {"projection_dim": 0}, "options do not fit the method 'contrastive'"),
        ("masked", training.Options(ema=0.9), "run_options"),
        ("supervised", None, "cohorts.tasks_of"),
        ("supervised", {"tasks": {"sex": "classes"}}, "cohorts.tasks_of"),
        ("supervised", {"tasks": (Task("age"),), "temperature": 1}, "options do not fit the method 'supervised'"),
    ],
)
def test_what_cannot_be_is_refused(method, options, told, tmp_path):
    with pytest.raises(InputError, match=told):
        training.pretrain(backbone(), Heads(), method, folder=tmp_path, epochs=1, options=options)
    assert not list(tmp_path.iterdir())


def test_nobody_is_told_apart_where_nobody_appears_twice(tmp_path):
    class Once(Heads):
        def __getitem__(self, index):
            volumes, _ = super().__getitem__(index)
            return volumes, np.arange(len(volumes))

    how = {"epochs": 1, "options": SMALL["contrastive"], "jit_compile": False, "verbose": 0}
    with pytest.raises(InputError, match=r"nobody appears twice.*views=2"):
        training.pretrain(backbone(), Once(), "contrastive", folder=tmp_path / "once", **how)
    labelled = Heads()
    labelled.labels = np.arange(6) % 2
    with pytest.raises(InputError, match=r"labels, not people.*views=2"):
        training.pretrain(backbone(), labelled, "contrastive", folder=tmp_path / "labels", **how)


def test_a_run_has_options_of_its_own(tmp_path):
    how = {"epochs": 1, "options": SMALL["masked"], "jit_compile": False, "verbose": 0}
    wish = training.Options(accumulate=3, clipnorm=None)
    training.pretrain(backbone(), Heads(), folder=tmp_path, run_options=wish, **how)
    told = json.loads((tmp_path / "run.json").read_text())
    assert (told["accumulate"], told["clipnorm"], told["mask_ratio"]) == (3, None, 0.5)


def test_volumes_of_which_nothing_counts_are_no_success(tmp_path):
    class Blank(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return np.ones((4, 8, 12, 20, 1), "float32"), np.zeros(4)

    small = {"mask_ratio": 0.5, "decoder_dim": 12, "decoder_heads": 2}
    how = {"epochs": 1, "options": small, "jit_compile": False, "verbose": 0}
    with pytest.raises(InputError, match=r"nothing is hidden that counts.*foreground_only"):
        training.pretrain(backbone(), Blank(), folder=tmp_path, **how)


def test_a_dataset_keeps_what_it_tells_of_itself():
    import tensorflow as tf

    batches, told = tf.data.Dataset.from_tensors((np.ones((2, 3, 4, 5, 1), "float32"), np.zeros(2))), []
    batches.start_epoch, batches.scans_of = told.append, lambda epoch, step: [f"{epoch}-{step}.nii"]
    own = own_targets(batches)
    own.start_epoch(3)
    assert told == [3]
    assert own.scans_of(1, 2) == ["1-2.nii"]
    for volumes, targets in own:
        np.testing.assert_array_equal(volumes, targets)
