"""What a model has to beat: one number a person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_neurovit.evaluation.bootstrap import Estimate
from keras_neurovit.evaluation.metrics import binary_rows, roc_auc


def scalar_baseline(
    train_values: Sequence[float],
    train_targets: Sequence[int],
    values: Sequence[float],
    targets: Sequence[int],
    participants: Sequence | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """The ROC area of one number (brain volume, age) used alone as the score, with a bootstrap interval over people.

    Which way it points is learnt from the training people only, so a number that does not generalise may fall below
    0.5 here. If it carries no direction there (ROC area exactly 0.5), higher values are taken to mean class 1.

    Shape: train_values, train_targets (train row,); values, targets, participants (row,).

    Args:
        train_values, train_targets: the number and the class (0 or 1) of the training people.
        values, targets: the same of the people to measure on.
        participants: whose row it is, of the latter.
        draws, seed: of the bootstrap, as in `roc_auc`.

    Raises:
        InputError: lengths differ, a value is not finite, or only one class is present on either side.

    Source: the direction is that of the Mann–Whitney statistic, Hanley & McNeil 1982 (Radiology 143:29).

    Example:
        >>> train_ml, test_ml = [1180, 1150, 1010, 990], [1200, 1000, 1100, 980]  # brain volumes; patients' are smaller
        >>> print(scalar_baseline(train_ml, [0, 0, 1, 1], test_ml, [0, 1, 0, 1]).value)
        1.0
    """
    from sklearn.metrics import roc_auc_score

    train_targets, train_values = binary_rows(train_targets, train_values, "train_values")
    sign = -1.0 if roc_auc_score(train_targets, train_values) < 0.5 else 1.0
    targets, values = binary_rows(targets, values, "values")
    return roc_auc(targets, sign * np.asarray(values), participants=participants, draws=draws, seed=seed)
