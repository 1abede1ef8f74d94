"""Training on several devices of one machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from keras_neurovit._checks import InputError


@contextlib.contextmanager
def distributed(devices: int | None = None) -> Iterator[int]:
    """Share out each batch among devices: whatever is built and trained inside has the same weights on all of them.

    A step is the one that a single device would make of the whole batch, but for rounding. Build the model inside:

        with distributed(2):
            model = from_preset("vit3d_ad")
            finetune(model, batches, folder="run", epochs=10, options=Options(clipnorm=None))

    On TensorFlow, Keras clips each device's share of the gradients before they are summed, which no single device does:
    `finetune` refuses that. On JAX gradients may be clipped as ever.

    Args:
        devices: how many; None for all accelerators, or all CPU devices where there are none.

    Returns:
        How many devices there are inside. On JAX every batch must be a multiple of it, those of validation too; on
        TensorFlow it may be less even.

    Raises:
        InputError: fewer devices than asked for, the backend PyTorch.

    Source: `keras.distribution.DataParallel` on JAX, `tf.distribute.MirroredStrategy` on TensorFlow.

    Example:
        >>> with distributed(1) as count:
        ...     count
        1
    """
    backend = keras.backend.backend()
    if devices == 1:
        yield 1
        return
    if backend == "torch":
        mend = "Set KERAS_BACKEND to jax or tensorflow, or start PyTorch's own torchrun."
        raise InputError("several devices are for JAX and TensorFlow", "jax, tensorflow", backend, mend)
    names = _names(backend)
    if devices is not None and not (isinstance(devices, int) and 1 <= devices <= len(names)):
        mend = "Ask for fewer, or leave the number out for all of them."
        raise InputError(
            "there are not so many devices", f"1 to {len(names)} ({', '.join(names)})", repr(devices), mend
        )
    names = names[:devices]
    if len(names) == 1:
        yield 1
    elif backend == "tensorflow":
        with tf.distribute.MirroredStrategy(names).scope():
            yield len(names)
    else:
        before = keras.distribution.distribution()
        # Every process gives the batches it is meant to give: nothing is to be shared out once more.
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names, auto_shard_dataset=False))
        try:
            yield len(names)
        finally:
            keras.distribution.set_distribution(before)


def _names(backend: str) -> list[str]:
    if backend == "tensorflow":
        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return [device.name for device in found]
    return keras.distribution.list_devices()
