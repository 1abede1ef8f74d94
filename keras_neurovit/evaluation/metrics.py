"""How well predictions tell classes apart, each measure with its confidence interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from keras_neurovit._checks import InputError, between
from keras_neurovit.evaluation.bootstrap import (
    Estimate,
    Measure,
    enumerate_people,
    samples,
    weighted_auc,
    weighted_mean,
)
from keras_neurovit.evaluation.intervals import Kind, from_draws


def roc_auc(
    targets: Sequence[int],
    scores: Sequence[float],
    *,
    participants: Sequence | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """The area under the ROC curve (scikit-learn's), with a bootstrap interval over people.

    Shape: targets (row,) of 0 and 1, scores (row,), participants (row,).

    Args:
        targets: 1 for the class that high scores are to indicate, else 0.
        scores: any numbers; only their order counts, ties count half.
        participants: whose row it is; a person's rows are drawn together. Without it every row is a person.
        draws: number of bootstrap draws; those holding one class only are left out.
        seed: of the draws; the same seed gives the same interval.
        level: of the interval.

    Raises:
        InputError: lengths differ, a score is not finite, or only one class is present.

    Source: Hanley & McNeil 1982 (Radiology 143:29); interval: `intervals.from_draws`, on the scale of the logit.

    Example:
        >>> found = roc_auc([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.6, 0.4, 0.7, 0.9])
        >>> round(found.value, 3), 0 < found.low < 0.5 < found.high < 1
        (0.889, True)
    """
    from sklearn.metrics import roc_auc_score

    targets, scores = binary_rows(targets, scores)
    people = enumerate_people(participants, targets.size)
    value = {"auc": roc_auc_score(targets, scores)}
    asked = {"auc": (weighted_auc(targets == 1, scores), "area", _fewest(people, targets))}
    return _told(value, asked, people, draws=draws, seed=seed, level=level)["auc"]


def summary(
    targets: Sequence,
    probabilities: np.ndarray,
    labels: Sequence[str],
    *,
    participants: Sequence | None = None,
    threshold: float = 0.5,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """The usual measures of a classifier, each with a bootstrap interval over the same draws of people.

    Two classes: "auc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "brier"; the second label is the
    positive one. More: the same without sensitivity and specificity; "auc" is the mean of each class against the rest.

    Shape: targets (row,), probabilities (row, class), or for two classes (row,) or (row, 1) of the second label's.

    Args:
        targets: indices into `labels`, or the labels themselves.
        probabilities: 0 to 1; rows over classes sum to 1.
        labels: names of the classes, in the order of `probabilities`.
        participants: whose row it is; a person's rows are drawn together. Without it every row is a person.
        threshold: two classes only: the second label is predicted from this probability on. Choose it on validation
            data. More classes: the most probable one is predicted.
        draws: number of bootstrap draws; a measure leaves out those in which it is undefined.
        seed: of the draws.
        level: of the intervals.

    Raises:
        InputError: lengths differ, a target is not a label, a class is absent, or a number is no probability.

    Intervals are those of `scorecard`, but for the AUC of people with one scan each, which has DeLong's there.

    Source: Brier 1950 (Mon. Weather Rev. 78:1), for two classes halved as is usual (0 best, 1 worst), for more in the
    original scale (0 to 2); one against the rest, Provost & Domingos 2000 (CeDER IS-00-04), section 6.2, here
    with equal weights.

    Example:
        >>> found = summary(["CN", "CN", "AD", "AD"], [0.2, 0.6, 0.7, 0.9], ["CN", "AD"])
        >>> found["sensitivity"].value, found["specificity"].value
        (1.0, 0.5)
    """
    from sklearn.metrics import roc_auc_score

    classes = _class_rows(targets, labels)
    table = _probability_rows(probabilities, classes.size, len(labels))
    between("threshold", threshold, 0.0, 1.0)
    people = enumerate_people(participants, classes.size)
    if len(labels) == 2:
        auc = roc_auc_score(classes, table[:, 1])
        predicted = (table[:, 1] >= threshold).astype(int)
        brier = (table[:, 1] - classes) ** 2
    else:
        # Not multi_class="ovr": that refuses rows whose float32 sum is off by a rounding error.
        auc = np.mean([roc_auc_score(classes == k, table[:, k]) for k in range(len(labels))])
        predicted = table.argmax(axis=1)
        brier = ((table - np.eye(len(labels))[classes]) ** 2).sum(axis=1)
    correct = (predicted == classes).astype(np.float64)
    recalls = [weighted_mean(correct, classes == k) for k in range(len(labels))]
    areas = [weighted_auc(classes == k, table[:, k]) for k in range(len(labels))]
    everybody, fewest = int(people.max()) + 1, _fewest(people, classes)
    asked = {
        "auc": (areas[1] if len(labels) == 2 else _mean(areas), "area", fewest),
        "accuracy": (weighted_mean(correct), "share", everybody),
        "balanced_accuracy": (_mean(recalls), "share", len(labels) * fewest),
        "brier": (weighted_mean(brier), "number", everybody),
    }
    if len(labels) == 2:
        for name, k in (("sensitivity", 1), ("specificity", 0)):
            asked[name] = recalls[k], "share", len(np.unique(people[classes == k]))
    once = np.ones((1, classes.size))
    values = {name: measure(once)[0] for name, (measure, *_) in asked.items() if name != "auc"} | {"auc": auc}
    return _told(values, asked, people, draws=draws, seed=seed, level=level)


def _told(
    values: Mapping[str, float],
    asked: Mapping[str, tuple[Measure, Kind, int]],
    people: np.ndarray,
    *,
    draws: int,
    seed: int,
    level: float,
) -> dict[str, Estimate]:
    """Values with intervals over the same draws of people; of each measure its kind, and how many people tell it."""
    between("level", level, 1e-9, 1 - 1e-9)
    drawn = samples({name: measure for name, (measure, *_) in asked.items()}, people, draws=draws, seed=seed)
    how = {"n": int(people.max()) + 1, "draws": draws, "level": level}
    return {name: from_draws(values[name], drawn[name], kind, people=n, **how) for name, (_, kind, n) in asked.items()}


def _fewest(people: np.ndarray, classes: np.ndarray) -> int:
    """People of the smallest class."""
    return min(len(np.unique(people[classes == k])) for k in np.unique(classes))


def _mean(measures: list[Measure]) -> Measure:
    return lambda weights: np.mean([measure(weights) for measure in measures], axis=0)


def finite_rows(name: str, values: Sequence[float], rows: int | None = None) -> np.ndarray:
    """`values` as finite float64 numbers, or an error.  Shape: (row,)."""
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} are unusable", expected="numbers", received=str(error)) from error
    if values.ndim != 1 or values.size == 0:
        raise InputError(f"{name} are unusable", expected="one number a row", received=f"shape {values.shape}")
    if rows is not None and values.size != rows:
        raise InputError(f"{name} do not fit targets", expected=f"{rows} numbers", received=values.size)
    if not np.isfinite(values).all():
        where = np.flatnonzero(~np.isfinite(values))
        raise InputError(
            f"{name} hold {where.size} values that are not finite, the first in row {where[0]}",
            expected="finite numbers",
            mend="Find out why the model or the table gave them; leave those people out only if you report it.",
        )
    return values


def binary_rows(targets: Sequence[int], scores: Sequence[float], kind: str = "scores") -> tuple[np.ndarray, np.ndarray]:
    """Targets of 0 and 1, both present, and finite scores, or an error.  Shape: (row,), (row,)."""
    targets = finite_rows("targets", targets)
    found = np.unique(targets)
    if not np.isin(found, (0, 1)).all():
        raise InputError("targets are unusable", expected="0 and 1", received=", ".join(f"{v:g}" for v in found[:5]))
    if found.size < 2:
        raise InputError(
            "targets hold one class only",
            expected="both 0 and 1",
            received=f"only {found[0]:g}",
            mend="Without both classes there is nothing to tell apart: check the labels and the split.",
        )
    return targets.astype(int), finite_rows(kind, scores, targets.size)


def _class_rows(targets: Sequence, labels: Sequence[str]) -> np.ndarray:
    """Targets as indices into `labels`, every label present, or an error.  Shape: (row,)."""
    labels = list(labels)
    if len(labels) < 2 or len(set(labels)) < len(labels) or not all(isinstance(label, str) for label in labels):
        raise InputError("labels are unusable", expected="two or more different names", received=labels)
    targets = np.asarray(targets)
    if targets.ndim != 1 or targets.size == 0:
        raise InputError("targets are unusable", expected="one class a row", received=f"shape {targets.shape}")
    known = {label: index for index, label in enumerate(labels)} | {index: index for index in range(len(labels))}
    unknown = [value for value in targets.tolist() if value not in known]
    if unknown:
        raise InputError("targets hold an unknown class", expected=f"{labels} or their indices", received=unknown[0])
    classes = np.array([known[value] for value in targets.tolist()])
    absent = [label for index, label in enumerate(labels) if not (classes == index).any()]
    if absent:
        raise InputError(
            f"targets hold no {', '.join(map(str, absent))}",
            expected="every class at least once",
            mend="Check the labels and the split, or name only the classes that are there.",
        )
    return classes


def _probability_rows(probabilities: np.ndarray, rows: int, classes: int) -> np.ndarray:
    """Probabilities of every class, or an error.  Shape: (row, class)."""
    table = np.asarray(probabilities, dtype=np.float64)
    if classes == 2 and (table.ndim == 1 or table.shape[1:] == (1,)):
        table = np.stack([1 - table.ravel(), table.ravel()], axis=1)
    if table.shape != (rows, classes):
        raise InputError("probabilities do not fit", expected=f"shape {(rows, classes)}", received=table.shape)
    finite_rows("probabilities", table.ravel())
    if table.min() < 0 or table.max() > 1 or np.abs(table.sum(axis=1) - 1).max() > 1e-2:
        raise InputError(
            "probabilities are no probabilities",
            expected="0 to 1, each row summing to 1",
            received=f"{table.min():.4g} to {table.max():.4g}, rows up to {table.sum(axis=1).max():.4g}",
            mend="If these are logits, apply keras.ops.softmax (or sigmoid) first.",
        )
    return table
