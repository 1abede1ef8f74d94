"""ADNI: the Alzheimer's Disease Neuroimaging Initiative, as NIfTI from LONI or as BIDS, with ADNIMERGE."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from keras_neurovit._checks import one_of
from keras_neurovit.cohorts.bids_folder import list_scans
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.on_disk import leave_out_faults
from keras_neurovit.cohorts.readers.clinical import from_adni, sex_of
from keras_neurovit.cohorts.readers.loni import Image, account, list_archive
from keras_neurovit.cohorts.readers.reader import Reader
from keras_neurovit.cohorts.readers.tables import Row, find_table, joined, number, read_columns, unique, years
from keras_neurovit.cohorts.readers.visits import day_of, nearest

PERSON = r"\d{3}_S_\d{4,5}"
SERIES = r"mp.?rage|mpr\b|mpr[-_]|spgr|t1"
NEEDED = ("PTID", "VISCODE", "EXAMDATE", "AGE", "PTGENDER", "DX")
WANTED = (
    *("RID", "SITE", "COLPROT", "DX_bl", "Years_bl", "FLDSTRENG", "IMAGEUID", "PTEDUCAT", "APOE4", "MMSE", "CDRSB"),
    *("ADAS13", "Ventricles", "Hippocampus", "WholeBrain", "Entorhinal", "ICV"),
)
TELLING = ("DX", "EXAMDATE", "AGE", "PTGENDER")
STEPS = ("Scaled", "N3", "B1_Correction", "GradWarp")  # what ADNI did to a scan, the more the better for models


def scans(folder: Path, flow: Flow, *, scans_a_visit: str = "one", within_days: int = 180) -> list[Listed]:
    """T1 images of LONI's folders or of a BIDS folder, each with ADNIMERGE's row of its visit.

    Args:
        folder: with the people's folders (002_S_0295 or sub-ADNI002S0295) and ADNIMERGE.csv.
        flow: the account.
        scans_a_visit: "one" or "all"; several scans, or one scan processed in several ways, lie at most visits.
        within_days: how far from a visit's EXAMDATE a scan may lie.
    """
    one_of("scans_a_visit", scans_a_visit, ("one", "all"))
    file = find_table(folder, "ADNIMERGE*", skip=rf"{PERSON}|sub-.*")
    table = read_columns(file, NEEDED, WANTED, flow)
    rows: dict[str, list[Row]] = {}
    for (person, _), row in unique(table, ("PTID", "VISCODE"), TELLING, flow).items():
        rows.setdefault(person, []).append(row)
    visits = {person: _Visits(own) for person, own in rows.items()}
    images = list(_images(folder, flow))
    unlisted = [image.participant for image in images if image.participant not in visits]
    flow.left_out(len(unlisted), f"not listed in {file.name}: {some(sorted(set(unlisted)))}")
    matched, lost, by = [], [], Counter()
    for image in images:
        if image.participant in visits:
            row, how = visits[image.participant].of(image, within_days)
            by[how] += 1
            if row is None:
                lost.append(f"{image.participant} {image.date}")
            else:
                matched.append((image, row))
    flow.left_out(len(lost), f"no visit within {within_days} days: {some(sorted(lost))}")
    if by["date"]:
        flow.assumed(f"{counted(by['date'], 'scan')} belong to the visit whose EXAMDATE is nearest")
    if by["code"]:
        flow.assumed(f"{counted(by['code'], 'scan')} belong to the visit of their session: M000 is bl, M006 is m06")
    if scans_a_visit == "one":
        matched = _one_a_visit(matched, flow)
    listed = [Listed(i.path, i.participant, row["VISCODE"], _columns(row), file) for i, row in matched]
    return listed


class _Visits:
    """A person's rows, found by image, visit code or date."""

    def __init__(self, rows: list[Row]):
        self.by_image = {row["IMAGEUID"].removesuffix(".0"): row for row in rows if row.get("IMAGEUID")}
        self.by_code = {row["VISCODE"]: row for row in rows}
        self.by_day = {day: row for row in rows if (day := day_of(row["EXAMDATE"])) is not None}

    def of(self, image: Image, within: int) -> tuple[Row | None, str]:
        """The row of an image's visit, and what told it."""
        if image.image_id in self.by_image:
            return self.by_image[image.image_id], "image"
        if image.date in self.by_code:
            return self.by_code[image.date], "code"
        day = day_of(image.date)
        near = None if day is None else nearest(day, self.by_day, within)
        return (None, "none") if near is None else (self.by_day[near], "date")


