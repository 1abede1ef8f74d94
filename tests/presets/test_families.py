"""Presets of the families beside the plain transformer: what is stored, what other heads and volumes keep."""

import dataclasses

import h5py
import keras
import numpy as np
import pytest

from keras_neurovit import InputError, VolumeContract, from_preset, load_preset, save_to_preset, verify
from keras_neurovit.presets import write_golden
from tests.contracts import run, sample

VOLUME = (2, 16, 20, 24, 1)
ARGUMENTS = {
    "minit3d": {"block_size": (8, 4, 12), "patch_size": (2, 2, 3), "num_layers": 2, "num_heads": 2}
    | {"hidden_dim": 24, "mlp_dim": 48},  # grid of blocks (2, 5, 2)
    "sfcn": {"channels": (3, 5, 7)},  # grid (4, 5, 6)
}
each = pytest.mark.parametrize("family", ["minit3d", "sfcn"])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small trained preset of each family, with the model it was saved from."""
    presets = {}
    for family, arguments in ARGUMENTS.items():
        described = dataclasses.replace(
            load_preset({"minit3d": "minit3d_tiny", "sfcn": "sfcn_base"}[family]),
            name=f"small_{family}",
            arguments=arguments,
            volume=VolumeContract((9.0, 9.0, 9.0), VOLUME[1:4]),
        )
        model = from_preset(described, num_classes=2, load_weights=False)
        model.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(sample(VOLUME) + 1, np.array([0, 1]), batch_size=2, epochs=2, verbose=0)
        folder = tmp_path_factory.mktemp("presets") / family
        preset = save_to_preset(model, folder, dataclasses.replace(described, labels=("a", "b")))
        write_golden(preset, sample(VOLUME)[0])
        presets[family] = preset, model
    return presets


@each
def test_what_was_saved_comes_back(saved, family):
    preset, model = saved[family]
    again = from_preset(preset.folder)
    assert preset.weights.parameters == model.count_params() == again.count_params()
    for variable, old, new in zip(model.weights, model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old.astype("float16" if old.ndim > 1 else "float32"), variable.path)
    logits = run(again, sample(VOLUME), training=False)
    np.testing.assert_allclose(logits, run(model, sample(VOLUME), training=False), atol=5e-3)
    np.testing.assert_array_equal(logits, run(from_preset(preset), sample(VOLUME), training=False))
    assert verify(preset.folder).passed


@each
def test_a_new_head_is_wholly_new_and_keeps_the_backbone(saved, family, capsys):
    preset, _ = saved[family]
    old = from_preset(preset)
    for classes in (2, 3):
        new = from_preset(preset, num_classes=classes)
        assert f"new head of {classes} classes" in capsys.readouterr().err
        for a, b in zip(*(m.get_layer("backbone").get_weights() for m in (old, new)), strict=True):
            np.testing.assert_array_equal(a, b)
        kernels = [[w for w in m.get_layer("head").get_weights() if w.ndim == 2] for m in (old, new)]
        assert len(kernels[0]) == len(kernels[1]) == (2 if family == "minit3d" else 1)
        assert not any(np.array_equal(a, b) for a, b in zip(*kernels, strict=True))


@each
def test_no_head(saved, family, capsys):
    preset, model = saved[family]
    backbone = from_preset(preset, num_classes=0)
    assert "head" not in capsys.readouterr().err
    assert backbone.output_shape == model.get_layer("backbone").output_shape
    whole = from_preset(preset).get_layer("backbone")
    np.testing.assert_array_equal(
        run(backbone, sample(VOLUME), training=False), run(whole, sample(VOLUME), training=False)
    )


def test_running_statistics_survive_half_precision_at_both_ends(saved, tmp_path):
    preset, _ = saved["sfcn"]
    model = from_preset(preset)
    norm = model.get_layer("backbone").get_layer("norm_1")
    norm.moving_variance.assign(np.array([1e-12, 1e-5, 1.0, 1e5, 1e12]))
    norm.moving_mean.assign(np.array([-1e6, -1e-9, 0.0, 1e-9, 1e6]))
    again = from_preset(save_to_preset(model, tmp_path, preset)).get_layer("backbone").get_layer("norm_1")
    for a, b in zip(norm.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    norm.moving_variance.assign(np.array([1.0, 1.0, np.inf, 1.0, 1.0]))
    with pytest.raises(InputError, match="not finite"):
        save_to_preset(model, tmp_path, preset)


def test_matrices_are_half_on_disk(saved):
    kinds = {}
    with h5py.File(saved["minit3d"][0].weights_path) as file:
        file.visititems(
            lambda _, i: (
                kinds.setdefault((i.ndim > 1, i.dtype.kind), set()).add(i.dtype.name) if hasattr(i, "ndim") else None
            )
        )
    assert kinds[True, "f"] == {"float16"}
    assert kinds[False, "f"] == {"float32"}


def test_another_volume_resizes_the_blocks_places_under_a_new_head(saved, capsys):
    preset, _ = saved["minit3d"]
    model = from_preset(preset, num_classes=3, volume_shape=(24, 20, 36))
    said = capsys.readouterr().err
    assert "block_embedding/table resized from 2×5×2 to 3×5×3" in said
    assert "position_embedding" not in said.replace("block_embedding", "")
    assert run(model, sample((1, 24, 20, 36, 1))).shape == (1, 3)
    backbone = from_preset(preset, num_classes=0, volume_shape=(24, 20, 36))
    assert backbone.output_shape == (None, 45, 24)
    for a, b in zip(backbone.get_weights(), model.get_layer("backbone").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(24, 20, 36), (40, 4, 24)])  # the second has as many blocks, at other places
def test_a_head_of_blocks_refuses_another_volume(saved, shape):
    preset, _ = saved["minit3d"]
    with pytest.raises(InputError, match=r"'small_minit3d' has weights for each block.*Pass num_classes"):
        from_preset(preset, volume_shape=shape)
    assert from_preset(preset, volume_shape=VOLUME[1:4]).output_shape == (None, 2)
    assert from_preset(preset, volume_shape=shape, load_weights=False).output_shape == (None, 2)


def test_a_convolutional_network_takes_any_volume_with_its_head(saved, capsys):
    preset, _ = saved["sfcn"]
    larger = from_preset(preset, volume_shape=(32, 25, 40))
    said = capsys.readouterr().err
    assert "weights: 20 loaded, 0 resized, 0 new" in said
    assert "the box is now 288×225×360 mm instead of 144×180×216 mm\n" in said
    assert run(larger, sample((1, 32, 25, 40, 1)), training=False).shape == (1, 2)
    for a, b in zip(from_preset(preset).get_weights(), larger.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(InputError, match="too small"):
        from_preset(preset, volume_shape=(16, 3, 24))


def test_a_rate_the_family_does_not_have(saved):
    with pytest.raises(InputError, match="drop_path"):
        from_preset(saved["sfcn"][0], drop_path=0.1)
    with pytest.raises(InputError, match="gradient_checkpointing"):
        from_preset(saved["sfcn"][0], gradient_checkpointing=True)
    lighter = from_preset(saved["minit3d"][0], gradient_checkpointing=True, verbose=False)
    assert lighter.get_layer("backbone").get_layer("block_1").gradient_checkpointing
    deeper = from_preset(saved["minit3d"][0], drop_path=0.1)
    assert deeper.get_layer("backbone").get_layer("block_1").drop_path == 0.1
