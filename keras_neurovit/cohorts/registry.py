"""The field's cohorts by name: a small module each, and one way to read them all."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.bids import read_bids
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.csv_file import read_csv
from keras_neurovit.cohorts.derivatives import read_derivatives
from keras_neurovit.cohorts.dicom_cohort import read_dicom
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import keep_rows, to_cohort
from keras_neurovit.cohorts.readers.reader import Reader
from keras_neurovit.cohorts.table import find_column, need_column

NAMED = ("adni", "aibl", "ixi", "ldm100k", "oasis1", "oasis3", "ukbiobank")
GENERAL = {"bids": read_bids, "csv": read_csv, "derivatives": read_derivatives, "dicom": read_dicom}
OWN = {
    "bids": "Any BIDS folder: participants.tsv with participant_id and the labels, sub-01/[ses-M0/]anat/"
    "sub-01_[ses-M0_]T1w.nii.gz; what changes from visit to visit in sub-01/sub-01_sessions.tsv.",
    "csv": "A table with a line a scan, separated by commas, semicolons or tabs, or .xlsx: path (from the table's "
    "folder on; .nii, .nii.gz, .mgz, .img with .hdr), participant_id, the labels, and session_id, age, sex, site.",
    "derivatives": "Outputs of fMRIPrep or sMRIPrep, of Clinica's t1-linear (CAPS), FreeSurfer's subjects folder "
    "(mri/brain.mgz) or HD-BET's brains, with participants.tsv in the folder or two above, or as participants=.",
    "dicom": "A folder of DICOM series, of any depth. Its T1 series are converted by dcm2niix (extra dicom) into a "
    "BIDS folder beside it, or out=; add labels other than sex and age to the participants.tsv there, and load again.",
}
COMMON = {"target", "labels", "keep", "missing"}


def names() -> list[str]:
    """What `load` can read.

    Example:
        >>> names()
        ['adni', 'aibl', 'bids', 'csv', 'derivatives', 'dicom', 'ixi', 'ldm100k', 'oasis1', 'oasis3', 'ukbiobank']
    """
    return sorted([*NAMED, *GENERAL])


def reader(name: str) -> Reader:
    """The reader of a named cohort: its title, target, instructions and source.

    Example:
        >>> reader("ixi").target
        'sex'
    """
    one_of("cohort", name, NAMED)
    return importlib.import_module(f"keras_neurovit.cohorts.readers.{name}").READER


def instructions(name: str) -> str:
    """What to request, where to put it and how it must look.

    Example:
        >>> "IXI-T1.tar" in instructions("ixi")
        True
    """
    one_of("cohort", name, names())
    return OWN[name] if name in OWN else reader(name).instructions


def options(name: str) -> dict[str, object]:
    """What `load` takes for this cohort alone, with what it is if not given.

    Example:
        >>> options("oasis1"), options("bids")
        ({'image': 'masked', 'young_are_cn': False}, {'suffix': 'T1w', 'entities': None})
    """
    one_of("cohort", name, names())
    function = GENERAL[name] if name in GENERAL else reader(name).scans
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in COMMON}


def _check_option(name: str, option: str, value: object) -> None:
    known = options(name)
    if not known:
        raise InputError(f"{name} has no option {option!r}", expected="none", received=f"{option}={value!r}")
    usual = known[one_of(f"option of {name}", option, known)]
    if isinstance(usual, bool | int) and type(value) is not type(usual):
        expected = "true or false" if isinstance(usual, bool) else "a whole number"
        raise InputError(f"option {option} of {name} is unusable", expected=expected, received=repr(value))


def load(
    name: str,
    folder: str | Path,
    target: str | None = None,
    *,
    labels: Iterable[str] | None = None,
    keep: Mapping[str, object] | None = None,
    missing: str = "drop",
    **own,
) -> Cohort:
    """A cohort by name, from the folder in which it was unpacked; no image is opened.

    Whatever is left out, and whatever is assumed, stands in `describe()`.

    Args:
        name: one of `names()`; "bids", "csv", "derivatives" and "dicom" read what is the user's own; their target is
            diagnosis where none is given.
        folder: where the cohort lies; `instructions(name)` says how it must look.
        target: the column with the labels; without it the cohort's own, such as diagnosis.
        labels: the classes in order; scans of other classes are left out.
        keep: column → value or values; other scans are left out.
        missing: "drop" or "raise" where a scan's label is missing.
        own: options of this cohort alone, such as `image="native"` for oasis1; `cohorts.options(name)` lists them.

    Raises:
        InputError: an unknown name or option, a folder that looks otherwise (with the instructions), a table or every
            usable scan missing.

    Example:
        >>> load("bids", folder, "diagnosis").labels
        ('CN', 'AD')
    """
    one_of("cohort", name, names())
    for option, value in own.items():
        _check_option(name, option, value)
    if name in GENERAL:
        return GENERAL[name](folder, target or "diagnosis", labels=labels, keep=keep, missing=missing, **own)
    folder, flow, found = Path(folder).expanduser(), Flow(), reader(name)
    scans = keep_rows(found.read(folder, flow, own), keep or {}, flow)
    target, columns = target or found.target, dict.fromkeys(name for scan in scans for name in scan.columns)
    need_column(columns, target, folder)
    spelled = find_column(columns, target, folder)
    return to_cohort(scans, spelled, source=folder, flow=flow, labels=labels, missing=missing)
