"""What a file is without reading it: a scan, or one of the things that lie where a scan should."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_neurovit._pointers import ANNEX, LFS, fetching, pointer
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.notes import some

HEADER_BYTES = 348  # of NIfTI-1 and Analyze, the shortest
UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".filepart", ".aria2", ".tmp")


def fault(entry: os.DirEntry | Path) -> str | None:
    """Why a file is no scan, as far as its name, size and first bytes tell; None where it may be one.

    Only files too short for a header are opened, since only a text may be so short.

    Example:
        >>> fault(folder / "participants.tsv") is None
        True
    """
    if not entry.is_file():
        target = os.readlink(entry) if entry.is_symlink() else ""
        return ANNEX if "annex/objects" in target.replace("\\", "/") else "dead link" if target else "no file"
    if entry.name.endswith(".hdr"):
        return "a header, not an image; give its .img"
    if entry.name.endswith(".img") and not os.path.isfile(os.fspath(entry)[: -len("img")] + "hdr"):
        return "its .hdr is not there"
    size = entry.stat().st_size
    if size == 0:
        return "empty file"
    if size >= HEADER_BYTES:
        return None
    with open(entry, "rb") as stand_in:
        return pointer(stand_in.read())


def leave_out_faults(faults: dict[str, list[str]], flow: Flow) -> None:
    """Accounts for files that are no scans: fault → paths, each kind with what mends it."""
    for name in sorted(faults):
        paths = sorted(faults[name])
        if name in (ANNEX, LFS):
            reason = f"file content is missing ({name}): {some(paths)}; fetch it with `{fetching(name, paths)}`"
        elif name == "dead link":
            reason = f"file content is missing (dead link): {some(paths)}; restore what it points to, or link it again"
        elif name == "empty file":
            reason = f"empty file, copy or download it again: {some(paths)}"
        else:
            reason = f"{name}: {some(paths)}"
        flow.left_out(len(paths), reason)


def entries(folder: str | Path) -> Iterator[os.DirEntry]:
    """What lies in a folder; nothing where there is no such folder, or a file in its place."""
    try:
        with os.scandir(folder) as found:
            yield from found
    except (FileNotFoundError, NotADirectoryError):
        return


def walk(folder: str | Path, depth: int, endings: Iterable[str]) -> Iterator[os.DirEntry]:
    """Files, hidden ones aside, whose name ends in one of `endings`, at most `depth` folders below `folder`.

    Example:
        >>> sorted(entry.name for entry in walk(folder, 0, [".tsv", ".csv"]))
        ['participants.tsv', 'scans.csv']
    """
    endings = tuple(endings)
    for entry in entries(folder):
        if entry.name.startswith("."):
            continue
        if entry.name.endswith(endings) and not entry.is_dir():
            yield entry
        elif depth and entry.is_dir():
            yield from walk(entry.path, depth - 1, endings)
