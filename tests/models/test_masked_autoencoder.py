"""Masked autoencoders: what is hidden stays hidden, air does not count, and a backbone learns."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_neurovit import InputError, augmentation, layers, models, training
from keras_neurovit.layers.patch_mask import foreground

SHAPE, PATCH = (8, 12, 20), (2, 3, 5)
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 24, "mlp_dim": 48}
DECODER = {"decoder_dim": 12, "decoder_layers": 1, "decoder_heads": 2}


@pytest.fixture
def backbone():
    return models.vit3d(SHAPE, PATCH, **SIZES, class_token=True)


def heads(count, seed=0):
    """Smooth blobs in air: a hidden patch follows from those around it."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    random = np.random.default_rng(seed)
    a, b = random.uniform(0.5, 1.5, (2, count, 1, 1, 1))
    found = np.where(x**2 + y**2 + z**2 < 1.2, a * np.cos(2 * x + b) + y * z, -1.0)
    return found[..., None].astype("float32")


def masked_as_before(model, volumes):
    """The model's answer with the same patches hidden each time."""
    model.get_layer("mask").seed_generator.state.assign(np.array([3, 0], "uint32"))
    return ops.convert_to_numpy(model(volumes))


def test_patches_can_be_put_together_again():
    volumes = np.random.default_rng(0).normal(size=(2, *SHAPE, 3)).astype("float32")
    patches = layers.patches_of(volumes, PATCH)
    np.testing.assert_array_equal(ops.convert_to_numpy(layers.volume_of(patches, (4, 4, 4), PATCH)), volumes)


def test_nothing_of_what_is_hidden_is_seen(backbone):
    model = models.masked_autoencoder(backbone, **DECODER, foreground_only=False, seed=3)
    volumes = heads(1) + np.random.default_rng(1).normal(size=(1, *SHAPE, 1)).astype("float32")
    told = masked_as_before(model, volumes)
    hidden = told[0, :, -1] > 0
    assert hidden.sum() == 48
    patches = ops.convert_to_numpy(layers.patches_of(volumes, PATCH)).copy()
    patches[0, hidden] = 7.0
    others = ops.convert_to_numpy(layers.volume_of(patches, (4, 4, 4), PATCH))
    np.testing.assert_allclose(masked_as_before(model, others), told, atol=1e-5)
    patches[0, ~hidden] += 1.0
    others = ops.convert_to_numpy(layers.volume_of(patches, (4, 4, 4), PATCH))
    assert np.abs(masked_as_before(model, others)[..., :-1] - told[..., :-1]).max() > 1e-3


def test_of_what_is_no_air_the_ratio_is_hidden_and_asked_for():
    volumes = np.full((2, *SHAPE, 1), -1.0, "float32")
    volumes[:, 2:6, 3:9, 5:15] = np.random.default_rng(0).normal(size=(2, 4, 6, 10, 1))  # 8 of 64 patches
    patches = layers.patches_of(volumes, PATCH)
    held = np.ptp(ops.convert_to_numpy(patches), axis=-1) > 0
    for ratio, seen_of_eight in ((0.9, 1), (0.75, 2), (0.5, 4)):
        seen, counts = map(ops.convert_to_numpy, layers.RandomPatchMask(ratio, seed=1)(patches))
        assert seen.shape == (2, round((1 - ratio) * 64))
        for scan in range(2):
            assert len(set(seen[scan].tolist())) == seen.shape[1]
            assert held[scan, seen[scan]].sum() == seen_of_eight  # so that the ratio of what holds something is hidden
            assert counts[scan].sum() == 8 - seen_of_eight
            assert held[scan, counts[scan] > 0].all()
    everywhere = ops.convert_to_numpy(layers.RandomPatchMask(0.9, foreground_only=False, seed=1)(patches)[1])
    assert everywhere.sum(axis=1).tolist() == [58, 58]


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64])
def test_any_size_of_foreground(count):
    patches = np.full((1, 64, 30), -2.0, "float32")
    patches[:, :count] = np.linspace(0, 1, 30)
    if count == 64:
        patches[:, 0] = -1.9  # all alike have no foreground
    seen, counts = map(ops.convert_to_numpy, layers.RandomPatchMask(0.75, seed=1)(patches))
    assert len(set(seen[0].tolist())) == 16
    expected = {0: 0, 1: 1, 2: 1, 63: 47, 64: 47}[count]
    assert counts.sum() == expected
    assert not counts[0, seen[0]].any()


