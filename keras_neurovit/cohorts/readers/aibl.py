"""AIBL: the Australian Imaging, Biomarker and Lifestyle study of ageing, as NIfTI from LONI."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.readers.clinical import sex_of
from keras_neurovit.cohorts.readers.loni import Image, account, list_archive
from keras_neurovit.cohorts.readers.reader import Reader
from keras_neurovit.cohorts.readers.tables import Row, find_table, joined, read_columns, unique, years
from keras_neurovit.cohorts.readers.visits import day_of

PERSON = r"\d{1,4}"
SERIES = r"mp.?rage"
DX = {"1": "CN", "2": "MCI", "3": "AD"}  # DXCURREN; 7 and others are no diagnosis of these, -4 is missing
FIELDS = {"aibl_mrimeta*": "1.5", "aibl_mri3meta*": "3"}


def scans(folder: Path, flow: Flow) -> list[Listed]:
    """MPRAGE images of LONI's folders, each with the diagnosis of the visit that was on its day.

    Args:
        folder: with the people's folders (RID) and the tables aibl_*.csv.
        flow: the account.
    """
    file = find_table(folder, "aibl_pdxconv*", skip=PERSON)
    table = read_columns(file, ("RID", "VISCODE", "DXCURREN"), flow=flow)
    told = unique(table, ("RID", "VISCODE"), ("DXCURREN",), flow)
    diagnoses = {(person, _code(visit)): row for (person, visit), row in told.items()}
    of_person = find_table(folder, "aibl_ptdemog*", skip=PERSON)
    table = read_columns(of_person, ("RID", "PTGENDER", "PTDOB"), ("SITEID",), flow)
    people = unique(table, ("RID",), ("PTGENDER", "PTDOB"), flow)
    days = _days(folder, flow)
    archive = list_archive(folder, PERSON, SERIES)
    account(archive, "MPRAGE images in LONI's folders", flow)
    listed, lost, unlisted = [], [], []
    for image in archive.images:
        visit = days.get((image.participant, day_of(image.date)))
        if (image.participant,) not in people:
            unlisted.append(image.participant)
        elif visit is None:
            lost.append(f"{image.participant} {image.date[:10]}")
        else:
            row = diagnoses.get((image.participant, visit[0]), {"DXCURREN": ""})
            listed.append(_listed(image, visit, row, people[image.participant,], file))
    flow.left_out(len(unlisted), f"not listed in {of_person.name}: {some(sorted(set(unlisted)))}")
    flow.left_out(len(lost), f"no visit on that day in aibl_mrimeta or aibl_mri3meta: {some(sorted(lost))}")
    others = [scan for scan in listed if scan.columns["DXCURREN"] not in (*DX, "-4", "")]
    if others:
        flow.noted(f"{counted(len(others), 'scan')} with a DXCURREN other than 1, 2, 3, which is no diagnosis here")
    return listed


def _days(folder: Path, flow: Flow) -> dict[tuple[str, int | None], tuple[str, str]]:
    """(person, day) → (visit code, field strength, "" where the day stands in both tables)."""
    days, both = {}, []
    for pattern, field in FIELDS.items():
        file = find_table(folder, pattern, skip=PERSON, needed=False)
        if file is None:
            flow.noted(f"no table {pattern}: scans of {field} T have no visit")
            continue
        table = read_columns(file, ("RID", "VISCODE", "EXAMDATE"), flow=flow)
        dated = replace(table, rows=tuple(row for row in table.rows if day_of(row["EXAMDATE"]) is not None))
        for (person, date), row in unique(dated, ("RID", "EXAMDATE"), ("VISCODE",), flow).items():
            place = person, day_of(date)
            if place in days:
                both.append(f"{person} {date}")
            days[place] = (_code(row["VISCODE"]), "" if place in days else field)
    if both:
        flow.noted(f"days in aibl_mrimeta and aibl_mri3meta, whose field strength is unknown: {some(both)}")
    return days


def _code(viscode: str) -> str:
    """A visit's code: bl, m18, m36 … in whichever case."""
    return viscode.casefold()


def _listed(image: Image, visit: tuple[str, str], row: Row, person: Row, file: Path) -> Listed:
    born, scanned = re.search(r"(\d{4})$", person["PTDOB"]), int(image.date[:4])
    standard = {
        "age": years(scanned - int(born[1]) if born else None),
        "sex": sex_of(person["PTGENDER"], "2", "1"),
        "diagnosis": DX.get(row["DXCURREN"], ""),
        "site": person.get("SITEID", ""),
        "field_strength": visit[1],
    }
    return Listed(image.path, image.participant, visit[0], joined(standard, row), file)


READER = Reader(
    name="aibl",
    title="AIBL, the Australian Imaging, Biomarker and Lifestyle Flagship Study of Ageing",
    target="diagnosis",
    instructions=(
        "Apply for access at https://aibl.org.au (LONI's Image and Data Archive, project AIBL), collect the MPRAGE "
        "images as NIfTI and unpack them as they are, <RID>/MPRAGE_ADNI_confirmed/<date>/I12345/*.nii; put the "
        "clinical tables aibl_pdxconv_*.csv, aibl_ptdemog_*.csv, aibl_mrimeta_*.csv and aibl_mri3meta_*.csv into the "
        "same folder."
    ),
    source="Ellis 2009 (International Psychogeriatrics 21:672); AIBL data dictionary, DXCURREN and PTGENDER",
    assumed=(
        "DXCURREN 1 is CN, 2 is MCI, 3 is AD; other numbers are no diagnosis of these",
        "age is the year of the scan less the year of birth: only that year is published",
        "PTGENDER 1 is M and 2 is F",
        "field strength is 1.5 T of visits in aibl_mrimeta, 3 T of those in aibl_mri3meta",
    ),
    scans=scans,
)
