"""From a DICOM export to a BIDS folder of T1 scans, by dcm2niix."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.dicom_people import write_people
from keras_neurovit.cohorts.dicom_series import (
    T1,
    Series,
    convert_folder,
    executable,
    folders_of,
    list_series,
    volumes_of,
)
from keras_neurovit.cohorts.flow import Flow, Step, table
from keras_neurovit.cohorts.notes import counted, some

SLICES = 30  # a brain in fewer is no volume that a model could use


@dataclass(frozen=True)
class Converted:
    """What became of a DICOM export.

    Args:
        folder: the BIDS folder, for `read_bids`.
        scans: the images that lie there now, whether written now or before.
        flow: series found, left out and why, assumed.

    Example:
        >>> steps = Step("found", 2, "series"), Step("left out", 2, "no MR images")
        >>> print(Converted(Path("bids"), (), steps).describe())
        0 scans in bids
        found          2  series
        left out       2  no MR images
        kept           0
    """

    folder: Path
    scans: tuple[Path, ...]
    flow: tuple[Step, ...]

    def describe(self) -> str:
        """How many scans, and the flow of series, a line each."""
        return "\n".join([f"{counted(len(self.scans), 'scan')} in {self.folder}", *table(self.flow, len(self.scans))])


def convert_dicom(
    folder: str | os.PathLike,
    out: str | os.PathLike,
    *,
    sequences: str = T1,
    participants: str = "PatientID",
    workers: int | None = None,
    verbose: bool = True,
) -> Converted:
    """Convert the T1 series of a DICOM export into `sub-*/[ses-<day>/]anat/*_run-<series>_T1w.nii.gz`.

    Each image is there whole or not at all, and what is there already is kept: an interrupted call goes on. Names and
    dates of birth are left out; `participants.tsv` tells sex and age, `sessions.tsv` the age at each visit. Add the
    diagnosis to either, and `read_bids` reads the folder.

    Args:
        folder: with DICOM files, in folders of any depth.
        out: the BIDS folder, created if need be.
        sequences: regular expression that a series' description or protocol must match, whatever the case. The default
            knows T1 sequences (MPRAGE, TFL, SPGR, BRAVO …) and refuses what is T2, FLAIR, after contrast, and so on.
        participants: "PatientID", or "folder": the first folder below `folder` names the person.
        workers: folders at a time; None for one a core.
        verbose: whether to show a progress bar.

    Returns:
        The BIDS folder, its scans and the flow of series.

    Raises:
        InputError: dcm2niix not installed, no such folder, no DICOM series in it, or no regular expression.

    Example:
        print(convert_dicom("export", "bids").describe())
    """
    one_of("participants", participants, ("PatientID", "folder"))
    try:
        re.compile(sequences)
    except re.error as error:
        raise InputError(f"sequences is no regular expression: {error}", received=repr(sequences)) from error
    folder, out = Path(folder).expanduser(), Path(out).expanduser()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", expected="a folder of DICOM series")
    program, flow = executable(), Flow()
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as threads:
        places = list(folders_of(folder))
        listed = _shown(threads.map(lambda place: list_series(program, place), places), "Listing", places, verbose)
        found = [series for part in listed for series in part]
        if not found:
            raise InputError(f"{folder}: no DICOM series", expected="DICOM images", mend="Check the folder.")
        flow.found(len(found), f"DICOM series in {folder}")
        named = _named(_t1(found, sequences, flow), folder, participants, out, flow)
        missing: dict[Path, list] = {}
        for file, series in named.items():
            if not file.exists():
                missing.setdefault(series.folder, []).append((file, series))
        done = threads.map(lambda place: _convert(program, place, missing[place], out), missing)
        failed: dict[str, list[str]] = {}
        for part in _shown(done, "Converting", missing, verbose):
            for why, series in part:
                failed.setdefault(why, []).append(_called(series))
    for why, names in sorted(failed.items()):
        flow.left_out(len(names), f"{why}: {some(names)}")
    scans = tuple(file for file in named if file.exists())
    write_people(out, ((named[file], *_who(file, out)) for file in scans))
    return Converted(out, scans, tuple(flow.steps))


def _shown(parts: Iterable, what: str, of: Iterable, verbose: bool) -> Iterator:
    from rich.console import Console
    from rich.progress import track

    how = {"console": Console(stderr=True), "disable": not verbose, "transient": True}
    return track(parts, f"{what} DICOM folders", total=len(list(of)), **how)


def _t1(found: list[Series], sequences: str, flow: Flow) -> list[Series]:
    unwanted: dict[str, list[str]] = {}
    for series in found:
        why = series.unwanted(sequences)
        if why:
            unwanted.setdefault(why, []).append(_called(series))
    for why, names in sorted(unwanted.items()):
        flow.left_out(len(names), f"{why}: {some(dict.fromkeys(names))}")
    return [series for series in found if not series.unwanted(sequences)]


def _named(found: list[Series], folder: Path, participants: str, out: Path, flow: Flow) -> dict[Path, Series]:
    """The file of each series; those of nobody, of a name that two people share, or taken twice are left out."""
    ids: dict[str, set[str]] = {}
    told = {series: _person(series, folder, participants) for series in found}
    for text in told.values():
        ids.setdefault(_label(text).casefold(), set()).add(text)
    nobody, shared, again, named = [], [], [], {}
    for series in sorted(found, key=lambda s: (told[s], s.day, s.number, str(s.folder))):
        label = _label(told[series])
        if not label:
            nobody.append(_called(series))
        elif len(ids[label.casefold()]) > 1:
            shared.append(told[series])
        elif (file := _file(out, label, series)) in named:
            again.append(f"{told[series]} {_called(series)}")
        else:
            named[file] = series
    mend = "; give participants='folder'" if participants == "PatientID" else ""
    flow.left_out(len(nobody), f"no {participants} tells whose they are{mend}: {some(nobody)}")
    flow.left_out(len(shared), f"ids that differ only in signs a file's name cannot have: {some(sorted(set(shared)))}")
    flow.left_out(len(again), f"the same person, day and series number as another: {some(again)}")
    flow.assumed(f"a person is who has one {participants}, a session is a day")
    return named


def _person(series: Series, folder: Path, participants: str) -> str:
    if participants == "folder":
        return next(iter(series.folder.relative_to(folder).parts), "")
    return str(series.facts.get("PatientID") or "").strip()


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", text.removeprefix("sub-"))


def _file(out: Path, label: str, series: Series) -> Path:
    session = [f"ses-{series.day}"] if series.day else []
    name = "_".join([f"sub-{label}", *session, f"run-{series.number}", "T1w.nii.gz"])
    return Path(out, f"sub-{label}", *session, "anat", name)


def _who(file: Path, out: Path) -> tuple[str, str]:
    participant, *rest = file.relative_to(out).parts
    return participant, rest[0] if rest[0].startswith("ses-") else ""


def _called(series: Series) -> str:
    return f"{series.name or 'without a name'} ({series.folder.name})"


def _convert(program: str, place: Path, wanted: list[tuple[Path, Series]], out: Path) -> list[tuple[str, Series]]:
    """Convert a folder, move what is wanted to its place; why others of it are not there."""
    failed = []
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".dcm2niix-", dir=out) as temporary:
        said = convert_folder(program, place, Path(temporary))
        for file, series in wanted:
            images = volumes_of(series, Path(temporary))
            why = f"dcm2niix made nothing of it, {said!r}" if not images else _unusable(images)
            if why:
                failed.append((why, series))
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            sidecar = images[0].with_name(images[0].name.replace(".nii.gz", ".json"))
            if sidecar.exists():
                sidecar.replace(file.with_name(file.name.replace(".nii.gz", ".json")))
            images[0].replace(file)  # last: an image that is there is complete
    return failed


def _unusable(images: list[Path]) -> str | None:
    import nibabel

    if len(images) > 1:
        return "several images in one series, such as echoes"
    shape = tuple(n for n in nibabel.load(images[0]).shape if n > 1)
    if len(shape) != 3:
        return f"not one 3-D image but of {len(shape)} axes"
    return f"fewer than {SLICES} slices" if shape[2] < SLICES else None
