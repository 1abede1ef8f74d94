"""Cohorts from CSV files that list one scan a line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.labelling import Listed, to_cohort
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import find_column, is_missing, need_column, read_table


def read_csv(
    file: str | Path,
    target: str,
    *,
    path_column: str = "path",
    participant_column: str = "participant_id",
    session_column: str = "session_id",
    labels: Iterable[str] | None = None,
    missing: str = "raise",
) -> Cohort:
    """The scans that a comma-, semicolon- or tab-separated table lists, one a line; no image is opened.

    Args:
        file: the table; relative paths in it start at its folder.
        target: the column with the labels; like all columns, whatever its case.
        path_column: the column with each scan's file.
        participant_column: the column with each scan's person; without it people would leak between sides.
        session_column: the column with the visit; the table need not have it.
        labels: the classes in order; scans of other classes are left out. Without it: all classes, CN, MCI, AD in
            clinical order, others sorted.
        missing: "raise" or "drop" where a scan's label is missing.

    Raises:
        InputError: the file, a column, a person, a label or a scan is missing, or two lines contradict each other.

    Example:
        >>> read_csv(folder / "scans.csv", "diagnosis").labels
        ('CN', 'AD')
    """
    file = Path(file).expanduser()
    table = read_table(file)
    participant_column = table.need(
        participant_column,
        mend="People must be known so that no one is trained and tested on; name the column with participant_column=.",
    )
    path_column = table.need(path_column, mend="Name the column of the files with path_column=.")
    session_column = find_column(table.columns, session_column, file)
    need_column(table.columns, target, file)

    notes: list[str] = []
    scans: dict[str, Listed] = {}
    first_line: dict[str, int] = {}
    spelling: dict[str, str] = {}
    pathless, repeated = [], []
    for line, row in zip(table.lines, table.rows, strict=True):
        person = row[participant_column]
        if is_missing(person):
            raise InputError(f"{file}, line {line}: no {participant_column}", mend="Fill it in or remove the line.")
        if is_missing(row[path_column]):
            pathless.append(person)
            continue
        # One spelling a person, or "01" and "sub-01" would count as two.
        person = spelling.setdefault(bare(person), person)
        session = row[session_column] if session_column else ""
        path = os.path.normpath(file.parent / row[path_column])
        scan = Listed(Path(path), person, None if is_missing(session) else session, row, file)
        seen = scans.setdefault(path, scan)
        first_line.setdefault(path, line)
        if seen is not scan:
            if _content(seen, path_column, participant_column) != _content(scan, path_column, participant_column):
                raise InputError(
                    f"{file}, line {line}: {path} was listed with other values in line {first_line[path]}",
                    expected="one line a scan",
                    mend="Keep the line that is right.",
                )
            repeated.append(line)
    if pathless:
        notes.append(f"{counted(len(pathless), 'line')} left out, no {path_column}: {some(pathless)}")
    if repeated:
        notes.append(f"{counted(len(repeated), 'repeated line')} left out: {some(repeated)}")
    absent = [path for path in scans if not os.path.exists(path)]
    if absent:
        raise InputError(
            f"{file}: {counted(len(absent), 'file')} of {len(scans)} cannot be found: {some(absent)}",
            expected=f"paths that are absolute or start at {file.parent}",
            mend="Correct the paths, or fetch dead links, e.g. with `datalad get`.",
        )
    spelled = find_column(table.columns, target, file)
    return to_cohort(list(scans.values()), spelled, source=file, notes=notes, labels=labels, missing=missing)


def scan_paths(file: str | Path, path_column: str = "path") -> list[Path]:
    """The files that a table lists, whoever's they are; relative paths start at its folder.

    Raises:
        InputError: the file or the column is missing.

    Example:
        >>> len(scan_paths(folder / "scans.csv"))
        24
    """
    file = Path(file).expanduser()
    table = read_table(file)
    column = table.need(path_column, mend="Name the column of the files with path_column=.")
    found = (row[column] for row in table.rows)
    return [Path(os.path.normpath(file.parent / path)) for path in found if not is_missing(path)]


def _content(scan: Listed, path_column: str, participant_column: str) -> dict[str, str]:
    """What a line says of a scan, whichever way it spells its path and person."""
    return scan.columns | {path_column: "", participant_column: scan.participant}
