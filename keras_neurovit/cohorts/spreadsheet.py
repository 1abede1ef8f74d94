"""Excel's files as rows of text: some cohorts come with nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from keras_neurovit._checks import InputError

ENDINGS = (".xlsx", ".xls")
INSTALL = 'Run pip install "keras-neurovit[excel]", or save the table as CSV UTF-8.'


def spreadsheet_rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """The numbered rows of the first sheet; whole numbers without a decimal point, dates as 2006-04-18.

    Raises:
        InputError: the package that reads it is not installed, or it is no spreadsheet.
    """
    rows = _xls(file) if file.suffix.casefold() == ".xls" else _xlsx(file)
    for line, row in enumerate(rows, start=1):
        yield line, [_text(cell) for cell in row]


def _xlsx(file: Path) -> list[list]:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise InputError(f"{file}: openpyxl, which reads it, is not installed", mend=INSTALL) from error
    try:
        with open(file, "rb") as content:
            return [
                list(row) for row in load_workbook(content, read_only=True).worksheets[0].iter_rows(values_only=True)
            ]
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged archives raise nearly anything
        raise InputError(f"{file}: cannot be read as a spreadsheet: {error}", mend="Save it again.") from error


def _xls(file: Path) -> list[list]:
    try:
        import xlrd
    except ImportError as error:
        raise InputError(f"{file}: xlrd, which reads it, is not installed", mend=INSTALL) from error
    try:
        book = xlrd.open_workbook(file)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise InputError(f"{file}: cannot be read as a spreadsheet: {error}", mend="Save it again.") from error
    return [
        [
            xlrd.xldate_as_datetime(cell.value, book.datemode) if cell.ctype == xlrd.XL_CELL_DATE else cell.value
            for cell in row
        ]
        for row in book.sheets()[0].get_rows()
    ]


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat()[:10] if isinstance(cell, date) else str(cell)
