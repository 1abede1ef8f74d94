"""Freed memory is kept for the next batch, unless somebody has said otherwise."""

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from keras_neurovit._memory import keep_freed_memory

def faults(rounds=40):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        np.ones(3_500_000, "float32") * 2.0  # as much as a volume, twice
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

made = keep_freed_memory()
faults(2)
print(made, faults())
"""


def told(**environment) -> tuple[str, int]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    done = subprocess.run([sys.executable, "-c", FAULTS], env=plain | environment, capture_output=True, check=True)
    made, faults = done.stdout.decode().split()
    return made, int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_memory_is_not_asked_for_again():
    made, faults = told()
    assert made == "True"
    assert faults < 1000  # it is 26,000 where memory goes back and forth


def test_the_users_own_settings_stand():
    made, _ = told(MALLOC_ARENA_MAX="2")
    assert made == "False"
