"""Several classes as two: one label, and all the others together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.evaluation.predictions import Predictions


def versus_rest(predictions: Predictions, label: str | None = None) -> Predictions:
    """The same predictions of two classes: the other labels together, and a label.

    Args:
        predictions: of a classifier.
        label: the one to tell from the others; None for the last.

    Raises:
        InputError: a regression, or no such label.

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> head = "participant_id,target,probability_CN,probability_MCI,probability_AD"
        >>> _ = Path("p.csv").write_text(f"{head}\\n1,CN,0.5,0.3,0.2\\n2,AD,0.1,0.1,0.8\\n")
        >>> found = versus_rest(read_predictions("p.csv"))
        >>> found.labels, found.scores.tolist()
        (('CN or MCI', 'AD'), [0.2, 0.8])
    """
    labels = predictions.labels
    if not labels:
        raise InputError(f"{predictions.source}: holds numbers, no classes", mend="Name columns probability_<label>.")
    label = labels[-1] if label is None else one_of(f"label of {predictions.source}:", label, labels)
    said = predictions.probabilities[:, labels.index(label)]
    return replace(
        predictions,
        targets=(predictions.targets == labels.index(label)).astype(int),
        probabilities=np.stack([1 - said, said], axis=1),
        labels=(" or ".join(other for other in labels if other != label), label),
    )
