"""Every example in a public docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import keras
import pytest

import keras_neurovit

# tests/cohorts runs the cohorts' own examples: they need a study to read.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(keras_neurovit.__path__, "keras_neurovit.")
    if not module.name.startswith("keras_neurovit.cohorts")
)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shapes print as TensorFlow prints them")
@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
