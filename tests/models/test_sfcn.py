import itertools

import keras
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.models import classifier, sfcn
from keras_neurovit.presets import from_preset
from tests.contracts import run, sample

SMALL = {"volume_shape": (8, 12, 20), "channels": (3, 5, 7)}  # two poolings: (2, 3, 5)
SHAPE = (4, 8, 12, 20, 1)


def trained(model: keras.Model) -> keras.Model:
    """The model after two steps, which move the running statistics."""
    model.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    volumes = sample((4, *model.input_shape[1:])) * 3 + 1
    model.fit(volumes, np.arange(4) % model.output_shape[-1], batch_size=2, epochs=1, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("pooling", ["mean", "attention", "blocks"])
def test_saves_loads_with_its_running_statistics(pooling, tmp_path):
    backbone = sfcn(**SMALL)
    assert backbone.output_shape == (None, 30, 7)
    assert type(backbone).__name__ == "Functional"
    model = trained(classifier(backbone, 3, pooling=pooling, dropout=0.5))
    assert np.abs(backbone.get_layer("norm_0").get_weights()[2]).min() > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(model, sample(SHAPE), training=False), run(loaded, sample(SHAPE), training=False))


def test_blocks_are_convolution_norm_maximum_relu():
    backbone, volumes = trained(classifier(sfcn(**SMALL), 2)).get_layer("backbone"), sample(SHAPE)
    features = volumes
    for index, size in enumerate((3, 3, 1)):
        kernel, bias = backbone.get_layer(f"convolution_{index}").get_weights()
        gamma, beta, mean, variance = backbone.get_layer(f"norm_{index}").get_weights()
        features = keras.ops.conv(features, kernel, padding="same", data_format="channels_last")
        features = keras.ops.convert_to_numpy(features) + bias
        features = (features - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        if size == 3:
            n, x, y, z, c = features.shape
            features = features.reshape(n, x // 2, 2, y // 2, 2, z // 2, 2, c).max(axis=(2, 4, 6))
        features = np.maximum(features, 0)
        assert kernel.shape[:3] == (size,) * 3
    np.testing.assert_allclose(run(backbone, volumes, training=False), features.reshape(4, 30, 7), atol=1e-4)


def test_predicting_ignores_the_rest_of_the_batch_and_draws_nothing():
    model, volumes = trained(classifier(sfcn(**SMALL), 2, dropout=0.5)), sample(SHAPE)
    whole = run(model, volumes, training=False)
    np.testing.assert_array_equal(whole, run(model, volumes, training=False))
    np.testing.assert_allclose(whole[1:2], run(model, volumes[1:2], training=False), atol=1e-5)
    assert np.abs(whole - run(model, volumes, training=True)).max() > 1e-3


def test_eager_is_compiled():
    model = classifier(sfcn(**SMALL), 3)
    np.testing.assert_allclose(
        model.predict(sample(SHAPE), verbose=0), run(model, sample(SHAPE), training=False), atol=1e-5
    )


def test_configuration_makes_the_same_model():
    model = classifier(sfcn(**SMALL, num_channels=2), 3)
    twin = keras.Model.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    volumes = sample((*SHAPE[:4], 2))
    np.testing.assert_array_equal(run(model, volumes, training=False), run(twin, volumes, training=False))


def test_mixed_precision_but_for_statistics_and_head():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = classifier(sfcn(**SMALL), 2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"
    assert keras.backend.standardize_dtype(model.get_layer("backbone").output.dtype) == "bfloat16"
    assert {keras.backend.standardize_dtype(w.dtype) for w in model.weights} == {"float32"}
    assert np.isfinite(run(trained(model), sample(SHAPE), training=False)).all()


def test_frozen_backbone_keeps_its_statistics():
    model = classifier(sfcn(**SMALL), 2)
    model.get_layer("backbone").trainable = False
    before = [w.copy() for w in model.get_layer("backbone").get_weights()]
    for a, b in zip(before, trained(model).get_layer("backbone").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_unusable_arguments():
    message = r"halved 5 times \(expected 32 or more.*Pad the volume to \(64, 32, 33\)"
    with pytest.raises(InputError, match=message):
        sfcn((64, 31, 33))
    for channels in ((), (3, 0, 7), (3, 2.5)):
        with pytest.raises(InputError, match="channels are unusable"):
            sfcn((8, 12, 20), channels)


def test_published_size():
    backbone = from_preset("sfcn_base", num_classes=0, load_weights=False)
    widths = (1, 32, 64, 128, 256, 256, 64)
    kernels = sum(a * b * (27 if i < 5 else 1) for i, (a, b) in enumerate(itertools.pairwise(widths)))
    assert backbone.count_params() == kernels + 5 * sum(widths[1:])  # a bias and four numbers of the norm each
    assert backbone.output_shape == (None, 2 * 2 * 2, 64)
    assert sfcn((160, 192, 160)).output_shape == (None, 5 * 6 * 5, 64)  # what the authors average over
