"""Cohorts from BIDS folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.bids_folder import Found, Listing, list_scans
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.labelling import Listed, keep_rows, to_cohort
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import Table, find_column, is_missing, need_column, read_table

Row = dict[str, str]


def read_bids(
    folder: str | Path,
    target: str,
    *,
    labels: Iterable[str] | None = None,
    suffix: str = "T1w",
    keep: Mapping[str, object] | None = None,
    missing: str = "raise",
) -> Cohort:
    """The scans of a BIDS folder with their people's labels; no image is opened.

    Scans are `sub-*/[ses-*/]anat/*_<suffix>.nii`, `.nii.gz` or `.mgz`. A row for the visit in
    `sub-XX/sub-XX_sessions.tsv` goes before the person's row in `participants.tsv`, column by column, even where it
    says n/a: an earlier diagnosis is no stand-in for an unknown one.

    Args:
        folder: holds `participants.tsv`.
        target: the column with the labels, whatever its case.
        labels: the classes in order; scans of other classes are left out. Without it: all classes, CN, MCI, AD in
            clinical order, others sorted.
        suffix: the kind of scan.
        keep: column → value or values; other scans are left out.
        missing: "raise" or "drop" where a scan's label is missing.

    Raises:
        InputError: the folder, its table, the column, a label or every scan is missing, or the table says two
            things of one person.

    Source: Brain Imaging Data Structure 1.10, "Anatomy imaging data", "Participants file" and "Sessions file".

    Example:
        >>> read_bids(folder, "diagnosis", keep={"sex": "F"}).notes
        ('20 scans left out, sex is not F',)
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", expected="a BIDS folder with participants.tsv")
    file = folder / "participants.tsv"
    if not file.is_file():
        raise InputError(
            f"{folder}: has no participants.tsv",
            mend=f"Write one with the columns participant_id and {target}, or list the scans for read_csv.",
        )
    notes: list[str] = []
    table = read_table(file, "\t")
    people = _rows_by(table, "participant_id", "sub-", notes)
    listing = list_scans(folder, suffix)
    visits = {
        person: _rows_by(read_table(sessions, "\t"), "session_id", "ses-", notes)
        for person, sessions in listing.sessions_files.items()
        if bare(person) in people
    }
    # Spellings that differ by case only between files are one column; within a file they are an error.
    columns = {name.casefold(): name for rows in visits.values() for row in rows.values() for name in row}
    columns |= {name.casefold(): name for name in table.columns}
    find_column(table.columns, target, file)
    need_column(columns.values(), target, file)

    _note_unused(listing, people, suffix, notes)
    scans = [
        _listed(found, people[bare(found.participant)], visits, listing.sessions_files, target, file)
        for found in listing.scans
        if bare(found.participant) in people
    ]
    if not scans:
        raise InputError(
            f"{folder}: no usable scan",
            expected=f"sub-*/[ses-*/]anat/*_{suffix}.nii.gz of people listed in participants.tsv",
            received="; ".join(notes) or "an empty participants.tsv and no scans",
            mend="Check folder, suffix and participant_id.",
        )
    return to_cohort(
        keep_rows(scans, keep or {}, notes),
        columns[target.casefold()],
        source=folder,
        notes=notes,
        labels=labels,
        missing=missing,
    )


def _listed(
    found: Found,
    person: Row,
    visits: dict[str, dict[str, Row]],
    sessions_files: dict[str, Path],
    target: str,
    file: Path,
) -> Listed:
    """A scan with the row of its person, overlaid with the row of its visit."""
    visit = visits.get(found.participant, {}).get((found.session or "").removeprefix("ses-"))
    if visit is None:
        return Listed(found.path, found.participant, found.session, person, file)
    sessions = sessions_files[found.participant]
    row = dict(person)
    for name, cell in visit.items():
        row[find_column(person, name, file) or name] = cell
    told_by = sessions if find_column(visit, target, sessions) else file
    return Listed(found.path, found.participant, found.session, row, told_by)


def _rows_by(table: Table, column: str, prefix: str, notes: list[str]) -> dict[str, Row]:
    """Rows by id, without its prefix; a repeated row is noted, a contradicting one refused."""
    column = table.need(column, mend="BIDS tables are separated by tabs and name it in their first line.")
    rows: dict[str, Row] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        if is_missing(row[column]):
            raise InputError(f"{table.file}, line {line}: no {column}", mend="Fill it in or remove the line.")
        name = row[column].removeprefix(prefix)
        seen = rows.setdefault(name, row)
        if seen is not row:
            if seen | {column: ""} != row | {column: ""}:
                raise InputError(
                    f"{table.file}, line {line}: {row[column]} stands there twice with different values",
                    expected="one line each",
                    mend="Keep one; values that change between visits belong in sub-XX/sub-XX_sessions.tsv.",
                )
            notes.append(f"repeated line for {row[column]} left out of {table.file.name}")
    return rows


def _note_unused(listing: Listing, people: dict[str, Row], suffix: str, notes: list[str]) -> None:
    seen = {bare(found.participant) for found in [*listing.scans, *listing.absent, *listing.misplaced]}
    unseen = [f"sub-{name}" for name in people if name not in seen]
    if unseen:
        notes.append(f"{counted(len(unseen), 'participant')} without a {suffix} scan: {some(unseen)}")
    unlisted = [found for found in listing.scans if bare(found.participant) not in people]
    if unlisted:
        who = some(sorted({found.participant for found in unlisted}))
        notes.append(f"{counted(len(unlisted), 'scan')} left out, not listed in participants.tsv: {who}")
    if listing.absent:
        paths = sorted(str(found.path) for found in listing.absent)
        notes.append(
            f"{counted(len(paths), 'scan')} left out, file content is missing (dead link or annex pointer): "
            f"{some(paths)}; fetch it, e.g. `datalad get {paths[0]}`"
        )
    if listing.misplaced:
        paths = some(sorted(str(found.path) for found in listing.misplaced))
        notes.append(
            f"{counted(len(listing.misplaced), 'scan')} left out, named for another participant or session: {paths}"
        )
