"""LDM100k: 100,000 brains that a latent diffusion model drew after UK Biobank."""

from __future__ import annotations

from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.bids_folder import list_scans
from keras_neurovit.cohorts.bids_rows import read_rows
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.on_disk import leave_out_faults
from keras_neurovit.cohorts.readers.clinical import sex_of
from keras_neurovit.cohorts.readers.reader import Reader
from keras_neurovit.cohorts.readers.tables import Row, joined, number, years
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import find_column


def scans(folder: Path, flow: Flow) -> list[Listed]:
    """`rawdata/sub-000001/anat/sub-000001_T1w.nii.gz`, each with its row of participants.tsv.

    Args:
        folder: LDM_100k, with participants.tsv and rawdata; or one that holds it.
        flow: the account.
    """
    folder = folder / "LDM_100k" if (folder / "LDM_100k").is_dir() else folder
    file = folder / "participants.tsv"
    if not file.is_file():
        raise InputError(f"{folder}: has no participants.tsv", mend=READER.instructions)
    rows = read_rows(file, {}, flow, strict=False).people
    images = folder / "rawdata" if (folder / "rawdata").is_dir() else folder
    listing = list_scans(images, "T1w")
    flow.found(len(listing), "T1w files in folders sub-*")
    leave_out_faults({name: [str(f.path) for f in group] for name, group in listing.faulty.items()}, flow)
    unlisted = [f.participant for f in listing.scans if bare(f.participant) not in rows]
    flow.left_out(len(unlisted), f"not listed in participants.tsv: {some(sorted(unlisted))}")
    first = next(iter(rows.values()), {})
    age, sex = (_column(first, names, file) for names in (("age",), ("sex", "gender")))
    coded = [f for f in listing.scans if (row := rows.get(bare(f.participant))) and number(row.get(sex)) is not None]
    if coded:
        flow.assumed(f"{sex} 0 is F and 1 is M for {counted(len(coded), 'scan')}, as UK Biobank codes field 31")
    return [
        Listed(f.path, f.participant, f.session, _columns(rows[bare(f.participant)], age, sex), file)
        for f in listing.scans
        if bare(f.participant) in rows
    ]


def _column(row: Row, names: tuple[str, ...], file: Path) -> str | None:
    return next((column for name in names if (column := find_column(row, name, file))), None)


def _columns(row: Row, age: str | None, sex: str | None) -> Row:
    text = row.get(sex, "")
    told = sex_of(text, "0", "1") or sex_of(text, "F", "M") or sex_of(text, "female", "male")
    return joined({"age": years(number(row.get(age))), "sex": told}, row)


READER = Reader(
    name="ldm100k",
    title="LDM100k, 100,000 synthetic T1 brains by a latent diffusion model",
    target="sex",
    instructions=(
        "Download LDM_100k.tar, which the paper's authors published (see academictorrents.com), and unpack it: "
        "LDM_100k/participants.tsv and LDM_100k/rawdata/sub-000001/anat/sub-000001_T1w.nii.gz."
    ),
    source="Pinaya 2022 (MICCAI DGM4MICCAI, arXiv:2209.07162)",
    assumed=("a person is a synthetic brain: nobody stands behind an id",),
    scans=scans,
)
