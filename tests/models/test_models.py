import json

import keras
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.models import classifier, measurer, vit3d
from keras_neurovit.presets import from_preset, list_presets
from keras_neurovit.presets.store import SHIPPED
from tests.contracts import VOLUMES, run, sample

SMALL = {
    "volume_shape": (8, 12, 20),
    "patch_size": (2, 3, 5),
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 24,
    "mlp_dim": 48,
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"position": "sine"},
        {"class_token": True, "num_register_tokens": 3},
        {"layer_scale": 1e-5, "drop_path": 0.2},
        {"num_channels": 2},
        {"use_bias": False, "dropout": 0.1},
    ],
    ids=lambda o: "-".join(o) or "plain",
)
def test_backbone_saves_loads_and_is_functional(options, tmp_path):
    backbone = vit3d(**SMALL, **options)
    volumes = sample((*VOLUMES[:4], options.get("num_channels", 1)))
    prefix = 4 if "class_token" in options else 0
    assert backbone.output_shape == (None, 64 + prefix, 24)
    assert type(backbone).__name__ == "Functional"
    model = classifier(backbone, 3, pooling="class" if prefix else "mean")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(model, volumes, training=False), run(loaded, volumes, training=False))
    assert model.get_layer("backbone") is backbone


def test_drop_path_grows_with_depth():
    rates = [vit3d(**SMALL | {"num_layers": 3}, drop_path=0.2).get_layer(f"block_{i}").drop_path for i in range(3)]
    np.testing.assert_allclose(rates, [0, 0.1, 0.2])


def test_head_stays_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = classifier(vit3d(**SMALL), 2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"
    assert keras.backend.standardize_dtype(model.get_layer("backbone").output.dtype) == "bfloat16"


def test_probabilities_on_request():
    model = classifier(vit3d(**SMALL), 3, activation="softmax")
    np.testing.assert_allclose(run(model, sample(VOLUMES)).sum(axis=1), 1, atol=1e-6)


def test_unusable_arguments():
    with pytest.raises(InputError, match=r"Pad or crop the volume to \(8, 12, 25\)"):
        vit3d(**SMALL | {"volume_shape": (8, 12, 21)})
    with pytest.raises(InputError, match="num_classes"):
        classifier(vit3d(**SMALL), 0)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("vit3d_tiny", 6_173_760), ("vit3d_small", 22_964_352), ("vit3d_base", 88_396_032), ("vit3d_large", 306_764_800)],
)
def test_sizes_are_data(name, parameters):
    assert name in list_presets()
    values = json.loads((SHIPPED / name / "preset.json").read_text())
    width, depth, mlp = (values["arguments"][key] for key in ("hidden_dim", "num_layers", "mlp_dim"))
    block = 4 * width * (width + 1) + 2 * width * mlp + width + mlp + 4 * width
    if name == "vit3d_tiny":  # the formula is right
        assert from_preset(name, num_classes=0, load_weights=False).count_params() == parameters
    assert depth * block + (16**3 + 1) * width + 252 * width + 2 * width == parameters


def test_published_neuroimage_transformer():
    model = from_preset("vit3d_nit", num_classes=2, load_weights=False)
    assert model.get_layer("backbone").output_shape == (None, 513, 128)
    assert model.get_layer("pooling").kind == "class"


STEM = {"patch_size": (2, 3, 5), "hidden_dim": 4, "num_layers": 1, "num_levels": 2}


def test_a_stem_reaches_as_far_as_its_layers():
    """One voxel touches its own cell and those beside it, and the function is no longer linear in it."""
    sizes = {"num_layers": 0, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}
    model = vit3d((8, 12, 20), (4, 6, 10), stem=STEM, **sizes)
    details = keras.Model(model.input, model.get_layer("details").output)
    volumes = np.random.default_rng(0).normal(size=(1, 8, 12, 20, 1)).astype("float32")
    changed = volumes.copy()
    changed[0, 5, 1, 13] += 1  # cell (2, 0, 2) of a grid of 4 × 4 × 4
    difference = np.abs(keras.ops.convert_to_numpy(details(changed) - details(volumes)))[0].max(axis=-1)
    assert {tuple(cell) for cell in np.argwhere(difference > 0).tolist()} == {
        (2, 0, 2), (1, 0, 2), (3, 0, 2), (2, 1, 2), (2, 0, 1), (2, 0, 3)
    }  # fmt: skip
    assert model.output_shape == (None, 8, 16)
    with pytest.raises(InputError, match="stem patch_size"):
        vit3d((8, 12, 20), (4, 6, 10), stem={**STEM, "patch_size": 4}, **sizes)


