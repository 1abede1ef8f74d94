"""How long a person waits: for `--help`, and from a cold process to the first probability."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np

from benchmarks.timing import alternate, ratios
from keras_neurovit import from_preset, load_preset

BARE = """
import sys, numpy as np, nibabel, keras
import keras_neurovit.layers  # the model's own, which any script that loads it must know
model = keras.models.load_model(sys.argv[1], compile=False)
scan = nibabel.load(sys.argv[2]).get_fdata(dtype="float32")
volume = np.zeros(model.input_shape[1:], "float32")
cut = tuple(slice(0, min(a, b)) for a, b in zip(scan.shape, volume.shape[:3]))
volume[cut + (0,)] = (scan[cut] - scan.mean()) / scan.std()
print(keras.ops.convert_to_numpy(keras.ops.softmax(model(volume[None], training=False))))
"""


def run(options) -> dict:
    """Seconds by the clock, medians; the bare script loads the same model as Keras itself saved it."""
    preset = load_preset("vit3d_ad")
    with tempfile.TemporaryDirectory() as name:
        model, scan, script = (Path(name) / file for file in ("model.keras", "scan.nii.gz", "bare.py"))
        from_preset(preset, verbose=False).save(model)
        voxels = np.random.default_rng(0).random(preset.volume.shape, "float32")
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([*preset.volume.spacing_mm, 1.0])), scan)
        script.write_text(BARE, encoding="utf-8")
        ours = [sys.executable, "-m", "keras_neurovit.cli"]
        calls = {
            "help": [*ours, "--help"],
            "ours": [*ours, "predict", str(scan), "--preset", preset.name, "--json"],
            "bare_keras": [sys.executable, str(script), str(model), str(scan)],
        }
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        works = {
            what: lambda call=call: subprocess.run(call, check=True, capture_output=True, env=environment)
            for what, call in calls.items()
        }
        seconds = alternate(works, options.rounds, clock=time.perf_counter)
    found = {f"{what}_s": round(value, 3) for what, value in seconds.items()}
    return found | {"ours_over_bare_keras": ratios(seconds, "bare_keras")["ours_over_bare_keras"]}
