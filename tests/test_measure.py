"""Scans are measured as the truth is told: by name, in cubic millimetres, with sums and errors."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_neurovit import InputError, cli, from_preset, load_preset, save_to_preset
from keras_neurovit.measure import measure_scans, measured_errors, name_volumes
from keras_neurovit.predict import predict_scans
from keras_neurovit.presets.load import build_backbone, build_model
from keras_neurovit.synthesis import STRUCTURES
from keras_neurovit.volumes import VolumeContract

STATISTICS = {"cells": 2, "means": [1.0] * len(STRUCTURES), "deviations": [2.0] * len(STRUCTURES)}


STEM = {"patch_size": 4, "hidden_dim": 8, "num_layers": 1}
TWO = {"patch_size": 4, "hidden_dim": 8, "num_layers": 1, "stem": {"patch_size": 2, "hidden_dim": 4, "num_layers": 1}}


@pytest.fixture(scope="module", params=[{}, {"stem": STEM}, {"stem": TWO}], ids=["patches", "stem", "two stems"])
def measuring(request, tmp_path_factory):
    described = dataclasses.replace(
        load_preset("vit3d_tiny"),
        name="vit3d_measuring",
        arguments={"patch_size": 8, "num_layers": 1, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32} | request.param,
        volume=VolumeContract((8.0, 8.0, 8.0), (16, 24, 32)),
        labels=STRUCTURES,
        head={"kind": "structures", **STATISTICS, "cells": 4 if request.param.get("stem") == TWO else 2},
    )
    keras.utils.set_random_seed(0)
    model = build_model(described, build_backbone(described), None, None, None)
    return save_to_preset(model, tmp_path_factory.mktemp("presets") / "vit3d_measuring", described)


def test_volumes_have_names_and_sums():
    named = name_volumes(np.arange(len(STRUCTURES), dtype="float32"), STRUCTURES)
    assert list(named)[:2] == ["brain", "intracranial"]
    assert named["intracranial"] == sum(range(len(STRUCTURES)))
    assert named["hippocampus"] == named["hippocampus_left"] + named["hippocampus_right"]
    assert named["lateral_ventricles"] == named["lateral_ventricle_left"] + named["lateral_ventricle_right"]
    fluid = ("csf", "third_ventricle", "fourth_ventricle", "lateral_ventricles", "inferior_lateral_ventricles")
    assert named["brain"] == named["intracranial"] - sum(named[name] for name in fluid)


def test_a_scan_and_a_broken_one(measuring, head_file, tmp_path):
    broken = tmp_path / "broken_T1w.nii.gz"
    broken.write_bytes(b"not a scan")
    good, bad = measure_scans([head_file, broken], measuring.folder)
    assert set(good["volumes_mm3"]) >= {"brain", "hippocampus_left", *STRUCTURES}
    assert all(value >= 0 for value in good["volumes_mm3"].values())
    assert str(broken) in bad["error"]


def test_the_command_prints_json_and_a_table(measuring, head_file, capsys):
    assert cli.main(["measure", str(head_file), "--preset", str(measuring.folder), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert set(result) == {"path", "volumes_mm3", "warnings"}
    (measuring.folder / "errors.json").write_text('{"brain": 0.02}')
    assert cli.main(["measure", str(head_file), "--preset", str(measuring.folder)]) == 0
    printed = capsys.readouterr()
    assert "± 2 %" in printed.out
    assert "unknown" in printed.out
    assert "no medical device" in printed.err
    assert measured_errors(measuring) == {"brain": 0.02}
    assert "two thirds" in printed.err
    assert cli.main(["measure", str(head_file.with_name("none.nii.gz")), "--preset", str(measuring.folder)]) == 1
    assert "two thirds" not in capsys.readouterr().err


def test_measuring_and_predicting_are_not_mixed_up(measuring, head_file):
    with pytest.raises(InputError, match="does not measure"):
        measure_scans([head_file], "vit3d_ad")
    with pytest.raises(InputError, match="measures"):
        predict_scans([head_file], measuring)
    with pytest.raises(InputError, match="measures"):
        from_preset(measuring, activation="softmax")


def test_a_new_head_scores_what_was_measured(measuring):
    measurer, scorer = from_preset(measuring), from_preset(measuring, num_classes=2, verbose=False)
    volumes = np.random.default_rng(0).normal(size=(2, 16, 24, 32, 1)).astype("float32")
    pooled = keras.Model(scorer.input, scorer.get_layer("structures").output)(volumes)
    edge_mm = 8.0 * 8 / measuring.head["cells"]
    cells = keras.ops.convert_to_numpy(measurer(volumes)) / edge_mm**3
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(pooled), (np.log(cells + 1e-3) - 1.0) / 2.0, rtol=2e-3, atol=1e-3
    )
    assert scorer.output_shape == (None, 2)
    tokens = from_preset(measuring, num_classes=0)
    for one, other in zip(tokens.get_weights(), measurer.get_layer("backbone").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_scorer_of_structures_travels(measuring, tmp_path):
    scorer = from_preset(measuring, num_classes=2, verbose=False)
    described = dataclasses.replace(measuring, name="vit3d_scoring", labels=("F", "M"), head=measuring.class_head)
    saved = save_to_preset(scorer, tmp_path / "vit3d_scoring", described)
    volumes = np.random.default_rng(0).normal(size=(1, 16, 24, 32, 1)).astype("float32")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(from_preset(saved)(volumes)), keras.ops.convert_to_numpy(scorer(volumes)), atol=2e-2
    )
