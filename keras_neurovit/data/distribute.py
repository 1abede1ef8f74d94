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
        How many devices there are inside. Batches to train on must be a multiple of it. Of a dataset to watch or to
        predict, on TensorFlow the first batch must be; on JAX all, or the first is not, and then each device does the
        whole of all of them: `even_size` finds a size.

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
        keras.distribution.set_distribution(_shared_out(names))
        try:
            yield len(names)
        finally:
            keras.distribution.set_distribution(before)


def even_size(batch_size: int, scans: int, devices: int) -> int:
    """The size of batches, at most `batch_size`, in which several devices get through all of so many scans.

    Example:
        >>> even_size(6, scans=12, devices=2)
        6
    """
    if devices == 1:
        return batch_size
    if keras.backend.backend() == "tensorflow":  # which builds a model from the first batch, added up over devices
        most = min(batch_size, scans)
        return max(devices, most - most % devices)
    shared = batch_size % devices == 0 and min(batch_size, scans) % devices == 0 and scans % batch_size % devices == 0
    return batch_size if shared or batch_size % devices else batch_size - 1


def _shared_out(names: list[str]) -> keras.distribution.DataParallel:
    """Each device takes its share of a batch; of one that they cannot share, all of it."""
    import jax

    class Sharing(keras.distribution.DataParallel):
        def get_data_layout(self, data_shape):
            if jax.process_count() == 1 and data_shape[0] % len(names):
                return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
            return super().get_data_layout(data_shape)

    # Every process gives the batches it is meant to give: nothing is to be shared out once more.
    return Sharing(devices=names, auto_shard_dataset=False)


def _names(backend: str) -> list[str]:
    if backend == "tensorflow":
        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return [device.name for device in found]
    return keras.distribution.list_devices()
