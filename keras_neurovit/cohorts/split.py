"""Splits drawn over people, never over scans."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.notes import counted
from keras_neurovit.cohorts.record import bare

if TYPE_CHECKING:
    from keras_neurovit.cohorts.cohort import Cohort


class Split(NamedTuple):
    """Three cohorts that share no person; `validation` is None where only train and test were asked for."""

    train: Cohort
    validation: Cohort | None
    test: Cohort


def split(cohort: Cohort, by: str, stratify: bool, fractions: Sequence[float], seed: int) -> Split:
    """See `Cohort.split`."""
    one_of("by", by, ("participant",))
    shares = np.asarray(fractions, dtype=float)
    if shares.shape not in ((2,), (3,)) or not (shares > 0).all() or not np.isclose(shares.sum(), 1):
        raise InputError(
            "fractions is unusable", expected="two or three positive numbers that add up to 1", received=fractions
        )
    names = ("train", "validation", "test") if len(shares) == 3 else ("train", "test")
    side_of: dict[str, str] = {}
    owed = np.zeros(len(shares))
    for people in strata(cohort, seed, stratify):
        counts = _apportioned(len(people), shares, owed)
        owed += len(people) * shares - counts
        side_of.update(zip(people, np.repeat(names, counts).tolist(), strict=True))
    sides = {name: cohort.subset([side_of[person] == name for person in cohort.participants]) for name in names}
    for name, side in sides.items():
        need_every_class(name, side, cohort)
    return Split(sides["train"], sides.get("validation"), sides["test"])


def folds(cohort: Cohort, k: int, seed: int) -> list[tuple[Cohort, Cohort]]:
    """See `Cohort.folds`."""
    if not isinstance(k, int | np.integer) or k < 2:
        raise InputError("k is unusable", expected="a whole number of folds, 2 or more", received=repr(k))
    for label, name in enumerate(cohort.labels):
        people = _people_of(cohort, label)
        if people < k:
            raise InputError(
                f"{cohort.source}: too few people of class {name!r} for {k} folds",
                expected=f"{k} or more",
                received=people,
                mend="Ask for fewer folds, or leave the class out with labels=.",
            )
    # Dealt like cards, going on from one class to the next, so that fold sizes differ by one person at most.
    dealt = [person for people in strata(cohort, seed, stratify=True) for person in people]
    fold_of = {person: place % k for place, person in enumerate(dealt)}
    fold = np.array([fold_of[person] for person in cohort.participants])
    pairs = [(cohort.subset(fold != i), cohort.subset(fold == i)) for i in range(k)]
    for i, pair in enumerate(pairs, start=1):
        for name, side in zip(("train", "test"), pair, strict=True):
            need_every_class(f"{name} of fold {i}", side, cohort)
    return pairs


def strata(cohort: Cohort, seed: int, stratify: bool) -> list[list[str]]:
    """People by the label of their first visit, each class in drawn order."""
    first: dict[str, int] = {}
    for record in sorted(cohort.records, key=lambda r: r.visit):
        first.setdefault(record.participant, record.label)

    def drawn(person: str) -> bytes:
        # A hash of seed and name needs no generator state, and a person keeps the place when others join.
        return hashlib.sha256(f"{seed}:{bare(person)}".encode()).digest()

    order = sorted(first, key=drawn)
    if not stratify:
        return [order]
    return [[person for person in order if first[person] == label] for label in sorted(set(first.values()))]


def _apportioned(people: int, shares: np.ndarray, owed: np.ndarray) -> np.ndarray:
    """How many of `people` each side gets; `owed` is what rounding kept from it in the classes before."""
    exact = people * shares
    counts = np.floor(exact + 1e-9).astype(int)
    spare = people - counts.sum()
    counts[np.argsort(-(owed + exact - counts), kind="stable")[:spare]] += 1
    while people >= len(shares) and counts.min() == 0:
        # A side without a class cannot be scored, so a rare class is spread before it is kept in proportion.
        counts[counts.argmin()] += 1
        counts[counts.argmax()] -= 1
    return counts


def need_every_class(name: str, side: Cohort, whole: Cohort) -> None:
    """Raises InputError where a side of a split has no scan of a class: it could not be scored."""
    present = set(side.targets.tolist())
    for label, class_name in enumerate(whole.labels):
        if label not in present:
            raise InputError(
                f"{whole.source}: {name} has no scan of class {class_name!r}",
                expected="every class on every side",
                received=f"{counted(_people_of(whole, label), 'person', 'people')} of that class in all",
                mend="Ask for fewer or larger sides, try another seed, or leave the class out with labels=.",
            )


def _people_of(cohort: Cohort, label: int) -> int:
    return len({record.participant for record in cohort.records if record.label == label})
