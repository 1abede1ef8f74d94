"""OASIS-3: more than a thousand people over decades, days counted from each one's entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed
from keras_neurovit.cohorts.notes import some
from keras_neurovit.cohorts.on_disk import fault, leave_out_faults, walk
from keras_neurovit.cohorts.readers.clinical import CDR_ASSUMED, CDR_SOURCE, from_cdr, sex_of
from keras_neurovit.cohorts.readers.reader import Reader
from keras_neurovit.cohorts.readers.tables import Row, find_table, joined, number, read_columns, unique, years
from keras_neurovit.cohorts.readers.visits import nearest

SKIP = r"OAS3\d{4}.*|sub-.*"
NAME = re.compile(r"sub-(OAS3\d{4})_(?:ses|sess)-(d\d{4,5})_(?:[a-zA-Z]+-[^_]+_)*T1w\.nii(?:\.gz)?")
UDS = ("MMSE", "CDRSUM", "dx1", "age at visit")


def scans(folder: Path, flow: Flow, *, within_days: int = 180) -> list[Listed]:
    """T1w images, each with the clinical visit that is nearest in days.

    Args:
        folder: with sessions OAS30001_MR_d0129 (or BIDS, sub-OAS30001/ses-d0129) and the tables OASIS3_*.csv.
        flow: the account.
        within_days: how far from the clinical visit a scan may lie.
    """
    file = find_table(folder, "OASIS3_UDSb4_cdr*", skip=SKIP)
    table = read_columns(file, ("OASISID", "days_to_visit", "CDRTOT"), UDS, flow)
    ratings: dict[str, dict[int, Row]] = {}
    for (person, day), row in unique(table, ("OASISID", "days_to_visit"), ("CDRTOT",), flow).items():
        if number(day) is not None:
            ratings.setdefault(person, {})[int(number(day))] = row
    of_person = find_table(folder, "OASIS3_demographics*", skip=SKIP)
    table = read_columns(of_person, ("OASISID", "AgeatEntry", "GENDER"), ("EDUC", "APOE"), flow)
    people = unique(table, ("OASISID",), ("AgeatEntry", "GENDER"), flow)
    strengths = _strengths(folder, flow)
    found, faults, listed, unlisted, lost = 0, {}, [], [], []
    for path, person, day in _files(folder):
        found += 1
        wrong = fault(path)
        visits = ratings.get(person, {})
        near = nearest(int(day[1:]), visits, within_days)
        if wrong:
            faults.setdefault(wrong, []).append(str(path))
        elif (person,) not in people:
            unlisted.append(person)
        elif near is None:
            lost.append(f"{person} {day}")
        else:
            columns = _columns(int(day[1:]), visits[near], people[person,], strengths.get(f"{person}_MR_{day}", ""))
            listed.append(Listed(path, person, day, columns, file))
    flow.found(found, "T1w files of OASIS-3")
    leave_out_faults(faults, flow)
    flow.left_out(len(unlisted), f"not listed in {of_person.name}: {some(sorted(set(unlisted)))}")
    flow.left_out(len(lost), f"no clinical visit within {within_days} days: {some(sorted(lost))}")
    flow.assumed(f"a scan belongs to the clinical visit that is nearest, at most {within_days} days away")
    return listed


def _files(folder: Path) -> Iterator[tuple[Path, str, str]]:
    for entry in walk(folder, 6, (".nii", ".nii.gz")):
        name = NAME.fullmatch(entry.name)
        if name:
            yield Path(entry.path), name[1], name[2]


def _strengths(folder: Path, flow: Flow) -> dict[str, str]:
    """Session → tesla, where the table of the scanners is there."""
    file = find_table(folder, "OASIS3_MR_json*", skip=SKIP, needed=False)
    if file is None:
        return {}
    rows = read_columns(file, ("label", "MagneticFieldStrength"), flow=flow).rows
    # Scanners tell 1.494 T and the like: what they are called is meant.
    return {row["label"]: f"{round(2 * (number(row['MagneticFieldStrength']) or 0)) / 2 or '':}" for row in rows}


def _columns(day: int, rating: Row, person: Row, strength: str) -> Row:
    entry = number(person["AgeatEntry"])
    standard = {
        "age": years(None if entry is None else entry + day / 365.25),
        "sex": sex_of(person["GENDER"], "2", "1"),
        "diagnosis": from_cdr(rating["CDRTOT"]),
        "cdr": rating["CDRTOT"],
        "field_strength": strength.removesuffix(".0"),
        "days_from_entry": str(day),
    }
    return joined(standard, rating, person)


READER = Reader(
    name="oasis3",
    title="OASIS-3, Longitudinal Neuroimaging, Clinical and Cognitive Dataset for Normal Aging and Alzheimer's Disease",
    target="diagnosis",
    instructions=(
        "Apply for access at https://sites.wustl.edu/oasisbrains, download the T1w scans from the NITRC Image "
        "Repository with the makers' script (download_oasis_scans.sh: OAS30001_MR_d0129/anat2/"
        "sub-OAS30001_ses-d0129_run-01_T1w.nii.gz) or as BIDS, and the tables OASIS3_data_files "
        "(OASIS3_UDSb4_cdr.csv, OASIS3_demographics.csv, OASIS3_MR_json.csv) into the same folder."
    ),
    source=f"LaMontagne 2019 (medRxiv 2019.12.13.19014902); OASIS-3 Imaging Methods and Data Dictionary; {CDR_SOURCE}",
    assumed=(
        CDR_ASSUMED + " (which the column dx1 tells)",
        "age is AgeatEntry and the days from entry to the scan",
        "GENDER 1 is M and 2 is F",
        "field strength is what OASIS3_MR_json tells, rounded to half a tesla (2.89 is 3)",
    ),
    scans=scans,
)
