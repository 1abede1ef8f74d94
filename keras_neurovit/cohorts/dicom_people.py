"""Tables of the people and visits of a DICOM export, for `read_bids`; what a user has added to them is kept."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from keras_neurovit._files import published
from keras_neurovit.cohorts.dicom_series import Series
from keras_neurovit.cohorts.table import read_table

SEXES = ("F", "M", "O")


def write_people(out: Path, chosen: Iterable[tuple[Series, str, str]]) -> None:
    """Add people to `participants.tsv` and visits to each person's `sessions.tsv`.

    Args:
        out: the BIDS folder.
        chosen: series, its participant and its session, "" where visits have no day.
    """
    people: dict[str, dict] = {}
    visits: dict[str, dict[str, dict]] = {}
    for series, participant, session in chosen:
        sex, age = series.facts.get("PatientSex"), series.facts.get("PatientAge")
        age = f"{age:g}" if isinstance(age, int | float) and age > 0 else "n/a"
        person = people.setdefault(participant, {"participant_id": participant, "age": age, "sex": "n/a"})
        person["sex"] = sex if sex in SEXES else person["sex"]
        if session:
            visits.setdefault(participant, {})[session] = {"session_id": session, "age": age}
    add_rows(out / "participants.tsv", people)
    for participant, rows in visits.items():
        add_rows(out / participant / f"{participant}_sessions.tsv", rows)


def add_rows(file: Path, rows: dict[str, dict]) -> None:
    """Add those rows whose first cell the table does not have yet; rows and columns that are there stay as they are.

    Example:
        >>> add_rows(folder / "people.tsv", {"sub-1": {"participant_id": "sub-1", "age": "70"}})
        >>> add_rows(folder / "people.tsv", {"sub-1": {"participant_id": "sub-1", "age": "71"}})
        >>> (folder / "people.tsv").read_text().splitlines()
        ['participant_id\\tage', 'sub-1\\t70']
    """
    before = read_table(file, suggested="\t") if file.is_file() else None
    kept = list(before.rows) if before else []
    columns = list(before.columns) if before else list(next(iter(rows.values()), {}))
    key = columns[0] if columns else ""
    known = {row[key] for row in kept}
    new = [row for name, row in rows.items() if name not in known]
    if not new:
        return
    with published(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, columns, "n/a", "ignore", delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows([*kept, *new])
