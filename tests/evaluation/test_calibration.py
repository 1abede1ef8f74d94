"""Calibration: known distortions are found, and undone."""

import numpy as np
import pytest
from scipy import special

from keras_neurovit import InputError
from keras_neurovit.evaluation import calibration_error, calibration_line, fit_temperature, reliability


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=20_000)
    return (rng.random(20_000) < special.expit(logits)).astype(int), logits


def test_true_probabilities_are_calibrated(people):
    targets, logits = people
    slope, intercept = calibration_line(targets, special.expit(logits))
    assert slope == pytest.approx(1, abs=0.05)
    assert intercept == pytest.approx(0, abs=0.05)
    assert calibration_error(targets, special.expit(logits)) < 0.015


@pytest.mark.parametrize(("stretch", "shift"), [(2.0, 0.0), (0.5, 0.0), (1.0, 1.0), (1.0, -0.7)])
def test_distortions_are_found(people, stretch, shift):
    targets, logits = people
    slope, intercept = calibration_line(targets, special.expit(stretch * logits + shift))
    assert slope == pytest.approx(1 / stretch, rel=0.06)
    if stretch == 1:
        assert intercept == pytest.approx(-shift, abs=0.06)
    assert calibration_error(targets, special.expit(stretch * logits + shift)) > 0.04


def test_temperature_undoes_stretching(people):
    targets, logits = people
    rows = np.stack([np.zeros_like(logits), 3 * logits], axis=1)
    assert fit_temperature(targets, rows) == pytest.approx(3, rel=0.05)
    with pytest.raises(InputError, match="logits"):
        fit_temperature(targets, rows[:5])


def test_scikit_learn_bins_alike(people):
    from sklearn.calibration import calibration_curve

    targets, logits = people
    observed, said = calibration_curve(targets, special.expit(logits), n_bins=10)
    found = reliability(targets, special.expit(logits))
    np.testing.assert_allclose([row.observed for row in found], observed)
    np.testing.assert_allclose([row.said for row in found], said)
    assert sum(row.count for row in found) == len(targets)


def test_strange_input():
    assert calibration_error([0, 1], [0.0, 1.0]) == 0
    slope, _ = calibration_line([0, 1, 0, 1], [0.0, 1.0, 0.4, 0.3])
    assert np.isfinite(slope)
    for targets, probabilities, words in (
        ([0, 0], [0.1, 0.2], "one class"),
        ([0, 1], [0.1, 1.2], "no probabilities"),
        ([0, 1], [0.1, np.nan], "not finite"),
        ([0, 1], [0.5, 0.5], "same for everybody"),
    ):
        with pytest.raises(InputError, match=words):
            calibration_line(targets, probabilities)
