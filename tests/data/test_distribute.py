"""Two devices make the steps that one makes, on each backend that can."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.data import distributed

SCRIPT = """
import json, sys
import keras, numpy as np
import tensorflow as tf
from keras_neurovit import InputError
if keras.backend.backend() == "tensorflow":
    one = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [one, one])
from keras_neurovit.data import distributed
from keras_neurovit.models import classifier, vit3d
from keras_neurovit.training import Options, finetune

class Losses(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.all = []
    def on_train_batch_end(self, batch, logs=None):
        self.all.append(float(logs["loss"]))

def train(devices, **more):
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(0)
    volumes, labels = random.normal(size=(40, 4, 6, 10, 1)).astype("float32"), np.arange(40) % 2
    with distributed(devices) as count:
        backbone = vit3d((4, 6, 10), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16)
        batches, losses = tf.data.Dataset.from_tensor_slices((volumes, labels)).batch(4), Losses()
        jit = None if keras.backend.backend() == "jax" else False  # without it JAX would send off each operation alone
        how = {"epochs": 2, "peak": 3e-3, "warmup_epochs": 0.5, "verbose": 0, "jit_compile": jit}
        model = classifier(backbone, 2)
        options, folder = Options(clipnorm=None, **more), f"{sys.argv[1]}/{devices}{len(more)}"
        finetune(model, batches, folder=folder, callbacks=[losses], options=options, **how)
        if not more and devices == 2 and keras.backend.backend() == "tensorflow":
            for wrong in ({}, {"clipnorm": None, "accumulate": 2}, {"clipnorm": None, "sharpness": 0.1}):
                try:
                    finetune(model, batches, folder=f"{sys.argv[1]}/wrong", options=Options(**wrong), **how)
                except InputError as error:
                    assert (list(wrong) or ["clipnorm"])[-1] in str(error), error
                else:
                    raise AssertionError("by each device apart")
        return count, losses.all, [keras.ops.convert_to_numpy(weight).tolist() for weight in model.weights]

both = {"ema": 0.8} if keras.backend.backend() == "tensorflow" else {"accumulate": 2, "ema": 0.8}
print(json.dumps([keras.backend.backend(), train(1), train(2), train(1, **both), train(2, **both)]))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_make_the_steps_of_one(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    flags = {
        "KERAS_BACKEND": backend,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "CUDA_VISIBLE_DEVICES": "",
    }
    call = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    run = subprocess.run(call, env=os.environ | flags, capture_output=True, text=True, timeout=400, check=False)
    assert run.returncode == 0, run.stderr
    name, (one, alone, _), (two, shared, _), *options = json.loads(run.stdout.splitlines()[-1])
    assert (name, one, two, len(alone)) == (backend, 1, 2, 20)
    np.testing.assert_allclose(shared, alone, atol=1e-4)
    assert alone[-1] < alone[9] - 1e-3  # the second epoch's mean, and the first's
    (_, alone, weights), (_, shared, averages) = options  # accumulated batches where they can be, averaged weights
    np.testing.assert_allclose(shared, alone, atol=1e-4)
    for one, two in zip(weights, averages, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="has no such devices")
def test_more_devices_than_there_are():
    with pytest.raises(InputError, match=r"not so many devices \(expected 1 to \d+ .*received 99\)"), distributed(99):
        pass
