"""From which probability on the second class is predicted, and who chose that."""

from __future__ import annotations

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.evaluation.predictions import Predictions
from keras_neurovit.evaluation.scorecard import best_threshold


def choose_threshold(
    predictions: Predictions, threshold: float | None = None, validation: Predictions | None = None
) -> tuple[float, str]:
    """A threshold for people, and what it was chosen on: other people's table, "given", or "nobody".

    Args:
        predictions: of the people it is for; nothing is fitted to them.
        threshold: chosen before.
        validation: other people's predictions by the same model, to choose it on by `best_threshold`. Without either it
            is 0.5.

    Raises:
        InputError: both are given; validation of other classes, or with somebody of these people.

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> head = "participant_id,target,probability\\n"
        >>> _ = Path("p.csv").write_text(head + "1,0,0.2\\n2,1,0.7\\n")
        >>> _ = Path("v.csv").write_text(head + "3,0,0.5\\n4,1,0.75\\n")
        >>> choose_threshold(read_predictions("p.csv"), validation=read_predictions("v.csv"))
        (0.625, 'v.csv')
    """
    if validation is None:
        return (0.5, "nobody") if threshold is None else (threshold, "given")
    if threshold is not None:
        raise InputError("a threshold is given, and people to choose it on", mend="Give one of the two.")
    if validation.labels != predictions.labels:
        what = f"{validation.source}: does not predict what {predictions.source} does"
        raise InputError(what, expected=predictions.labels, received=validation.labels)
    shared = sorted(set(validation.participants) & set(predictions.participants))
    if shared:
        raise InputError(
            f"{validation.source} and {predictions.source} share {counted(len(shared), 'person', 'people')}: "
            f"{some(shared)}",
            expected="a threshold chosen on other people",
            mend="Choose it on a validation side that shares nobody with these people.",
        )
    return best_threshold(validation), validation.source
