"""The table of predictions that a report is about."""

from __future__ import annotations

import os

from keras_neurovit.evaluation.one_label import versus_rest
from keras_neurovit.evaluation.predictions import Predictions, read_predictions


def read_told(file: str | os.PathLike, label: str | None = None) -> Predictions:
    """Predictions as `read_predictions` reads them, of two classes: the others, and a label.

    Rows without a target or a probability are left out and counted.

    Args:
        file: the table.
        label: the one to tell from the others, and of a lone column `probability` the class it is of; None for the
            last of the probability columns, or for the target 1.

    Raises:
        InputError: what `read_predictions` and `versus_rest` refuse.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("p.csv").write_text("participant_id,target,probability\\n1,CN,0.2\\n2,AD,0.9\\n3,AD,n/a\\n")
        >>> read_told("p.csv", "AD").left_out
        (('without a prediction', 1), ('without a target', 0))
    """
    return versus_rest(read_predictions(file, None if label is None else [label], missing="drop"), label)
