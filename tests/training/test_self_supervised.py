"""Contrastive learning: the loss is the published one, and a backbone learns who is who."""

import keras
import numpy as np
from keras import ops

from keras_neurovit import models, training


def test_the_loss_is_that_of_simclr():
    vectors = np.random.default_rng(0).normal(size=(6, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    whose, similar = np.array([0, 0, 1, 1, 2, 2]), np.exp(vectors @ vectors.T / 0.2)
    expected = []
    for one in range(6):
        other = one ^ 1
        expected.append(-np.log(similar[one, other] / (similar[one].sum() - similar[one, one])))
    found = training.ContrastiveLoss(0.2, reduction=None)(whose, vectors.astype("float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)


def test_several_scans_of_a_person_and_people_alone():
    vectors = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    loss = training.ContrastiveLoss(0.5, reduction=None)
    found = ops.convert_to_numpy(loss(np.array([3, 3, 3, 1, 2]), vectors))
    np.testing.assert_array_equal(found[3:], 0.0)
    logits = vectors @ vectors.T / 0.5
    certain = [logits[0, j] - np.log(np.exp(np.delete(logits[0], 0)).sum()) for j in (1, 2)]
    np.testing.assert_allclose(found[0], -np.mean(certain), rtol=1e-4)


def test_a_backbone_learns_who_is_who():
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    people = random.normal(size=(48, 8, 12, 20, 1))
    backbone = models.vit3d((8, 12, 20), (4, 6, 10), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
    model = models.projector(backbone, projection_dim=8)
    model.compile(keras.optimizers.Adam(3e-3), training.ContrastiveLoss(0.2))
    views = np.repeat(people[:16], 2, axis=0), np.repeat(np.arange(16), 2)
    noise = [random.normal(size=views[0].shape) for _ in range(40)]
    losses = [model.train_on_batch((views[0] + 0.7 * n).astype("float32"), views[1]) for n in noise]
    assert losses[-1] < 0.6 * losses[0]
    new = np.repeat(people[16:], 2, axis=0) + 0.7 * random.normal(size=(64, 8, 12, 20, 1))
    vectors = ops.convert_to_numpy(model(new.astype("float32")))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-4)
    similar = vectors @ vectors.T - 2 * np.eye(64)
    found = np.mean(similar.argmax(axis=1) == np.arange(64) ^ 1)
    assert found > 0.08  # by chance 1 in 63
