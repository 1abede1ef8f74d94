"""Cohorts from CSV files that list one scan a line."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._pointers import ANNEX, LFS, fetching
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed, keep_rows, to_cohort
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.on_disk import fault, leave_out_faults
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import find_column, is_missing, need_column, read_table

FORMS = ("NFC", "NFD")


def read_csv(
    file: str | Path,
    target: str,
    *,
    path_column: str = "path",
    participant_column: str = "participant_id",
    session_column: str = "session_id",
    labels: Iterable[str] | None = None,
    keep: Mapping[str, object] | None = None,
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
        keep: column → value or values; other scans are left out.
        missing: "raise" or "drop" where a scan's label, person or file is missing, or two lines contradict each other.

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

    flow = Flow()
    table.account(flow)
    scans: dict[str, Listed] = {}
    first_line: dict[str, int] = {}
    spelling: dict[str, str] = {}
    pathless, repeated, nobodys, recoded, torn = [], [], [], [], {}
    for line, row in zip(table.lines, table.rows, strict=True):
        person = row[participant_column]
        if is_missing(person) and missing != "drop":
            raise InputError(f"{file}, line {line}: no {participant_column}", mend="Fill it in or remove the line.")
        if is_missing(person):
            nobodys.append(line)
            continue
        if is_missing(row[path_column]):
            pathless.append(person)
            continue
        # One spelling a person, or "01" and "sub-01" would count as two.
        person = spelling.setdefault(bare(person), person)
        session = row[session_column] if session_column else ""
        path = os.path.normpath(file.parent / row[path_column])
        if not path.isascii() and not os.path.lexists(path) and (other := _as_encoded(path)):
            recoded.append(person)
            path = other
        scan = Listed(Path(path), person, None if is_missing(session) else session, row, file)
        seen = scans.setdefault(path, scan)
        first_line.setdefault(path, line)
        if seen is not scan:
            if _content(seen, path_column, participant_column) == _content(scan, path_column, participant_column):
                repeated.append(line)
            elif missing == "drop":
                torn[path] = None
            else:
                raise InputError(
                    f"{file}, line {line}: {path} was listed with other values in line {first_line[path]}",
                    expected="one line a scan",
                    mend="Keep the line that is right.",
                )
    if pathless:
        flow.noted(f"{counted(len(pathless), 'line')} left out, no {path_column}: {some(pathless)}")
    if nobodys:
        flow.noted(f"{counted(len(nobodys), 'line')} left out, no {participant_column}: {some(nobodys)}")
    if repeated:
        flow.noted(f"{counted(len(repeated), 'repeated line')} left out: {some(repeated)}")
    flow.found(len(scans), f"files listed in {file.name}")
    if recoded:
        files = counted(len(recoded), "file")
        flow.assumed(f"{file.name} means {files} whose accents are encoded otherwise than in it: {some(recoded)}")
    flow.left_out(len(torn), f"listed again with other values: {some(torn)}")
    scans = {path: scan for path, scan in scans.items() if path not in torn}
    kept = keep_rows(_present(scans, file, missing, flow), keep or {}, flow)
    spelled = find_column(table.columns, target, file)
    return to_cohort(kept, spelled, source=file, flow=flow, labels=labels, missing=missing)


def _present(scans: dict[str, Listed], file: Path, missing: str, flow: Flow) -> list[Listed]:
    """The scans whose files are there; the others are an error, or left out where `missing` is "drop"."""
    faults: dict[str, list[str]] = {}
    for path in scans:
        wrong = fault(Path(path))
        if wrong:
            faults.setdefault(wrong, []).append(path)
    absent = [path for paths in faults.values() for path in paths]
    fetch = "".join(f"fetch with `{fetching(name, faults[name])}`, " for name in (ANNEX, LFS) if name in faults)
    if absent and (missing != "drop" or len(absent) == len(scans)):
        raise InputError(
            f"{file}: {counted(len(absent), 'file')} of {len(scans)} cannot be used: {some(absent)}",
            expected=f"paths that are absolute or start at {file.parent}",
            received=", ".join(f"{len(paths)} × {name}" for name, paths in sorted(faults.items())),
            mend=f"Correct the paths, {fetch}or read with missing='drop'.",
        )
    leave_out_faults(faults, flow)
    lost = set(absent)
    return [scan for path, scan in scans.items() if path not in lost]


def _as_encoded(path: str) -> str | None:
    """A file that is there under the same name, whose accents are encoded otherwise."""
    return next((name for form in FORMS if os.path.lexists(name := unicodedata.normalize(form, path))), None)


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
