"""A probed head is scikit-learn's."""

import sys

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_neurovit import InputError, models, training


@pytest.mark.parametrize("classes", [2, 3])
def test_logits_are_scikit_learns(classes):
    backbone = models.vit3d((8, 12, 20), (4, 4, 4), num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16)
    model = models.classifier(backbone, classes)
    random = np.random.default_rng(0)
    volumes, targets = random.normal(size=(24, 8, 12, 20, 1)).astype("float32"), np.arange(24) % classes
    training.probe(model, volumes, targets, strength=0.3)
    features = keras.Model(model.input, model.get_layer("head").input).predict(volumes, verbose=0)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, class_weight="balanced", max_iter=5000))
    expected = reference.fit(features, targets).predict_proba(features)
    found = keras.ops.convert_to_numpy(keras.ops.softmax(model.predict(volumes, verbose=0)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_cannot_be_probed_is_refused():
    backbone = models.minit3d((8, 12, 20), (4, 6, 10), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16)
    with pytest.raises(InputError, match="dense"):
        training.probe(models.classifier(backbone, 2, pooling="blocks"), np.zeros((2, 8, 12, 20, 1)), [0, 1])
    with pytest.raises(InputError, match="classes"):
        training.probe(models.classifier(backbone, 2), np.zeros((2, 8, 12, 20, 1)), [1, 1])


def with_head_alone(width):
    inputs = keras.Input((width,))
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(inputs))


def strength_of(features, targets, strengths):
    """The C behind the head that was set."""
    model = with_head_alone(features.shape[1])
    training.probe(model, features, targets, strength=strengths)
    found = keras.ops.convert_to_numpy(model.layers[-1].kernel)
    scaled = (found[:, 1] - found[:, 0]) * features.std(axis=0)
    fits = {c: LogisticRegression(C=c, class_weight="balanced", max_iter=5000) for c in strengths}
    standard = StandardScaler().fit_transform(features)
    apart = {c: np.abs(fit.fit(standard, targets).coef_[0] - scaled).max() for c, fit in fits.items()}
    return min(apart, key=apart.get)


def test_of_several_strengths_the_one_that_ranks_others_best_is_taken():
    random = np.random.default_rng(0)
    targets = np.arange(60) % 2
    weak = random.normal(size=(60, 40)) + 0.4 * targets[:, None]  # each tells a little: none should be trusted alone
    lone = random.normal(size=(60, 40))
    lone[:, 0] += 2.5 * targets  # one tells, the others are noise
    assert strength_of(weak.astype("float32"), targets, (1e-3, 10.0)) == 1e-3
    assert strength_of(lone.astype("float32"), targets, (1e-6, 0.3)) == 0.3


def test_nobody_stands_in_two_folds_where_a_strength_is_chosen(monkeypatch):
    areas = []

    class Told(GridSearchCV):
        def fit(self, *args, **kwargs):
            super().fit(*args, **kwargs)
            areas.append(self.best_score_)
            return self

    monkeypatch.setattr(sys.modules["keras_neurovit.training.probe"], "GridSearchCV", Told)
    random, who = np.random.default_rng(1), np.repeat(np.arange(20), 6)
    # Nothing tells the classes, but everybody's scans look alike: whoever is met again is known.
    features = (random.normal(size=(20, 60))[who] + 0.1 * random.normal(size=(120, 60))).astype("float32")
    for people in (None, who):
        training.probe(with_head_alone(60), features, who % 2, strength=(0.1, 10.0), participants=people)
    assert areas[0] > 0.95
    assert areas[1] < 0.8


def test_too_few_people_to_choose_a_strength_are_refused():
    with pytest.raises(InputError, match="too few people"):
        training.probe(with_head_alone(3), np.eye(3, dtype="float32"), [0, 1, 1], strength=(0.1, 1.0))
