"""The reliability figure: whole, named, refused where it cannot be drawn."""

import numpy as np
import pytest
from scipy import stats

from keras_neurovit import InputError
from keras_neurovit.evaluation import reliability_figure
from keras_neurovit.evaluation.intervals import wilson


def test_a_figure_of_two_models(tmp_path):
    rng = np.random.default_rng(0)
    said = rng.random(500)
    targets = (rng.random(500) < said).astype(int)
    file = reliability_figure(
        tmp_path / "new" / "r.png", {"right": (targets, said), "extreme": (targets, said.round())}
    )
    assert file.read_bytes()[:4] == b"\x89PNG"
    assert [each.name for each in file.parent.iterdir()] == ["r.png"]


def test_refusals(tmp_path):
    with pytest.raises(InputError, match="model 'm': targets hold one class"):
        reliability_figure(tmp_path / "r.png", {"m": ([0, 0], [0.1, 0.2])})
    with pytest.raises(InputError, match="is no PNG"):
        reliability_figure(tmp_path / "r.pdf", {"m": ([0, 1], [0.1, 0.2])})
    with pytest.raises(InputError, match="models are unusable"):
        reliability_figure(tmp_path / "r.png", {})


def test_wilson_as_scipy():
    for right, people in ((0, 5), (3, 10), (9, 10), (10, 10)):
        expected = stats.binomtest(right, people).proportion_ci(method="wilson")
        assert wilson(right / people, people) == pytest.approx((expected.low, expected.high))
