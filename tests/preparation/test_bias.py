"""N4, where SimpleITK is installed."""

import importlib.util

import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.preparation import correct_bias, preparation
from keras_neurovit.volumes import Scan

needs_itk = pytest.mark.skipif(importlib.util.find_spec("SimpleITK") is None, reason="needs SimpleITK")
AFFINE = np.array([[0, -6.0, 0, 10], [6.0, 0, 0, -20], [0, 0, 6.0, 5], [0, 0, 0, 1.0]])


@needs_itk
@pytest.mark.filterwarnings("ignore:builtin type .* has no __module__ attribute:DeprecationWarning")
def test_a_known_field_is_taken_out(head):
    true = head[::6, ::6, ::6]
    along = np.linspace(-1, 1, true.shape[1], dtype="float32")[None, :, None]
    scan = Scan(true * np.exp(0.4 * along), AFFINE, "sub-01_T1w.nii.gz", oriented=False)
    corrected = correct_bias(scan)
    assert (corrected.path, corrected.oriented, corrected.voxels.dtype) == (scan.path, False, np.float32)
    np.testing.assert_array_equal(corrected.affine, AFFINE)

    white = (true > 150) & (true < 170)
    positions = np.broadcast_to(along, true.shape)[white]

    def tilt(voxels):
        return np.polyfit(positions, np.log(voxels[white]), 1)[0]

    assert tilt(scan.voxels) == pytest.approx(0.4, abs=0.02)
    assert abs(tilt(corrected.voxels)) < 0.1


@needs_itk
def test_no_positive_voxels():
    voxels = -np.ones((6, 7, 8), "float32")
    voxels[2:4, 2:5, 2:6] = -0.5
    with pytest.raises(InputError, match=r"scan: has no positive voxels.*above zero"):
        correct_bias(Scan(voxels, AFFINE))


def test_absent_packages_and_unknown_corrections(monkeypatch):
    with pytest.raises(InputError, match=r"unknown bias correction 'n3'.*Did you mean 'n4'"):
        preparation(bias_correct="n3")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'SimpleITK, which is not installed.*pip install "keras-neurovit\[n4\]"'):
        preparation(bias_correct="n4")
