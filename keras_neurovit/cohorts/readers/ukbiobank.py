"""UK Biobank: T1 structural brain images (field 20252), unpacked, with a table of the fields asked for."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.on_disk import entries, fault, leave_out_faults
from keras_neurovit.cohorts.readers.clinical import sex_of
from keras_neurovit.cohorts.readers.reader import Reader
from keras_neurovit.cohorts.readers.tables import Row, find_table, joined, unique
from keras_neurovit.cohorts.table import find_column, read_table

BULK = re.compile(r"(\d{7})_20252_(\d)_\d")
IMAGES = ("T1", "T1_brain", "T1_brain_to_MNI", "T1_unbiased", "T1_unbiased_brain")
FIELDS = {"sex": "31", "age": "21003", "site": "54"}
# Assessment centres, field 54 (data-coding 10): those that scan.
CENTRES = {"11025": "Cheadle", "11026": "Reading", "11027": "Newcastle", "11028": "Bristol"}


def scans(folder: Path, flow: Flow, *, image: str = "T1_brain", table: str | None = None) -> list[Listed]:
    """`<eid>_20252_<instance>_0/T1/<image>.nii.gz`, each with its person's row.

    Args:
        folder: with the unpacked archives and a table of the fields 31, 21003 and 54.
        flow: the account.
        image: "T1" (cropped and defaced), "T1_brain", "T1_brain_to_MNI", "T1_unbiased" or "T1_unbiased_brain".
        table: name of the table without its ending; without it the only table there.
    """
    one_of("image", image, IMAGES)
    file = find_table(folder, table or "*", skip=BULK.pattern)
    rows, columns = _rows(file, flow)
    packed, unpacked, without, unusable, faults, listed, unlisted = [], set(), [], [], {}, [], []
    for path, person, instance in sorted(_archives(folder)):
        if path.suffix == ".zip":
            packed.append(path)
            continue
        unpacked.add(path.name)
        place = path / "T1" / f"{image}.nii.gz"
        if not place.is_symlink() and not place.exists():
            (unusable if (path / "T1" / "unusable").is_dir() else without).append(path.name)
        elif wrong := fault(place):
            faults.setdefault(wrong, []).append(str(place))
        elif person not in rows:
            unlisted.append(person)
        else:
            told = _columns(rows[person], columns, instance)
            told["brain_extracted"] = "yes" if "brain" in image else "no"
            listed.append(Listed(place, person, instance, told, file))
    packed = [path for path in packed if path.stem not in unpacked]
    flow.found(len(packed) + len(unpacked), "archives of field 20252")
    flow.left_out(len(packed), f"not unpacked: {some(path.name for path in packed)}{_unpacking(packed)}")
    flow.left_out(len(unusable), f"judged unusable by UK Biobank: {some(unusable)}")
    flow.left_out(len(without), f"no T1/{image}.nii.gz inside: {some(without)}")
    leave_out_faults(faults, flow)
    flow.left_out(len(unlisted), f"not listed in {file.name}: {some(unlisted)}")
    if any(scan.columns["age"] == "" for scan in listed):
        unknown = sum(scan.columns["age"] == "" for scan in listed)
        flow.noted(f"{counted(unknown, 'scan')} without an age at the visit (field 21003 of that instance)")
    return listed


def _unpacking(packed: list[Path]) -> str:
    """The shell's line that unpacks all archives, each into a folder of its name."""
    lines = (
        f'cd {shlex.quote(str(folder.absolute()))} && for z in *_20252_*.zip; do unzip -nq "$z" -d "${{z%.zip}}"; done'
        for folder in sorted({path.parent for path in packed})
    )
    return "".join(f"; unpack them with `{line}`" for line in itertools.islice(lines, 3))


def _archives(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Archives and unpacked ones, in the folder or one below, where they are kept apart by the start of their ids."""
    for entry in entries(folder):
        name = BULK.fullmatch(entry.name.removesuffix(".zip"))
        if name:
            yield Path(entry.path), name[1], name[2]
        elif entry.is_dir() and not entry.name.startswith("."):
            for inner in entries(entry.path):
                name = BULK.fullmatch(inner.name.removesuffix(".zip"))
                if name:
                    yield Path(inner.path), name[1], name[2]


def _rows(file: Path, flow: Flow) -> tuple[dict[str, Row], dict[tuple[str, str], str]]:
    """Rows by person, and (what, instance) → the column that tells it, in either of the styles UK Biobank writes."""
    names = {("eid", ""): ("eid", "participant.eid")}
    for what, field in FIELDS.items():
        for instance in "0123":
            old, new = f"{field}-{instance}.0", f"p{field}" + ("" if what == "sex" else f"_i{instance}")
            names[what, instance] = (old, new, f"participant.{new}")
    table = read_table(file, only=[name for styles in names.values() for name in styles])
    columns = {}
    for key, styles in names.items():
        found = [column for style in styles if (column := find_column(table.columns, style, file))]
        if found:
            columns[key] = found[0]
    if ("eid", "") not in columns:
        raise InputError(
            f"{file}: no column 'eid'", mend="Export it with eid and the fields 31 (sex), 21003 (age) and 54 (centre)."
        )
    flow.noted(f"table: {file}")
    table.account(flow)
    eid = columns["eid", ""]
    rows = unique(table, (eid,), [column for column in table.columns if column != eid], flow)
    return {person: row for (person,), row in rows.items()}, columns


def _columns(row: Row, columns: dict[tuple[str, str], str], instance: str) -> Row:
    def told(what: str, at: str) -> str:
        return row.get(columns.get((what, at), ""), "")

    sex, centre = told("sex", "0"), told("site", instance).removesuffix(".0")
    standard = {
        "age": told("age", instance).removesuffix(".0"),
        "sex": sex_of(sex, "0", "1") or sex_of(sex, "Female", "Male"),
        "site": CENTRES.get(centre, centre),
        "field_strength": "3",
    }
    return joined(standard)


READER = Reader(
    name="ukbiobank",
    title="UK Biobank, T1 structural brain images in NIfTI (field 20252)",
    target="sex",
    instructions=(
        "Apply for access at https://www.ukbiobank.ac.uk, download bulk field 20252 (1000223_20252_2_0.zip, …), unpack "
        "each into a folder of its name (1000223_20252_2_0/T1/T1_brain.nii.gz), and put one table (CSV) with eid and "
        "the fields 31 (sex), 21003 (age) and 54 (centre) into the same folder, as columns 31-0.0, 21003-2.0, … or "
        "p31, p21003_i2, …"
    ),
    source="Alfaro-Almagro 2018 (NeuroImage 166:400); UK Biobank showcase, fields 20252, 31, 21003, 54",
    assumed=(
        "field 31: 0 is F and 1 is M (data-coding 9); field 54 names the site (data-coding 10)",
        "field strength is 3 T: all sites have the same scanner, a Siemens Skyra",
    ),
    scans=scans,
)
