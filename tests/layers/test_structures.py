"""Measuring heads: cells lie where they say, and volumes are their sum."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_neurovit import InputError, layers, models
from keras_neurovit.layers.structure_shares import total


def test_cells_lie_in_their_patches():
    layer = layers.StructureShares(3, (2, 3, 5), 2)
    tokens = np.random.default_rng(0).normal(size=(1, 30, 7)).astype("float32")
    before = ops.convert_to_numpy(layer(tokens))
    tokens[0, 3 * 5 * 1 + 5 * 2 + 4] += 1  # the patch at (1, 2, 4)
    changed = np.abs(ops.convert_to_numpy(layer(tokens)) - before).max(axis=(0, 4)) > 0
    expected = np.zeros((4, 6, 10), bool)
    expected[2:4, 4:6, 8:10] = True
    np.testing.assert_array_equal(changed, expected)


def test_small_shares_are_not_lost_in_their_sum():
    shares = np.random.default_rng(0).uniform(1e-7, 3e-7, (1, 32, 40, 32, 3)).astype("float32")
    shares[:, ::8, ::8, ::8] = 1.0
    found = ops.convert_to_numpy(total(ops.convert_to_tensor(shares)))
    np.testing.assert_allclose(found, shares.sum(axis=(1, 2, 3), dtype="float64"), rtol=3e-6)


def test_a_new_head_expects_little():
    shares = ops.convert_to_numpy(layers.StructureShares(3, (2, 3, 5), 2, prior=0.02)(np.zeros((1, 30, 7), "float32")))
    np.testing.assert_allclose(shares, 0.02, rtol=1e-4)
    each = layers.StructureShares(3, (2, 3, 5), 2, prior=[0.3, 0.1, 1e-4])(np.zeros((1, 30, 7), "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(each)[0, 1, 2, 3], [0.3, 0.1, 1e-4], rtol=1e-3)
    with pytest.raises(InputError, match="prior"):
        layers.StructureShares(3, (2, 3, 5), 2, prior=[0.1, 0.2])


def test_tokens_scale_what_cells_say():
    """The same cell under two tokens: what differs between them grows with what is seen."""
    layer = layers.StructureShares(1, (1, 1, 1), 1)
    layer.build((None, 1, 2), (None, 1, 1, 1, 4))
    for part in (layer.neighbours.say, layer.meaning):  # cells as they are; a token's first half scales them
        part.kernel.assign(np.zeros(part.kernel.shape))
    layer.context.kernel.assign(np.eye(2))
    layer.meaning.kernel.assign(np.outer([1.0, 0.0], np.repeat([1.0, 0.0], 4)))
    layer.local.kernel.assign(np.eye(4))
    layer.scores.kernel.assign(np.ones((4, 1)))
    layer.scores.bias.assign([0.0])

    def score(token, seen):
        share = ops.convert_to_numpy(layer(np.float32([[[token, 9.0]]]), np.full((1, 1, 1, 1, 4), seen, "float32")))
        return float(np.log(share / (1 - share)).squeeze())

    assert score(1.0, 0.3) == pytest.approx(score(0.0, 0.6), rel=1e-3)
    assert score(1.0, 0.3) != pytest.approx(score(0.0, 0.3), rel=0.1)


def test_a_head_of_tokens_and_cells_travels_and_computes_in_float32(tmp_path):
    tokens, cells = keras.Input((30, 7)), keras.Input((4, 6, 10, 8))
    layer = layers.StructureShares(3, (2, 3, 5), 2, dtype="float32", name="head")
    model = keras.Model([tokens, cells], layer(tokens, cells))
    model.save(tmp_path / "head.keras")
    random = np.random.default_rng(2)
    seen = [random.normal(size=(2, *shape)).astype("float32") for shape in ((30, 7), (4, 6, 10, 8))]
    expected = ops.convert_to_numpy(model(seen))
    assert expected.std() > 0
    again = keras.models.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(again(seen)), expected)
    half = [ops.cast(each, "bfloat16") for each in seen]
    found = model(half)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=0.02)


@pytest.fixture(scope="module")
def backbone():
    return models.vit3d((8, 12, 20), (4, 4, 4), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32, class_token=True)


def test_volumes_are_sums_of_shares(backbone):
    model = models.measurer(backbone, 3, (1.0, 2.0, 3.0), cells=2, with_cells=True)
    found = model(np.random.default_rng(1).normal(size=(2, 8, 12, 20, 1)).astype("float32"))
    cells = ops.convert_to_numpy(found["cells"])
    assert cells.shape == (2, 4, 6, 10, 3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found["structures_mm3"]), cells.sum(axis=(1, 2, 3)) * (2 * 4 * 6), rtol=1e-5
    )


def test_blocks_are_measured_too():
    blocks = models.minit3d((8, 12, 20), (4, 4, 4), (2, 2, 2), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
    model = models.measurer(blocks, 3, (1.0, 1.0, 1.0), cells=2)
    assert model(np.zeros((2, 8, 12, 20, 1), "float32")).shape == (2, 3)
    with pytest.raises(InputError, match=r"not of these cells.*minit3d a block"):
        models.measurer(blocks, 3, (1.0, 1.0, 1.0), cells=4)


def test_pooled_structures_are_standardised_logarithms(backbone):
    volumes = np.random.default_rng(1).normal(size=(2, 8, 12, 20, 1)).astype("float32")
    measured = models.measurer(backbone, 2, (1.0, 1.0, 1.0), cells=2)
    scored = models.classifier(
        backbone, 3, pooling="structures", structures={"cells": 2, "means": [0.5, 1.0], "deviations": [2.0, 4.0]}
    )
    scored.get_layer("structures").set_weights(measured.get_layer("head").get_weights())
    pooled = keras.Model(scored.input, scored.get_layer("structures").output)(volumes)
    in_cells = ops.convert_to_numpy(measured(volumes)) / 8
    expected = (np.log(in_cells + 1e-3) - [0.5, 1.0]) / [2.0, 4.0]
    np.testing.assert_allclose(ops.convert_to_numpy(pooled), expected, rtol=1e-3, atol=1e-4)


def test_new_pooling_starts_at_the_mean(backbone):
    pool = layers.StructurePooling((2, 3, 5), 2, [1.0, 3.0], [0.1, 0.2])
    pooled = ops.convert_to_numpy(pool(np.zeros((1, 30, 16), "float32")))
    assert np.abs(pooled).max() < 0.1


def test_structures_need_patches_and_statistics(backbone):
    with pytest.raises(InputError, match="structures"):
        models.classifier(backbone, 2, pooling="structures")
    with pytest.raises(InputError, match="deviations"):
        layers.StructurePooling((1, 1, 1), 1, [0.0], [0.0])
    with pytest.raises(InputError, match="no patches"):
        models.measurer(models.sfcn((32, 40, 36), channels=(2, 2, 2, 2, 2, 2)), 2, (1.0, 1.0, 1.0))


def test_levels_tell_how_much_of_a_patch_is_bright():
    """Sums over a patch count its bright voxels, whatever the dark ones hold: a sum of brightness cannot."""
    layer = layers.BrightnessLevels(2)
    layer.build((None, 4, 1))
    layer.levels.assign([0.0, 1.0])
    few, many = np.float32([[-1, -1, -1, 2]]), np.float32([[-2, -2, 1.5, 1.5]])
    assert few.sum() == many.sum()
    counts = [ops.convert_to_numpy(layer(v[..., None]))[0] @ np.float32([0, 1, -1]) for v in (few, many)]
    assert [float(count.sum()) for count in counts] == [1.0, 2.0]
    with pytest.raises(InputError, match="levels"):
        layers.BrightnessLevels(0)
