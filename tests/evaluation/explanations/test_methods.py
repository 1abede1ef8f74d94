"""Each way to explain, against what is known of the model; and what becomes of maps when weights are scrambled."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_neurovit import InputError
from keras_neurovit.evaluation.explanations import (
    attention_rollout,
    gradient_attention,
    input_gradients,
    integrated_gradients,
    occlude_regions,
    occlusion,
)
from keras_neurovit.models import classifier, minit3d, sfcn, vit3d

from .conftest import PLACE, SHAPE, second


def score(model, volumes):
    return ops.convert_to_numpy(second(model(volumes, training=False)))[:, 0]


def test_gradients_are_those_of_finite_differences(vit, volume):
    before, learning = vit.get_weights(), [v.trainable for v in vit.variables]
    found = input_gradients(vit, [volume[None]], second)[0]
    way = np.random.default_rng(1).normal(size=volume.shape).astype("float32")
    expected = (score(vit, (volume + 1e-3 * way)[None]) - score(vit, (volume - 1e-3 * way)[None])) / 2e-3
    assert (found * way).sum() == pytest.approx(float(expected[0]), rel=0.02)
    assert all((now == then).all() for now, then in zip(vit.get_weights(), before, strict=True))
    assert [v.trainable for v in vit.variables] == learning


def test_gradients_of_rows_are_summed_over_batches(vit, volume):
    rows = np.stack([volume, 2 * volume, volume[::-1]])
    each = sum(input_gradients(vit, [row[None]], second)[0] for row in rows)
    np.testing.assert_allclose(input_gradients(vit, [rows], second, batch_size=2)[0], each, atol=1e-5)


def test_a_frozen_weight_stays_frozen(vit, volume):
    vit.get_layer("backbone").get_layer("block_0").trainable = False
    input_gradients(vit, [volume[None]], second)
    assert vit.get_layer("backbone").get_layer("block_0").trainable_variables == []
    assert vit.get_layer("backbone").get_layer("block_1").trainable_variables


def test_integrated_gradients_add_up(vit, volume):
    other = 0.8 * volume + 0.1  # near enough for so few steps: the model's way is anything but straight
    found = integrated_gradients(vit, volume, second, baseline=other, steps=64, batch_size=16)
    ends = score(vit, np.stack([volume, other]))
    assert found.sum() == pytest.approx(float(ends[0] - ends[1]), rel=0.02)


def test_integrated_gradients_from_an_earlier_scan_are_zero_where_nothing_changed(vit, volume):
    earlier = volume.copy()
    earlier[PLACE] += 1.0
    found = integrated_gradients(vit, volume, second, baseline=earlier, steps=8)
    changed = np.zeros(SHAPE, bool)
    changed[PLACE] = True
    assert (found[~changed] == 0).all()
    assert np.abs(found[changed]).max() > 0


def test_maps_peak_where_the_model_reads(reader, volume):
    inside = np.zeros(SHAPE, bool)
    inside[PLACE] = True
    blurred = occlusion(reader, volume, second, box=(2, 3, 5), stride=(1, 1, 1))
    gradients = integrated_gradients(reader, volume, second, baseline=np.zeros_like(volume), steps=4)
    for found in (blurred, gradients):
        assert inside.flat[np.argmax(found)]
    assert (gradients[~inside] == 0).all()
    np.testing.assert_allclose(gradients[inside], volume[PLACE].ravel() ** 2, rtol=1e-4)


def test_occlusion_tells_the_fall_of_the_score(reader, volume):
    from scipy import ndimage

    found = occlusion(reader, volume, second, box=(2, 3, 5), stride=(2, 3, 5))
    blurred = ndimage.gaussian_filter(volume[..., 0], [1, 1.5, 2.5])
    fall = (volume[PLACE] ** 2).sum() - (blurred[PLACE] ** 2).sum()
    np.testing.assert_allclose(found[PLACE], fall, rtol=1e-4)
    found[PLACE] = 0
    assert np.abs(found).max() < 1e-4


def test_occluded_regions(reader, volume):
    labels = np.zeros(SHAPE, int)
    labels[PLACE], labels[:2] = 17, 53
    found = occlude_regions(reader, volume, labels, second)
    assert set(found) == {17, 53}
    assert found[17] > 1
    assert found[53] == pytest.approx(0, abs=1e-4)
    with pytest.raises(InputError, match="do not fit"):
        occlude_regions(reader, volume, labels[1:], second)
    with pytest.raises(InputError, match="no region"):
        occlude_regions(reader, volume, 0 * labels, second)


def test_strides_that_leave_gaps_are_refused(reader, volume):
    with pytest.raises(InputError, match="leaves gaps"):
        occlusion(reader, volume, second, box=2, stride=3)


def test_rollout_by_its_definition(vit, volume):
    """Against attention told by the blocks themselves."""
    backbone, flow = vit.get_layer("backbone"), np.eye(65)
    tokens = volume[None]
    for layer in backbone.layers[1:]:
        if layer.name.startswith("block_"):
            tokens, scores = layer(tokens, return_attention_scores=True)
            flow = (0.5 * ops.convert_to_numpy(scores)[0].mean(axis=0) + 0.5 * np.eye(65)) @ flow
        else:
            tokens = layer(tokens)
    found = attention_rollout(vit, volume)
    assert found.shape == (4, 4, 4)
    np.testing.assert_allclose(found.ravel(), flow[0, 1:] / flow[0, 1:].sum(), rtol=1e-3)
    assert found.max() > 1.1 * found.min()


def test_gradient_attention_asks_about_a_label(vit, volume):
    one, other = gradient_attention(vit, volume, second), gradient_attention(vit, volume, lambda o: -second(o))
    assert one.shape == (4, 4, 4)
    assert one.min() >= 0
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.9


STEM = {"patch_size": (2, 3, 5), "hidden_dim": 6, "num_layers": 1}


@pytest.mark.parametrize("stem", [STEM, {**STEM, "patch_size": (4, 6, 10), "stem": STEM}], ids=["stem", "two stems"])
def test_attention_of_a_model_that_scores_what_it_measures(volume, stem):
    """Its head reads a stem's details beside the tokens."""
    stem = {**stem, "num_levels": 2}
    options = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32, "class_token": True}
    structures = {"cells": 2, "means": [0.0, 1.0], "deviations": [1.0, 2.0]}
    backbone = vit3d(SHAPE, (4, 6, 10), stem=stem, **options)
    model = classifier(backbone, 2, pooling="structures", structures=structures)
    model.set_weights([w * (3.0 if w.ndim > 1 else 1.0) for w in model.get_weights()])
    found = gradient_attention(model, volume, second)
    assert found.shape == attention_rollout(model, volume).shape == (2, 2, 2)
    assert found.min() >= 0
    assert found.max() > 0


