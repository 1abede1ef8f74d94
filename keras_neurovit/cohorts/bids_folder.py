"""What lies in a BIDS folder: found by listing folders, without opening an image."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from keras_neurovit.cohorts.entities import EXTENSIONS
from keras_neurovit.cohorts.on_disk import UNFINISHED, entries, fault

AT_ONCE, WAITING = 64, 8  # people in a piece of work, pieces at a time
MISPLACED = "named for another participant or session"
ELSEWHERE = "not in a folder anat"
MISNAMED = "not named as BIDS asks, *_{}.nii.gz; rename it"
PARTIAL = "download not finished"


@dataclass(frozen=True, slots=True)
class Found:
    """A scan's file with the participant and session that its folder and name tell."""

    path: Path
    participant: str
    session: str | None


@dataclass(slots=True)
class Listing:
    """The scans of a BIDS folder, its sessions files by participant, and what cannot be used, by fault."""

    scans: list[Found] = field(default_factory=list)
    sessions_files: dict[str, Path] = field(default_factory=dict)
    faulty: dict[str, list[Found]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scans) + sum(map(len, self.faulty.values()))

    @property
    def seen(self) -> set[str]:
        """Participants with any file of the kind, usable or not."""
        return {found.participant for found in self.scans} | {
            found.participant for group in self.faulty.values() for found in group
        }


class _Names:
    """How files of a suffix are told from their names."""

    def __init__(self, suffix: str):
        self.suffix = suffix
        self.exact = tuple(f"_{suffix}{extension}" for extension in EXTENSIONS)
        # T1w in another case, T1 for T1w, no entities before it, and extensions that BIDS does not know.
        stem = re.escape(suffix.removesuffix("w")) + ("w?" if suffix.endswith("w") else "")
        self.like = re.compile(rf"(?:.*[_-])?{stem}\.(?:nii|nii\.gz|mgz|img|img\.gz)", re.IGNORECASE)

    def fault(self, name: str) -> str | None:
        """None for a right name, the fault of a nearly right one, "" for a file of another kind."""
        if name.endswith(self.exact):
            return None
        if name.endswith(UNFINISHED):
            whole = name[: name.rindex(".")]
            return PARTIAL if whole.endswith(self.exact) else ""
        return MISNAMED.format(self.suffix) if self.like.fullmatch(name) else ""


def list_scans(folder: Path, suffix: str) -> Listing:
    """Every `sub-*/[ses-*/]anat/*_<suffix>` file below `folder`, and what nearly is one.

    Example:
        >>> listing = list_scans(folder, "T1w")
        >>> len(listing.scans), sorted(listing.sessions_files)[:2]
        (40, ['sub-25', 'sub-26'])
    """
    names = _Names(suffix)
    people = [(e.path, e.name) for e in entries(folder) if e.name.startswith("sub-") and e.is_dir()]
    groups = [people[first : first + AT_ONCE] for first in range(0, len(people), AT_ONCE)]
    whole = Listing()
    # Listing is waiting, above all for disks in a network: several wait at a time.
    with ThreadPoolExecutor(WAITING) as pool:
        for part in pool.map(lambda group: _list_people(group, names), groups):
            whole.scans += part.scans
            whole.sessions_files |= part.sessions_files
            for wrong, found in part.faulty.items():
                whole.faulty.setdefault(wrong, []).extend(found)
    return whole


def _list_people(people: list[tuple[str, str]], names: _Names) -> Listing:
    listing = Listing()
    for path, person in people:
        for entry in entries(path):
            if entry.name == "anat":
                _list_anat(listing, entry.path, names, person, None)
            elif entry.name.startswith("ses-") and entry.is_dir():
                for inner in entries(entry.path):
                    if inner.name == "anat":
                        _list_anat(listing, inner.path, names, person, entry.name)
                    else:
                        _note_elsewhere(listing, inner, names, person, entry.name)
            elif entry.name == f"{person}_sessions.tsv":
                listing.sessions_files[person] = Path(entry.path)
            else:
                _note_elsewhere(listing, entry, names, person, None)
    return listing


def _list_anat(listing: Listing, folder: str, names: _Names, person: str, session: str | None) -> None:
    for entry in entries(folder):
        wrong = names.fault(entry.name) if not entry.name.startswith(".") else ""
        if wrong == "":
            continue
        named = next((part for part in entry.name.split("_") if part.startswith("ses-")), None)
        found = Found(Path(entry.path), person, session or named)
        if wrong is None and (not entry.name.startswith(f"{person}_") or (session and named != session)):
            wrong = MISPLACED
        wrong = wrong or fault(entry)
        if wrong is None:
            listing.scans.append(found)
        else:
            listing.faulty.setdefault(wrong, []).append(found)


def _note_elsewhere(listing: Listing, entry: os.DirEntry, names: _Names, person: str, session: str | None) -> None:
    if not entry.name.startswith(".") and entry.name.endswith(names.exact):
        listing.faulty.setdefault(ELSEWHERE, []).append(Found(Path(entry.path), person, session))
