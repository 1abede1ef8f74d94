"""What is picked is what is fastest where it runs, and it trains."""

import keras
import numpy as np
import pytest

from keras_neurovit import models, training
from keras_neurovit.training import compiling


def small():
    backbone = models.vit3d((8, 12, 20), (4, 4, 4), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
    return models.classifier(backbone, 2)


@pytest.fixture
def cpu(monkeypatch):
    monkeypatch.setattr(compiling, "_has_accelerator", lambda: False)


def test_small_models_on_a_cpu_get_a_compiler(cpu, capsys):
    model = small()
    choice = training.compile_defaults(model, keras.optimizers.AdamW(1e-3))
    assert choice.jit_compile == {"tensorflow": True, "jax": "auto", "torch": False}[keras.backend.backend()]
    assert choice.dtype == "float32"
    assert model.optimizer.built
    assert f"jit_compile={choice.jit_compile}" in capsys.readouterr().err


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends choose for themselves")
def test_convolutions_do_without_a_compiler(cpu):
    model = models.classifier(models.sfcn((32, 32, 32)), 2)
    assert training.compile_defaults(model, verbose=False).jit_compile is False


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends choose for themselves")
def test_large_models_get_half_precision_where_there_are_instructions_for_it(cpu, monkeypatch):
    monkeypatch.setattr(compiling, "LARGE", 1000)
    for flags, dtype in (("flags: avx2", "float32"), ("flags: avx512_bf16", "mixed_bfloat16")):
        monkeypatch.setattr(compiling, "processor", lambda _, flags=flags: flags)
        model = small()
        choice = training.compile_defaults(model, verbose=False)
        assert choice.dtype == dtype
        assert choice.jit_compile is (dtype == "float32")
        assert model.get_layer("backbone").get_layer("block_0").dtype_policy.name == dtype
        volumes, targets = (
            np.random.default_rng(0).normal(size=(4, 8, 12, 20, 1)).astype("float32"),
            np.array([0, 1, 0, 1]),
        )
        history = model.fit(volumes, targets, epochs=12, verbose=0).history["loss"]
        assert history[-1] < history[0]
        assert keras.backend.standardize_dtype(model(volumes).dtype) == "float32"
        assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert training.compile_defaults(small(), half=False, verbose=False).dtype == "float32"


def test_what_is_asked_for_and_accelerators_stand(monkeypatch):
    assert training.compile_defaults(small(), jit_compile=False, verbose=False).jit_compile is False
    if keras.backend.backend() != "torch":
        monkeypatch.setattr(compiling, "_has_accelerator", lambda: True)
        assert training.compile_defaults(small(), verbose=False).jit_compile == "auto"
