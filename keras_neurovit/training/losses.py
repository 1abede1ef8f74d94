"""Losses of models that measure structures, and of targets that are not known of everybody."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_neurovit")
class ShareLoss(keras.losses.Loss):
    """Cross-entropy between true and estimated shares of structures in cells, each structure apart.

    The estimate that costs least is the expected share, however rare a structure is and whatever its weight: volumes
    summed from shares are unbiased.

    Shape: (batch, i, j, k, structure) twice → (batch, i, j, k)

    Args:
        weights: of each structure; None for 1.
        name: of the loss.

    Example:
        >>> import numpy as np
        >>> shares = np.full((1, 2, 2, 2, 3), 0.5, "float32")
        >>> round(float(ShareLoss()(shares, shares)), 4)
        2.0794
    """

    def __init__(self, weights: list[float] | None = None, name: str = "share_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.weights = None if weights is None else [float(weight) for weight in weights]

    def call(self, y_true, y_pred):
        estimate = ops.clip(y_pred, 1e-6, 1.0 - 1e-6)
        entropy = -(y_true * ops.log(estimate) + (1.0 - y_true) * ops.log(1.0 - estimate))
        if self.weights is not None:
            entropy = entropy * ops.convert_to_tensor(self.weights, "float32")
        return ops.sum(entropy, axis=-1)

    def get_config(self):
        return {**super().get_config(), "weights": self.weights}


@keras.saving.register_keras_serializable("keras_neurovit")
class LogVolumeLoss(keras.losses.Loss):
    """Relative error of volumes: Huber's loss of the difference of logarithms.

    Shape: (batch, structure) twice, mm³ → (batch,)

    Args:
        floor_mm3: added to both, so that a structure of no volume has a logarithm.
        delta: relative error from which the loss grows linearly.
        name: of the loss.

    Example:
        >>> import numpy as np
        >>> round(float(LogVolumeLoss(floor_mm3=0.0)(np.ones((1, 2)), np.full((1, 2), 1.1))), 4)
        0.0227
    """

    def __init__(self, floor_mm3: float = 50.0, delta: float = 0.2, name: str = "log_volume_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.floor_mm3, self.delta = floor_mm3, delta

    def call(self, y_true, y_pred):
        error = ops.abs(ops.log(y_pred + self.floor_mm3) - ops.log(y_true + self.floor_mm3))
        small = error**2 / (2.0 * self.delta)
        return ops.mean(ops.where(error < self.delta, small, error - self.delta / 2.0), axis=-1)

    def get_config(self):
        return {**super().get_config(), "floor_mm3": self.floor_mm3, "delta": self.delta}


@keras.saving.register_keras_serializable("keras_neurovit")
class PresentLoss(keras.losses.Loss):
    """Squared error of the targets that are known; NaN stands for those that are not.

    Shape: (batch, target) twice → (batch,), the mean over a scan's known targets, 0 where there are none

    Args:
        name: of the loss.

    Example:
        >>> import numpy as np
        >>> PresentLoss(reduction="none")(np.array([[1.0, np.nan]]), np.array([[3.0, 9.0]])).numpy().tolist()
        [4.0]
    """

    def __init__(self, name: str = "present_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        y_true = ops.reshape(y_true, ops.shape(y_pred))
        known = ops.logical_not(ops.isnan(y_true))
        # Twice, so that no gradient is one of NaN times 0.
        error = ops.where(known, y_pred - ops.where(known, y_true, 0.0), 0.0)
        count = ops.sum(ops.cast(known, y_pred.dtype), axis=-1)
        return ops.sum(error**2, axis=-1) / ops.maximum(count, 1.0)
