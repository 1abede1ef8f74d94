"""Model cards say what was measured, and shipped presets are what their recipe says."""

import json
from pathlib import Path

import pytest

from keras_neurovit import list_presets, load_preset

ZOO = Path(__file__).parents[1] / "zoo"
RECIPES = sorted(folder.name for folder in ZOO.iterdir() if (folder / "train.py").exists())
SHIPPED = [name for name in list_presets() if load_preset(name).weights]


def test_every_preset_with_weights_has_a_recipe():
    assert set(SHIPPED) <= set(RECIPES)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_quotes_the_measured_numbers(name):
    card = (ZOO / name / "README.md").read_text(encoding="utf-8")
    measured = json.loads((ZOO / name / "results.json").read_text(encoding="utf-8"))
    for estimate in measured["test"].values():
        assert "{value:.3f} [{low:.3f}, {high:.3f}]".format(**estimate) in card
    assert measured["learnt_from"] in card
    assert measured["tested_on"] in card
    assert "no medical device" in card.split("\n\n")[1]


def test_architectures_are_the_named_sizes_everywhere():
    tiny, trained = load_preset("vit3d_tiny"), load_preset("vit3d_ad")
    assert trained.arguments == tiny.arguments
    assert trained.volume == tiny.volume
    assert trained.weights.licence == "Apache-2.0"
    assert trained.citation
