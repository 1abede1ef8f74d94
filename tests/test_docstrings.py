"""Every example in a public docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import keras
import pytest

import keras_neurovit

MODULES = sorted(
    m.name for m in pkgutil.walk_packages(keras_neurovit.__path__, "keras_neurovit.") if m.name[-4:] != ".cli"
)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shapes print as TensorFlow prints them")
@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
