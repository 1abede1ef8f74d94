"""IXI: nearly 600 healthy people at three hospitals in London."""

from __future__ import annotations

import re
from pathlib import Path

from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed
from keras_neurovit.cohorts.notes import some
from keras_neurovit.cohorts.on_disk import fault, leave_out_faults, walk
from keras_neurovit.cohorts.readers.clinical import sex_of
from keras_neurovit.cohorts.readers.reader import Reader
from keras_neurovit.cohorts.readers.tables import Row, agreed, find_table, joined, number, read_columns, years

NAME = re.compile(r"(IXI\d{3})-([A-Za-z]+)-(\d+)-T1\.nii(?:\.gz)?")
SEX = "SEX_ID (1=m, 2=f)"
TESLA = {"Guys": "1.5", "IOP": "1.5", "HH": "3"}
WANTED = ("HEIGHT", "WEIGHT", "ETHNIC_ID", "MARITAL_ID", "OCCUPATION_ID", "QUALIFICATION_ID", "STUDY_DATE")


def scans(folder: Path, flow: Flow) -> list[Listed]:
    """`IXI002-Guys-0828-T1.nii.gz` and its like, each with its person's line of IXI.xls.

    Args:
        folder: with the T1 images, in a folder IXI-T1 or not, and IXI.xls (or saved as IXI.csv).
        flow: the account.
    """
    file = find_table(folder, "IXI", skip=r"IXI-.*")
    table = read_columns(file, ("IXI_ID", SEX, "AGE"), WANTED, flow)
    lines: dict[str, list[Row]] = {}
    for row in table.rows:
        if number(row["IXI_ID"]) is not None:
            lines.setdefault(f"IXI{int(float(row['IXI_ID'])):03d}", []).append(row)
    people = {person: agreed(rows, (SEX, "AGE")) for person, rows in lines.items()}
    repeated = sorted(person for person, rows in lines.items() if len(rows) > 1 and people[person] is not None)
    if repeated:
        flow.noted(f"several lines that agree on sex and age, taken as one: {some(repeated)}")
    found, faults, listed, unlisted, unclear = 0, {}, [], [], []
    for entry in walk(folder, 2, (".nii", ".nii.gz")):
        name = NAME.fullmatch(entry.name)
        if not name:
            continue
        found += 1
        person, wrong = name[1], fault(entry)
        if wrong:
            faults.setdefault(wrong, []).append(entry.path)
        elif person not in people:
            unlisted.append(person)
        elif people[person] is None:
            unclear.append(person)
        else:
            listed.append(Listed(Path(entry.path), person, None, _columns(people[person], name[2]), file))
    flow.found(found, "images IXI*-T1")
    leave_out_faults(faults, flow)
    flow.left_out(len(unlisted), f"not listed in {file.name}: {some(sorted(unlisted))}")
    flow.left_out(len(unclear), f"lines of {file.name} contradict each other on sex or age: {some(sorted(unclear))}")
    return listed


def _columns(row: Row, site: str) -> Row:
    age = number(row["AGE"])
    standard = {
        "age": years(age) if age else "",
        "sex": sex_of(row[SEX], "2", "1"),
        "diagnosis": "CN",
        "site": site,
        "field_strength": TESLA.get(site, ""),
        "brain_extracted": "no",
    }
    return joined(standard, row)


READER = Reader(
    name="ixi",
    title="IXI, Information eXtraction from Images",
    target="sex",
    instructions=(
        "Download IXI-T1.tar and IXI.xls from https://brain-development.org/ixi-dataset (CC BY-SA 3.0) and unpack them "
        "into one folder: IXI-T1/IXI002-Guys-0828-T1.nii.gz, IXI.xls. Its people are normal and healthy by its own "
        "account, diagnosis CN."
    ),
    source="brain-development.org/ixi-dataset: HH is Philips 3T, Guys Philips 1.5T, IOP GE 1.5T",
    assumed=(
        "everybody is CN: normal and healthy by IXI's own account",
        "the site is in the file's name; HH has 3 T, Guys and IOP have 1.5 T",
        "skulls are on: images are as the scanner gave them",
    ),
    scans=scans,
)
