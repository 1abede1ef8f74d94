"""Tables as text: read them strictly, find a column, tell a missing cell."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from keras_neurovit._checks import InputError, one_of
from keras_neurovit._pointers import ANNEX, LFS, fetching
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.notes import counted
from keras_neurovit.cohorts.on_disk import fault
from keras_neurovit.cohorts.spreadsheet import ENDINGS as SPREADSHEETS
from keras_neurovit.cohorts.spreadsheet import spreadsheet_rows

DECIMAL = re.compile(r"([+-]?\d+),(\d+)")
MISSING = frozenset({"", "n/a", "na", "nan", "null"})


@dataclass(frozen=True, slots=True)
class Table:
    """A text table: its file, its column names, and its rows with the line each stands on.

    `decimal_commas` tells how many cells had a comma as their decimal point.
    """

    file: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    lines: tuple[int, ...]
    delimiter: str = ","
    decimal_commas: int = 0

    def account(self, flow: Flow) -> None:
        """Say in the flow what was assumed of the cells."""
        if self.decimal_commas:
            numbers = counted(self.decimal_commas, "number")
            flow.assumed(f"a comma in {numbers} of {self.file.name}, whose cells are parted by ';', is a decimal point")

    def need(self, column: str, *, mend: str) -> str:
        """The table's own spelling of `column`, or an error that ends in `mend`."""
        found = find_column(self.columns, column, self.file)
        if found is None:
            raise InputError(
                f"{self.file}: no column {column!r}", received="columns " + ", ".join(self.columns), mend=mend
            )
        return found


def read_table(file: Path, *, suggested: str | None = None, only: Collection[str] | None = None) -> Table:
    """The cells of a UTF-8 text table or of a spreadsheet's first sheet, as text stripped of blanks.

    Numbers with a decimal comma, in tables parted by semicolons, get a point; `Table.account` says so.

    Args:
        file: separated by commas, semicolons or tabs, as its header tells; or .xlsx, .xls (needs the extra excel).
        suggested: what separates the cells wherever the header has it.
        only: columns to keep, whatever their case, of those that are there; for tables of thousands of columns.

    Raises:
        InputError: the file is missing, not fetched, empty or not UTF-8, a column is named twice, or a row has a cell
            too many or too few; a shifted row would give people each other's labels.

    Example:
        >>> read_table(folder / "participants.tsv").columns
        ('participant_id', 'age', 'sex', 'diagnosis')
    """
    wrong = fault(Path(file))
    if wrong in (ANNEX, LFS):
        mend = f"Fetch it with `{fetching(wrong, [str(file)])}`."
        raise InputError(f"{file}: a {wrong} in the place of the table", mend=mend)
    try:
        if Path(file).suffix.casefold() in SPREADSHEETS:
            delimiter = suggested or ","
            columns, numbered = _parsed(spreadsheet_rows(Path(file)), file, only)
        else:
            # utf-8-sig: spreadsheets put a byte-order mark before the first column name.
            with open(file, encoding="utf-8-sig", newline="") as text:
                header = text.readline()
                text.seek(0)
                delimiter = suggested if suggested and suggested in header else _sniffed(header)
                cells = csv.reader(text, delimiter=delimiter, strict=True)
                columns, numbered = _parsed(((cells.line_num, row) for row in cells), file, only)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{file}: no such file", mend="Give the path of a text table.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: is not UTF-8 text", mend="Save it again as UTF-8 (in Excel: 'CSV UTF-8')."
        ) from error
    except csv.Error as error:
        raise InputError(f"{file}: cannot be read as a table: {error}", mend="Look for a stray quote mark.") from error

    commas = 0
    if delimiter == ";":  # as spreadsheets write where the comma is the decimal point
        for _, row in numbered:
            places = [place for place, cell in enumerate(row) if DECIMAL.fullmatch(cell)]
            commas += len(places)
            for place in places:
                row[place] = row[place].replace(",", ".")
    rows = tuple(dict(zip(columns, row, strict=True)) for _, row in numbered)
    return Table(Path(file), columns, rows, tuple(line for line, _ in numbered), delimiter, commas)


def _parsed(
    lines: Iterable[tuple[int, list[str]]], file: Path, only: Collection[str] | None
) -> tuple[tuple[str, ...], list[tuple[int, list[str]]]]:
    """The column names and the numbered rows, without empty lines."""
    filled = ((line, row) for line, row in lines if any(cell.strip() for cell in row))
    _, header = next(filled, (0, None))
    if header is None:
        raise InputError(f"{file}: is empty", expected="a header line and a line a scan or person")
    columns = tuple(name.strip() or f"column {place}" for place, name in enumerate(header, start=1))
    wanted = None if only is None else {name.casefold() for name in only}
    chosen = [place for place, name in enumerate(columns) if wanted is None or name.casefold() in wanted]
    names = tuple(columns[place] for place in chosen)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{file}: column {twice[0]!r} appears twice", mend="Rename or remove one of them.")
    known: dict[str, str] = {}  # the same text is kept once: cells repeat themselves
    numbered = []
    for line, row in filled:
        if len(row) != len(columns):
            raise InputError(
                f"{file}, line {line}: wrong number of cells",
                expected=len(columns),
                received=len(row),
                mend="Write n/a in empty cells.",
            )
        stripped = (row[place].strip() for place in chosen)
        numbered.append((line, [known.setdefault(cell, cell) for cell in stripped]))
    return names, numbered


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
