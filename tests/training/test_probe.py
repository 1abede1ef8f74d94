"""A probed head is scikit-learn's."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
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
