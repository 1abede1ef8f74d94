"""From listed scans to a cohort: which are kept, which class each belongs to, what the flow says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import Record, natural
from keras_neurovit.cohorts.table import find_column, is_missing, need_column

OPEN_AGE = re.compile(r"\d+\s?\+")
CLINICAL_ORDER = ("CN", "MCI", "AD")


@dataclass(frozen=True, slots=True)
class Listed:
    """A scan with its row, before its label is known; `file` is the table an error should point to."""

    path: Path
    participant: str
    session: str | None
    columns: dict[str, str]
    file: Path


def to_cohort(
    scans: list[Listed],
    target: str,
    *,
    source: Path,
    flow: Flow,
    labels: Iterable[str] | None,
    missing: str,
) -> Cohort:
    """The cohort of `scans` that carry one of `labels`, in the order of people and visits.

    Raises:
        InputError: a scan has no label (unless `missing` is "drop"), a class is asked for in another spelling than
            the table's, or no scan remains.
    """
    one_of("missing", missing, ("raise", "drop"))
    scans = _with_open_ages(scans, flow)
    texts = [_cell(scan, target) for scan in scans]
    unknown = [scan for scan, text in zip(scans, texts, strict=True) if is_missing(text)]
    if unknown:
        people = some(sorted({scan.participant for scan in unknown}, key=natural))
        if missing == "raise":
            raise InputError(
                f"{some(dict.fromkeys(scan.file for scan in unknown))}: no {target} for {people}",
                received=f"{counted(len(unknown), 'scan')} without a label",
                mend="Fill in the cells, or read with missing='drop' to leave these scans out.",
            )
        flow.left_out(len(unknown), f"no {target} known: {people}")

    values = {text for text in texts if not is_missing(text)}
    order = class_order(values) if labels is None else _asked(labels, values, target, source)
    for value in sorted(values - set(order)):
        flow.left_out(texts.count(value), f"{target} {value!r} is not among the labels {some(order)}")
    for label in order:
        if label not in values:
            flow.noted(f"no scan has {target} {label!r}")

    index = {label: place for place, label in enumerate(order)}
    records = [
        Record(scan.path, scan.participant, scan.session, index[text], scan.columns)
        for scan, text in zip(scans, texts, strict=True)
        if text in index
    ]
    if not records:
        raise InputError(
            f"{source}: no labelled scan remains",
            received=str(flow) or None,
            mend=f"Check the files, the column {target!r} and the labels.",
        )
    records.sort(key=lambda record: record.visit)
    _note_conversions(records, order, target, flow)
    return Cohort(tuple(records), order, target, str(source), tuple(flow.steps))


def _with_open_ages(scans: list[Listed], flow: Flow) -> list[Listed]:
    """The scans with "89+", as BIDS has ages that could tell who somebody is, taken as 89."""
    known, changed, taken = [], {}, []
    for scan in scans:
        column = find_column(scan.columns, "age", scan.file)
        if column and OPEN_AGE.fullmatch(scan.columns[column]):
            taken.append(scan.columns[column])
            # One row often stands for several scans: it is copied once.
            row = changed.setdefault(id(scan.columns), scan.columns | {column: scan.columns[column].rstrip("+ ")})
            scan = replace(scan, columns=row)
        known.append(scan)
    if taken:
        ages = some(sorted(set(taken)))
        flow.assumed(f"age {ages} is that number for {counted(len(taken), 'scan')}, who may be older")
    return known


def _note_conversions(records: list[Record], labels: tuple[str, ...], target: str, flow: Flow) -> None:
    """Counts the people whose class changes from one visit to another; `records` are in the order of visits."""
    courses: dict[str, list[int]] = {}
    for record in records:
        course = courses.setdefault(record.participant, [record.label])
        if course[-1] != record.label:
            course.append(record.label)
    changes = Counter(" → ".join(labels[label] for label in course) for course in courses.values() if len(course) > 1)
    for change, people in sorted(changes.items()):
        flow.noted(f"{target} of {counted(people, 'person', 'people')} changes between scans: {change}")


def keep_rows(scans: list[Listed], keep: Mapping[str, object], flow: Flow) -> list[Listed]:
    """The scans whose row holds, in every column of `keep`, the value or one of the values given there."""
    for column, value in keep.items():
        if scans:
            need_column(dict.fromkeys(name for scan in scans for name in scan.columns), column, scans[0].file)
        wanted = as_texts(value)
        kept = [scan for scan in scans if _cell(scan, column) in wanted]
        flow.left_out(len(scans) - len(kept), f"{column} is not {' or '.join(sorted(wanted))}")
        scans = kept
    return scans


def as_texts(value: object) -> set[str]:
    """One value, or each of several, as a table writes it."""
    several = isinstance(value, Iterable) and not isinstance(value, str)
    return {str(item) for item in value} if several else {str(value)}


def class_order(values: set[str]) -> tuple[str, ...]:
    """Classes in clinical order (CN, MCI, AD), or as numbers where all are numbers, or by name.

    Example:
        >>> class_order({"AD", "CN"}), class_order({"2", "10"}), class_order({"M", "F"})
        (('CN', 'AD'), ('2', '10'), ('F', 'M'))
    """
    if values <= set(CLINICAL_ORDER):
        return tuple(name for name in CLINICAL_ORDER if name in values)
    try:
        return tuple(sorted(values, key=lambda value: (float(value), value)))
    except ValueError:
        return tuple(sorted(values))


def _cell(scan: Listed, column: str) -> str:
    name = find_column(scan.columns, column, scan.file)
    return scan.columns[name] if name else ""


def _asked(labels: Iterable[str], values: set[str], target: str, source: Path) -> tuple[str, ...]:
    """`labels` as the caller orders them; a spelling the table has in another case is a mistake, not a class."""
    if isinstance(labels, str):
        raise InputError("labels is unusable", expected="a list of class names", received=repr(labels))
    order = tuple(str(label) for label in labels)
    if not order or len(set(order)) < len(order):
        raise InputError("labels is unusable", expected="class names, each once", received=order)
    spelling = {value.casefold(): value for value in values}
    for label in order:
        written = spelling.get(label.casefold())
        if label not in values and written is not None:
            raise InputError(
                f"{source}: no scan has {target} {label!r}",
                expected="one of " + ", ".join(sorted(values)),
                mend=f"Did you mean {written!r}?",
            )
    return order
