"""Descriptions as they were published: every later version reads them, and its models still take their arguments.

The files are never changed. Where a preset is published anew, its new description is added with a number: `vit3d_ad_2`.
"""

import inspect
import json
import re
from pathlib import Path

import pytest

from keras_neurovit import models
from keras_neurovit.presets import SHIPPED, Preset, from_preset, list_presets
from keras_neurovit.presets.load import BACKBONES

FROZEN = sorted((Path(__file__).parent / "frozen").glob("*.json"))


def test_there_is_one_of_each_published_preset():
    """As it is published now: whoever changes or adds one, freezes it."""
    frozen = {file.read_bytes() for file in FROZEN}
    assert [name for name in list_presets() if (SHIPPED / name / "preset.json").read_bytes() not in frozen] == []


@pytest.mark.parametrize("file", FROZEN, ids=lambda file: file.stem)
def test_reads_and_still_means_what_it_said(file):
    preset, written = Preset.from_json(file), json.loads(file.read_text(encoding="utf-8"))
    assert re.fullmatch(rf"{preset.name}(_\d)?", file.stem)
    inspect.signature(BACKBONES[preset.model]).bind(preset.volume.shape, **preset.arguments)
    head = models.measurer if preset.measures else models.classifier
    inspect.signature(head).bind_partial(**{key: value for key, value in preset.head.items() if key == "pooling"})
    again = json.loads(preset.to_json())
    assert again == written


@pytest.mark.parametrize("name", ["vit3d_ad", "vit3d_ad_2", "vit3d_brain", "minit3d_tiny", "vit3d_nit"])
def test_builds(name):
    preset = Preset.from_json(next(file for file in FROZEN if file.stem == name))
    classes = None if preset.labels else 2
    model = from_preset(preset, num_classes=classes, load_weights=False)
    assert model.output_shape == (None, len(preset.labels) or 2)
    assert preset.weights is None or model.count_params() == preset.weights.parameters
