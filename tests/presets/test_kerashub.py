"""A preset's folder is one of KerasHub's, too."""

import dataclasses
import importlib.util
import json

import keras
import numpy as np
import pytest

from keras_neurovit import InputError, from_preset
from keras_neurovit.presets import register_backbone
from keras_neurovit.presets.adapt import named_weights
from keras_neurovit.presets.kerashub import load_from_whole
from keras_neurovit.presets.load import build_backbone
from keras_neurovit.presets.sums import check_sums


def test_what_is_written_beside_the_weights(small_preset):
    config = json.loads((small_preset.folder / "config.json").read_text())
    assert config["registered_name"] == "keras_neurovit>NeurovitBackbone"
    assert config["config"]["volume"]["shape"] == [24, 28, 24]
    metadata = json.loads((small_preset.folder / "metadata.json").read_text())
    assert metadata["parameter_count"] == small_preset.weights.parameters
    assert metadata["keras_version"] == keras.__version__
    listed = (small_preset.folder / "SHA256SUMS").read_text()
    assert "  config.json\n" in listed
    assert "  metadata.json\n" in listed
    assert check_sums(small_preset.folder) >= 4


def test_a_backbone_from_a_whole_models_file(small_preset, tmp_path):
    """What KerasHub's class does, without it: a copy of the weights and a description that names no folder."""
    backbone = build_backbone(small_preset)
    load_from_whole(backbone, small_preset, small_preset.weights_path)
    expected = {name: weight for name, (_, weight) in named_weights(from_preset(small_preset, num_classes=0))}
    for name, (_, weight) in named_weights(backbone):
        np.testing.assert_array_equal(weight, expected[name])
    other = dataclasses.replace(small_preset, arguments={**small_preset.arguments, "hidden_dim": 12})
    with pytest.raises(InputError, match=r"does not hold the weights that config.json describes"):
        load_from_whole(build_backbone(other), other, small_preset.weights_path)


def test_kerashub_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    register_backbone.cache_clear()
    with pytest.raises(InputError, match="pip install keras-hub"):
        register_backbone()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_kerashub_loads_the_backbone(small_preset, tmp_path):
    keras_hub = pytest.importorskip("keras_hub")
    register_backbone.cache_clear()
    kind = register_backbone()
    backbone = keras_hub.models.Backbone.from_preset(str(small_preset.folder))
    assert type(backbone) is kind
    volumes = np.random.default_rng(0).normal(size=(2, 24, 28, 24, 1)).astype("float32")
    expected = from_preset(small_preset, num_classes=0).predict(volumes, verbose=0)
    np.testing.assert_array_equal(backbone.predict(volumes, verbose=0), expected)
    backbone.save_to_preset(str(tmp_path / "theirs"))  # and out again, in KerasHub's own way
    again = keras_hub.models.Backbone.from_preset(str(tmp_path / "theirs"))
    np.testing.assert_array_equal(again.predict(volumes, verbose=0), expected)
