"""Explanations by what a score loses when a part of the volume is blurred away."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import keras
import numpy as np
from keras import ops
from scipy import ndimage

from keras_neurovit import _checks
from keras_neurovit._checks import InputError

BLUR = 0.5  # of a box's edge, as standard deviation: form is lost, brightness stays


def occlusion(
    model: keras.Model,
    volume: np.ndarray,
    score: Callable,
    *,
    box: int | tuple[int, int, int] = 16,
    stride: int | tuple[int, int, int] | None = None,
    batch_size: int = 8,
) -> np.ndarray:
    """How much the score falls when a box at each place is blurred away; of a voxel, the mean of the boxes over it.

    Above 0 is what speaks for the label, below 0 what speaks against it. It works for every model, and needs one
    prediction a box.

    Shape: (x, y, z, 1) → (x, y, z), float32

    Args:
        model: of volumes.
        volume: conformed.
        score: from the model's outputs to one number a row, (batch, 1).
        box: voxels along (x, y, z), one number or three.
        stride: voxels from a box to the next; None for half a box.
        batch_size: boxes at a time.

    Raises:
        InputError: a stride longer than its box, which would leave gaps.

    Source: Zeiler & Fergus 2014 (arXiv 1311.2901), section 4.2; blurred, Fong & Vedaldi 2017 (arXiv 1704.03296).

    Example:
        >>> volumes = keras.Input((8, 12, 20, 1))
        >>> model = keras.Model(volumes, ops.sum(volumes[:, :4, :4, :4], axis=(1, 2, 3)))
        >>> volume = np.zeros((8, 12, 20, 1)); volume[1, 1, 1] = 1
        >>> found = occlusion(model, volume, lambda outputs: outputs, box=4)
        >>> found.shape, bool(found[1, 1, 1] == found.max() > 0)
        ((8, 12, 20), True)
    """
    box = _checks.triple("box", box)
    stride = _checks.triple("stride", tuple(max(1, n // 2) for n in box) if stride is None else stride)
    if any(step > edge for step, edge in zip(stride, box, strict=True)):
        raise InputError("stride is longer than box, which leaves gaps", f"{box} or less", stride)
    values = np.asarray(volume, "float32")[..., 0]
    blurred = ndimage.gaussian_filter(values, [BLUR * edge for edge in box])
    corners = [_corners(size, edge, step) for size, edge, step in zip(values.shape, box, stride, strict=True)]
    places = [
        tuple(slice(first, first + edge) for first, edge in zip(corner, box, strict=True))
        for corner in np.stack(np.meshgrid(*corners, indexing="ij"), axis=-1).reshape(-1, 3)
    ]
    # Where blurring changes nothing there is no head, and no prediction is needed.
    telling = np.array([np.abs(values[place] - blurred[place]).mean() > 1e-3 for place in places])
    falls = np.zeros(len(places), "float32")
    falls[telling] = _falls(model, values, blurred, score, itertools.compress(places, telling), batch_size)
    total, count = np.zeros(values.shape, "float32"), np.zeros(values.shape, "float32")
    for place, fall in zip(places, falls, strict=True):
        total[place] += fall
        count[place] += 1
    return total / count


def occlude_regions(
    model: keras.Model, volume: np.ndarray, labels: np.ndarray, score: Callable, *, batch_size: int = 8
) -> dict[int, float]:
    """How much the score falls when each region of a label map, and a voxel around it, is blurred away.

    Shape: (x, y, z, 1), (x, y, z) whole numbers → label to number; 0 is no region

    Args:
        model: of volumes.
        volume: conformed.
        labels: on its voxels, for example from `volumes.onto_volume`.
        score: from the model's outputs to one number a row, (batch, 1).
        batch_size: regions at a time.

    Raises:
        InputError: labels of another shape than the volume, or without any region.
    """
    values, labels = np.asarray(volume, "float32")[..., 0], np.asarray(labels)
    if labels.shape != values.shape:
        raise InputError("labels do not fit the volume", values.shape, labels.shape, "Bring them there: onto_volume.")
    names = [int(label) for label in np.unique(labels) if label]
    if not names:
        raise InputError("the label map holds no region within the volume", "labels other than 0", "only 0")
    blurred = ndimage.gaussian_filter(values, 4.0)
    regions = (ndimage.binary_dilation(labels == name) for name in names)
    return dict(zip(names, map(float, _falls(model, values, blurred, score, regions, batch_size)), strict=True))


def _corners(size: int, edge: int, step: int) -> list[int]:
    """First voxels of boxes that cover an axis, the last one flush with its end."""
    return [*range(0, max(size - edge, 0), step), max(size - edge, 0)]


def _falls(model, values: np.ndarray, blurred: np.ndarray, score, places: Iterable, batch_size: int) -> np.ndarray:
    """What the score loses at each place. Shape: → (place,)"""
    whole, falls, batch = _scores(model, values[None], score)[0], [], []

    def flush():
        rows = np.stack(batch + batch[-1:] * (batch_size - len(batch)))  # another batch shape is compiled anew
        falls.extend(whole - _scores(model, rows, score)[: len(batch)])
        batch.clear()

    for place in places:
        changed = values.copy()
        changed[place] = blurred[place]
        batch.append(changed)
        if len(batch) == batch_size:
            flush()
    if batch:
        flush()
    return np.asarray(falls, "float32")


def _scores(model, rows: np.ndarray, score) -> np.ndarray:
    return ops.convert_to_numpy(score(model(rows[..., None], training=False)))[:, 0]
