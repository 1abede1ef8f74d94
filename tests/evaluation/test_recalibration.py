"""Calibration: fitted on some, right on others, stored in a preset, applied by predict."""

import json

import numpy as np
import pytest
from scipy import special

from keras_neurovit import InputError, cli, load_preset, predict_scans, save_to_preset
from keras_neurovit.evaluation import calibrated, calibration_error, fit_calibration
from keras_neurovit.evaluation.predictions import Predictions
from keras_neurovit.presets import Preset, save_calibration


def told(targets, table, labels) -> Predictions:
    rows = len(targets)
    return Predictions(tuple(map(str, range(rows))), ("",) * rows, ("",) * rows, targets, table, labels, {}, "v.csv")


def two(rng, rows, distort):
    hidden = 1.5 * rng.normal(size=rows)
    targets = (rng.random(rows) < special.expit(hidden)).astype(int)
    said = distort(hidden)
    return told(targets, np.stack([1 - said, said], axis=1), ("CN", "AD"))


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_other_people_are_told_rightly(method):
    rng = np.random.default_rng(0)
    fit, test = (two(rng, rows, lambda hidden: special.expit(4 * hidden)) for rows in (800, 4000))
    found = fit_calibration(fit, method)
    assert json.loads(json.dumps(found)) == found
    assert (found["method"], found["people"]) == (method, 800)
    now = calibrated(found, test.probabilities)
    np.testing.assert_allclose(now.sum(axis=1), 1)
    assert calibration_error(test.targets, test.scores) > 0.1
    assert calibration_error(test.targets, now[:, 1]) < 0.04
    assert found["threshold"] == pytest.approx(0.5, abs=0.15)
    if method == "temperature":
        assert found["temperature"] == pytest.approx(4, rel=0.15)
        assert (np.argsort(now[:, 1]) == np.argsort(test.scores)).mean() > 0.99


def test_isotonic_bends_what_no_temperature_can():
    rng = np.random.default_rng(1)
    fit, test = (two(rng, rows, lambda hidden: special.expit(hidden + 2)) for rows in (1500, 4000))
    errors = {
        method: calibration_error(test.targets, calibrated(fit_calibration(fit, method), test.probabilities)[:, 1])
        for method in ("temperature", "isotonic")
    }
    assert errors["isotonic"] < 0.04 < errors["temperature"]


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_three_classes(method):
    rng = np.random.default_rng(2)
    hidden = 1.5 * rng.normal(size=(1500, 3))
    targets = np.array([rng.choice(3, p=special.softmax(row)) for row in hidden])
    found = fit_calibration(told(targets, special.softmax(3 * hidden, axis=1), ("a", "b", "c")), method)
    assert "threshold" not in found
    now = calibrated(found, special.softmax(3 * hidden, axis=1))
    np.testing.assert_allclose(now.sum(axis=1), 1)
    if method == "temperature":
        np.testing.assert_allclose(now, special.softmax(3 * hidden / found["temperature"], axis=1), atol=1e-3)
    assert np.abs(now - special.softmax(hidden, axis=1)).mean() < 0.05


def test_separated_classes_give_no_certainty():
    said = np.r_[np.full(20, 0.3), np.full(20, 0.7)]
    separated = told(np.repeat([0, 1], 20), np.stack([1 - said, said], axis=1), ("CN", "AD"))
    for method in ("temperature", "isotonic"):
        now = calibrated(fit_calibration(separated, method), [[0.3, 0.7]])
        assert 0.9 < now[0, 1] < 0.99


def test_refusals():
    rng = np.random.default_rng(3)
    few = two(rng, 12, special.expit)
    with pytest.raises(InputError, match="too few people of class"):
        fit_calibration(few)
    with pytest.raises(InputError, match="unknown method"):
        fit_calibration(few, "magic")
    with pytest.raises(InputError, match="unknown method of calibration"):
        calibrated({"method": "magic"}, [[0.5, 0.5]])
    with pytest.raises(InputError, match="another number of classes"):
        calibrated({"method": "isotonic", "said": [[0, 1]], "meant": [[0, 1]]}, [[0.2, 0.3, 0.5]])
    with pytest.raises(InputError, match="holds numbers"):
        fit_calibration(told(np.arange(3.0), np.arange(3.0), ()))


@pytest.fixture
def preset(small_preset, tmp_path):
    """A copy of the small preset that may be changed."""
    import shutil

    return load_preset(shutil.copytree(small_preset.folder, tmp_path / "small"))


def test_a_preset_without_one_is_written_as_before(preset):
    assert preset.calibration is None
    assert "calibration" not in preset.to_json()
    assert (preset.folder / "preset.json").read_text() == preset.to_json()


def test_stored_loaded_and_applied(preset, head_file, capsys, tmp_path):
    before = predict_scans([head_file], preset.folder)[0]["probabilities"]
    save_calibration(preset, {"method": "temperature", "temperature": 0.25, "threshold": 0.4, "people": 50})
    again = Preset.from_json(preset.folder / "preset.json")
    assert again.calibration["threshold"] == 0.4
    found = predict_scans([head_file], preset.folder)[0]["probabilities"]
    expected = np.array(list(before.values())) ** 4
    np.testing.assert_allclose(list(found.values()), expected / expected.sum(), atol=1e-4)
    # New weights are not what it was fitted to.
    from keras_neurovit import from_preset

    saved = save_to_preset(from_preset(again, verbose=False), tmp_path / "new", again)
    assert saved.calibration is None


def test_the_command(preset, tmp_path, capsys):
    rng = np.random.default_rng(4)
    people = two(rng, 200, lambda hidden: special.expit(3 * hidden))
    rows = [
        f"{i},{'ab'[t]},{1 - p:.6f},{p:.6f}" for i, (t, p) in enumerate(zip(people.targets, people.scores, strict=True))
    ]
    file = tmp_path / "v.csv"
    file.write_text("participant_id,target,probability_a,probability_b\n" + "\n".join(rows))
    command = ["calibrate", str(preset.folder), "--validation", str(file), "--figure", str(tmp_path / "r.png")]
    assert cli.main(command) == 0
    assert "temperature 3." in capsys.readouterr().out or load_preset(preset.folder).calibration["temperature"] > 2
    assert (tmp_path / "r.png").exists()
    assert load_preset(preset.folder).calibration["people"] == 200
    assert cli.main(command) == 1
    assert "has a calibration" in capsys.readouterr().err
    save_calibration(load_preset(preset.folder), None)
    file.write_text(file.read_text().replace("_a", "_x").replace(",a,", ",x,"))
    assert cli.main(command) == 1
    assert "classes a, b, received x, b" in capsys.readouterr().err