@pytest.mark.parametrize("backbone", ["minit3d", "sfcn"])
def test_attention_needs_attention_over_the_volume(backbone, volume):
    options = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}
    made = minit3d(SHAPE, (4, 6, 10), (2, 3, 5), **options) if backbone == "minit3d" else sfcn(SHAPE, (4, 8))
    model = classifier(made, 2)
    for method in (attention_rollout, lambda m, v: gradient_attention(m, v, second)):
        with pytest.raises(InputError, match="occlusion or integrated gradients"):
            method(model, volume)
    assert integrated_gradients(model, volume, second, steps=2).shape == SHAPE


METHODS = {
    "occlusion": lambda model, volume: occlusion(model, volume, second, box=(2, 3, 5)),
    "integrated_gradients": lambda model, volume: integrated_gradients(model, volume, second, steps=8),
    "gradient_attention": lambda model, volume: gradient_attention(model, volume, second),
    "attention_rollout": attention_rollout,
}


@pytest.mark.parametrize("method", METHODS)
def test_scrambled_weights_change_the_map(vit, volume, method):
    """A map that survives the loss of all that a model has learnt would tell of the scan, not of the model.

    Source: Adebayo et al. 2018 (arXiv 1810.03292), section 3, all layers at once, by rank correlation.
    """
    from scipy.stats import spearmanr

    found = METHODS[method](vit, volume).ravel()
    again = METHODS[method](vit, volume).ravel()
    np.testing.assert_allclose(found, again, rtol=1e-3, atol=1e-5 * np.abs(found).max())
    alike = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        scrambled = keras.models.clone_model(vit)
        scrambled.set_weights([random.permutation(w.ravel()).reshape(w.shape) for w in vit.get_weights()])
        alike.append(abs(spearmanr(found, METHODS[method](scrambled, volume).ravel()).statistic))
    assert np.mean(alike) < 0.5
