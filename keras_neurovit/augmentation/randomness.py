"""Random numbers from a seed alone: no state, the same on every backend and under every compiler.

Keras' own draws differ between backends and refuse a seed that is a tensor, as a seed inside a data pipeline is; under
XLA on a CPU they are also slow.
"""

from __future__ import annotations

from math import prod

import numpy as np
from keras import ops


def uniform(seeds, shape: tuple[int, ...], stream: int):
    """Uniform numbers in [0, 1).

    Shape: (batch,) → (batch, *shape), float32

    Args:
        seeds: int32, one a sample.
        shape: of what each sample gets.
        stream: which of a seed's independent sequences; a constant of the caller's.

    Source: the mixing constants are those of Wellons' "lowbias32" integer hash (public domain).

    Example:
        >>> from keras import ops
        >>> uniform(ops.array([3, 4], "int32"), (5,), stream=0).shape
        TensorShape([2, 5])
    """
    seeds = ops.cast(seeds, "int32")
    counter = np.arange(prod(shape), dtype="int32")
    keys = _mix(_mix(seeds + _int32(0x9E3779B9)) + _int32(stream * 0x85EBCA6B))
    bits = _mix(ops.bitwise_xor(ops.expand_dims(keys, 1), ops.convert_to_tensor(_premixed(counter))[None]))
    numbers = ops.cast(_shift(bits, 8), "float32") * np.float32(2.0**-24)
    return ops.reshape(numbers, (-1, *shape))


def normal(seeds, shape: tuple[int, ...], stream: int):
    """Standard normal numbers, by Box and Muller; uses two streams, `stream` and `stream + 1`.

    Shape: (batch,) → (batch, *shape), float32

    Example:
        >>> from keras import ops
        >>> abs(float(ops.mean(normal(ops.array([3], "int32"), (10000,), stream=0)))) < 0.05
        True
    """
    radius = ops.sqrt(-2.0 * ops.log(1.0 - uniform(seeds, shape, stream)))
    return radius * ops.cos(np.float32(2 * np.pi) * uniform(seeds, shape, stream + 1))


def one_axis(seeds, stream: int):
    """1 for one of three axes, 0 for the others. Shape: (batch,) → (batch, 3), float32"""
    return ops.one_hot(ops.cast(3.0 * uniform(seeds, (), stream), "int32"), 3)


def between(seeds, low: float, high: float, shape: tuple[int, ...], stream: int):
    """Uniform numbers in [low, high).

    Shape: (batch,) → (batch, *shape), float32
    """
    return low + (high - low) * uniform(seeds, shape, stream)


def _int32(value: int) -> np.int32:
    return np.uint32(value & 0xFFFFFFFF).astype("int32")


def _shift(bits, places: int):
    # Signed shifts copy the sign bit; masking them away makes the shift logical on every backend.
    return ops.bitwise_and(ops.right_shift(bits, places), np.int32((1 << (32 - places)) - 1))


def _mix(bits):
    bits = ops.bitwise_xor(bits, _shift(bits, 16)) * _int32(0x7FEB352D)
    bits = ops.bitwise_xor(bits, _shift(bits, 15)) * _int32(0x846CA68B)
    return ops.bitwise_xor(bits, _shift(bits, 16))


def _premixed(counter: np.ndarray) -> np.ndarray:
    # Counters are known beforehand: spread them over all bits once, in NumPy.
    with np.errstate(over="ignore"):
        return (counter.astype("uint32") * np.uint32(0x9E3779B1)).astype("int32")
