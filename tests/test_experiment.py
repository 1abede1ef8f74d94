"""A whole experiment leaves behind what an honest evaluation asks for."""

import dataclasses
import functools
import json
from types import SimpleNamespace

import numpy as np
import pytest

from keras_neurovit import InputError, cli, experiment, from_preset, read_bids, train_on_cohort, training
from keras_neurovit.augmentation import MixUp3D
from keras_neurovit.evaluation import read_predictions
from keras_neurovit.presets import know, known_people, load_preset, load_reference, save_people


@pytest.fixture
def cohort(head_study):
    return read_bids(head_study(12, {"brain_extracted": "no"}), "group")


def test_what_a_training_leaves_behind(cohort, small_preset, tmp_path, capsys):
    import shutil

    start = shutil.copytree(small_preset.folder, tmp_path / "start")
    description = dataclasses.replace(small_preset, augmentation="standard")
    (start / "preset.json").write_text(description.to_json())
    save_people(start, [know(["sub-old"], "older study")])
    how = {"fractions": (0.4, 0.3, 0.3), "epochs": 1, "batch_size": 2, "cache": tmp_path / "cache", "verbose": 0}
    outcome = train_on_cohort(cohort, start, tmp_path / "run", **how)
    assert [row["epoch"] for row in outcome.history] == [0]
    assert outcome.history[0]["val_loss"] > 0
    assert len(outcome.probabilities) == len(outcome.test)
    preset = load_preset(tmp_path / "run" / "preset")
    assert preset.augmentation == "standard"  # what the preset that it started from names
    assert json.loads((tmp_path / "run" / "run.json").read_text())["augmentation"] == "standard"
    assert small_preset.volume.brain_extracted
    assert not preset.volume.brain_extracted
    assert "study: skulls are on, as its makers left them; the new contract expects that" in capsys.readouterr().err
    older, own = known_people(preset)
    assert (older.study, own.study) == ("older study", "study")
    assert older.knows("old")
    assert all(own.knows(person) for person in outcome.train.participants)
    assert not any(own.knows(person) for person in outcome.test.participants)
    watched = read_predictions(tmp_path / "run" / "validation_predictions.csv")
    told = read_predictions(tmp_path / "run" / "predictions.csv")
    assert watched.labels == told.labels == ("a", "b")
    assert all(own.knows(person) for person in watched.participants)  # they chose the weights
    assert not set(watched.participants) & set(told.participants)
    assert set(load_reference(preset)) == {"head_ml", "dark", "middle", "bright"}
    assert preset.calibration is None


def test_adapted_to_another_volume_with_adapters_alone(cohort, small_preset, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "finetune", functools.partial(training.finetune, jit_compile=False))
    fitted = {"volume_shape": (20, 24, 20), "spacing_mm": 10.0, "patch_size": (4, 4, 4)}
    how = {"fractions": (0.4, 0.3, 0.3), "epochs": 1, "batch_size": 2, "cache": tmp_path / "cache", "verbose": 0}
    how |= {"peak": 0.1, "strategy": "lora", "lora_rank": 2, **fitted}
    train_on_cohort(cohort, small_preset.folder, tmp_path / "run", **how)
    preset = load_preset(tmp_path / "run" / "preset")
    assert (preset.volume.shape, preset.volume.spacing_mm) == ((20, 24, 20), (10.0, 10.0, 10.0))
    assert preset.labels == ("a", "b")
    start = from_preset(small_preset, verbose=False, **fitted)
    volumes = np.random.default_rng(0).normal(size=(2, 20, 24, 20, 1)).astype("float32")
    before, merged = start.predict(volumes, verbose=0), from_preset(preset, verbose=False).predict(volumes, verbose=0)
    assert np.abs(before - merged).max() > 1e-2  # far more than float16 on disk rounds away
    training.load_adapters(start, tmp_path / "run" / "adapters.h5")
    np.testing.assert_allclose(start.predict(volumes, verbose=0), merged, atol=2e-3)  # float16 on disk
    with pytest.raises(InputError, match="holds a run with another spacing_mm"):
        train_on_cohort(cohort, small_preset.folder, tmp_path / "run", **how | {"spacing_mm": 9.0})


def test_options_and_mixing_reach_the_run_and_its_folder_knows_all_that_it_depends_on(
    cohort, small_preset, tmp_path, monkeypatch
):
    called = []

    def finetune(model, batches, *arguments, finetune=training.finetune, **how):
        called.append((batches, how["options"]))
        return finetune(model, batches, *arguments, jit_compile=False, **how)

    monkeypatch.setattr(training, "finetune", finetune)
    how = {"fractions": (0.4, 0.3, 0.3), "epochs": 1, "batch_size": 2, "cache": tmp_path / "cache", "verbose": 0}
    how |= {"mixing": MixUp3D(1.0), "drop_path": 0.1, "options": training.Options(label_smoothing=0.1)}
    outcome = train_on_cohort(cohort, small_preset.folder, tmp_path / "run", **how)
    batches, options = called[0]
    assert len(batches.element_spec) == 2
    assert batches.element_spec[1].shape[-1] == 2  # shares of labels
    assert options.label_smoothing == 0.1
    assert options.class_weights == outcome.train.class_weights()
    watched = read_predictions(tmp_path / "run" / "validation_predictions.csv")
    right = np.mean(watched.probabilities.argmax(axis=1) == watched.targets)
    assert outcome.history[-1]["val_accuracy"] == pytest.approx(right)
    others = {
        "batch_size": 4,
        "augmentation": "none",
        "mixing": MixUp3D(0.5),
        "drop_path": 0.2,
        "brain_extracted": True,
    }
    others |= {"storage": "uint8", "options": training.Options(label_smoothing=0.2)}
    for name, value in others.items():
        told = {"brain_extracted": "volume", "options": "label_smoothing"}.get(name, name)
        with pytest.raises(InputError, match=f"holds a run with another .*{told}"):
            train_on_cohort(cohort, small_preset.folder, tmp_path / "run", **how | {name: value})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"scratch": True, "strategy": "head"}, "would freeze random weights"),
        ({"volume_shape": (21, 24, 20)}, "not divisible"),
        ({"strategy": "last_n", "last_n": 3}, "last_n is out of range"),
    ],
)
def test_what_cannot_be_is_refused_before_scans_are_read(cohort, small_preset, tmp_path, asked, told):
    with pytest.raises(InputError, match=told):
        train_on_cohort(cohort, small_preset.folder, tmp_path / "run", cache=tmp_path / "cache", verbose=0, **asked)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("spacing", "expected"), [(["3"], 3.0), (["3", "2.5", "3"], (3.0, 2.5, 3.0))])
def test_the_command_passes_on_what_is_asked(cohort, tmp_path, monkeypatch, spacing, expected):
    asked = {}

    def train(cohort, preset, folder, **how):
        asked.update(how)
        return SimpleNamespace(results={})

    monkeypatch.setattr(experiment, "train_on_cohort", train)
    call = ["train", str(tmp_path / "study"), "--target", "group", "--out", str(tmp_path / "run")]
    call += ["--volume-shape", "64", "72", "64", "--spacing-mm", *spacing]
    assert cli.main([*call, "--strategy", "last_n", "--last-n", "2"]) == 0
    assert (asked["volume_shape"], asked["spacing_mm"], asked["patch_size"]) == ((64, 72, 64), expected, None)
    assert (asked["strategy"], asked["last_n"], asked["lora_rank"]) == ("last_n", 2, None)
