"""The last guard before training: no person on two sides."""

from __future__ import annotations

import os
from itertools import combinations

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import bare


def refuse_leak(**cohorts: Cohort | None) -> None:
    """Raises InputError where two of the named cohorts share a person, or a file under two names.

    Args:
        cohorts: the sides by name; None stands for a side that is not there.

    Raises:
        InputError: naming the sides and the people they share.

    Example:
        >>> train, validation, test = cohort.split(fractions=(0.5, 0.25, 0.25))
        >>> refuse_leak(train=train, validation=validation, test=test)
    """
    sides = {name: cohort for name, cohort in cohorts.items() if cohort is not None}
    leaks = []
    for (one, first), (other, second) in combinations(sides.items(), 2):
        shared = _shared(first, second)
        if shared:
            leaks.append(f"{one} and {other} share {counted(len(shared), 'person', 'people')}: {some(shared)}")
    if leaks:
        raise InputError(
            "; ".join(leaks),
            expected="no person on two sides",
            mend="Split with Cohort.split or split_by; if two studies use the same ids for different people, "
            "tell them apart with cohort.prefixed('study-').",
        )


def _shared(first: Cohort, second: Cohort) -> list[str]:
    """People of `first` who are also in `second`, by their id or by one of their files."""
    people = {bare(record.participant) for record in second.records}
    files = {os.path.abspath(record.path) for record in second.records}
    return list(
        dict.fromkeys(
            record.participant
            for record in first.records
            if bare(record.participant) in people or os.path.abspath(record.path) in files
        )
    )
