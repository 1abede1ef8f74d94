"""What TensorBoard shows of a run: losses, learning rate, and slices of what is learnt from."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_neurovit._checks import InputError

SHOWN = 4  # volumes


def tensorboard(folder: str | os.PathLike, samples=None) -> list[keras.callbacks.Callback]:
    """Callbacks by which TensorBoard shows a run, on any Keras backend: `tensorboard --logdir FOLDER`.

    Losses, metrics and the learning rate are drawn over epochs; volumes are shown as they are learnt from.

    Args:
        folder: for its files.
        samples: volumes (batch, x, y, z, channel), or batches that begin with them; None for no pictures.

    Raises:
        InputError: TensorBoard is not installed, samples that are no volumes.

    Example:
        >>> [type(callback).__name__ for callback in tensorboard("logs", np.zeros((2, 8, 12, 20, 1), "float32"))]
        ['TensorBoard', 'SliceImages']
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("TensorBoard is not installed", mend='Run: pip install "keras-neurovit[tensorboard]".')
    callbacks = [keras.callbacks.TensorBoard(str(folder), write_graph=False)]
    return callbacks if samples is None else [*callbacks, SliceImages(Path(folder) / "samples", samples)]


class SliceImages(keras.callbacks.Callback):
    """Write the three middle slices of a few volumes, side by side, when training begins.

    Args:
        folder: for TensorBoard's file.
        samples: see `tensorboard`.
    """

    def __init__(self, folder: str | os.PathLike, samples):
        super().__init__()
        self.folder = Path(folder)
        mend = "Give volumes, or batches of volumes and targets."
        if isinstance(samples, list) and not samples:
            raise InputError("samples are empty", "a batch of volumes", mend=mend)
        batch = samples if isinstance(samples, np.ndarray) else samples[0] if _indexed(samples) else next(iter(samples))
        volumes = batch[0] if isinstance(batch, tuple | list) else batch
        if len(volumes.shape) != 5:
            raise InputError("samples are no volumes", "(batch, x, y, z, channel)", tuple(volumes.shape), mend)
        self.images = np.stack([slices(np.asarray(volume)) for volume in volumes[:SHOWN]])

    def on_train_begin(self, logs=None):
        writer = tf.summary.create_file_writer(str(self.folder))
        with writer.as_default():
            tf.summary.image("slices", self.images, step=0, max_outputs=SHOWN)
        writer.close()


def slices(volume: np.ndarray) -> np.ndarray:
    """The middle slices across x, y and z, side by side, from 0 (1st percentile) to 1 (99th).

    Shape: (x, y, z, channel) → (row, column, 1); the first channel, superior and anterior at the top

    Example:
        >>> slices(np.zeros((8, 12, 20, 1))).shape
        (20, 28, 1)
    """
    voxels = volume[..., 0].astype("float32")
    low, high = np.percentile(voxels, (1, 99))
    voxels = np.clip((voxels - low) / max(high - low, 1e-6), 0.0, 1.0)
    x, y, z = (size // 2 for size in voxels.shape)
    planes = [np.flipud(plane.T) for plane in (voxels[x], voxels[:, y], voxels[:, :, z])]
    rows = max(plane.shape[0] for plane in planes)
    padded = [np.pad(plane, ((0, rows - plane.shape[0]), (0, 0))) for plane in planes]
    return np.concatenate(padded, axis=1)[..., None]


def _indexed(samples) -> bool:
    return isinstance(samples, keras.utils.PyDataset)
