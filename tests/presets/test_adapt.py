"""A preset's weights in models of other shapes: what is kept exactly, what is resized, and what is told of it."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from keras_neurovit import InputError, VolumeContract, from_preset, load_preset, save_to_preset
from keras_neurovit.layers import PatchEmbedding3D
from keras_neurovit.layers.patch_embedding import resize_channels, resize_kernel, resizing_matrix
from tests.contracts import run, sample

PATCHES = [((2, 3, 5), (4, 3, 5)), ((4, 4, 4), (8, 6, 5)), ((4, 6, 2), (2, 3, 2)), ((2, 6, 3), (5, 4, 3))]


def tokens(kernel, volumes) -> np.ndarray:
    """What patches of a kernel's size score."""
    layer = PatchEmbedding3D(kernel.shape[-1], kernel.shape[:3])
    layer.build(volumes.shape)
    layer.set_weights([kernel, np.zeros(kernel.shape[-1])])
    return run(layer, volumes.astype("float32"))


def enlarged(patch, size) -> np.ndarray:
    """One patch, resized along each axis in turn."""
    for axis, (old, new) in enumerate(zip(patch.shape[1:4], size, strict=True), start=1):
        patch = np.moveaxis(np.tensordot(resizing_matrix(old, new), patch, axes=(1, axis)), 0, axis)
    return patch


@pytest.mark.parametrize(("old", "new"), PATCHES)
def test_a_constant_patch_scores_as_before(old, new):
    kernel = sample((*old, 2, 7))
    before, after = (
        tokens(k, np.full((1, *k.shape[:3], 2), 3.0) * np.array([1.0, -0.5]))
        for k in (kernel, resize_kernel(kernel, new))
    )
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("old", "new"), [pair for pair in PATCHES if all(n >= o for o, n in zip(*pair, strict=True))])
def test_an_enlarged_patch_scores_as_before(old, new):
    kernel, patch = sample((*old, 2, 7)), sample((1, *old, 2))
    after = tokens(resize_kernel(kernel, new), enlarged(patch, new))
    np.testing.assert_allclose(after, tokens(kernel, patch), rtol=1e-4, atol=1e-4)


def test_a_smaller_kernel_is_the_nearest_that_keeps_constant_patches():
    """Against a general solver: least squares of the scores of all patches, under the same constraint."""
    rng, (old, new) = np.random.default_rng(0), (6, 4)
    kernel, matrix = rng.normal(size=old), resizing_matrix(old, new)
    system = np.block([[matrix @ matrix.T, np.ones((new, 1))], [np.ones((1, new)), np.zeros((1, 1))]])
    solved = np.linalg.solve(system, np.append(matrix @ kernel, kernel.sum()))[:new]
    resized = resize_kernel(kernel.reshape(old, 1, 1, 1, 1), (new, 1, 1)).ravel()
    np.testing.assert_allclose(resized, solved, atol=1e-5)
    assert not np.allclose(resized, np.linalg.pinv(matrix.T) @ kernel, atol=1e-3)


def test_resizing_is_that_of_the_tables():
    """The matrix is the interpolation that position tables are resized by."""
    for old, new in itertools.product((2, 3, 5, 8), repeat=2):
        values = sample((old, 1))
        expected = keras.ops.image.scale_and_translate(
            values, (new, 1), np.array([new / old], "float32"), np.zeros(1, "float32"), (0,), "linear", antialias=True
        )
        np.testing.assert_allclose(resizing_matrix(old, new) @ values, expected, atol=1e-5)


@pytest.mark.parametrize("channels", [(1, 2), (3, 1), (3, 2), (2, 5)])
def test_an_image_alike_in_all_channels_scores_as_before(channels):
    kernel, patch = sample((2, 3, 5, channels[0], 7)), sample((1, 2, 3, 5, 1))
    before = tokens(kernel, np.repeat(patch, channels[0], axis=-1))
    after = tokens(resize_channels(kernel, channels[1]), np.repeat(patch, channels[1], axis=-1))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)


