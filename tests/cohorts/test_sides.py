"""Sides that depend on the person alone, and hashes to publish them by."""

import pytest

from keras_neurovit import InputError
from keras_neurovit.cohorts import person_hash, side_of


def test_a_person_keeps_the_side_when_others_come_and_go():
    fractions = {"train": 0.7, "validation": 0.15, "test": 0.15}
    drawn = [side_of("s", f"sub-{i}", fractions) for i in range(4000)]
    shares = {side: drawn.count(side) / 4000 for side in fractions}
    assert shares == pytest.approx(fractions, abs=0.025)
    assert drawn == [side_of("s", str(i), fractions) for i in range(4000)]
    assert drawn != [side_of("t", str(i), fractions) for i in range(4000)]
    assert drawn != [side_of("s", str(i), fractions, seed=1) for i in range(4000)]
    assert person_hash("s", "1") != person_hash("t", "1")
    for wrong in ({}, {"train": 0.5}, {"train": 1.5, "test": -0.5}):
        with pytest.raises(InputError, match="fractions is unusable"):
            side_of("s", "1", wrong)
