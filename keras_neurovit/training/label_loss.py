"""Cross-entropy on labels, with what few scans or uneven classes ask for."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks


@keras.saving.register_keras_serializable("keras_neurovit")
class LabelLoss(keras.losses.Loss):
    """Cross-entropy of logits, on labels or, where scans were mixed, on shares of labels.

    A label that is no class has a loss of NaN, at which `finetune` stops.

    Shape: labels (batch,) or shares (batch, class), logits (batch, class) → (batch,)

    Args:
        label_smoothing: share of each target that is spread over all classes, 0 ≤ label_smoothing < 1.
        class_weights: what a scan of each class counts, for example `cohort.class_weights()`; None for 1.
        focal_gamma: how much less a scan counts that is told well already; 0 for plain cross-entropy, 2 is usual.
        name: of the loss.

    Raises:
        InputError: a number out of range, class weights that are no label's.

    Source: smoothing, Szegedy et al. 2015 (arXiv 1512.00567), section 7; focal loss, Lin et al. 2017 (arXiv
    1708.02002), equation 4.

    Example:
        >>> import numpy as np
        >>> labels, logits = np.array([0, 1]), np.float32([[2, 0], [2, 0]])
        >>> [round(float(v), 3) for v in LabelLoss(reduction="none")(labels, logits)]
        [0.127, 2.127]
        >>> [round(float(v), 3) for v in LabelLoss(class_weights={0: 2, 1: 1}, reduction="none")(labels, logits)]
        [0.254, 2.127]
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        class_weights: Mapping[int, float] | None = None,
        focal_gamma: float = 0.0,
        name: str = "label_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = _checks.between("label_smoothing", label_smoothing, 0.0, 0.999)
        self.focal_gamma = _checks.between("focal_gamma", focal_gamma, 0.0, 10.0)
        # A saved model's keys are texts, as JSON has it.
        try:
            weights = None if class_weights is None else {int(label): float(v) for label, v in class_weights.items()}
        except (AttributeError, TypeError, ValueError):
            mend = "cohort.class_weights() gives them."
            expected = "a weight for each of labels 0, 1, …"
            raise _checks.InputError("class_weights are unusable", expected, class_weights, mend) from None
        if weights is not None and sorted(weights) != list(range(len(weights))):
            raise _checks.InputError("class_weights are unusable", "a weight for labels 0, 1, …", sorted(weights))
        if weights is not None and not all(0 <= value < float("inf") for value in weights.values()):
            raise _checks.InputError("class_weights are unusable", "numbers from 0", weights)
        self.class_weights = weights

    def call(self, y_true, y_pred):
        classes = y_pred.shape[-1]
        if self.class_weights is not None and len(self.class_weights) != classes:
            raise _checks.InputError("class_weights do not fit the model", f"{classes}", len(self.class_weights))
        if len(y_true.shape) == 2 and y_true.shape[-1] == classes:
            shares = ops.cast(y_true, y_pred.dtype)
        else:
            labels = ops.cast(ops.reshape(y_true, (-1, 1)), "int32")
            shares = ops.one_hot(labels[:, 0], classes, dtype=y_pred.dtype)
            shares = ops.where(ops.logical_and(labels >= 0, labels < classes), shares, np.nan)
        weights = 1.0
        if self.class_weights is not None:
            table = [[self.class_weights[label]] for label in range(classes)]
            weights = ops.squeeze(ops.matmul(shares, ops.convert_to_tensor(table, y_pred.dtype)), -1)
        shares = shares * (1.0 - self.label_smoothing) + self.label_smoothing / classes
        logarithms = ops.log_softmax(y_pred, axis=-1)
        terms = -shares * logarithms
        if self.focal_gamma:
            terms = terms * (1.0 - ops.exp(logarithms)) ** self.focal_gamma
        return weights * ops.sum(terms, axis=-1)

    def get_config(self):
        options = {"label_smoothing": self.label_smoothing, "focal_gamma": self.focal_gamma}
        return {**super().get_config(), **options, "class_weights": self.class_weights}


def label_accuracy(y_true, y_pred):
    """Share of scans whose label scores highest; where scans were mixed, the label with the largest share.

    Keras' "accuracy" is chosen by the first targets it sees: after shares of labels, labels would be taken for shares.

    Shape: labels (batch,) or shares (batch, class), logits (batch, class) → (batch,)

    Example:
        >>> import numpy as np
        >>> logits = np.float32([[2, 0], [2, 0]])
        >>> [label_accuracy(truth, logits).numpy().tolist() for truth in (np.array([0, 1]), np.eye(2))]
        [[1.0, 0.0], [1.0, 0.0]]
    """
    rows = len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1]
    labels = ops.argmax(y_true, axis=-1) if rows else ops.reshape(y_true, (-1,))
    return ops.cast(ops.cast(labels, "int32") == ops.cast(ops.argmax(y_pred, axis=-1), "int32"), "float32")
