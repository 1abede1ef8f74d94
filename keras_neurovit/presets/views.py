"""What a model says of a volume, as the mean over several views of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras
import numpy as np

_STEPS = np.eye(3, dtype=int)
MOVES = {1: np.zeros((1, 3), int), 7: np.vstack([0 * _STEPS[:1], _STEPS, -_STEPS])}
"""By how many voxels a volume is moved along each axis, for each number of views that a preset may ask for."""


def mean_over_views(say: Callable, volumes: np.ndarray, views: int) -> np.ndarray:
    """What is said of volumes, on average over views: where they lie, and moved by one voxel both ways along each axis.

    What a model says depends a little on where the borders of its patches cut a brain: seven cuts tell more than one.

    Shape: (batch, x, y, z, channel) → (batch, output)

    Args:
        say: from volumes to a tensor (batch, output), for example a model.
        volumes: as the model reads them.
        views: 1 or 7, `Preset.views`.

    Example:
        >>> ramp = np.arange(5.0).reshape(1, 5, 1, 1, 1)
        >>> first = mean_over_views(lambda volumes: volumes[:, 0, 0, 0], ramp, 7)  # one view of seven saw a 1
        >>> round(7 * float(first[0, 0]), 3)
        1.0
    """
    edges = np.pad(volumes, ((0, 0), (1, 1), (1, 1), (1, 1), (0, 0)), mode="edge")
    boxes = [
        edges[(slice(None), *(slice(1 + i, 1 + i + n) for i, n in zip(move, volumes.shape[1:4], strict=True)))]
        for move in MOVES[views]
    ]
    said = keras.ops.convert_to_numpy(say(np.concatenate(boxes).astype("float32")))
    return said.reshape(len(boxes), len(volumes), -1).mean(axis=0)


def probabilities_of(model: keras.Model, batches: Iterable, views: int) -> np.ndarray:
    """Probabilities of all scans in batches, each the mean over views.

    Shape: → (scan, label)

    Args:
        model: tells logits.
        batches: of (volumes, …), as `make_dataset` gives them.
        views: as `mean_over_views`.

    Example:
        >>> still = keras.Sequential([keras.Input((4, 4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
        >>> probabilities_of(still, [(np.ones((3, 4, 4, 4, 1)), np.zeros(3))], 7).shape
        (3, 2)
    """

    def say(volumes):
        return keras.ops.softmax(model(volumes, training=False))

    return np.concatenate([mean_over_views(say, np.asarray(volumes), views) for volumes, *_ in batches])
