"""Folders as the LONI image archive packs them: person/series/date/image/file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.notes import some
from keras_neurovit.cohorts.on_disk import entries, fault, leave_out_faults

IMAGE_ID = re.compile(r"_I(\d+)(?=[_.]|$)")
IMAGES = (".nii", ".nii.gz")
DICOM = (".dcm", ".ima")


@dataclass(frozen=True, slots=True)
class Image:
    """A file in an archive's folders, with what these tell."""

    path: Path
    participant: str
    series: str
    date: str
    image_id: str


@dataclass(slots=True)
class Archive:
    """Images, and the folders of series that are still DICOM."""

    images: list[Image] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    dicom: list[str] = field(default_factory=list)


def list_archive(folder: Path, person: str, series: str) -> Archive:
    """Every image of a series whose name fits, of people whose folder's name fits (regular expressions)."""
    archive, people, wanted = Archive(), re.compile(person), re.compile(series, re.IGNORECASE)
    for of_person in _folders(folder):
        if not people.fullmatch(of_person.name):
            # The archive packs everything into a folder of its own name, ADNI or AIBL.
            inner = [entry for entry in _folders(of_person.path) if people.fullmatch(entry.name)]
        else:
            inner = [of_person]
        for one in inner:
            for of_series in _folders(one.path):
                if wanted.search(of_series.name):
                    for date in _folders(of_series.path):
                        for image in _folders(date.path):
                            _list_image(archive, image.path, (one.name, of_series.name, date.name))
    return archive


def account(archive: Archive, what: str, flow: Flow) -> None:
    """What was found, and what of it is unusable."""
    unusable = sum(map(len, archive.faults.values())) + len(archive.dicom)
    flow.found(len(archive.images) + unusable, what)
    leave_out_faults(archive.faults, flow)
    if archive.dicom:
        first, *_ = series = sorted(archive.dicom)
        how = f"convert each in its folder, e.g. `dcm2niix -z y -f %f {shlex.quote(first)}`"
        flow.left_out(len(series), f"still DICOM; {how}: {some(series)}")


def _list_image(archive: Archive, folder: str, names: tuple[str, str, str]) -> None:
    # Files that a converter wrote beside the DICOM they came from stand for these.
    inside = [entry for entry in entries(folder) if not entry.name.startswith(".")]
    if any(e.name.casefold().endswith(DICOM) for e in inside) and not any(e.name.endswith(IMAGES) for e in inside):
        archive.dicom.append(folder)
    for entry in inside:
        if entry.name.endswith(IMAGES):
            wrong = fault(entry)
            if wrong:
                archive.faults.setdefault(wrong, []).append(entry.path)
                continue
            told = IMAGE_ID.search(entry.name) or IMAGE_ID.fullmatch(f"_{Path(folder).name}")
            archive.images.append(Image(Path(entry.path), *names, told[1] if told else ""))


def _folders(folder: str | Path) -> Iterator:
    return (entry for entry in entries(folder) if not entry.name.startswith(".") and entry.is_dir())
