"""Gradient checkpointing changes memory, not gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_neurovit import InputError, layers, models

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}


def trained(checkpointing, jit):
    """Weights after two steps of plain gradient descent, from the same start."""
    keras.utils.set_random_seed(0)
    backbone = models.vit3d((8, 12, 20), (4, 6, 10), **SIZES, gradient_checkpointing=checkpointing)
    model = models.classifier(backbone, 2)
    model.compile(
        keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=jit
    )
    before = [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    volumes = np.random.default_rng(0).normal(size=(4, 8, 12, 20, 1)).astype("float32")
    model.fit(volumes, np.array([0, 1, 0, 1]), batch_size=4, epochs=2, verbose=0)
    return before, [ops.convert_to_numpy(v) for v in model.trainable_variables]


@pytest.mark.parametrize("jit", [False, True])
def test_gradients_agree(jit):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("PyTorch runs without a compiler here")
    before, plain = trained(False, jit)
    start, recomputed = trained(True, jit)
    for old, same, one, other in zip(before, start, plain, recomputed, strict=True):
        np.testing.assert_array_equal(old, same)
        np.testing.assert_allclose(other - old, one - old, rtol=1e-3, atol=1e-6)
    assert max(np.abs(one - old).max() for one, old in zip(plain, before, strict=True)) > 1e-2


def test_it_is_computed_again_when_training_alone():
    """The block's inside is called once more than without, for the gradients; not when predicting."""

    def calls(checkpointing):
        block, made = layers.TransformerEncoderBlock(2, 32, gradient_checkpointing=checkpointing), []
        block.build((None, 5, 16))
        inside = block._transform
        block._transform = lambda *arguments: made.append(1) or inside(*arguments)
        model = keras.Sequential([keras.Input((5, 16)), block, keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=keras.backend.backend() == "tensorflow")
        made.clear()
        model.train_on_batch(np.ones((1, 5, 16), "float32"), np.ones((1, 5, 1), "float32"))
        trained = len(made)
        model.predict_on_batch(np.ones((1, 5, 16), "float32"))
        return trained, len(made) - trained

    (plain, _), (again, predicted) = calls(False), calls(True)
    if keras.backend.backend() == "jax":  # which replays a trace, not our Python
        assert again >= plain
    else:
        assert again == plain + 1
    assert predicted == calls(False)[1]


@pytest.mark.parametrize("rate", ["dropout", "attention_dropout", "drop_path"])
def test_nothing_random_is_computed_twice(rate):
    with pytest.raises(InputError, match="rates of 0"):
        layers.TransformerEncoderBlock(2, 32, gradient_checkpointing=True, **{rate: 0.1})