def test_noise_and_the_other_changes_of_augmentation_make_no_foreground_of_air():
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in (24, 28, 24)), indexing="ij")
    volumes = np.where(x**2 + y**2 + z**2 < 0.9, np.cos(6 * x) + y * z, -2.5)[None, ..., None].astype("float32")
    clean = ops.convert_to_numpy(foreground(layers.patches_of(volumes, (4, 4, 4))))
    assert 60 < clean.sum() < 200  # of 252
    noisy = augmentation.noise(volumes, np.float32([0.1]), np.int32([5]))
    found = ops.convert_to_numpy(foreground(layers.patches_of(noisy, (4, 4, 4))))
    assert np.abs(found - clean).sum() <= 2
    changes = [
        augmentation.RandomGamma3D(0.25),
        augmentation.RandomBiasField3D(0.2),
        augmentation.RandomNoise3D(0.1),
    ]
    for seed in range(5):
        changed = augmentation.augment(volumes, np.int32([seed]), changes)
        found = ops.convert_to_numpy(foreground(layers.patches_of(changed, (4, 4, 4))))
        assert np.abs(found - clean).sum() <= 12


def test_others_are_hidden_each_time_and_all_at_last():
    patches = np.random.default_rng(0).normal(size=(1, 64, 30)).astype("float32")
    layer = layers.RandomPatchMask(foreground_only=False, seed=1)
    drawn = [set(ops.convert_to_numpy(layer(patches)[0])[0].tolist()) for _ in range(30)]
    assert all(len(one) == 16 for one in drawn)
    assert len({frozenset(one) for one in drawn}) == 30
    assert set.union(*drawn) == set(range(64))


def test_the_loss_is_of_what_was_hidden():
    random = np.random.default_rng(0)
    volumes, told = random.normal(size=(2, 4, 6, 10, 1)).astype("float32"), random.normal(size=(2, 8, 31))
    told[..., -1] = [[1, 0, 0, 1, 0, 0, 0, 0], [0] * 8]
    patches = ops.convert_to_numpy(layers.patches_of(volumes, PATCH))
    plain = training.MaskedPatchLoss(PATCH, normalised=False, reduction=None)(volumes, told.astype("float32"))
    expected = ((patches - told[..., :-1]) ** 2).mean(axis=-1)[0, [0, 3]].mean()
    np.testing.assert_allclose(ops.convert_to_numpy(plain), [expected, 0.0], rtol=1e-5)
    patches = (patches - patches.mean(-1, keepdims=True)) / patches.std(-1, keepdims=True)
    expected = ((patches - told[..., :-1]) ** 2).mean(axis=-1)[0, [0, 3]].mean()
    relative = training.MaskedPatchLoss(PATCH, reduction=None)(volumes, told.astype("float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(relative), [expected, 0.0], rtol=1e-4)


def test_a_backbone_learns_in_place_and_fills_in(backbone):
    keras.utils.set_random_seed(0)
    model = models.masked_autoencoder(backbone, **DECODER, mask_ratio=0.5, seed=1)
    model.compile(keras.optimizers.Adam(3e-3), training.MaskedPatchLoss(PATCH, normalised=False))
    before = [ops.convert_to_numpy(v).copy() for v in backbone.trainable_variables]
    volumes = heads(32)
    history = model.fit(volumes, volumes, epochs=40, batch_size=16, verbose=0).history["loss"]
    assert history[-1] < 0.4 * history[0]
    moved = [
        np.abs(ops.convert_to_numpy(v) - b).max() > 0 for v, b in zip(backbone.trainable_variables, before, strict=True)
    ]
    assert all(moved)
    new = heads(4, seed=9)
    seen, filled = map(ops.convert_to_numpy, models.reconstruct(model, new, normalised=False))
    hidden = np.isnan(seen)
    np.testing.assert_array_equal(filled[~hidden], new[~hidden])
    assert hidden.any()
    assert np.mean((filled - new)[hidden] ** 2) < 0.7 * np.var(new[hidden])


def test_it_is_saved_and_read_back(backbone, tmp_path):
    model = models.masked_autoencoder(backbone, **DECODER, seed=1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(masked_as_before(again, heads(2)), masked_as_before(model, heads(2)), atol=1e-6)


def test_other_backbones_are_refused():
    with pytest.raises(InputError, match="cannot be masked"):
        models.masked_autoencoder(models.minit3d(SHAPE, (4, 6, 10), PATCH, **SIZES))
    stem = {"patch_size": 1, "hidden_dim": 4, "num_layers": 1}
    with pytest.raises(InputError, match="stem"):
        models.masked_autoencoder(models.vit3d(SHAPE, PATCH, **SIZES, stem=stem))
    with pytest.raises(InputError, match="hides no patch"):
        models.masked_autoencoder(models.vit3d(SHAPE, (4, 6, 10), **SIZES), mask_ratio=0.01, **DECODER)