def test_the_same_head_at_half_the_spacing(small_preset, capsys):
    """Twice the voxels a patch, over the same box: what is constant in each old voxel's neighbourhood scores alike."""
    old = from_preset(small_preset)
    new, report = from_preset(
        small_preset, volume_shape=(48, 56, 48), spacing_mm=4.0, patch_size=(8, 8, 8), num_channels=2, with_report=True
    )
    said = capsys.readouterr().err
    assert "small: weights: 38 loaded, 1 resized, 0 new" in said
    assert "small: backbone/patch_embedding/kernel resized from 4×4×4×1 to 8×8×8×2" in said
    assert "instead of" not in said  # neither the box nor the patch covers other millimetres
    volume = np.full((1, 24, 28, 24, 1), 0.7, "float32")
    finer = np.full((1, 48, 56, 48, 2), 0.7, "float32")
    np.testing.assert_allclose(run(new, finer), run(old, volume), atol=1e-4)
    patches = sample((1, 24, 28, 24, 1)).reshape(6, 4, 7, 4, 6, 4).transpose(0, 2, 4, 1, 3, 5).reshape(-1, 4, 4, 4, 1)
    finer = enlarged(patches, (8, 8, 8)).reshape(6, 7, 6, 8, 8, 8).transpose(0, 3, 1, 4, 2, 5).reshape(1, 48, 56, 48, 1)
    np.testing.assert_allclose(run(new, np.repeat(finer, 2, axis=-1)), run(old, sample((1, 24, 28, 24, 1))), atol=1e-4)
    assert report.preset.volume == VolumeContract((4.0, 4.0, 4.0), (48, 56, 48))
    assert report.preset.labels == ("a", "b")


def test_everything_at_once(small_preset, tmp_path, capsys):
    wished = {"volume_shape": (30, 40, 20), "spacing_mm": (4.0, 6.0, 8.0), "patch_size": (5, 5, 4), "num_channels": 3}
    model, report = from_preset(small_preset, **wished, num_classes=4, with_report=True)
    said = capsys.readouterr().err
    for line in (
        "weights: 35 loaded, 2 resized, 2 new",
        "backbone/position_embedding/table resized from 6×7×6 to 6×8×5",
        "backbone/patch_embedding/kernel resized from 4×4×4×1 to 5×5×4×3",
        "head/kernel new, random",
        "new head of 4 classes",
        "the box is now 120×240×160 mm instead of 192×224×192 mm; what of a head lies outside is cut off",
        "a patch is now 20×30×32 mm instead of 32×32×32 mm",
    ):
        assert f"small: {line}" in said
    names = [fate.weight for fate in report.fates]
    assert len(names) == len(set(names)) == len(model.weights) == 39
    assert [fate.shape for fate in report.fates] == [tuple(weight.shape) for weight in model.weights]
    assert model.input_shape == (None, 30, 40, 20, 3)
    # Saved under its own description, it comes back as any preset does.
    described = dataclasses.replace(report.preset, name="adapted", labels=("a", "b", "c", "d"))
    saved = save_to_preset(model, tmp_path / "adapted", described)
    assert saved.weights.licence == small_preset.weights.licence
    np.testing.assert_allclose(
        run(from_preset(tmp_path / "adapted"), sample((1, 30, 40, 20, 3))),
        run(model, sample((1, 30, 40, 20, 3))),
        atol=5e-3,
    )


def test_every_weight_of_an_unchanged_preset_is_loaded_and_nothing_is_printed(small_preset, capsys):
    model, report = from_preset(small_preset, with_report=True)
    assert capsys.readouterr().err == ""
    assert not report.changed
    assert len(report.of_kind("loaded")) == len(model.weights) == 39
    assert report.preset == small_preset
    _, report = from_preset(small_preset, load_weights=False, with_report=True)
    assert len(report.of_kind("new")) == 39
    backbone, report = from_preset(small_preset, num_classes=0, with_report=True)
    assert len(report.fates) == len(backbone.weights) == 37


