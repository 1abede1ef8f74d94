import keras
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.models import classifier, minit3d, vit3d
from keras_neurovit.presets import from_preset
from tests.contracts import VOLUMES, run, sample

SMALL = {
    "volume_shape": (8, 12, 20),
    "block_size": (4, 6, 10),
    "patch_size": (2, 3, 5),
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 24,
    "mlp_dim": 48,
}


@pytest.mark.parametrize(
    "options",
    [{}, {"num_channels": 2}, {"drop_path": 0.2, "dropout": 0.1, "attention_dropout": 0.1}],
    ids=lambda o: "-".join(o) or "plain",
)
@pytest.mark.parametrize("pooling", ["blocks", "mean", "attention"])
def test_saves_loads_and_is_functional(options, pooling, tmp_path):
    backbone = minit3d(**SMALL, **options)
    assert backbone.output_shape == (None, 8, 24)
    assert type(backbone).__name__ == "Functional"
    volumes = sample((*VOLUMES[:4], options.get("num_channels", 1)))
    model = classifier(backbone, 3, pooling=pooling)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(model, volumes, training=False), run(loaded, volumes, training=False))
    assert model.get_layer("backbone") is backbone


def test_configuration_makes_the_same_model():
    model = classifier(minit3d(**SMALL), 3, pooling="blocks")
    twin = keras.Model.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(run(model, sample(VOLUMES)), run(twin, sample(VOLUMES)))


def test_one_voxel_touches_one_block_of_one_volume():
    backbone = minit3d(**SMALL | {"volume_shape": (8, 18, 40)})  # grid (2, 3, 4)
    volumes = sample((2, 8, 18, 40, 1))
    before = run(backbone, volumes)
    for x, y, z in ((0, 0, 0), (7, 17, 39), (3, 6, 20), (4, 11, 9), (5, 13, 31)):
        changed = volumes.copy()
        changed[1, x, y, z] += 5
        touched = np.argwhere(np.abs(run(backbone, changed) - before).max(axis=-1) > 1e-6)
        assert touched.tolist() == [[1, (x // 4) * 12 + (y // 6) * 4 + z // 10]]


def test_blocks_share_one_transformer_and_differ_by_their_embedding():
    backbone, volumes = minit3d(**SMALL), np.tile(sample((2, 4, 6, 10, 1)), (1, 2, 2, 2, 1))  # eight times one block
    features = run(backbone, volumes)
    assert np.abs(features[:, 1:] - features[:, :1]).max(axis=(0, 2)).min() > 1e-5
    table = backbone.get_layer("block_embedding").table
    table.assign(np.zeros(table.shape))
    features = run(backbone, volumes)
    np.testing.assert_allclose(features, np.broadcast_to(features[:, :1], features.shape), atol=1e-5)


def test_a_block_is_what_a_plain_transformer_sees():
    """Without block embeddings, each block's feature is the class token of a ViT over that block."""
    backbone, volumes = minit3d(**SMALL), sample(VOLUMES)
    table = backbone.get_layer("block_embedding").table
    table.assign(np.zeros(table.shape))
    single = {key: value for key, value in SMALL.items() if key != "block_size"} | {"volume_shape": (4, 6, 10)}
    plain = vit3d(**single, class_token=True)
    plain.set_weights([w for v, w in zip(backbone.weights, backbone.get_weights(), strict=True) if v is not table])
    block = volumes[:, 4:, :6, 10:]  # the sixth
    np.testing.assert_allclose(run(backbone, volumes)[:, 5], run(plain, block)[:, 0], atol=1e-5)


def test_eager_is_compiled():
    model = classifier(minit3d(**SMALL), 3, pooling="blocks")
    np.testing.assert_allclose(model.predict(sample(VOLUMES), verbose=0), run(model, sample(VOLUMES)), atol=1e-5)


def test_every_weight_learns_while_training():
    model = classifier(minit3d(**SMALL, dropout=0.1, drop_path=0.1), 2, pooling="blocks")
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [w.copy() for w in model.get_weights()]
    model.fit(sample(VOLUMES), np.array([0, 1]), batch_size=2, epochs=1, verbose=0)
    still = [v.path for v, a, b in zip(model.weights, before, model.get_weights(), strict=True) if np.array_equal(a, b)]
    assert [path for path in still if not path.endswith("key/bias")] == []  # softmax does not see a bias of the keys


def test_mixed_precision_but_for_the_head():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = classifier(minit3d(**SMALL), 2, pooling="blocks")
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"
    assert keras.backend.standardize_dtype(model.get_layer("head").block_scores.compute_dtype) == "float32"
    assert keras.backend.standardize_dtype(model.get_layer("backbone").output.dtype) == "bfloat16"
    assert {keras.backend.standardize_dtype(w.dtype) for w in model.weights} == {"float32"}
    assert np.isfinite(run(model, sample(VOLUMES))).all()


def test_mean_pooling_is_over_all_blocks():
    backbone = minit3d(**SMALL)
    pooled = keras.Model(backbone.input, classifier(backbone, 2).get_layer("pooling")(backbone.output))
    np.testing.assert_allclose(
        run(pooled, sample(VOLUMES)), run(backbone, sample(VOLUMES)).mean(axis=1), rtol=1e-4, atol=1e-6
    )


def test_unusable_arguments():
    with pytest.raises(InputError, match=r"Pad or crop the volume to \(8, 12, 30\), or choose another block_size"):
        minit3d(**SMALL | {"volume_shape": (8, 12, 25)})
    with pytest.raises(InputError, match=r"block_size is not divisible by patch_size.*Choose block_size \(6, 6, 10\)"):
        minit3d(**SMALL | {"patch_size": (3, 3, 5)})
    with pytest.raises(InputError, match="class token"):
        classifier(minit3d(**SMALL), 2, pooling="class")
    with pytest.raises(InputError, match="takes no class or register tokens"):
        classifier(vit3d((4, 6, 10), (2, 3, 5), 1, 2, 24, 48, class_token=True), 2, pooling="blocks")
    with pytest.raises(InputError, match="Did you mean 'blocks'"):
        classifier(minit3d(**SMALL), 2, pooling="block")


@pytest.mark.parametrize(("name", "blocks"), [("minit3d_tiny", 80), ("minit3d_base", 64)])
def test_sizes_are_data(name, blocks):
    model = from_preset(name, num_classes=2, load_weights=False)
    backbone, head = model.get_layer("backbone"), model.get_layer("head")
    width, mlp, depth = (64, 128, 4) if name == "minit3d_tiny" else (512, 309, 6)
    block = 4 * width * (width + 1) + 2 * width * mlp + width + mlp + 4 * width
    tables = 64 * width + blocks * width + width  # patches' places, blocks' places, class token
    assert backbone.count_params() == depth * block + (4**3 + 1) * width + tables + 2 * width
    assert head.count_params() == 2 * (width + 1) + 2 * (2 * blocks + 1)
