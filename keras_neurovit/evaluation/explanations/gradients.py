"""Gradients by Keras alone, so that no backend is named here.

Keras has no function for gradients, but its optimizers use them: a variable that is zero and added to an input moves,
in one step of plain gradient descent of rate 1 on the negative score, by the gradient of the score.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
from keras import ops


def input_gradients(
    model: keras.Model,
    inputs: Sequence[np.ndarray],
    score: Callable,
    *,
    batch_size: int = 4,
) -> list[np.ndarray]:
    """Gradients of a score, summed over the rows of the inputs.

    Shape: inputs (batch, …) each → (…) each, float32

    Args:
        model: of one input or several; its own weights stay as they are.
        inputs: an array for each of the model's inputs.
        score: from the model's outputs to one number a row, (batch, 1), in `keras.ops`.
        batch_size: rows at a time.

    Example:
        >>> volumes = keras.Input((2,))
        >>> model = keras.Model(volumes, ops.sum(volumes**2, axis=1, keepdims=True))
        >>> input_gradients(model, [np.array([[1.0, 3.0], [2.0, 0.0]])], lambda outputs: outputs)[0]
        array([6., 6.], dtype=float32)
    """
    inputs = [np.asarray(array, "float32") for array in inputs]
    symbols = [keras.Input(array.shape[1:]) for array in inputs]
    nudges = [_Nudge(name=f"nudge_{place}") for place in range(len(inputs))]
    nudged = [nudge(symbol) for nudge, symbol in zip(nudges, symbols, strict=True)]
    probe = keras.Model(symbols, score(model(nudged if len(nudged) > 1 else nudged[0], training=False)))
    sums = [np.zeros(array.shape[1:], "float32") for array in inputs]
    with _frozen(model):
        probe.compile(
            keras.optimizers.SGD(1.0),
            loss=lambda _, scores: -ops.sum(scores),
            jit_compile=False,
            run_eagerly=_eagerly(),
        )
        for first in range(0, len(inputs[0]), batch_size):
            rows = [array[first : first + batch_size] for array in inputs]
            for nudge in nudges:
                nudge.shift.assign(np.zeros(nudge.shift.shape, "float32"))
            probe.train_on_batch(rows, np.zeros((len(rows[0]), 1), "float32"))
            for total, nudge in zip(sums, nudges, strict=True):
                total += ops.convert_to_numpy(nudge.shift)
    return sums


def _eagerly() -> bool:
    return keras.backend.backend() != "jax"  # which is slow step by step; the others would compile for one step alone


class _Nudge(keras.layers.Layer):
    """Add a variable that starts at zero to each row."""

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)

    def build(self, input_shape):
        self.shift = self.add_weight(shape=input_shape[1:], initializer="zeros", name="shift")

    def call(self, inputs):
        return inputs + self.shift

    def compute_output_shape(self, input_shape):
        return input_shape


@contextlib.contextmanager
def _frozen(model: keras.Model) -> Iterator[None]:
    """No weight of a model learns inside the block; afterwards each does that did before."""
    learning = list(model.trainable_variables)
    try:
        for variable in learning:
            variable.trainable = False
        yield
    finally:
        for variable in learning:
            variable.trainable = True
