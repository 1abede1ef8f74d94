"""What lies in a BIDS folder: found by listing folders, without opening an image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

EXTENSIONS = (".nii", ".nii.gz", ".mgz")
POINTERS = (b"/annex/objects/", b"version https://git-lfs")
NIFTI_HEADER_BYTES = 348


@dataclass(frozen=True, slots=True)
class Found:
    """A scan's file with the participant and session that its folder and name tell."""

    path: Path
    participant: str
    session: str | None


@dataclass(slots=True)
class Listing:
    """The scans of a BIDS folder, its sessions files by participant, and what cannot be used."""

    scans: list[Found] = field(default_factory=list)
    sessions_files: dict[str, Path] = field(default_factory=dict)
    absent: list[Found] = field(default_factory=list)
    misplaced: list[Found] = field(default_factory=list)


def list_scans(folder: Path, suffix: str) -> Listing:
    """Every `sub-*/[ses-*/]anat/*_<suffix>` file below `folder`.

    Example:
        >>> listing = list_scans(folder, "T1w")
        >>> len(listing.scans), sorted(listing.sessions_files)[:2]
        (40, ['sub-25', 'sub-26'])
    """
    listing = Listing()
    endings = tuple(f"_{suffix}{extension}" for extension in EXTENSIONS)
    for person in _entries(folder):
        if not person.name.startswith("sub-") or not person.is_dir():
            continue
        for entry in _entries(person.path):
            if entry.name == "anat":
                _list_anat(listing, entry.path, endings, person.name, None)
            elif entry.name.startswith("ses-"):
                _list_anat(listing, os.path.join(entry.path, "anat"), endings, person.name, entry.name)
            elif entry.name == f"{person.name}_sessions.tsv":
                listing.sessions_files[person.name] = Path(entry.path)
    return listing


def _list_anat(listing: Listing, folder: str, endings: tuple[str, ...], person: str, session: str | None) -> None:
    for entry in _entries(folder):
        if not entry.name.endswith(endings) or entry.name.startswith("."):
            continue
        named = next((part for part in entry.name.split("_") if part.startswith("ses-")), None)
        found = Found(Path(entry.path), person, session or named)
        if not entry.name.startswith(f"{person}_") or (session and named != session):
            listing.misplaced.append(found)
        elif _is_absent(entry):
            listing.absent.append(found)
        else:
            listing.scans.append(found)


def _is_absent(entry: os.DirEntry) -> bool:
    """Whether only a stand-in is there: a dead link, or the text that git-annex or git-lfs keeps for a file."""
    if not entry.is_file():
        return True
    if not 0 < entry.stat().st_size < NIFTI_HEADER_BYTES:
        return False
    with open(entry.path, "rb") as stand_in:
        return stand_in.read(len(max(POINTERS, key=len))).startswith(POINTERS)


def _entries(folder: str | Path) -> Iterator[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        # A session without anat/, or a file where a folder could be: nothing to list.
        return
