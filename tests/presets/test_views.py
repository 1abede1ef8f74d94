"""What is said of a scan is averaged over as many views as the preset asks for, wherever it is said."""

import dataclasses
import shutil

import numpy as np
import pytest

from keras_neurovit import InputError, from_preset, load_preset, predict_scans, read_csv, save_to_preset
from keras_neurovit.evaluation.report.scan_report import told_by
from keras_neurovit.external import predict_cohort
from keras_neurovit.presets import Preset, mean_over_views
from keras_neurovit.presets.views import MOVES
from keras_neurovit.volumes import conform, read_scan


def test_the_mean_of_a_volume_where_it_lies_and_moved():
    volumes = np.random.default_rng(0).normal(size=(2, 6, 8, 10, 1)).astype("float32")
    # Its faces are alike, so that rolled or moved, it is the same.
    volumes[:, [0, -1]], volumes[:, :, [0, -1]], volumes[:, :, :, [0, -1]] = -1, -1, -1
    weights = np.random.default_rng(1).normal(size=(6 * 8 * 10, 3))

    def say(views):
        return views.reshape(len(views), -1) @ weights

    moves = [(axis, step) for axis in (1, 2, 3) for step in (1, -1)]
    each = np.stack([say(volumes), *(say(np.roll(volumes, step, axis)) for axis, step in moves)])
    assert np.ptp(each, axis=0).min() > 0
    np.testing.assert_allclose(mean_over_views(say, volumes, 7), each.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(mean_over_views(say, volumes, 1), say(volumes), rtol=1e-5)


def test_there_are_as_many_moves_as_views():
    assert tuple(MOVES) == (1, 7)
    assert all(len(moves) == views for views, moves in MOVES.items())


def test_a_preset_tells_its_views(small_preset, tmp_path):
    seven = dataclasses.replace(small_preset, views=7)
    kept = save_to_preset(from_preset(small_preset, verbose=False), tmp_path / "seven", seven)
    assert load_preset(kept.folder).views == 7
    assert load_preset(small_preset.folder).views == 1
    with pytest.raises(InputError, match="views"):
        dataclasses.replace(seven, views=3)
    file = kept.folder / "preset.json"
    file.write_text(file.read_text().replace('"views": 7', '"views": 3'))
    with pytest.raises(InputError, match=r"seven/preset.json: .*views \(expected \(1, 7\), received 3\)\.$"):
        Preset.from_json(file)


def test_predictions_evaluations_and_reports_follow(small_preset, head_file, tmp_path):
    shutil.copy(head_file, tmp_path / "one.nii.gz")
    (tmp_path / "table.csv").write_text("participant_id,path,sex\n01,one.nii.gz,a\n")
    cohort = read_csv(tmp_path / "table.csv", "sex", labels=("a", "b"))
    one = small_preset
    seven = dataclasses.replace(one, views=7)
    model = from_preset(one, activation="softmax", verbose=False)
    volume = conform(read_scan(head_file), one.volume)[None]
    for preset in (one, seven):
        expected = mean_over_views(model, volume, preset.views)[0]
        (told,) = predict_scans([head_file], preset)
        np.testing.assert_allclose(list(told["probabilities"].values()), expected, atol=2e-6)
        np.testing.assert_allclose(predict_cohort(cohort, preset, model)[0].probabilities[0], expected, atol=2e-6)
        np.testing.assert_allclose(told_by(from_preset(one, verbose=False), preset, volume)[0], expected, atol=1e-5)
    first, second = (predict_scans([head_file], preset)[0]["probabilities"] for preset in (one, seven))
    assert first != second
