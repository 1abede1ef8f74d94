"""Whether people or scans are on two sides, or were learnt from by a preset before."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.bids_folder import list_scans
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import find_column, is_missing, read_table
from keras_neurovit.presets.people import Known
from keras_neurovit.volumes import read_scan
from keras_neurovit.volumes.likeness import ALIKE, bits_of, scan_hash, unlikeness


@dataclass(frozen=True)
class Side:
    """One side of an evaluation: its people, and the scan of each row where there is one.

    Args:
        people: of each row, without "sub-".
        paths: of each row's scan; None where the table names none.
    """

    people: tuple[str, ...]
    paths: tuple[Path | None, ...]


@dataclass(frozen=True)
class Leak:
    """Somebody, or a scan, where it should not be.

    Args:
        one: a side.
        other: another side, the same one, or the study that a preset learnt from.
        kind: "person", "scan" (nearly the same) or "mirrored scan".
        who: of `one`: an id, or a path.
        whom: of `other`: likewise.
    """

    one: str
    other: str
    kind: str
    who: str
    whom: str


def read_side(source: str | os.PathLike) -> Side:
    """People and scans of a BIDS folder or of a table with `participant_id` and, for scans, `path`.

    Raises:
        InputError: neither, or nobody in it.

    Example:
        >>> _ = Path("t.csv").write_text("participant_id,path\\nsub-1,a.nii.gz\\n")
        >>> read_side("t.csv")
        Side(people=('1',), paths=(PosixPath('a.nii.gz'),))
    """
    source = Path(source).expanduser()
    if source.is_dir():
        scans = list_scans(source, "T1w").scans
        if not scans:
            raise InputError(f"{source}: holds no T1w scan", expected="a BIDS folder, or a table of people")
        return Side(tuple(bare(scan.participant) for scan in scans), tuple(Path(scan.path) for scan in scans))
    table = read_table(source)
    person = table.need("participant_id", mend="It tells who is who.")
    path = find_column(table.columns, "path", source)
    rows = [row for row in table.rows if not is_missing(row[person])]
    if not rows:
        raise InputError(f"{source}: names nobody", expected="a line a person or scan")
    named = (row[path] if path and not is_missing(row[path]) else None for row in rows)
    paths = tuple(None if name is None else Path(os.path.normpath(source.parent / name)) for name in named)
    return Side(tuple(bare(row[person]) for row in rows), paths)


def find_leaks(sides: Mapping[str, Side], known: Sequence[Known] = (), *, scans: bool = True) -> list[Leak]:
    """Everybody on two sides, everybody a preset knows, and scans that are nearly one although they should not be.

    Two scans of one person on one side are no leak; of two people on one side they are, for one has two names.
    People whom a preset knows are none either among those it is trained on further, the side called "train".

    Args:
        sides: name → side.
        known: people that the preset has learnt from, see `presets.people`.
        scans: whether to read scans and compare them too; half a second each.

    Raises:
        InputError: a scan that cannot be read.

    Example:
        >>> sides = {"train": Side(("1", "2"), (None, None)), "test": Side(("2",), (None,))}
        >>> find_leaks(sides)
        [Leak(one='train', other='test', kind='person', who='2', whom='2')]
    """
    found = []
    for one, other in combinations_with_replacement(sides, 2):
        shared = set(sides[one].people) & set(sides[other].people) if one != other else set()
        found += [Leak(one, other, "person", person, person) for person in sorted(shared)]
    tested = [name for name in sides if name != "train"]
    for group in known:
        for name in tested:
            people = sorted(set(sides[name].people))
            found += [Leak(name, group.study, "person", who, who) for who in people if group.knows(who)]
    return found + (_alike(sides, known, tested) if scans else [])


def _alike(sides: Mapping[str, Side], known: Sequence[Known], tested: list[str]) -> list[Leak]:
    rows = {name: [row for row, path in enumerate(side.paths) if path is not None] for name, side in sides.items()}
    hashes = {name: [scan_hash(read_scan(sides[name].paths[row])) for row in rows[name]] for name in sides}
    found = []
    for one, other in combinations_with_replacement([name for name in sides if hashes[name]], 2):
        for kind, first, second in _near(hashes[one], hashes[other]):
            row, column = rows[one][first], rows[other][second]
            same_person = sides[one].people[row] == sides[other].people[column]
            if one == other and (column <= row or same_person):
                continue
            found.append(Leak(one, other, kind, str(sides[one].paths[row]), str(sides[other].paths[column])))
    for group in (each for each in known if each.scans):
        stored = [bytes.fromhex(scan) for scan in group.scans]
        for name in (each for each in tested if hashes[each]):
            for kind, first, second in _near(hashes[name], stored):
                path = str(sides[name].paths[rows[name][first]])
                found.append(Leak(name, group.study, kind, path, f"its scan {second + 1}"))
    return found


def _near(ones: list[bytes], others: list[bytes]) -> list[tuple[str, int, int]]:
    first = bits_of(ones)
    return [
        (kind, int(row), int(column))
        for kind, mirrored in (("scan", False), ("mirrored scan", True))
        for row, column in np.argwhere(unlikeness(first, bits_of(others, mirrored)) < ALIKE)
    ]