def test_an_adapted_description_is_not_loaded_before_it_is_saved(small_preset):
    _, report = from_preset(small_preset, num_channels=2, with_report=True, verbose=False)
    with pytest.raises(InputError, match="was never saved"):
        from_preset(report.preset)


@pytest.mark.parametrize(
    ("wished", "message"),
    [
        ({"patch_size": 5}, r"Pad or crop the volume to \(25, 30, 25\)"),
        ({"patch_size": 0}, "patch_size is unusable"),
        ({"num_channels": 0}, "num_channels is out of range"),
        ({"spacing_mm": (1.0, -1.0, 1.0)}, "spacing_mm is unusable"),
        ({"volume_shape": (32, 32)}, "volume_shape|shape is unusable"),
    ],
)
def test_what_cannot_be_had(small_preset, wished, message):
    with pytest.raises(InputError, match=message):
        from_preset(small_preset, **wished)


def small(family, **changed):
    """A description of little."""
    arguments = {"num_layers": 1, "num_heads": 2, "hidden_dim": 12, "mlp_dim": 16, "patch_size": (4, 4, 4), **changed}
    volume = VolumeContract((8.0, 8.0, 8.0), (16, 20, 24))
    return dataclasses.replace(load_preset("vit3d_tiny"), name=f"small_{family}", arguments=arguments, volume=volume)


STEM = {"patch_size": 2, "hidden_dim": 6, "num_layers": 1, "num_levels": 3}


def test_a_stem_is_scaled_with_the_patch(tmp_path, capsys):
    described = small("stem", stem=STEM)
    model = from_preset(described, num_classes=2, load_weights=False)
    save_to_preset(model, tmp_path, dataclasses.replace(described, labels=("a", "b")))
    new = from_preset(tmp_path, volume_shape=(32, 40, 36), patch_size=(8, 8, 6), spacing_mm=(4.0, 4.0, 16 / 3))
    said = capsys.readouterr().err
    assert "backbone/stem_embedding/kernel resized from 2×2×2×4 to 4×4×3×4" in said
    assert "1 resized" in said
    np.testing.assert_allclose(
        run(new, np.full((1, 32, 40, 36, 1), 0.7, "float32")),
        run(from_preset(tmp_path), np.full((1, 16, 20, 24, 1), 0.7, "float32")),
        atol=1e-4,
    )
    with pytest.raises(InputError, match=r"multiples of \(2, 2, 2\)"):
        from_preset(tmp_path, volume_shape=(15, 20, 25), patch_size=5)


def test_a_stem_of_a_stem_is_scaled_too(tmp_path, capsys):
    finer = {"patch_size": 2, "hidden_dim": 4, "num_layers": 1}
    described = small("two_stems", stem={**STEM, "patch_size": 4, "stem": finer})
    model = from_preset(described, num_classes=2, load_weights=False)
    save_to_preset(model, tmp_path, dataclasses.replace(described, labels=("a", "b")))
    new = from_preset(tmp_path, volume_shape=(32, 40, 36), patch_size=(8, 8, 6), spacing_mm=(4.0, 4.0, 16 / 3))
    said = capsys.readouterr().err
    assert "backbone/finer_stem_embedding/kernel resized from 2×2×2×4 to 4×4×3×4" in said
    assert "1 resized" in said
    np.testing.assert_allclose(
        run(new, np.full((1, 32, 40, 36, 1), 0.7, "float32")),
        run(from_preset(tmp_path), np.full((1, 16, 20, 24, 1), 0.7, "float32")),
        atol=1e-4,
    )


