"""Tables that come with a cohort: found by name, read, and joined to its scans."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.notes import some
from keras_neurovit.cohorts.on_disk import entries
from keras_neurovit.cohorts.table import Table, find_column, is_missing, read_table

Row = dict[str, str]
ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xls")


def find_table(folder: Path, pattern: str, *, skip: str, depth: int = 6, needed: bool = True) -> Path | None:
    """The one table whose name fits `pattern`, below `folder` or beside it.

    Args:
        folder: where the cohort lies.
        pattern: of the name without its ending, whatever its case, such as "ADNIMERGE*".
        skip: regular expression of the folders that hold scans, which are not searched.
        depth: how many folders deep to look.
        needed: whether having none is an error.

    Raises:
        InputError: no such table, or more than one: taking either would be a guess.

    Example:
        >>> find_table(folder, "part*", skip="sub-.*").name
        'participants.tsv'
    """
    below = sorted(_search(folder, pattern.casefold(), re.compile(skip), depth))
    found = below or sorted(_search(folder.absolute().parent, pattern.casefold(), re.compile(skip), 0))
    if len(found) > 1:
        raise InputError(
            f"{folder}: more than one table fits {pattern}", received=some(found), mend="Keep one of them there."
        )
    if not found and needed:
        raise InputError(f"{folder}: no table {pattern}", expected=" or ".join(ENDINGS[:1] + ENDINGS[3:]))
    return found[0] if found else None


def _search(folder: Path, pattern: str, skip: re.Pattern, depth: int) -> Iterable[Path]:
    for entry in entries(folder):
        name = entry.name.casefold()
        if name.endswith(ENDINGS) and fnmatch(name.rsplit(".", 1)[0], pattern) and not entry.is_dir():
            yield Path(entry.path)
        elif depth and not name.startswith(".") and not skip.fullmatch(entry.name) and entry.is_dir():
            yield from _search(Path(entry.path), pattern, skip, depth - 1)


def read_columns(file: Path, needed: Collection[str], wanted: Collection[str] = (), flow: Flow | None = None) -> Table:
    """A table's columns of those names, which it must or may have, in the spelling asked for."""
    table = read_table(file, only=[*needed, *wanted])
    for name in needed:
        table.need(name, mend=f"{file.name} should be the file as its makers publish it.")
    spelling = {find_column(table.columns, name, file): name for name in [*needed, *wanted]}
    rows = tuple({spelling[name]: cell for name, cell in row.items()} for row in table.rows)
    if flow is not None:
        flow.noted(f"table: {file}")
        table.account(flow)
    return Table(file, tuple(spelling[name] for name in table.columns), rows, table.lines, table.delimiter)


def agreed(rows: Iterable[Row], columns: Collection[str]) -> Row | None:
    """One row of several that say the same in `columns`, gaps filled; None where two contradict each other.

    Example:
        >>> agreed([{"age": "70", "sex": ""}, {"age": "70", "sex": "F"}], ["age", "sex"])
        {'age': '70', 'sex': 'F'}
    """
    merged: Row = {}
    for row in rows:
        for name, cell in row.items():
            before = merged.get(name, "")
            if is_missing(before):
                merged[name] = cell
            elif name in columns and not is_missing(cell) and cell != before:
                return None
    return merged


def unique(table: Table, keys: tuple[str, ...], telling: Collection[str], flow: Flow) -> dict[tuple[str, ...], Row]:
    """Rows by their cells in `keys`: those that agree in `telling` become one, those that do not are left out.

    Example:
        >>> flow, people = Flow(), read_table(folder / "participants.tsv")
        >>> len(unique(people, ("participant_id",), ["age"], flow)), len(unique(people, ("sex",), ["age"], flow))
        (32, 0)
        >>> str(flow)
        '2 of participants.tsv stand there with different age, and are not used: F, M'
    """
    lines: dict[tuple[str, ...], list[Row]] = {}
    for row in table.rows:
        lines.setdefault(tuple(row[key] for key in keys), []).append(row)
    rows = {key: row for key, several in lines.items() if (row := agreed(several, telling)) is not None}
    repeated = [" ".join(key) for key in rows if len(lines[key]) > 1]
    if repeated:
        flow.noted(f"several lines of {table.file.name} that say the same, taken as one: {some(repeated)}")
    torn = [" ".join(key) for key in lines if key not in rows]
    if torn:
        flow.noted(
            f"{len(torn)} of {table.file.name} stand there with different {' or '.join(telling)}, and are not used: "
            f"{some(torn)}"
        )
    return rows


def joined(standard: Mapping[str, str], *rows: Mapping[str, str]) -> Row:
    """The columns written alike everywhere, then a table's own under names that are not taken.

    Example:
        >>> joined({"age": "71.5"}, {"AGE": "70", "MMSE": "29"})
        {'age': '71.5', 'MMSE': '29'}
    """
    columns = dict(standard)
    taken = {name.casefold() for name in columns}
    for row in rows:
        for name, cell in row.items():
            if name.casefold() not in taken:
                columns[name] = cell
                taken.add(name.casefold())
    return columns


def number(cell: str | None) -> float | None:
    """A cell as a number; None where it is missing or no number.

    Example:
        >>> number("0.5"), number("n/a")
        (0.5, None)
    """
    try:
        return None if cell is None or is_missing(cell) else float(cell)
    except ValueError:
        return None


def years(value: float | None) -> str:
    """An age as the columns write it, to a tenth of a year.

    Example:
        >>> years(71.468), years(70.0), years(None)
        ('71.5', '70', '')
    """
    return "" if value is None else f"{round(value, 1):g}"
