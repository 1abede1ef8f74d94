"""What a model said of a cohort, as the table that `read_predictions` reads."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.cohorts import Cohort
from keras_neurovit.evaluation.predictions import PREFIX


def write_predictions(file: str | os.PathLike, cohort: Cohort, probabilities: np.ndarray) -> None:
    """A row a scan: participant_id, session_id, target, a probability for each label, and the scan's file name.

    Shape: cohort of n scans, (n, label)

    Raises:
        InputError: another number of rows than scans.
    """
    if len(probabilities) != len(cohort):
        raise InputError("predictions do not match the cohort", f"{len(cohort)} rows", len(probabilities))
    header = ["participant_id", "session_id", "target", *(f"{PREFIX}{label}" for label in cohort.labels), "scan"]
    with published(Path(file)) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(header)
        for record, row in zip(cohort.records, probabilities, strict=True):
            numbers = [f"{number:.6f}" for number in row]
            table.writerow(
                [record.participant, record.session or "", cohort.labels[record.label], *numbers, record.path.name]
            )
