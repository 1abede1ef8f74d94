"""The loss of several targets at once, some of which are not known of everybody."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from keras_neurovit._checks import InputError


@keras.saving.register_keras_serializable("keras_neurovit")
class TasksLoss(keras.losses.Loss):
    """Cross-entropy of classes and squared error of numbers; NaN stands for what is not known of a scan.

    Shape: (batch, target), (batch, sum of outputs) → (batch,), the mean over a scan's known targets, 0 where there are
    none

    Args:
        outputs: columns of the prediction for each target: as many as it has classes, or 1 for a number.
        name: of the loss.

    Raises:
        InputError: outputs that are not whole numbers from 1, or that do not fit a prediction.

    Example:
        >>> import numpy as np
        >>> truth, told = np.float32([[1, 0.5], [np.nan, 2]]), np.float32([[0, 0, 1], [5, 0, 1]])
        >>> [round(float(v), 3) for v in TasksLoss((2, 1), reduction="none")(truth, told)]
        [0.472, 1.0]
    """

    def __init__(self, outputs: Sequence[int], name: str = "tasks_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.outputs = tuple(int(size) for size in outputs)
        if not self.outputs or min(self.outputs) < 1:
            raise InputError("outputs are unusable", "a whole number from 1 for each target", list(outputs))

    def call(self, y_true, y_pred):
        if y_pred.shape[-1] != sum(self.outputs) or y_true.shape[-1] != len(self.outputs):
            expected = f"{len(self.outputs)} targets and {sum(self.outputs)} outputs"
            raise InputError("targets do not fit the model", expected, f"{y_true.shape[-1]} and {y_pred.shape[-1]}")
        known = ops.logical_not(ops.isnan(y_true))
        truth = ops.where(known, y_true, 0.0)  # before the error, so that no gradient is one of NaN times 0
        errors, start = [], 0
        for place, size in enumerate(self.outputs):
            told, wanted = y_pred[:, start : start + size], truth[:, place]
            if size == 1:
                errors.append((told[:, 0] - ops.cast(wanted, told.dtype)) ** 2)
            else:
                shares = ops.one_hot(ops.cast(wanted, "int32"), size, dtype=told.dtype)
                errors.append(-ops.sum(shares * ops.log_softmax(told, axis=-1), axis=-1))
            start += size
        counts = ops.cast(known, y_pred.dtype)
        return ops.sum(ops.stack(errors, axis=-1) * counts, axis=-1) / ops.maximum(ops.sum(counts, axis=-1), 1.0)

    def get_config(self):
        return {**super().get_config(), "outputs": list(self.outputs)}
