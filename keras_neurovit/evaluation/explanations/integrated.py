"""Explanations by gradients along the way from a volume without information to the scan's."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from keras_neurovit import _checks
from keras_neurovit._checks import InputError
from keras_neurovit.evaluation.explanations.gradients import input_gradients

TOGETHER = 32  # steps whose volumes are held at once


def integrated_gradients(
    model: keras.Model,
    volume: np.ndarray,
    score: Callable,
    *,
    baseline: np.ndarray | None = None,
    steps: int = 32,
    batch_size: int = 4,
) -> np.ndarray:
    """What each voxel contributes to the score of a volume beyond that of a baseline.

    Contributions sum to the difference of the two scores, but for the finite number of steps.

    Shape: (x, y, z, 1) → (x, y, z), float32

    Args:
        model: of volumes.
        volume: conformed.
        score: from the model's outputs to one number a row, (batch, 1).
        baseline: a volume to compare with, such as the same person's earlier scan on the same voxels; None for one of
            background all over.
        steps: gradients along the way.
        batch_size: at a time.

    Raises:
        InputError: a baseline of another shape, or no step.

    Source: Sundararajan et al. 2017 (arXiv 1703.01365), equations 1 and 3, by the midpoint rule.

    Example:
        >>> volumes = keras.Input((2, 3, 4, 1))
        >>> model = keras.Model(volumes, keras.ops.sum(volumes**2, axis=(1, 2, 3)))
        >>> volume = np.zeros((2, 3, 4, 1)); volume[1, 2, 3] = 5
        >>> float(integrated_gradients(model, volume, lambda outputs: outputs, steps=4).sum())
        25.0
    """
    _checks.between("steps", steps, 1, 10_000)
    volume = np.asarray(volume, "float32")
    baseline = np.full_like(volume, volume.min()) if baseline is None else np.asarray(baseline, "float32")
    if baseline.shape != volume.shape:
        raise InputError("baseline does not fit the volume", volume.shape, baseline.shape)
    total = np.zeros_like(volume)
    together = batch_size * max(TOGETHER // batch_size, 1)
    for first in range(0, steps, together):  # each call builds its probe anew
        shares = (np.arange(first, min(first + together, steps), dtype="float32") + 0.5) / steps
        rows = baseline + shares.reshape(-1, 1, 1, 1, 1) * (volume - baseline)
        total += input_gradients(model, [rows], score, batch_size=batch_size)[0]
    return ((volume - baseline) * total / steps)[..., 0]
