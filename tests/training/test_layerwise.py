"""Layer-wise rates: the deeper, the slower, through a whole schedule."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_neurovit import InputError, models, training

SIZES = {"num_layers": 3, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return models.classifier(models.vit3d((8, 12, 20), (4, 6, 10), **SIZES, class_token=True), 2)


def test_each_depth_moves_by_its_rate(model):
    optimizer = training.layerwise_adamw(model, 1e-2, 0.5, weight_decay=0.0, clipnorm=None)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    volumes = np.random.default_rng(0).normal(size=(4, 8, 12, 20, 1)).astype("float32")
    model.fit(volumes, np.array([0, 1, 1, 0]), epochs=1, verbose=0)
    moved = {}  # Adam's first step is the rate itself, wherever there is a gradient
    for variable, old in zip(model.trainable_variables, before, strict=True):
        moved[variable.path] = np.abs(ops.convert_to_numpy(variable) - old).max()

    def of(part):
        return [size for path, size in moved.items() if part in path]

    for part, rate in (("head", 1e-2), ("block_2", 5e-3), ("block_1", 2.5e-3), ("block_0", 1.25e-3)):
        assert max(of(part)) == pytest.approx(rate, rel=0.05), part
    for part in ("patch_embedding", "position_embedding", "prefix_tokens"):
        assert max(of(part)) == pytest.approx(6.25e-4, rel=0.05), part


def test_the_schedule_keeps_the_ratios(model):
    optimizer = training.layerwise_adamw(model, 1e-3, 0.5)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    volumes, targets = np.zeros((8, 8, 12, 20, 1), "float32"), np.zeros(8, int)
    schedule = training.WarmupCosineDecay(1e-3, warmup=2, total=8)
    model.fit(volumes, targets, batch_size=2, epochs=1, verbose=0, callbacks=[schedule])
    rates = [float(ops.convert_to_tensor(part.learning_rate)) for part in optimizer.optimizers]
    assert max(rates) == pytest.approx(schedule.history[-1][1], rel=1e-5)
    assert sorted(rate / max(rates) for rate in rates) == pytest.approx([1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0], rel=1e-5)


def test_weight_decay_spares_vectors(model):
    optimizer = training.layerwise_adamw(model, 1e-2, 1.0, weight_decay=0.5)
    names = {v.path: part._use_weight_decay(v) for part in optimizer.optimizers for v in part._trainable_variables}
    assert len(names) == len(model.trainable_variables)
    assert not any(used for path, used in names.items() if path.endswith(("bias", "gamma", "beta", "table", "tokens")))
    assert all(used for path, used in names.items() if path.endswith("kernel"))


def test_models_without_blocks_are_refused(model):
    with pytest.raises(InputError, match="encoder blocks"):
        training.layerwise_adamw(models.classifier(models.sfcn((32, 40, 36), channels=(2,) * 6), 2), 1e-3, 0.8)
    with pytest.raises(InputError, match="layer_decay"):
        training.layerwise_adamw(model, 1e-3, 1.5)


def test_a_head_alone_has_no_layers_to_decay_over(model, tmp_path):
    how = {"folder": tmp_path, "epochs": 1, "strategy": "head", "options": training.Options(layer_decay=0.5)}
    with pytest.raises(InputError, match="layer_decay has no block that trains"):
        training.finetune(model, [], verbose=0, jit_compile=False, **how)
