"""What trains, what stays, and adapters that are kept apart."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_neurovit import InputError, from_preset, save_to_preset
from keras_neurovit.models import classifier, sfcn, vit3d
from keras_neurovit.presets.adapt import named_weights
from keras_neurovit.training import Options, choose_weights, finetune, load_adapters, save_adapters
from keras_neurovit.training.backup import EpochBackup

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # CSVLogger leaves its log open on a kill
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SHAPE = (4, 6, 10)
QUIET = {"verbose": 0, "jit_compile": False}


def small_model(seed=1, **options):
    keras.utils.set_random_seed(seed)
    backbone = vit3d(SHAPE, (2, 3, 5), num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16)
    return classifier(backbone, 2, **options)


class Volumes(keras.utils.PyDataset):
    """Two batches, the same in every epoch; a kill may come at the start of one."""

    def __init__(self, dies_in=None, shape=SHAPE):
        super().__init__()
        self.dies_in, self.shape = dies_in, shape

    def start_epoch(self, epoch):
        if epoch == self.dies_in:
            raise KeyboardInterrupt

    def __len__(self):
        return 2

    def __getitem__(self, index):
        random = np.random.default_rng(index)
        return random.normal(size=(4, *self.shape, 1)).astype("float32"), np.arange(4) % 2


def values(model):
    return {name: keras.ops.convert_to_numpy(weight) for name, (_, weight) in named_weights(model)}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({"strategy": "head"}, {"pooling", "head"}),
        ({"strategy": "last_n", "last_n": 1}, {"pooling", "head", "backbone/block_1", "backbone/norm"}),
        ({"strategy": "lora", "lora_rank": 2}, {"pooling", "head", "lora"}),
        ({"strategy": "full"}, {"pooling", "head", "backbone"}),
    ],
)
def test_what_is_frozen_stays_to_the_last_bit(tmp_path, strategy, expected):
    model = small_model(pooling="attention")
    before = values(model)
    finetune(model, Volumes(), folder=tmp_path, epochs=2, peak=1e-2, warmup_epochs=0, **strategy, **QUIET)
    after = values(model)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    adapters = {name for name in after if "lora" in name}
    assert bool(adapters) == (strategy["strategy"] == "lora")
    # A bias that shifts all tokens' scores alike has no gradient: of each expected part, some weights moved.
    assert all(name.startswith(tuple(expected)) for name in changed)
    assert all(any(name.startswith(part) for name in changed) for part in expected - {"lora"})
    assert all(np.abs(after[name]).max() > 0 for name in adapters)
    assert len(adapters) in (0, 2 * 2 * 6)


def test_batch_normalisation_keeps_its_averages_where_frozen(tmp_path):
    model = classifier(sfcn((4, 4, 4), channels=(4, 4)), 2)
    before = values(model)
    assert any("moving_variance" in name for name in before)
    finetune(model, Volumes(shape=(4, 4, 4)), folder=tmp_path, epochs=1, peak=1e-2, strategy="head", **QUIET)
    after = values(model)
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {"head/kernel", "head/bias"}


def test_what_was_measured_before_is_no_head():
    backbone = vit3d(SHAPE, (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16)
    structures = {"cells": 1, "means": [0.0, 1.0], "deviations": [1.0, 1.0]}
    model = classifier(backbone, 2, pooling="structures", structures=structures)
    choose_weights(model, "head")
    assert {name for name, (_, weight) in named_weights(model) if weight.trainable} == {"head/kernel", "head/bias"}


def test_all_trains_again_when_asked_for():
    model = small_model()
    choose_weights(model, "head")
    every = f"{model.count_params():,}"
    assert choose_weights(model, "full") == f"classifier: {every} of {every} weights train (all)"
    assert len(model.trainable_weights) == len(model.weights)


def test_what_trains_is_told_in_one_line(tmp_path, capsys):
    model = small_model()
    finetune(model, Volumes(), folder=tmp_path, epochs=1, strategy="lora", lora_rank=2, verbose=2, jit_compile=False)
    factors = sum(np.size(value) for name, value in values(model).items() if "lora" in name)
    line = f"classifier: {factors + 18:,} of {model.count_params():,} weights train (the head and adapters of rank 2 "
    assert line + "beside 12 layers)" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"strategy": "frozen"}, "unknown strategy"),
        ({"strategy": "last_n"}, "last_n is unusable"),
        ({"strategy": "last_n", "last_n": 3}, "1 to 2 blocks"),
        ({"strategy": "head", "last_n": 1}, "belongs to strategy 'last_n'"),
        ({"strategy": "lora", "lora_rank": 0}, "lora_rank is unusable"),
        ({"strategy": "full", "lora_rank": 4}, "belongs to strategy 'lora'"),
    ],
)
def test_unusable_strategies(asked, told):
    with pytest.raises(InputError, match=told):
        choose_weights(small_model(), **asked)


def test_models_that_do_not_allow_a_strategy():
    convolutions = classifier(sfcn((4, 4, 4), channels=(4, 4)), 2)
    with pytest.raises(InputError, match="no encoder blocks"):
        choose_weights(convolutions, "last_n", last_n=1)
    with pytest.raises(InputError, match="no dense layers"):
        choose_weights(convolutions, "lora")
    with pytest.raises(InputError, match="no layer 'backbone'"):
        choose_weights(keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]), "head")
    adapted = small_model()
    choose_weights(adapted, "lora", lora_rank=2)
    choose_weights(adapted, "lora", lora_rank=2)
    with pytest.raises(InputError, match="another rank"):
        choose_weights(adapted, "lora", lora_rank=4)
    with pytest.raises(InputError, match="has adapters"):
        choose_weights(adapted, "full")


def run(folder, dies_in=None, **options):
    model = small_model()
    how = {"epochs": 4, "peak": 1e-2, "warmup_epochs": 1, "strategy": "lora", "lora_rank": 2, **QUIET} | options
    history = finetune(model, Volumes(dies_in), folder=folder, **how)
    return model, history


def test_a_killed_run_of_adapters_goes_on_exactly(tmp_path):
    whole, history = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", dies_in=2)
    keras.utils.set_random_seed(7)  # what a new process would draw must not matter
    again, continued = run(tmp_path / "killed")
    assert continued == history
    expected, found = values(whole), values(again)
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
    assert len(list((tmp_path / "killed" / "backup").glob("adapters-*.h5"))) == 3
    read_back, _ = run(tmp_path / "killed")  # finished: nothing trains
    assert all(np.array_equal(expected[name], value) for name, value in values(read_back).items())


def test_adapters_go_on_where_no_update_was_made_yet(tmp_path):
    """Four epochs of two batches, of which six are accumulated: killed before the first update."""
    accumulated = {"options": Options(accumulate=6, clipnorm=None), "warmup_epochs": 0}
    whole, _ = run(tmp_path / "whole", **accumulated)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", dies_in=2, **accumulated)
    again, _ = run(tmp_path / "killed", **accumulated)
    expected, found = values(whole), values(again)
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
    assert any(np.abs(found[name]).max() > 0 for name in found if name.endswith("lora_kernel_b"))


def test_a_kill_between_adapters_and_backup(tmp_path, monkeypatch):
    whole, history = run(tmp_path / "whole")
    saved = EpochBackup.on_epoch_end

    def killed(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        saved(self, epoch, logs)

    monkeypatch.setattr(EpochBackup, "on_epoch_end", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed")
    monkeypatch.undo()
    again, continued = run(tmp_path / "killed")
    assert [row["loss"] for row in continued] == [row["loss"] for row in history]
    expected = values(whole)
    assert all(np.array_equal(expected[name], value) for name, value in values(again).items())


def test_a_run_beside_other_weights_or_without_its_adapters_is_refused(tmp_path):
    run(tmp_path, epochs=2)
    other = small_model(seed=2)
    how = {"epochs": 2, "peak": 1e-2, "warmup_epochs": 1, "strategy": "lora", "lora_rank": 2, **QUIET}
    with pytest.raises(InputError, match="other frozen weights"):
        finetune(other, Volumes(), folder=tmp_path, **how)
    for file in (tmp_path / "backup").glob("adapters-*.h5"):
        file.unlink()
    with pytest.raises(InputError, match="is missing"):
        run(tmp_path, epochs=2)
    with pytest.raises(InputError, match="another lora_rank"):
        run(tmp_path, epochs=2, lora_rank=4)


def test_adapters_travel_apart_from_the_backbone(tmp_path, small_preset):
    model = from_preset(small_preset, num_classes=3, verbose=False)
    choose_weights(model, "lora", lora_rank=2)
    random = np.random.default_rng(0)
    for name, (_, weight) in named_weights(model):
        if "lora" in name:
            weight.assign(random.normal(size=weight.shape) * 0.1)
    file = save_adapters(model, tmp_path / "adapters.h5", small_preset)
    assert file.stat().st_size < 4 * model.count_params()
    volumes = random.normal(size=(2, *small_preset.volume.shape, 1)).astype("float32")
    expected = model.predict(volumes, verbose=0)
    fresh = from_preset(small_preset, num_classes=3, verbose=False)
    assert np.abs(fresh.predict(volumes, verbose=0) - expected).max() > 1e-3
    load_adapters(fresh, file)
    np.testing.assert_array_equal(fresh.predict(volumes, verbose=0), expected)

    described = dataclasses.replace(small_preset, name="merged", labels=("a", "b", "c"))
    save_to_preset(model, tmp_path / "merged", described)
    merged = from_preset(tmp_path / "merged", verbose=False)
    assert not any("lora" in name for name in values(merged))
    np.testing.assert_allclose(merged.predict(volumes, verbose=0), expected, atol=2e-3)  # float16 on disk


def test_adapters_of_other_weights_are_refused(tmp_path, small_preset):
    model = from_preset(small_preset, num_classes=2, verbose=False)
    with pytest.raises(InputError, match="has no adapters"):
        save_adapters(model, tmp_path / "adapters.h5")
    choose_weights(model, "lora", lora_rank=2)
    file = save_adapters(model, tmp_path / "adapters.h5", small_preset)
    other = from_preset(small_preset, num_classes=2, load_weights=False)
    with pytest.raises(InputError, match=r"belong to other weights.*preset 'small'"):
        load_adapters(other, file)
    with pytest.raises(InputError, match="other weights than train here: head/bias, head/kernel"):
        load_adapters(from_preset(small_preset, num_classes=3, verbose=False), file)
    with pytest.raises(InputError, match="no such file"):
        load_adapters(model, tmp_path / "absent.h5")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged"):
        load_adapters(model, file)
