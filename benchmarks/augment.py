"""Augmentation of one 96³ volume, in core-seconds: the pipeline's way against peers'."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from benchmarks import peers
from benchmarks.timing import alike, alternate, milliseconds, one_thread, ratios
from keras_neurovit._memory import keep_freed_memory
from keras_neurovit.augmentation import (
    RandomAffine3D,
    RandomAnisotropy3D,
    RandomBiasField3D,
    RandomBlur3D,
    RandomCutout3D,
    RandomElastic3D,
    RandomGamma3D,
    RandomGhosting3D,
    RandomNoise3D,
    policy,
)
from keras_neurovit.data.pipeline import augmenter

SHAPE = (96, 96, 96, 1)


def ours(layers):
    """One volume after another through a compiled pipeline, each with its own seed."""
    run = tf.function(augmenter(layers, SHAPE), input_signature=[tf.TensorSpec(SHAPE), tf.TensorSpec((), tf.int32)])
    volume, seeds = tf.constant(head()), iter(range(1, 1 << 30))
    return lambda: run(volume, tf.constant(next(seeds))).numpy()


def head() -> np.ndarray:
    """A smooth head on a flat ground."""
    grid = np.indices(SHAPE[:3]).astype("float32") - 47.5
    inside = (grid[0] / 34) ** 2 + (grid[1] / 42) ** 2 + (grid[2] / 36) ** 2 < 1
    texture = np.sin(grid[0] / 5) * np.cos(grid[1] / 7) + np.sin(grid[2] / 4)
    return np.where(inside, texture, -2.5).astype("float32")[..., None]


def run(options) -> dict:
    """Milliseconds and ratios of `standard`, and of it with elastic deformation and blur."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    keep_freed_memory()  # as `make_dataset` does; it is for peers too
    more = [RandomElastic3D(3.0), RandomBlur3D(0.8, rate=1.0)]
    chains = {
        "standard": (policy("standard"), False),
        "standard_elastic_blur": ([*policy("standard")[:1], *more, *policy("standard")[1:]], True),
    }
    found = {}
    with one_thread():
        for name, (layers, strong) in chains.items():
            works = {"ours": ours(layers), **peers.augmenting(head(), strong)}
            for who, work in works.items():
                volume = np.asarray(work())
                assert volume.size == np.prod(SHAPE), f"{who} makes another shape"
                assert np.isfinite(volume).all(), f"{who} makes numbers that are not finite"
                likeness = alike(volume.reshape(SHAPE[:3]), head()[..., 0])
                assert likeness > 0.5, f"{who} makes another head: correlation {likeness:.2f}"
            seconds = alternate(works, options.rounds, calls=4)  # as an epoch does, one volume after another
            found[name] = milliseconds(seconds) | ratios(seconds)
        single = [
            RandomAffine3D(8.0, 0.03, 3.0), RandomElastic3D(3.0), RandomGamma3D(), RandomBiasField3D(), RandomNoise3D(),
            RandomBlur3D(rate=1.0), RandomAnisotropy3D(rate=1.0), RandomGhosting3D(rate=1.0), RandomCutout3D(rate=1.0),
        ]  # fmt: skip
        works = {type(layer).__name__: ours([layer]) for layer in single}
        found["each_layer"] = milliseconds(alternate(works, options.rounds, calls=4))
    return found