def test_what_a_stem_knows_of_levels_is_shared_out_among_channels(tmp_path, capsys):
    described = small("stem", stem=STEM, num_channels=2)
    model = from_preset(described, num_classes=2, load_weights=False)
    save_to_preset(model, tmp_path, dataclasses.replace(described, labels=("a", "b")))
    volumes = sample((1, 16, 20, 24, 1))
    expected = run(from_preset(tmp_path), np.repeat(volumes, 2, axis=-1))
    for channels in (1, 3):
        new = from_preset(tmp_path, num_channels=channels)
        assert f"backbone/stem_embedding/kernel resized from 2×2×2×8 to 2×2×2×{4 * channels}" in capsys.readouterr().err
        np.testing.assert_allclose(run(new, np.repeat(volumes, channels, axis=-1)), expected, atol=1e-4)


def test_a_convolutional_network_takes_channels_but_no_patch(tmp_path, capsys):
    described = dataclasses.replace(small("sfcn"), model="sfcn", arguments={"channels": (3, 5, 7)}, labels=("a", "b"))
    save_to_preset(from_preset(described, load_weights=False), tmp_path, described)
    new = from_preset(tmp_path, num_channels=2)
    assert "backbone/convolution_0/kernel resized from 3×3×3×1 to 3×3×3×2" in capsys.readouterr().err
    volumes = sample((1, 16, 20, 24, 1))
    np.testing.assert_allclose(
        run(new, np.repeat(volumes, 2, axis=-1), training=False),
        run(from_preset(tmp_path), volumes, training=False),
        atol=1e-5,
    )
    with pytest.raises(InputError, match="cannot take another patch_size: sfcn has none"):
        from_preset(tmp_path, patch_size=8)


@pytest.fixture(params=[None, STEM], ids=["patches", "stem"])
def measuring(tmp_path, request):
    """A saved preset that measures three structures."""
    head = {"kind": "structures", "cells": 2, "means": [1.0, 2.0, 3.0], "deviations": [0.5, 0.5, 0.5]}
    described = dataclasses.replace(small("measuring", stem=request.param), head=head, labels=("x", "y", "z"))
    return save_to_preset(from_preset(described, load_weights=False), tmp_path / "measuring", described)


def test_volumes_measured_at_another_spacing(measuring):
    """Twice the voxels of half the edge over the same box measure the same volumes, and score the same."""
    finer = {"volume_shape": (32, 40, 48), "spacing_mm": 4.0, "patch_size": 8}
    volumes, fine = np.full((1, 16, 20, 24, 1), 0.7, "float32"), np.full((1, 32, 40, 48, 1), 0.7, "float32")
    expected = run(from_preset(measuring), volumes)
    np.testing.assert_allclose(run(from_preset(measuring, **finer), fine), expected, rtol=1e-4)
    scoring = from_preset(measuring, num_classes=2)
    finer_scoring = from_preset(measuring, num_classes=2, **finer)
    for one in (scoring, finer_scoring):
        one.get_layer("head").set_weights([np.arange(6.0).reshape(3, 2), np.zeros(2)])
    np.testing.assert_allclose(run(finer_scoring, fine), run(scoring, volumes), atol=1e-3)


def test_what_is_scored_from_volumes_does_not_shift_with_the_size_of_a_cell(measuring):
    """A larger box at larger spacing: as many cells, each of eight times the volume."""
    model, report = from_preset(measuring, num_classes=2, spacing_mm=16.0, with_report=True, verbose=False)
    np.testing.assert_allclose(model.get_layer("structures").means, np.array([1.0, 2.0, 3.0]) - np.log(8))
    names = {fate.weight: fate.kind for fate in report.fates}
    assert names["structures/shares/context/kernel"] == "loaded"
    assert names["head/kernel"] == "new"
    assert report.preset.head["pooling"] == "structures"


def test_another_number_of_patches_still_measures(measuring):
    model, report = from_preset(measuring, volume_shape=(24, 20, 16), with_report=True, verbose=False)
    assert [str(fate) for fate in report.of_kind("resized")] == [
        "backbone/position_embedding/table resized from 4×5×6 to 6×5×4"
    ]
    assert run(model, sample((1, 24, 20, 16, 1))).shape == (1, 3)
    with pytest.raises(InputError, match=r"cells|stem's patches"):
        from_preset(measuring, patch_size=(1, 1, 1))
