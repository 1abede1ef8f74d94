"""What other pipelines leave behind: recognised from names and folders, without opening an image."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from keras_neurovit.cohorts.entities import entities
from keras_neurovit.cohorts.on_disk import entries, walk

T1 = re.compile(r"(?P<stem>.+)_T1w\.nii(?:\.gz)?")
NATIVE = "native"
# Subjects that FreeSurfer links into every subjects folder.
TEMPLATES = re.compile(r"fsaverage.*|[lr]h\.EC_average|bert|cvs_avg35.*")


@dataclass(frozen=True, slots=True)
class Processed:
    """A scan that a pipeline wrote, and what it did to it.

    Args:
        path: the scan.
        participant: as folder or name tell.
        session: likewise, or None.
        space: the template it was brought to, or "native".
        brain_extracted: whether the skull is off.
        mask: the brain mask that lies beside it, or None.
        fault: why it cannot be used, as far as the pipeline's own files tell, or None.
    """

    path: Path
    participant: str
    session: str | None
    space: str
    brain_extracted: bool
    mask: Path | None = None
    fault: str | None = None


def fmriprep(folder: Path) -> Iterator[Processed]:
    """fMRIPrep's and sMRIPrep's `anat/*_desc-preproc_T1w`: bias field corrected, skull on, a mask beside it.

    Source: sMRIPrep documentation, "Outputs"; BIDS 1.10, "Derivatives: imaging data types".
    """
    for person in _named(folder, "sub-"):
        for place in (person, *_named(Path(person.path), "ses-")):
            names = {entry.name: Path(entry.path) for entry in entries(Path(place.path) / "anat")}
            for name, path in names.items():
                has = entities(name)
                if T1.fullmatch(name) and has.get("desc") == "preproc":
                    mask = names.get(re.sub(r"desc-preproc_T1w", "desc-brain_mask", name))
                    yield Processed(path, person.name, _session(has, place.name), has.get("space", NATIVE), False, mask)


def clinica(folder: Path) -> Iterator[Processed]:
    """Clinica's `subjects/sub-*/ses-*/t1_linear/*_T1w`: bias field corrected, affine to a template, skull on.

    Source: Clinica documentation, "CAPS specifications", t1-linear.
    """
    for person in _named(folder / "subjects", "sub-"):
        for session in _named(Path(person.path), "ses-"):
            for entry in entries(Path(session.path) / "t1_linear"):
                if T1.fullmatch(entry.name):
                    space = entities(entry.name).get("space", NATIVE)
                    yield Processed(Path(entry.path), person.name, session.name, space, False)


def freesurfer(folder: Path) -> Iterator[Processed]:
    """FreeSurfer's `<subject>/mri/brain.mgz`: 1 mm, 256³, intensities normalised, skull off.

    Source: FreeSurfer wiki, "ReconAllOutputFiles".
    """
    for subject in _named(folder, ""):
        place = Path(subject.path)
        if TEMPLATES.fullmatch(subject.name) or not (place / "mri").is_dir():
            continue
        has = entities(subject.name.split(".long.")[0] + "_")
        person = f"sub-{has['sub']}" if "sub" in has else subject.name
        brain, wrong = place / "mri" / "brain.mgz", None
        if ".long." in subject.name:
            wrong = "longitudinal run, which was made with other visits of the person"
        elif "long" in has or subject.name.endswith("_base"):
            wrong = "template of all visits of a person"
        elif any((place / "scripts").glob("IsRunning.*")):
            wrong = "recon-all has not finished"
        elif (place / "scripts" / "recon-all.error").is_file():
            wrong = "recon-all ended in an error (scripts/recon-all.error)"
        elif not os.path.lexists(brain):
            wrong = "recon-all left no mri/brain.mgz"
        yield Processed(brain, person, _session(has, ""), NATIVE, True, None, wrong)


def hdbet(folder: Path) -> Iterator[Processed]:
    """HD-BET's brains, wherever they lie.

    Its first version writes `X_bet` and `X_bet_mask`; its second keeps the name, `X`, and `X_bet` is then the mask.

    Source: HD-BET, `run.py` (version 1) and `hd_bet_prediction.py` (version 2).
    """
    found = {Path(entry.path) for entry in walk(folder, 4, (".nii.gz",))}
    for path in sorted(found):
        stem = path.name.removesuffix(".nii.gz")
        beside = {ending: path.with_name(f"{stem}{ending}.nii.gz") for ending in ("_bet", "_bet_mask", "_mask")}
        has = entities(path.name.replace("_bet", ""))
        if "sub" not in has or stem.endswith("_mask"):
            continue
        if stem.endswith("_bet"):
            original = path.with_name(stem.removesuffix("_bet") + ".nii.gz")
            if beside["_mask"] not in found and original in found:
                continue  # the second version's mask
            mask = beside["_mask"] if beside["_mask"] in found else None
        elif beside["_bet"] not in found or beside["_bet_mask"] in found:
            continue  # not stripped, as far as names tell
        else:
            mask = beside["_bet"]
        yield Processed(path, f"sub-{has['sub']}", _session(has, ""), has.get("space", NATIVE), True, mask)


PIPELINES: dict[str, Callable[[Path], Iterator[Processed]]] = {
    "clinica": clinica,
    "fmriprep": fmriprep,
    "freesurfer": freesurfer,
    "hdbet": hdbet,
}


def _named(folder: Path, start: str) -> Iterator[os.DirEntry]:
    return (e for e in entries(folder) if e.name.startswith(start) and not e.name.startswith(".") and e.is_dir())


def _session(has: dict[str, str], folder: str) -> str | None:
    if folder.startswith("ses-"):
        return folder
    return f"ses-{has['ses']}" if "ses" in has else None
