"""A cohort in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.flow import table
from keras_neurovit.cohorts.notes import counted
from keras_neurovit.cohorts.table import find_column, is_missing

if TYPE_CHECKING:
    from keras_neurovit.cohorts.cohort import Cohort

SITES_AT_MOST = 12
COUNTED = {"sex": ("sex", "gender"), "site": ("site", "site_id", "center", "centre")}


def describe(cohort: Cohort) -> str:
    """See `Cohort.describe`."""
    scans, people = Counter(cohort.targets.tolist()), Counter()
    for _, label in {(record.participant, record.label) for record in cohort.records}:
        people[label] += 1
    lines = [f"{whole(cohort)}, target {cohort.target}", f"read from {cohort.source}"]
    lines += [f"  {name}: {_scans(scans[label], people[label])}" for label, name in enumerate(cohort.labels)]
    return "\n".join([*lines, *about_people(cohort), *table(cohort.flow, len(cohort))])


def whole(cohort: Cohort) -> str:
    """How many scans, people and sessions.

    Example:
        >>> whole(cohort)
        '40 scans of 32 people, 16 of them in 16 sessions'
    """
    sessions = [(record.participant, record.session) for record in cohort.records if record.session is not None]
    told = f", {len(sessions)} of them in {counted(len(set(sessions)), 'session')}" if sessions else ""
    return _scans(len(cohort), len({record.participant for record in cohort.records})) + told


def about_people(cohort: Cohort) -> list[str]:
    """Ages, sexes and sites, a line each where the table tells them.

    Example:
        >>> about_people(cohort)
        ['age 60 to 91 years, median 80, unknown for 1 scan', 'sex F 20, M 20 (scans)']
    """
    return [*_ages(cohort), *(line for kind in COUNTED for line in _counts(cohort, kind))]


def facts(cohort: Cohort, kind: str) -> list[str] | None:
    """The sex or site of every scan, "" where it is unknown; None where the table has no such column.

    Example:
        >>> facts(cohort, "sex")[:3], facts(cohort, "site")
        (['F', 'M', 'M'], None)
    """
    names = dict.fromkeys(column for record in cohort.records for column in record.columns)
    for name in COUNTED[kind]:
        if find_column({column.casefold(): column for column in names}.values(), name, cohort.source):
            return ["" if is_missing(text) else text for text in cohort.column(name).tolist()]
    return None


def _ages(cohort: Cohort) -> list[str]:
    try:
        ages = cohort.ages
    except InputError as error:
        return [f"age unknown: {error}"]
    if ages is None or np.isnan(ages).all():
        return []
    unknown = int(np.isnan(ages).sum())
    told = f", unknown for {counted(unknown, 'scan')}" if unknown else ""
    return [f"age {np.nanmin(ages):g} to {np.nanmax(ages):g} years, median {np.nanmedian(ages):g}{told}"]


def _counts(cohort: Cohort, kind: str) -> list[str]:
    texts = facts(cohort, kind)
    if not texts or not any(texts):
        return []
    counts = Counter(texts)
    unknown = counts.pop("", 0)
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{name} {number}" for name, number in shown[:SITES_AT_MOST]]
    parts += [f"{len(shown) - SITES_AT_MOST} more"] if len(shown) > SITES_AT_MOST else []
    parts += [f"unknown {unknown}"] if unknown else []
    return [f"{kind} " + ", ".join(parts) + " (scans)"]


def _scans(scans: int, people: int) -> str:
    return f"{counted(scans, 'scan')} of {counted(people, 'person', 'people')}"
