"""A preset says the same in every runtime, or is not written."""

import dataclasses
import importlib.util
import json

import keras
import numpy as np
import pytest

from keras_neurovit import InputError, cli, from_preset, load_preset, save_to_preset
from keras_neurovit.evaluation import calibrated
from keras_neurovit.export import FORMATS, export_preset
from keras_neurovit.export.exporting import trial_volumes, whole_model
from keras_neurovit.presets import save_calibration

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="converters read TensorFlow's graphs")


@pytest.fixture
def calibrated_preset(small_preset, tmp_path):
    described = dataclasses.replace(small_preset, name="calibrated")
    save_to_preset(from_preset(small_preset, verbose=False), tmp_path / "calibrated", described)
    facts = {"method": "temperature", "people": 40, "temperature": 2.5, "threshold": 0.4}
    return save_calibration(load_preset(tmp_path / "calibrated"), facts)


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_preset_says_the_same_elsewhere(format, calibrated_preset, tmp_path):
    for module in FORMATS[format].modules:
        pytest.importorskip(module)
    done = export_preset(calibrated_preset, tmp_path / "out", format)
    assert done.file.exists()
    assert done.difference <= 1e-4
    assert not list(tmp_path.glob(".*"))
    contract = json.loads((tmp_path / "out" / "contract.json").read_text())
    assert contract["output"] == {"kind": "probabilities", "labels": ["a", "b"]}
    assert contract["volume"] == calibrated_preset.volume.to_dict()
    assert contract["views"] == 1
    assert contract["input"]["shape"] == [None, 24, 28, 24, 1]
    assert contract["weights_sha256"] == calibrated_preset.weights.sha256
    # Three volumes, where it was compared on two; the reference is the way that `predict` goes.
    volumes = np.random.default_rng(1).normal(size=(3, 24, 28, 24, 1)).astype("float32")
    softmax = from_preset(calibrated_preset, activation="softmax", verbose=False).predict(volumes, verbose=0)
    expected = calibrated(calibrated_preset.calibration, softmax)
    assert np.abs(expected - softmax).max() > 1e-3
    np.testing.assert_allclose(FORMATS[format].run(done.file, volumes), expected, atol=1e-4)


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_volumes_are_exported_in_cubic_millimetres(format, small_preset, tmp_path):
    """The model that measures, with all its layers: levels of brightness, cells that hear each other, shares."""
    for module in FORMATS[format].modules:
        pytest.importorskip(module)
    stem = {"patch_size": 2, "hidden_dim": 8, "num_layers": 1, "num_levels": 3}
    measures = dataclasses.replace(
        small_preset,
        name="measures",
        arguments={**small_preset.arguments, "num_layers": 1, "stem": stem},
        labels=("one", "two"),
        head={"kind": "structures", "cells": 2},
        weights=None,
    )
    model = from_preset(measures, load_weights=False)
    saved = save_to_preset(model, tmp_path / "measures", measures)
    done = export_preset(saved, tmp_path / "out", format)
    contract = json.loads((done.folder / "contract.json").read_text())
    assert contract["output"] == {"kind": "volumes_mm3", "labels": ["one", "two"]}
    volumes = trial_volumes(saved)
    expected = from_preset(saved, verbose=False).predict(volumes, verbose=0)
    assert expected.min() > 1000
    np.testing.assert_allclose(FORMATS[format].run(done.file, volumes), expected, rtol=1e-4)


def another_answer(file, volumes):
    return np.full((len(volumes), 2), 0.5, "float32") + np.float32(1e-3)


def no_answer(file, volumes):
    raise RuntimeError("Select TensorFlow op(s), included in the given model, is(are) not supported\nmore")


@pytest.mark.parametrize(
    ("run", "told"), [(another_answer, "computes something else than Keras"), (no_answer, "does not run .* Select Ten")]
)
def test_what_differs_or_does_not_run_is_not_written(run, told, small_preset, tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "savedmodel", dataclasses.replace(FORMATS["savedmodel"], run=run))
    monkeypatch.setattr(keras.Model, "export", lambda self, path, **_: open(path, "w").close())
    with pytest.raises(InputError, match=told):
        export_preset(small_preset, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_a_format_cannot_hold_is_told(small_preset, tmp_path, monkeypatch):
    def export(self, path, **_):
        open(path, "w").close()
        raise NotImplementedError("op Roll of layer block_0")

    monkeypatch.setattr(keras.Model, "export", export)
    with pytest.raises(InputError, match=r"savedmodel cannot hold it.*op Roll of layer block_0"):
        export_preset(small_preset, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_litert_has_no_pooling_in_three_dimensions(small_preset, tmp_path):
    pytest.importorskip("ai_edge_litert")
    convolutions = dataclasses.replace(small_preset, model="sfcn", arguments={"channels": (4, 4)}, weights=None)
    saved = save_to_preset(from_preset(convolutions, load_weights=False), tmp_path / "sfcn", convolutions)
    with pytest.raises(InputError, match=r"litert does not run what was exported .*FlexMaxPool3D"):
        export_preset(saved, tmp_path / "out", "litert")
    assert [entry.name for entry in tmp_path.iterdir()] == ["sfcn"]


def test_packages_that_are_missing_are_named(small_preset, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"tf2onnx.*pip install \"keras-neurovit\[onnx\]\""):
        export_preset(small_preset, tmp_path / "out", "onnx")


def test_what_cannot_be_exported(small_preset, calibrated_preset, tmp_path):
    with pytest.raises(InputError, match="unknown format 'caffe'"):
        export_preset(small_preset, tmp_path / "out", "caffe")
    with pytest.raises(InputError, match="without weights"):
        export_preset("vit3d_tiny", tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something already"):
        export_preset(small_preset, tmp_path / "full")
    steps = {"method": "isotonic", "said": [[0.1, 0.9]], "meant": [[0.2, 0.8]]}
    with pytest.raises(InputError, match="calibrated by steps"):
        whole_model(dataclasses.replace(calibrated_preset, calibration=steps))


def test_the_command(small_preset, tmp_path, capsys):
    call = ["export", str(small_preset.folder), str(tmp_path / "out")]
    assert cli.main(call) == 0
    assert "agrees with Keras" in capsys.readouterr().out
    assert cli.main(call) == 1
    assert "holds something already" in capsys.readouterr().err
