"""Several columns of a cohort as targets to learn at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.labelling import class_order
from keras_neurovit.cohorts.table import is_missing

KINDS = ("classes", "number")


@dataclass(frozen=True, slots=True)
class Task:
    """A target of several.

    Args:
        column: whose values are to be told.
        labels: its classes in order; none for a number.
        mean: of a number, over the scans where it is known; learnt are deviations from it.
        spread: the standard deviation that they are counted in.

    Example:
        >>> Task("sex", ("F", "M")).outputs, Task("age", mean=61.0, spread=8.0).outputs
        (2, 1)
    """

    column: str
    labels: tuple[str, ...] = ()
    mean: float = 0.0
    spread: float = 1.0

    @property
    def outputs(self) -> int:
        """Columns of a model's output that tell it."""
        return len(self.labels) or 1


def tasks_of(cohort: Cohort, columns: Mapping[str, str]) -> tuple[np.ndarray, tuple[Task, ...]]:
    """What scans have in several columns, for `make_dataset(targets=…)`, and what each column is.

    Missing cells are NaN: a scan teaches what is known of it, and no scan is left out of the cohort for them. Means
    and spreads are those of this cohort: take a training set, not everybody.

    Shape: → (scan, column) float32, places among labels or deviations from the mean, NaN where not known

    Args:
        cohort: whose scans; read it with a target that everybody has, as scans without one are not in it.
        columns: name → "classes" or "number".

    Raises:
        InputError: no column, another kind, a column that is not there, that has one value only, or no number.

    Example:
        >>> rows, tasks = tasks_of(cohort, {"sex": "classes", "age": "number"})
        >>> rows.shape, tasks[0].labels, [task.outputs for task in tasks]
        ((40, 2), ('F', 'M'), [2, 1])
    """
    if not columns:
        raise InputError("no columns to learn", expected="a mapping such as {'sex': 'classes', 'age': 'number'}")
    told = [_task(cohort, column, one_of(f"kind of {column}", kind, KINDS)) for column, kind in columns.items()]
    return np.stack([values for values, _ in told], axis=1).astype("float32"), tuple(task for _, task in told)


def _task(cohort: Cohort, column: str, kind: str) -> tuple[np.ndarray, Task]:
    if kind == "number":
        values = cohort.column(column, float)
        distinct = len(np.unique(values[~np.isnan(values)]))
    else:
        texts = cohort.column(column)
        labels = class_order({text for text in texts.tolist() if not is_missing(text)})
        values = np.array([labels.index(text) if text in labels else np.nan for text in texts.tolist()])
        distinct = len(labels)
    if distinct < 2:
        raise InputError(f"{cohort.source}: {column} cannot be learnt", "two values or more", distinct)
    if kind == "classes":
        return values, Task(column, labels)
    mean, spread = float(np.nanmean(values)), float(np.nanstd(values))
    return (values - mean) / spread, Task(column, (), mean, spread)
