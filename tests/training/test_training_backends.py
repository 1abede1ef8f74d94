"""The same weights from the same schedule on the other backends, each in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_neurovit.training import warmup_anneal

SCRIPT = """
import json, sys
import keras, numpy as np
from keras_neurovit.training import WarmupCosineDecay

class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt

def linear():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.7), "mse")
    return model

def fit(model, *others):
    schedule = WarmupCosineDecay(0.1, 0.75, 3, 0.01, unit="epochs")
    x = np.array(json.loads(sys.argv[1]), "float32")
    data = x, x @ np.array([[1.0], [-2.0], [0.5]], "float32")
    logs = model.fit(*data, batch_size=5, shuffle=False, verbose=0, epochs=3, callbacks=[schedule, *others]).history
    return {"weights": model.get_weights()[0].tolist(), "rates": logs["learning_rate"], "history": schedule.history}

through = fit(linear())
try:
    fit(linear(), keras.callbacks.BackupAndRestore(sys.argv[2]), Stop())
except KeyboardInterrupt:
    pass
continued = fit(linear(), keras.callbacks.BackupAndRestore(sys.argv[2]))
print(json.dumps([keras.backend.backend(), through, continued]))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_weights_move_by_the_schedule_and_a_run_continues(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    command = [sys.executable, "-c", SCRIPT, json.dumps(x.tolist()), str(tmp_path / "backup")]
    run = subprocess.run(
        command, env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    name, through, continued = json.loads(run.stdout.splitlines()[-1])
    assert name == backend

    rates = warmup_anneal(np.arange(12), peak=0.1, warmup=3, total=12, floor=0.01)
    weights, y = np.zeros((3, 1)), x @ np.array([[1.0], [-2.0], [0.5]])
    for number, rate in enumerate(rates):
        rows = slice(number % 4 * 5, number % 4 * 5 + 5)
        weights -= rate * 2 / 5 * x[rows].T @ (x[rows] @ weights - y[rows])
    assert through["history"] == [[step, rate] for step, rate in enumerate(rates)]
    assert through["rates"] == rates[[3, 7, 11]].tolist()
    np.testing.assert_allclose(through["weights"], weights, rtol=1e-5)
    assert continued["rates"] == through["rates"][2:]
    np.testing.assert_allclose(continued["weights"], through["weights"], rtol=1e-6)
