"""Export where Keras runs on another backend."""

import os
import subprocess
import sys

import keras
import pytest

from keras_neurovit import InputError
from keras_neurovit.export import export_preset


def test_another_backend_is_told_before_anything_is_built(small_preset, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match=r"expected the backend tensorflow, received jax.*KERAS_BACKEND=tensorflow"):
        export_preset(small_preset, tmp_path / "out", "onnx")
    assert not (tmp_path / "out").exists()


def test_the_command_works_whatever_backend_is_set(small_preset, tmp_path):
    call = [sys.executable, "-m", "keras_neurovit.cli", "export", str(small_preset.folder), str(tmp_path / "out")]
    done = subprocess.run(call, env=os.environ | {"KERAS_BACKEND": "jax"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "agrees with Keras" in done.stdout
    assert (tmp_path / "out" / "contract.json").is_file()
