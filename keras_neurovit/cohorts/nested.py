"""Fewer people of a cohort, each few among the more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.split import need_every_class, strata


def nested(cohort: Cohort, sizes: Sequence[int], seed: int = 0) -> list[Cohort]:
    """Subsets of so many people, with the classes in proportion; who is in a smaller one is in all larger ones.

    What more people are worth is then not mixed up with which people they are.

    Args:
        cohort: of at least as many people.
        sizes: numbers of people.
        seed: another draws other people.

    Raises:
        InputError: more people than there are, or so few that a class has none.

    Example:
        >>> few, more = nested(cohort, (8, 16))
        >>> len(set(few.participants)), set(few.participants) <= set(more.participants)
        (8, True)
    """
    classes = strata(cohort, seed, stratify=True)
    places = [((i + 0.5) / len(people), person) for people in classes for i, person in enumerate(people)]
    order = [person for _, person in sorted(places, key=lambda place: place[0])]
    found = []
    for size in sizes:
        if not isinstance(size, int | np.integer) or not 1 <= size <= len(order):
            raise InputError(f"{cohort.source}: a number of people is unusable", f"1 to {len(order)}", size)
        chosen = set(order[:size])
        subset = cohort.subset([person in chosen for person in cohort.participants])
        need_every_class(f"a subset of {size} people", subset, cohort)
        found.append(subset)
    return found