def test_heads_of_structures_read_the_stem():
    """Cells of a measuring head see what no token tells them: here tokens are cut off."""
    backbone = vit3d((8, 12, 20), (4, 6, 10), stem=STEM, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
    measured = measurer(backbone, 3, (1.0, 1.0, 1.0), cells=2, with_cells=True)
    head = measured.get_layer("head")
    head.context.kernel.assign(np.zeros(head.context.kernel.shape))
    volumes = np.random.default_rng(0).normal(size=(1, 8, 12, 20, 1)).astype("float32")
    changed = volumes.copy()
    changed[0, 5, 1, 13] += 1
    one, other = (keras.ops.convert_to_numpy(measured(v)["cells"])[0] for v in (volumes, changed))
    told = np.abs(one - other).max(axis=-1) > 0  # the stem hears the cells beside it, and so does the head
    np.testing.assert_array_equal(told, np.abs(np.indices(told.shape).T - [2, 0, 2]).sum(axis=-1).T <= 2)
    assert backbone.output_shape == (None, 8, 16)
    scored = classifier(backbone, 2, pooling="structures", structures={"cells": 2, "means": [0.0], "deviations": [1.0]})
    assert scored.output_shape == (None, 2)
    assert {id(v) for v in backbone.trainable_variables} <= {id(v) for v in scored.trainable_variables}
    again = scored.get_layer("backbone")  # whose second output is the details: it takes another head all the same
    for pooling in ("mean", "structures"):
        arguments = {"structures": {"cells": 2, "means": [0.0], "deviations": [1.0]}} if pooling == "structures" else {}
        other = classifier(again, 3, pooling=pooling, **arguments)
        assert other(volumes).shape == (1, 3)
        assert {id(v) for v in backbone.trainable_variables} <= {id(v) for v in other.trainable_variables}
    with pytest.raises(InputError, match="cells"):
        measurer(backbone, 3, (1.0, 1.0, 1.0), cells=1)


FINER = {"patch_size": 2, "hidden_dim": 4, "num_layers": 1}
TWO_STEMS = {"patch_size": 4, "hidden_dim": 6, "num_layers": 1, "num_levels": 2, "stem": FINER}
TWICE = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32, "stem": TWO_STEMS}


def test_a_stem_may_have_a_stem():
    """Its finest cells hear those beside them, and a measuring head tells shares in these."""
    backbone = vit3d((16, 24, 32), 8, **TWICE)
    finer = keras.Model(backbone.input, backbone.get_layer("finer_details").output)
    volumes = np.random.default_rng(0).normal(size=(1, 16, 24, 32, 1)).astype("float32")
    changed = volumes.copy()
    changed[0, 5, 1, 13] += 1  # cell (2, 0, 6) of a grid of 8 × 12 × 16
    difference = np.abs(keras.ops.convert_to_numpy(finer(changed) - finer(volumes)))[0].max(axis=-1)
    assert {tuple(cell) for cell in np.argwhere(difference > 0).tolist()} == {
        (2, 0, 6), (1, 0, 6), (3, 0, 6), (2, 1, 6), (2, 0, 5), (2, 0, 7)
    }  # fmt: skip
    assert backbone.get_layer("details").output.shape == (None, 4, 6, 8, 6)
    measured = measurer(backbone, 3, (1.0, 1.0, 1.0), cells=4, prior=[0.3, 0.1, 0.02], with_cells=True)
    head = measured.get_layer("head")
    for part in (head.context, head.finer_meaning):  # neither tokens nor coarser cells are asked
        part.kernel.assign(np.zeros(part.kernel.shape))
    one, other = (keras.ops.convert_to_numpy(measured(v)["cells"])[0] for v in (volumes, changed))
    assert one.shape == (8, 12, 16, 3)
    told = np.abs(one - other).max(axis=-1) > 0
    np.testing.assert_array_equal(told, np.abs(np.indices(told.shape).T - [2, 0, 6]).sum(axis=-1).T <= 2)
    assert one[..., 0].mean() > one[..., 1].mean() > one[..., 2].mean()  # as a new head expects
    with pytest.raises(InputError, match="cells"):
        measurer(backbone, 3, (1.0, 1.0, 1.0), cells=2)
    deeper = {**FINER, "stem": {**FINER, "patch_size": 1}}
    with pytest.raises(InputError, match="stem's stem"):
        vit3d((16, 24, 32), 8, **{**TWICE, "stem": {**TWO_STEMS, "stem": deeper}})


def test_finer_cells_are_told_by_the_coarser_around_them():
    """What a finer cell means follows from the coarser one that it lies in, which hears the token around it."""
    backbone = vit3d((16, 24, 32), 8, **{**TWICE, "num_layers": 0})
    head = measurer(backbone, 2, (1.0, 1.0, 1.0), cells=4).get_layer("head")
    random = np.random.default_rng(1)
    seen = [random.normal(size=shape).astype("float32") for shape in ((1, 24, 16), (1, 4, 6, 8, 6), (1, 8, 12, 16, 4))]
    before = keras.ops.convert_to_numpy(head(*seen))
    seen[0][0, 4 * 3 * 1 + 4 * 2 + 3] += 1  # the patch at (1, 2, 3)
    difference = np.abs(keras.ops.convert_to_numpy(head(*seen)) - before).max(axis=(0, 4)) > 0
    assert difference[4:, 8:, 12:].all()
    assert not difference[:1].any()  # coarser cells hear one, finer ones one more: three finer cells at most


@pytest.mark.parametrize(("shape", "patch", "stem"), [((8, 12, 20), (4, 6, 10), STEM), ((16, 24, 32), 8, TWO_STEMS)])
def test_a_model_with_a_stem_travels(tmp_path, shape, patch, stem):
    backbone = vit3d(shape, patch, stem=stem, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
    cells = 4 if "stem" in stem else 2
    told = {"cells": cells, "means": [0.0], "deviations": [1.0]}
    model = classifier(backbone, 2, pooling="structures", structures=told)
    model.save(tmp_path / "model.keras")
    volumes = np.random.default_rng(0).normal(size=(2, *shape, 1)).astype("float32")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(again, volumes), run(model, volumes))
    backbone.trainable = False
    assert len(model.trainable_variables) == len(model.get_layer("structures").trainable_variables) + 2
