import keras
import numpy as np
import pytest

from tests.contracts import LAYERS, public_layers, run, sample

each = pytest.mark.parametrize("name", sorted(LAYERS))


def test_no_public_layer_dodges_its_contract():
    assert public_layers() == set(LAYERS)


@each
def test_config_makes_the_same_layer(name):
    make, shape = LAYERS[name]
    layer = make()
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    values = sample(shape)
    run(layer, values), run(twin, values)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        run(layer, values, training=False) if _trains(layer) else run(layer, values),
        run(twin, values, training=False) if _trains(twin) else run(twin, values),
    )


@each
def test_saved_in_a_model_and_loaded(name, tmp_path):
    make, shape = LAYERS[name]
    inputs = keras.Input(shape[1:])
    model = keras.Model(inputs, make()(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(model, sample(shape)), run(loaded, sample(shape)))


@each
def test_symbolic_shape_is_the_real_one(name):
    make, shape = LAYERS[name]
    layer = make()
    symbolic = layer(keras.KerasTensor((None, *shape[1:]))).shape
    assert tuple(symbolic[1:]) == run(layer, sample(shape)).shape[1:]
    assert layer.compute_output_shape((None, *shape[1:])) == tuple(symbolic)


@each
def test_mixed_precision(name):
    make, shape = LAYERS[name]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = make()
        outputs = [layer(keras.ops.cast(sample(shape), "bfloat16"))]
        if _trains(layer):
            outputs.append(layer(keras.ops.cast(sample(shape), "bfloat16"), training=True))
    finally:
        keras.config.set_dtype_policy("float32")
    assert {keras.backend.standardize_dtype(output.dtype) for output in outputs} == {"bfloat16"}
    assert all(weight.dtype == "float32" for weight in layer.trainable_weights)


@each
def test_same_seed_same_result_while_training(name):
    make, shape = LAYERS[name]
    first, second = make(), make()
    if not _trains(first):
        pytest.skip("does the same in training")
    run(first, sample(shape)), run(second, sample(shape))
    second.set_weights(first.get_weights())
    np.testing.assert_array_equal(run(first, sample(shape), training=True), run(second, sample(shape), training=True))


def _trains(layer) -> bool:
    return layer._call_has_training_arg
