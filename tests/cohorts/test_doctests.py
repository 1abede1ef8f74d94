"""Every example in a docstring runs, on the same small study."""

import doctest
import importlib
import pkgutil

import pytest

from keras_neurovit import cohorts

MODULES = sorted(module.name for module in pkgutil.walk_packages(cohorts.__path__, f"{cohorts.__name__}."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, study):
    given = {public: getattr(cohorts, public) for public in cohorts.__all__}
    given |= {"folder": study, "cohort": cohorts.read_bids(study, "diagnosis")}
    assert doctest.testmod(importlib.import_module(name), extraglobs=given).failed == 0


@pytest.mark.parametrize("name", cohorts.__all__)
def test_public_names_are_documented(name):
    assert getattr(cohorts, name).__doc__.strip()
