"""Text tables: read them strictly, find a column, tell a missing cell."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from keras_neurovit._checks import InputError, one_of

MISSING = frozenset({"", "n/a", "na", "nan", "null"})


@dataclass(frozen=True, slots=True)
class Table:
    """A text table: its file, its column names, and its rows with the line each stands on."""

    file: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    lines: tuple[int, ...]

    def need(self, column: str, *, mend: str) -> str:
        """The table's own spelling of `column`, or an error that ends in `mend`."""
        found = find_column(self.columns, column, self.file)
        if found is None:
            raise InputError(
                f"{self.file}: no column {column!r}", received="columns " + ", ".join(self.columns), mend=mend
            )
        return found


def read_table(file: Path, delimiter: str | None = None) -> Table:
    """The cells of a UTF-8 text table, stripped of blanks; without `delimiter` the header tells it.

    Raises:
        InputError: the file is missing, empty or not UTF-8, a column is named twice, or a row has a cell too many
            or too few; a shifted row would give people each other's labels.

    Example:
        >>> read_table(folder / "participants.tsv", "\\t").columns
        ('participant_id', 'age', 'sex', 'diagnosis')
    """
    try:
        # utf-8-sig: spreadsheets put a byte-order mark before the first column name.
        with open(file, encoding="utf-8-sig", newline="") as text:
            header = text.readline()
            text.seek(0)
            cells = csv.reader(text, delimiter=delimiter or _sniffed(header), strict=True)
            numbered = [(cells.line_num, [cell.strip() for cell in row]) for row in cells]
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{file}: no such file", mend="Give the path of a text table.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: is not UTF-8 text", mend="Save it again as UTF-8 (in Excel: 'CSV UTF-8')."
        ) from error
    except csv.Error as error:
        raise InputError(f"{file}: cannot be read as a table: {error}", mend="Look for a stray quote mark.") from error

    numbered = [(line, row) for line, row in numbered if any(row)]
    if not numbered:
        raise InputError(f"{file}: is empty", expected="a header line and a line a scan or person")
    columns = tuple(name or f"column {place}" for place, name in enumerate(numbered[0][1], start=1))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"{file}: column {twice[0]!r} appears twice", mend="Rename or remove one of them.")
    for line, row in numbered[1:]:
        if len(row) != len(columns):
            raise InputError(
                f"{file}, line {line}: wrong number of cells",
                expected=len(columns),
                received=len(row),
                mend="Write n/a in empty cells.",
            )
    rows = tuple(dict(zip(columns, row, strict=True)) for _, row in numbered[1:])
    return Table(Path(file), columns, rows, tuple(line for line, _ in numbered[1:]))


def _sniffed(header: str) -> str:
    """Comma, semicolon or tab: whichever cuts the header into most cells."""
    return max(",;\t", key=lambda delimiter: len(next(csv.reader([header], delimiter=delimiter), [])))


def find_column(columns: Iterable[str], name: str, file: object) -> str | None:
    """The spelling in `columns` of `name`, whatever its case; None where there is none.

    Raises:
        InputError: two columns differ from each other by case only; taking either would be a guess.

    Example:
        >>> find_column(["participant_id", "Sex"], "sex", "participants.tsv")
        'Sex'
    """
    found = [column for column in columns if column.casefold() == name.casefold()]
    if len(found) > 1:
        raise InputError(
            f"{file}: more than one column answers to {name!r}",
            received=", ".join(found),
            mend="Rename or remove all but one.",
        )
    return found[0] if found else None


def need_column(columns: Iterable[str], name: str, file: object) -> None:
    """Raises InputError where no column is called `name`, listing them and suggesting the nearest."""
    columns = list(columns)
    if find_column(columns, name, file) is None:
        one_of(f"column in {file}:", name, columns)


def is_missing(cell: str) -> bool:
    """Whether a cell says that nothing is known: empty, n/a, NA, NaN or null.

    Example:
        >>> is_missing("n/a"), is_missing("none")
        (True, False)
    """
    return cell.casefold() in MISSING
