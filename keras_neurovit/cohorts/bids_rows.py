"""What the tables of a BIDS folder say of people and of their visits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.bids_folder import Found
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import bare, composed
from keras_neurovit.cohorts.table import Table, find_column, is_missing, read_table

Row = dict[str, str]


@dataclass(slots=True)
class Rows:
    """Rows by person and by visit.

    Args:
        file: `participants.tsv`.
        people: bare participant → row.
        visits: bare participant → bare session → row.
        told_in: bare participant → the table that tells the visits apart.
    """

    file: Path
    people: dict[str, Row]
    visits: dict[str, dict[str, Row]]
    told_in: dict[str, Path]

    def columns(self) -> dict[str, str]:
        """Every column, casefolded → its spelling; that of participants.tsv goes first."""
        found = {name.casefold(): name for rows in self.visits.values() for row in rows.values() for name in row}
        return found | {name.casefold(): name for row in self.people.values() for name in row}

    def of(self, found: Found) -> Listed:
        """A scan with the row of its person, overlaid with the row of its visit."""
        person = bare(found.participant)
        visit = self.visit(found)
        if visit is None:
            return Listed(found.path, found.participant, found.session, self.people[person], self.file)
        file = self.told_in[person]
        row = dict(self.people[person])
        for name, cell in visit.items():
            row[find_column(row, name, self.file) or name] = cell
        return Listed(found.path, found.participant, found.session, row, file)

    def visit(self, found: Found) -> Row | None:
        """The row of a scan's visit; None where no table has one."""
        return self.visits.get(bare(found.participant), {}).get(composed(found.session or "").removeprefix("ses-"))


def read_rows(file: Path, sessions_files: dict[str, Path], flow: Flow, *, strict: bool) -> Rows:
    """The rows of `participants.tsv` and of the sessions files of the people who stand there.

    Lines without an id, or of one id with different values, are refused where `strict`, else noted and not used.
    """
    table = read_table(file, suggested="\t")
    if table.delimiter != "\t":
        flow.assumed(f"{file.name} is separated by {table.delimiter!r}, where BIDS asks for tabs")
    table.account(flow)
    column = table.need("participant_id", mend="BIDS tables are separated by tabs and name it in their first line.")
    session = find_column(table.columns, "session_id", file)
    visits: dict[str, dict[str, Row]] = {}
    if session and _is_long(table, column, session):
        flow.noted(f"{file.name} has a line for each visit, told apart by {session}")
        people, visits = _long_rows(table, column, session, flow, strict)
    else:
        people = _rows_by(table, column, "sub-", flow, strict)
    rows = Rows(file, people, visits, dict.fromkeys(visits, file))
    for participant, sessions in sessions_files.items():
        if bare(participant) in people:
            one = read_table(sessions, suggested="\t")
            one.account(flow)
            name = one.need("session_id", mend="BIDS tables are separated by tabs and name it in their first line.")
            rows.visits[bare(participant)] = _rows_by(one, name, "ses-", flow, strict)
            rows.told_in[bare(participant)] = sessions
    return rows


def note_visits(scans: list[Found], rows: Rows, target: str, flow: Flow) -> None:
    """Accounts for visits without a row: what is said of the person then stands for the visit."""
    visits: dict[str, set[str | None]] = {}
    for found in scans:
        visits.setdefault(bare(found.participant), set()).add(found.session)
    unlisted = [
        found
        for found in scans
        if rows.visit(found) is None
        and found.session is not None
        and (bare(found.participant) in rows.visits or len(visits[bare(found.participant)]) > 1)
    ]
    if unlisted:
        who = some(sorted({f"{found.participant} {found.session}" for found in unlisted}))
        flow.assumed(
            f"{target} and all else that {rows.file.name} says of the person holds at "
            f"{counted(len(unlisted), 'scan')} whose visit no table lists: {who}"
        )


def _is_long(table: Table, column: str, session: str) -> bool:
    names = [row[column].removeprefix("sub-") for row in table.rows]
    return len(set(names)) < len(names) and len({(row[column], row[session]) for row in table.rows}) > len(set(names))


def _long_rows(
    table: Table, column: str, session: str, flow: Flow, strict: bool
) -> tuple[dict[str, Row], dict[str, dict[str, Row]]]:
    """Rows by visit, and for each person what is the same in all of them."""
    by_person: dict[str, list[tuple[int, Row]]] = {}
    for line, row in _with_id(table, column, flow, strict):
        by_person.setdefault(bare(row[column]), []).append((line, row))
    people, visits = {}, {}
    for name, numbered in by_person.items():
        one = Table(table.file, table.columns, tuple(r for _, r in numbered), tuple(n for n, _ in numbered))
        visits[name] = _rows_by(one, session, "ses-", flow, strict)
        first = numbered[0][1]
        people[name] = {
            key: cell if all(row[key] == cell for _, row in numbered) else "" for key, cell in first.items()
        }
    return people, visits


def _rows_by(table: Table, column: str, prefix: str, flow: Flow, strict: bool) -> dict[str, Row]:
    """Rows by id, without its prefix; a repeated row is noted, a contradicting one refused or noted."""
    rows: dict[str, Row] = {}
    repeated: list[str] = []
    torn: dict[str, str] = {}
    for line, row in _with_id(table, column, flow, strict):
        name = composed(row[column]).removeprefix(prefix)
        seen = rows.setdefault(name, row)
        if seen is not row:
            if seen | {column: ""} == row | {column: ""}:
                repeated.append(row[column])
            elif strict:
                raise InputError(
                    f"{table.file}, line {line}: {row[column]} stands there twice with different values",
                    expected="one line each",
                    mend="Keep one; values that change between visits belong in sub-XX/sub-XX_sessions.tsv.",
                )
            else:
                torn[name] = row[column]
    if repeated:
        flow.noted(f"repeated line for {some(repeated)} left out of {table.file.name}")
    if torn:
        flow.noted(f"in several lines of {table.file.name} with different values, none used: {some(torn.values())}")
    return {name: row for name, row in rows.items() if name not in torn}


def _with_id(table: Table, column: str, flow: Flow, strict: bool) -> list[tuple[int, Row]]:
    """The numbered rows that say whose they are."""
    nobodys = [line for line, row in zip(table.lines, table.rows, strict=True) if is_missing(row[column])]
    if nobodys and strict:
        raise InputError(f"{table.file}, line {nobodys[0]}: no {column}", mend="Fill it in or remove the line.")
    if nobodys:
        flow.noted(f"{counted(len(nobodys), 'line')} of {table.file.name} without {column} left out: {some(nobodys)}")
    left_out = set(nobodys)
    return [(line, row) for line, row in zip(table.lines, table.rows, strict=True) if line not in left_out]
