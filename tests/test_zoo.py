"""Model cards say what was measured, and shipped presets are what their recipe says."""

import json
from pathlib import Path

import pytest

from keras_neurovit import list_presets, load_preset
from keras_neurovit.presets import load_reference
from keras_neurovit.presets.sums import check_sums

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
    text = " ".join(card.split())
    assert measured["learnt_from"] in text
    assert measured["tested_on"] in text
    assert "no medical device" in card.split("\n\n")[1]


@pytest.mark.parametrize("name", SHIPPED)
def test_cards_show_where_it_fails(name):
    card = (ZOO / name / "README.md").read_text(encoding="utf-8")
    assert "](failures.png)" in card
    assert (ZOO / name / "failures.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_are_light_and_licensed(name):
    preset = load_preset(name)
    assert preset.weights_path.stat().st_size <= 13_000_000
    assert preset.weights.licence == "Apache-2.0"
    assert preset.citation


@pytest.mark.parametrize("name", SHIPPED)
def test_checksums_tell_of_every_file(name):
    folder = load_preset(name).folder
    files = {file.name for file in folder.iterdir()} - {"SHA256SUMS"}
    assert {line.split()[1] for line in (folder / "SHA256SUMS").read_text().splitlines()} == files
    assert check_sums(folder) == len(files)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_they_learnt_from_is_described(name):
    """So that scans that look otherwise are told, and a cohort that has drifted."""
    preset = load_preset(name)
    assert preset.fingerprint
    assert load_reference(preset)["head_ml"]


def test_architectures_are_the_named_sizes_everywhere():
    for name in SHIPPED:
        trained = load_preset(name)
        base = load_preset({"vit3d": "vit3d_tiny", "minit3d": "minit3d_tiny", "sfcn": "sfcn_base"}[trained.model])
        assert {key: value for key, value in trained.arguments.items() if key != "stem"} == base.arguments
    contracts = [load_preset(name).volume for name in SHIPPED]
    assert len({(contract.spacing_mm, contract.shape) for contract in contracts}) == 1


def results(name):
    if name not in SHIPPED:
        pytest.skip(f"{name} has no weights yet")
    return json.loads((ZOO / name / "results.json").read_text(encoding="utf-8"))


def test_what_the_presets_are_worth():
    """What each must reach, on people it has not seen; see the cards."""
    brain, ill, blocks = results("vit3d_brain"), results("vit3d_ad"), results("minit3d_ad")
    assert brain["test"]["r_real_brain"]["value"] >= 0.95
    assert brain["real"]["scan_and_original"]["largest"] <= 0.03
    assert ill["test"]["share_of_real_adults_called_AD"]["value"] <= 0.05
    assert blocks["test"]["share_of_real_adults_called_AD"]["value"] <= 0.05
    assert blocks["test"]["auc"]["low"] > blocks["test"]["auc_brain_volume"]["high"]


def test_imposed_atrophy_is_told_nearly_as_well_as_the_true_volumes_allow():
    found = results("vit3d_ad")["test"]
    assert found["auc"]["value"] >= max(0.89, found["auc_true_volumes"]["value"] - 0.05)


def test_a_head_measures_alike_with_its_skull_and_without():
    found = results("vit3d_brain")["colin27_whole_over_extracted"]
    assert max(map(abs, found.values())) <= 0.10


def test_pretraining_helps_to_tell_the_sexes():
    found = results("vit3d_sex")
    assert found["test"]["auc_vit3d_brain"]["value"] >= 0.96
    assert found["test"]["auc_vit3d_brain"]["value"] > found["test"]["auc_brain_volume"]["value"]
    assert found["differences"]["vit3d_brain - vit3d_scratch"]["value"] >= 0.05
