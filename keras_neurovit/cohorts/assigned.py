"""Splits made by hand: by lists of people or scans, or by a column of the table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.flow import Step
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import is_missing

if TYPE_CHECKING:
    from keras_neurovit.cohorts.cohort import Cohort


def split_by(cohort: Cohort, assignment: str | Mapping[str, Sequence[str | Path]]) -> dict[str, Cohort]:
    """See `Cohort.split_by`."""
    places = _by_column(cohort, assignment) if isinstance(assignment, str) else _by_list(cohort, assignment)
    side_of: dict[str, set[str]] = {}
    for side, chosen in places.items():
        for place in chosen:
            side_of.setdefault(cohort.records[place].participant, set()).add(side)
    torn = {person: sides for person, sides in side_of.items() if len(sides) > 1}
    if torn:
        where = some(f"{person} on {' and '.join(sorted(sides))}" for person, sides in torn.items())
        raise InputError(
            f"{cohort.source}: {counted(len(torn), 'person', 'people')} on two sides: {where}",
            expected="each person on one side",
            mend="Move all scans of a person to one side.",
        )
    left_out = sorted(set(range(len(cohort))).difference(*places.values()))
    flow = cohort.flow
    if left_out:
        people = some(dict.fromkeys(cohort.records[place].participant for place in left_out))
        flow = (*flow, Step("left out", len(left_out), f"assigned to no side: {people}"))
    return {side: replace(cohort.subset(sorted(chosen)), flow=flow) for side, chosen in places.items()}


def _by_column(cohort: Cohort, column: str) -> dict[str, set[int]]:
    places: dict[str, set[int]] = {}
    for place, side in enumerate(cohort.column(column).tolist()):
        if not is_missing(side):
            places.setdefault(side, set()).add(place)
    if not places:
        raise InputError(f"{cohort.source}: column {column!r} assigns no scan to any side")
    return places


def _by_list(cohort: Cohort, assignment: Mapping[str, Sequence[str | Path]]) -> dict[str, set[int]]:
    of_person: dict[str, set[int]] = {}
    of_path: dict[str, set[int]] = {}
    for place, record in enumerate(cohort.records):
        of_person.setdefault(bare(record.participant), set()).add(place)
        of_path.setdefault(os.path.abspath(record.path), set()).add(place)

    # A relative path may be meant from here, from the BIDS folder or from the folder of the CSV.
    folders = ("", cohort.source, os.path.dirname(cohort.source))

    def found(entry: str | Path) -> set[int]:
        if bare(str(entry)) in of_person:
            return of_person[bare(str(entry))]
        paths = (os.path.abspath(os.path.join(folder, entry)) for folder in folders)
        return next((of_path[path] for path in paths if path in of_path), set())

    places: dict[str, set[int]] = {}
    for side, entries in assignment.items():
        if isinstance(entries, str | Path) or not entries:
            raise InputError(
                f"side {side!r} is unusable", expected="a list of participants or paths", received=repr(entries)
            )
        unknown = [entry for entry in entries if not found(entry)]
        if unknown:
            raise InputError(
                f"side {side!r} names {counted(len(unknown), 'participant or path', 'participants or paths')} "
                f"that the cohort does not have: {some(unknown)}",
                expected=f"participants such as {cohort.records[0].participant} or paths" if len(cohort) else None,
                mend=f"Check them against {cohort.source}.",
            )
        places[side] = set().union(*(found(entry) for entry in entries))
    return places
