"""Two devices make the steps that one makes, on each backend that can."""

import importlib.util
import json
import os
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.data import distributed
from keras_neurovit.data.distribute import even_size

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
        jit = None if keras.backend.backend() == "jax" else False  # on one device too, or rounding differs
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


def run_on_two_devices(script, backend, *arguments):
    """What a script prints in a process that has two CPU devices."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    flags = {
        "KERAS_BACKEND": backend,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "CUDA_VISIBLE_DEVICES": "",
    }
    call = [sys.executable, "-c", script, *map(str, arguments)]
    run = subprocess.run(call, env=os.environ | flags, capture_output=True, text=True, timeout=400, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_make_the_steps_of_one(backend, tmp_path):
    stdout = run_on_two_devices(SCRIPT, backend, tmp_path)
    name, (one, alone, _), (two, shared, _), *options = json.loads(stdout.splitlines()[-1])
    assert (name, one, two, len(alone)) == (backend, 1, 2, 20)
    np.testing.assert_allclose(shared, alone, atol=1e-4)
    assert alone[-1] < alone[9] - 1e-3  # the second epoch's mean, and the first's
    (_, alone, weights), (_, shared, averages) = options  # accumulated batches where they can be, averaged weights
    np.testing.assert_allclose(shared, alone, atol=1e-4)
    for one, two in zip(weights, averages, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-4)


WHOLE = """
import sys
import keras, nibabel, numpy as np
import tensorflow as tf
if keras.backend.backend() == "tensorflow":
    one = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [one, one])
from keras_neurovit import InputError, read_csv, train_on_cohort
from keras_neurovit.training import Options

folder, random, rows = sys.argv[1], np.random.default_rng(0), ["path,participant_id,sex"]
for person in range(24):
    head = 10 + person % 2 + random.random((40, 40, 40), "float32")
    head[:10] = head[-10:] = head[:, :10] = head[:, -10:] = head[..., :10] = head[..., -10:] = 0
    nibabel.save(nibabel.Nifti1Image(head, np.diag([5.0, 5, 5, 1])), f"{folder}/{person}.nii.gz")
    rows.append(f"{folder}/{person}.nii.gz,p{person},{'FM'[person % 2]}")
open(f"{folder}/cohort.csv", "w").write("\\n".join(rows))
cohort = read_csv(f"{folder}/cohort.csv", "sex")
how = {"epochs": 2, "batch_size": 4, "peak": 1e-3, "augmentation": "none", "verbose": 0}
how |= {"brain_extracted": True, "cache": f"{folder}/cache"}
how |= {"options": Options(clipnorm=None), "fractions": (0.5, 0.21, 0.29)}  # those watched are no multiple of two
alone, shared = (train_on_cohort(cohort, sys.argv[2], f"{folder}/{n}", devices=n, **how) for n in (1, 2))
for one, two in zip(alone.history, shared.history, strict=True):
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, atol=1e-3, err_msg=name)
np.testing.assert_allclose(shared.probabilities, alone.probabilities, atol=1e-3)
assert len(alone.history) == 2 and len(alone.probabilities) == 7, alone
try:
    train_on_cohort(cohort, sys.argv[2], f"{folder}/odd", devices=2, **how | {"batch_size": 5})
except InputError as error:
    assert "a multiple of 2 devices" in str(error), error
else:
    raise AssertionError("shared five among two")
print("found what one device finds")
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_whole_experiment_on_two_devices(backend, small_preset, tmp_path):
    assert "found what one device finds" in run_on_two_devices(WHOLE, backend, tmp_path, small_preset.folder)


WORKER = """
import json, sys
import keras, numpy as np
worker, workers, address, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
if workers > 1:
    keras.distribution.initialize(",".join([address] * workers), workers, worker)
import tensorflow as tf
from keras_neurovit.data import distributed
from keras_neurovit.models import classifier, vit3d
from keras_neurovit.training import finetune

keras.utils.set_random_seed(1)
random = np.random.default_rng(0)
volumes, labels = random.normal(size=(40, 4, 6, 10, 1)).astype("float32"), np.arange(40) % 2
own = np.arange(40).reshape(10, workers, -1)[:, worker].ravel()  # of every batch of four its part
with distributed() as count:
    assert count == workers
    backbone = vit3d((4, 6, 10), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16)
    batches = tf.data.Dataset.from_tensor_slices((volumes[own], labels[own])).batch(4 // workers)
    how = {"epochs": 2, "peak": 3e-3, "warmup_epochs": 0.5, "verbose": 0}
    history = finetune(classifier(backbone, 2), batches, folder=f"{folder}/{workers}_{worker}", **how)
print(json.dumps([row["loss"] for row in history]))
"""


def test_two_processes_make_the_steps_of_one(tmp_path):
    pytest.importorskip("jax")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    flags = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "", "CUDA_VISIBLE_DEVICES": ""}
    started = []
    for worker, workers in ((0, 1), (0, 2), (1, 2)):
        call = [sys.executable, "-c", WORKER, str(worker), str(workers), address, str(tmp_path)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(call, env=os.environ | flags, **pipes))
    told = [run.communicate(timeout=400) for run in started]
    assert [run.returncode for run in started] == [0, 0, 0], told
    alone, first, second = (json.loads(stdout.splitlines()[-1]) for stdout, _ in told)
    np.testing.assert_allclose(first, alone, atol=1e-4)
    np.testing.assert_allclose(second, alone, atol=1e-4)


@pytest.mark.parametrize("scans", [2, 3, 5, 8, 13])
def test_sizes_of_batches_that_devices_can_share(scans):
    size = even_size(6, scans, 2)
    first, last = min(size, scans), scans % size or size
    assert 1 <= size <= 6
    if keras.backend.backend() == "tensorflow":
        assert first % 2 == 0
    else:  # all batches are shared out, or none is
        assert (first % 2 == 0 and last % 2 == 0) or size % 2
    assert even_size(6, scans, 1) == 6


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="has no such devices")
def test_more_devices_than_there_are():
    with pytest.raises(InputError, match=r"not so many devices \(expected 1 to \d+ .*received 99\)"), distributed(99):
        pass
