"""What a model said of people, as a table that any framework can write."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import Table, find_column, is_missing, read_table

KEYS = ("participant_id", "session_id", "scan")
PREFIX = "probability_"


@dataclass(frozen=True)
class Predictions:
    """A row a scan: whose it is, the truth, and what was said.

    Args:
        participants: of each row, without "sub-".
        sessions: of each row, "" where visits are not told apart.
        scans: name of each row's scan, "" where a visit has one.
        targets: class indices, or numbers for a regression; shape (row,).
        probabilities: (row, label) of a classifier, (row,) of a regression.
        labels: of the columns of `probabilities`; empty for a regression.
        columns: every other column of the table, as text.
        source: the file.
        left_out: how many of its rows were left out, by why.

    Example:
        >>> _ = Path("p.csv").write_text("participant_id,target,probability\\n01,0,0.2\\n02,1,0.7\\n")
        >>> read_predictions("p.csv").kind
        'binary'
    """

    participants: tuple[str, ...]
    sessions: tuple[str, ...]
    scans: tuple[str, ...]
    targets: np.ndarray
    probabilities: np.ndarray
    labels: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    source: str
    left_out: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.participants)

    @property
    def kind(self) -> Literal["regression", "binary", "multiclass"]:
        """What was predicted: a number, the second of two classes, or one of several."""
        return ("binary" if len(self.labels) == 2 else "multiclass") if self.labels else "regression"

    @property
    def scores(self) -> np.ndarray:
        """The probability of the second of two classes, or the predicted numbers; shape (row,)."""
        if self.kind == "multiclass":
            raise InputError(f"{self.source}: holds {len(self.labels)} classes", expected="two classes")
        return self.probabilities[:, 1] if self.labels else self.probabilities

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        """What tells rows apart: person, visit, scan."""
        return list(zip(self.participants, self.sessions, self.scans, strict=True))

    @property
    def clustered(self) -> bool:
        """Whether somebody has several rows."""
        return len(set(self.participants)) < len(self)

    def subset(self, rows: np.ndarray) -> Predictions:
        """The rows at indices, or where a mask is true."""
        chosen = np.arange(len(self))[rows]

        def of(texts):
            return tuple(texts[row] for row in chosen)

        return replace(
            self,
            participants=of(self.participants),
            sessions=of(self.sessions),
            scans=of(self.scans),
            targets=self.targets[chosen],
            probabilities=self.probabilities[chosen],
            columns={name: of(texts) for name, texts in self.columns.items()},
        )


def read_predictions(
    file: str | os.PathLike, labels: Sequence[str] | None = None, *, missing: Literal["raise", "drop"] = "raise"
) -> Predictions:
    """Predictions from a comma-, semicolon- or tab-separated table, one scan a line.

    Columns: `participant_id`; `session_id` where somebody has several visits, and `scan` where a visit has several;
    `target`; and of two classes `probability` (of the second), of several `probability_<label>` each, or of a
    regression `prediction`. Others are kept, and are what strata and confounds are taken from.

    Args:
        file: the table.
        labels: the two classes where `target` holds names and `probability` stands alone, the second being the one it
            is of, or that one only; 0 and 1 need none.
        missing: "drop" leaves out rows without a target or without what was predicted, and counts them in `left_out`;
            "raise" refuses them.

    Raises:
        InputError: a column is missing, a scan stands twice, a cell is no number, a number no probability; names the
            file and the line.

    Example:
        >>> _ = Path("p.csv").write_text("participant_id,target,probability\\n01,CN,0.2\\n02,AD,0.7\\n")
        >>> read_predictions("p.csv", labels=["CN", "AD"]).targets.tolist()
        [0, 1]
    """
    one_of("missing", missing, ("raise", "drop"))
    table = read_table(Path(file).expanduser())
    if not table.rows:
        raise InputError(f"{file}: holds no predictions", expected="a line a scan")
    target = table.need("target", mend="It holds the truth: a class, 0 and 1, or a number.")
    numbers = find_column(table.columns, "prediction", file)
    single = find_column(table.columns, "probability", file)
    several = [name for name in table.columns if name.casefold().startswith(PREFIX)]
    if sum(map(bool, (numbers, single, several))) != 1:
        raise InputError(
            f"{file}: it is not clear what was predicted",
            expected="one of: a column probability, columns probability_<label>, a column prediction",
            received="columns " + ", ".join(table.columns),
        )
    left_out: tuple[tuple[str, int], ...] = ()
    if missing == "drop":
        table, left_out = _complete(table, target, [name for name in (numbers, single, *several) if name])
    keys = _keys(table)
    if numbers:
        names, targets, said = (), _numbers(table, target), _numbers(table, numbers)
    else:
        names = tuple(name[len(PREFIX) :] for name in several) or _two(table, target, labels or ("0", "1"))
        targets = _classes(table, target, names, bool(labels or several))
        columns = [_numbers(table, name) for name in several or [single]]
        said = np.stack(columns if several else [1 - columns[0], columns[0]], axis=1)
        _refuse_no_probabilities(table, said, said if several else said[:, 1:])
    used = {*several, numbers, single, target, *(find_column(table.columns, name, file) for name in KEYS)}
    rest = {name: tuple(row[name] for row in table.rows) for name in table.columns if name not in used}
    people, sessions, scans = (tuple(column) for column in zip(*keys, strict=True))
    return Predictions(people, sessions, scans, targets, said, names, rest, str(file), left_out)


def _complete(table: Table, target: str, said: Sequence[str]) -> tuple[Table, tuple[tuple[str, int], ...]]:
    """The rows with both a target and what was predicted, and how many had not."""
    known = [not is_missing(row[target]) for row in table.rows]
    whole = [not any(is_missing(row[name]) for name in said) for row in table.rows]
    kept = [place for place, both in enumerate(zip(known, whole, strict=True)) if all(both)]
    if not kept:
        what = f"{table.file}: holds nobody whose target and prediction are known"
        raise InputError(what, "a line a scan", counted(len(table.rows), "line"))
    rows, lines = (tuple(column[place] for place in kept) for column in (table.rows, table.lines))
    unknown = len(known) - sum(known)
    counts = ("without a prediction", sum(known) - len(kept)), ("without a target", unknown)
    return replace(table, rows=rows, lines=lines), counts


def _two(table: Table, target: str, labels: Sequence[str]) -> tuple[str, ...]:
    """The two classes, of which the second alone may be known."""
    if len(labels) > 1:
        return tuple(labels)
    others = {row[target] for row in table.rows if not is_missing(row[target])} - set(labels)
    if len(others) != 1:
        what = f"{table.file}: one probability tells two targets from each other"
        raise InputError(what, expected=f"{labels[0]} and another", received=some(sorted(others)) or "no other")
    return *others, *labels


def _keys(table: Table) -> list[tuple[str, str, str]]:
    person = table.need("participant_id", mend="Without it scans of one person would count as several people.")
    others = [find_column(table.columns, name, table.file) for name in KEYS[1:]]
    seen: dict[tuple, int] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        if is_missing(row[person]):
            raise InputError(f"{table.file}, line {line}: no participant_id", mend="Fill it in or remove the line.")
        session, scan = ("" if name is None or is_missing(row[name]) else row[name] for name in others)
        key = bare(row[person]), session.removeprefix("ses-"), scan
        if key in seen:
            raise InputError(
                f"{table.file}, line {line}: {row[person]} {session} stood in line {seen[key]} already".replace(
                    "  ", " "
                ),
                expected="one line a scan",
                mend="Remove the repeated line, or tell the scans apart in columns session_id and scan.",
            )
        seen[key] = line
    return list(seen)


def _classes(table: Table, target: str, labels: Sequence[str], named: bool) -> np.ndarray:
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise InputError(f"{table.file}: labels are unusable", "two or more different names", list(labels))
    index = {label: place for place, label in enumerate(labels)}
    if not named:
        index |= {"0.0": 0, "1.0": 1}
    for line, row in zip(table.lines, table.rows, strict=True):
        if row[target] not in index:
            mend = None if named else "Name the class that probability is of: --labels CN AD, for a report --label AD."
            what = f"{table.file}, line {line}: the target is no known class"
            raise InputError(what, expected=" or ".join(labels), received=repr(row[target]), mend=mend)
    return np.array([index[row[target]] for row in table.rows])


def _numbers(table: Table, column: str) -> np.ndarray:
    found, wrong = np.full(len(table.rows), np.nan), []
    for place, (line, row) in enumerate(zip(table.lines, table.rows, strict=True)):
        with contextlib.suppress(ValueError):
            found[place] = float(row[column])
        if not np.isfinite(found[place]):
            wrong.append(f"line {line} {row[column]!r}")
    if wrong:
        raise InputError(
            f"{table.file}: {column} is no number in {counted(len(wrong), 'line')}",
            expected="finite numbers",
            received=some(wrong),
            mend="Write decimals with a point."
            if any("," in text for text in wrong)
            else "Find out why the model or the table gave them; leave those people out only if you report it.",
        )
    return found


def _refuse_no_probabilities(table: Table, said: np.ndarray, written: np.ndarray) -> None:
    off = (said < 0).any(axis=1) | (said > 1).any(axis=1) | (np.abs(said.sum(axis=1) - 1) > 1e-2)
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise InputError(
            f"{table.file}, line {table.lines[row]}: the numbers are no probabilities",
            expected="0 to 1" + (", adding up to 1 over the classes" if written.shape[1] > 1 else ""),
            received=", ".join(f"{number:.4g}" for number in written[row]),
            mend="If these are logits, apply softmax (or sigmoid) first; percents, divide by 100.",
        )
