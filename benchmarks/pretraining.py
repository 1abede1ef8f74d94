"""Core-seconds an image of masked pre-training and of supervised training of the same encoder: tiny at 96×112×96.

Of cores and not of clocks, which other work on the machine would disturb.
"""

from __future__ import annotations

import time

import keras
import numpy as np

from benchmarks.timing import alternate
from keras_neurovit import models, training

SHAPE, PATCH = (96, 112, 96), (16, 16, 16)
TINY = {"num_layers": 12, "num_heads": 3, "hidden_dim": 192, "mlp_dim": 768}


def run(options) -> dict:
    """Core-seconds an image of both, and their ratio."""
    volumes = np.random.default_rng(0).normal(size=(options.batch, *SHAPE, 1)).astype("float32")
    supervised = models.classifier(models.vit3d(SHAPE, PATCH, **TINY), 2)
    masked = models.masked_autoencoder(models.vit3d(SHAPE, PATCH, **TINY))
    losses = {supervised: None, masked: training.MaskedPatchLoss(PATCH)}
    for model, loss in losses.items():
        training.compile_defaults(model, keras.optimizers.AdamW(1e-4), loss, half=False, verbose=False)
    works = {
        "supervised": lambda: supervised.train_on_batch(volumes, np.arange(options.batch) % 2),
        "masked": lambda: masked.train_on_batch(volumes, volumes),
    }
    seconds = alternate(works, options.rounds, clock=time.process_time, warm=2)
    found = {"batch": options.batch, "backend": keras.backend.backend()}
    found |= {f"{name}_core_seconds_per_image": round(s / options.batch, 3) for name, s in seconds.items()}
    return found | {"ratio": round(seconds["supervised"] / seconds["masked"], 2)}
