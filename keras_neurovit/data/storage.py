"""How a conformed volume lies on disk: NumPy files whose first 128 bytes are the header."""

from __future__ import annotations

import io
from math import prod
from typing import Literal

import numpy as np
import tensorflow as tf

Storage = Literal["float16", "uint8"]
HEADER = 128  # bytes, of any file that NumPy writes with so short a shape
TAIL = 8  # bytes: with uint8, least value and step, float32


def encode(volume: np.ndarray, storage: Storage) -> bytes:
    """A volume as a file's bytes: float16, or a byte a voxel and then the least value and the step between two bytes.

    Shape: (x, y, z, 1) → bytes
    """
    if storage == "float16":
        stored = volume.astype("float16", order="C")
    else:
        low = np.float32(volume.min())
        step = np.float32((volume.max() - low) / 255) or np.float32(1.0)
        scale = np.array([low, step], "<f4").view("uint8")
        stored = np.concatenate([np.rint((volume - low) / step).astype("uint8").ravel(), scale])
    stream = io.BytesIO()
    np.save(stream, stored)
    return stream.getvalue()


def size_bytes(shape: tuple[int, int, int], storage: Storage) -> int:
    """Bytes of one volume on disk.

    Example:
        >>> size_bytes((96, 112, 96), "uint8")
        1032328
    """
    return HEADER + (2 * prod(shape) if storage == "float16" else prod(shape) + TAIL)


def decode(content: tf.Tensor, shape: tuple[int, int, int, int], storage: Storage) -> tf.Tensor:
    """A file's bytes as a volume, in TensorFlow alone: no interpreter is waited for.

    Shape: () string → (x, y, z, 1), float32
    """
    count = prod(shape)
    if storage == "float16":
        numbers = tf.io.decode_raw(content, tf.float16)[HEADER // 2 :]
        return tf.cast(tf.reshape(numbers, shape), tf.float32)
    stored = tf.io.decode_raw(content, tf.uint8)[HEADER:]
    low, step = tf.unstack(tf.bitcast(tf.reshape(stored[count:], (2, 4)), tf.float32))
    return tf.cast(tf.reshape(stored[:count], shape), tf.float32) * step + low