def _images(folder: Path, flow: Flow) -> Iterator[Image]:
    archive = list_archive(folder, PERSON, SERIES)
    account(archive, "T1 images in LONI's folders", flow)
    yield from archive.images
    listing = list_scans(folder, "T1w")
    if len(listing):
        flow.found(len(listing), "T1w files in folders sub-*")
        leave_out_faults({name: [str(f.path) for f in group] for name, group in listing.faulty.items()}, flow)
    for found in listing.scans:
        parts = re.fullmatch(r"sub-(?:ADNI)?(\d{3})_?S_?(\d{4,5})", found.participant)
        person = f"{parts[1]}_S_{parts[2]}" if parts else found.participant
        yield Image(found.path, person, "T1w", _code(found.session), "")


def _code(session: str | None) -> str:
    """ADNIMERGE's VISCODE of a BIDS session: ses-M000 → bl, ses-M006 → m06."""
    months = re.fullmatch(r"ses-M(\d+)", session or "")
    if not months:
        return (session or "").removeprefix("ses-")
    return "bl" if int(months[1]) == 0 else f"m{int(months[1]):02d}"


def _one_a_visit(matched: list[tuple[Image, Row]], flow: Flow) -> list[tuple[Image, Row]]:
    """Of each visit the image that ADNIMERGE names, else the most processed, else the first of them."""
    visits: dict[tuple[str, str], list[tuple[Image, Row]]] = {}
    for image, row in matched:
        visits.setdefault((image.participant, row["VISCODE"]), []).append((image, row))

    def rank(pair: tuple[Image, Row]) -> tuple:
        image, row = pair
        named = bool(image.image_id) and image.image_id == row.get("IMAGEUID", "").removesuffix(".0")
        done = sum(step in image.series for step in STEPS)
        return not named, -done, int(image.image_id or 0), str(image.path)

    chosen = [min(pairs, key=rank) for pairs in visits.values()]
    flow.left_out(
        len(matched) - len(chosen),
        "another image of the visit was taken: the one in ADNIMERGE's IMAGEUID, else the most processed, else the "
        "first (scans_a_visit='all' keeps them)",
    )
    return chosen


def _columns(row: Row) -> Row:
    age, later = number(row["AGE"]), number(row.get("Years_bl"))
    at_visit = age if row["VISCODE"] == "bl" else None if age is None or later is None else age + later
    strength = re.match(r"[\d.]+", row.get("FLDSTRENG", ""))
    standard = {
        "age": years(at_visit),
        "sex": sex_of(row["PTGENDER"], "Female", "Male"),
        "diagnosis": from_adni(row["DX"]),
        "site": row.get("SITE", ""),
        "field_strength": strength[0] if strength else "",
    }
    return joined(standard, {"age_at_baseline": row["AGE"]}, row)


READER = Reader(
    name="adni",
    title="ADNI, the Alzheimer's Disease Neuroimaging Initiative",
    target="diagnosis",
    instructions=(
        "Apply for access at https://adni.loni.usc.edu, collect T1 images (NIfTI, for example 'MPR; GradWarp; B1 "
        "Correction; N3; Scaled') in the Image and Data Archive, unpack them as they are, "
        "002_S_0295/<series>/<date>/I45108/*.nii, or convert them to BIDS with Clinica, and put ADNIMERGE.csv (Study "
        "Data, Data and Databases) into the same folder."
    ),
    source="ADNIMERGE data dictionary (adni.loni.usc.edu); Petersen 2010 (Neurology 74:201)",
    assumed=(
        "a diagnosis is DX at the scan's own visit, of a conversion the state it ends in; DX_bl is no stand-in",
        "DX CN and NL are CN, MCI is MCI, Dementia and AD are AD",
        "age is AGE, told for the baseline, and Years_bl",
    ),
    scans=scans,
)
