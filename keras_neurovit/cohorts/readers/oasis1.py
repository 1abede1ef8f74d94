"""OASIS-1: 416 people from 18 to 96, three or four T1 scans each, averaged by its makers."""

from __future__ import annotations

import re
from pathlib import Path

from keras_neurovit._checks import one_of
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.on_disk import entries, fault, leave_out_faults
from keras_neurovit.cohorts.readers.clinical import CDR_ASSUMED, CDR_SOURCE, from_cdr, sex_of
from keras_neurovit.cohorts.readers.reader import Reader
from keras_neurovit.cohorts.readers.tables import Row, find_table, joined, number, read_columns, unique

SESSION = re.compile(r"(OAS1_\d{4})_(MR\d)")
YOUNG = 60  # the clinical rating was asked for from this age on
IMAGES = {
    "masked": ("T88_111", "_t88_masked_gfc"),  # in atlas space, without skull, intensities evened
    "head": ("T88_111", "_t88_gfc"),  # in atlas space, with skull
    "native": ("SUBJ_111", "_sbj_111"),  # the average of the scans, in the first one's space
}
EXTENSIONS = (".nii.gz", ".nii", ".img")  # the same image may have been converted: the first of these is taken
WANTED = ("Hand", "Educ", "SES", "MMSE", "eTIV", "nWBV", "ASF", "Delay")


def scans(folder: Path, flow: Flow, *, image: str = "masked", young_are_cn: bool = False) -> list[Listed]:
    """The scans in `[disc*/]OAS1_*_MR*/PROCESSED/MPRAGE`.

    Args:
        folder: with the sessions, in folders disc1, disc2, … or not, and the table.
        flow: the account.
        image: "masked" (brain only, atlas space), "head" (atlas space) or "native".
        young_are_cn: whether people under 60, who were not rated, count as CN; without it their diagnosis is unknown.
    """
    one_of("image", image, IMAGES)
    file = find_table(folder, "oasis_cross-sectional*", skip=r"OAS1_.*")
    rows = unique(read_columns(file, ("ID", "M/F", "Age", "CDR"), WANTED, flow), ("ID",), ("M/F", "Age", "CDR"), flow)
    found, again, faults, listed, unlisted, seen = 0, [], {}, [], [], set()
    for path, person, visit in sorted(_files(folder, *IMAGES[image]), key=_place):
        found += 1
        wrong = fault(path)
        if (person, visit) in seen:
            again.append(path.name)
        elif wrong:
            faults.setdefault(wrong, []).append(str(path))
        elif (f"{person}_{visit}",) not in rows:
            unlisted.append(f"{person}_{visit}")
        else:
            seen.add((person, visit))
            columns = _columns(rows[f"{person}_{visit}",], young_are_cn)
            columns["brain_extracted"] = "yes" if image == "masked" else "no"
            listed.append(Listed(path, person, visit, columns, file))
    flow.found(found, f"{image} images in OAS1_*/PROCESSED/MPRAGE/{IMAGES[image][0]}")
    leave_out_faults(faults, flow)
    flow.left_out(len(again), f"the same image in another format: {some(again)}")
    flow.left_out(len(unlisted), f"not listed in {file.name}: {some(unlisted)}")
    _account(listed, rows, young_are_cn, flow)
    return listed


def _files(folder: Path, space: str, ending: str):
    for entry in entries(folder):
        session = SESSION.fullmatch(entry.name)
        if session:
            for inner in entries(Path(entry.path) / "PROCESSED" / "MPRAGE" / space):
                if inner.name.startswith("OAS1_") and inner.name.endswith(tuple(ending + e for e in EXTENSIONS)):
                    yield Path(inner.path), session[1], session[2]
        elif re.fullmatch(r"(oasis_cross-sectional_)?disc\d+", entry.name) and entry.is_dir():
            yield from _files(Path(entry.path), space, ending)


def _place(found: tuple[Path, str, str]) -> tuple:
    path, person, visit = found
    return person, visit, next(i for i, ending in enumerate(EXTENSIONS) if path.name.endswith(ending)), path


def _columns(row: Row, young_are_cn: bool) -> Row:
    age, diagnosis = number(row["Age"]), from_cdr(row["CDR"])
    if young_are_cn and not diagnosis and age is not None and age < YOUNG:
        diagnosis = "CN"
    sex = sex_of(row["M/F"], "F", "M")
    standard = {"age": row["Age"], "sex": sex, "diagnosis": diagnosis, "cdr": row["CDR"], "field_strength": "1.5"}
    return joined(standard, row)


def _account(listed: list[Listed], rows: dict[tuple[str], Row], young_are_cn: bool, flow: Flow) -> None:
    unrated = [scan for scan in listed if not from_cdr(scan.columns["cdr"])]
    young = [scan for scan in unrated if (number(scan.columns["age"]) or YOUNG) < YOUNG]
    if young and young_are_cn:
        flow.assumed(f"{counted(len(young), 'scan')} of people under {YOUNG}, who were not rated, are CN")
    elif young:
        flow.noted(f"{counted(len(young), 'scan')} of people under {YOUNG}, who were not rated (young_are_cn=True)")
    missing = sorted({line for (line,) in rows} - {f"{scan.participant}_{scan.session}" for scan in listed})
    if missing:
        flow.noted(f"{counted(len(missing), 'line')} of the table without a usable image: {some(missing)}")


READER = Reader(
    name="oasis1",
    title="OASIS-1, Cross-sectional MRI Data in Young, Middle Aged, Nondemented and Demented Older Adults",
    target="diagnosis",
    instructions=(
        "Accept the data use agreement at https://sites.wustl.edu/oasisbrains, download the twelve archives "
        "oasis_cross-sectional_disc1.tar.gz … disc12.tar.gz and the table oasis_cross-sectional.csv (or .xlsx), and "
        "unpack all into one folder: [disc1/]OAS1_0001_MR1/PROCESSED/MPRAGE/T88_111/*_t88_masked_gfc.img and .hdr."
    ),
    source=f"Marcus 2007 (Journal of Cognitive Neuroscience 19:1498); oasis_cross-sectional_facts.pdf; {CDR_SOURCE}",
    assumed=(CDR_ASSUMED, "field strength is 1.5 T: one scanner, a Siemens Vision, took all scans"),
    scans=scans,
)
