"""Cohorts from BIDS folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.bids_folder import Found, Listing, list_scans
from keras_neurovit.cohorts.bids_rows import Rows, note_visits, read_rows
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.entities import checked, fits, in_words
from keras_neurovit.cohorts.entities import entities as entities_of
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import keep_rows, to_cohort
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.on_disk import leave_out_faults
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import find_column, need_column


def read_bids(
    folder: str | Path,
    target: str,
    *,
    labels: Iterable[str] | None = None,
    suffix: str = "T1w",
    keep: Mapping[str, object] | None = None,
    missing: str = "raise",
    entities: Mapping[str, object] | None = None,
) -> Cohort:
    """The scans of a BIDS folder with their people's labels; no image is opened.

    Scans are `sub-*/[ses-*/]anat/*_<suffix>.nii`, `.nii.gz` or `.mgz`. A row for the visit in
    `sub-XX/sub-XX_sessions.tsv` goes before the person's row in `participants.tsv`, column by column, even where it
    says n/a: an earlier diagnosis is no stand-in for an unknown one.

    Args:
        folder: holds `participants.tsv`.
        target: the column with the labels, whatever its case.
        labels: the classes in order; scans of other classes are left out. Without it: all classes, CN, MCI, AD in
            clinical order, others sorted.
        suffix: the kind of scan.
        keep: column → value or values; other scans are left out.
        missing: "raise" or "drop" where a scan's label is missing, or lines lack an id or contradict each other.
        entities: what a file's name must have, `{"run": 1, "acq": None}`; None: must not have. Without it all scans
            of a visit are kept.

    Raises:
        InputError: the folder, its table, the column, a label or every scan is missing, or the table says two
            things of one person (unless `missing` is "drop").

    Source: Brain Imaging Data Structure 1.10, "Anatomy imaging data", "Participants file" and "Sessions file".

    Example:
        >>> read_bids(folder, "diagnosis", keep={"sex": "F"}).notes
        ('20 scans left out, sex is not F',)
    """
    wanted = checked(entities)
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", expected="a BIDS folder with participants.tsv")
    file = folder / "participants.tsv"
    if not file.is_file() and not file.is_symlink():
        raise InputError(
            f"{folder}: has no participants.tsv",
            mend=f"Write one with the columns participant_id and {target}, or list the scans for read_csv.",
        )
    flow = Flow()
    listing = list_scans(folder, suffix)
    rows = read_rows(file, listing.sessions_files, flow, strict=missing == "raise")
    # Spellings that differ by case only between files are one column; within a file they are an error.
    columns = rows.columns()
    find_column(next(iter(rows.people.values()), {}), target, file)
    need_column(columns.values(), target, file)

    usable = _usable(listing, rows, suffix, wanted, flow)
    if not usable:
        raise InputError(
            f"{folder}: no usable scan",
            expected=f"sub-*/[ses-*/]anat/*_{suffix}.nii.gz of people listed in participants.tsv",
            received=str(flow) or "an empty participants.tsv and no scans",
            mend="Check folder, suffix and participant_id.",
        )
    note_visits(usable, rows, target, flow)
    return to_cohort(
        keep_rows([rows.of(found) for found in usable], keep or {}, flow),
        columns[target.casefold()],
        source=folder,
        flow=flow,
        labels=labels,
        missing=missing,
    )


def _usable(listing: Listing, rows: Rows, suffix: str, wanted: Mapping[str, object], flow: Flow) -> list[Found]:
    """The scans of listed people, with an account of the others."""
    flow.found(len(listing), f"{suffix} files in folders sub-*")
    leave_out_faults({name: [str(f.path) for f in group] for name, group in listing.faulty.items()}, flow)
    unlisted = [found for found in listing.scans if bare(found.participant) not in rows.people]
    flow.left_out(
        len(unlisted), f"not listed in participants.tsv: {some(sorted({found.participant for found in unlisted}))}"
    )
    scans = [found for found in listing.scans if bare(found.participant) in rows.people]
    fitting = [found for found in scans if fits(found.path.name, wanted)]
    flow.left_out(len(scans) - len(fitting), f"name is not {in_words(wanted)}")
    seen = {bare(participant) for participant in listing.seen}
    unseen = [f"sub-{name}" for name in rows.people if name not in seen]
    if unseen:
        flow.noted(f"{counted(len(unseen), 'participant')} without a {suffix} scan: {some(unseen)}")
    _note_processed(fitting, flow)
    at_visits = Counter((found.participant, found.session) for found in fitting)
    several = [" ".join(filter(None, visit)) for visit, scans in at_visits.items() if scans > 1]
    if several:
        flow.noted(f"{counted(len(several), 'visit')} with several {suffix} scans, all kept: {some(sorted(several))}")
    return fitting


def _note_processed(scans: list[Found], flow: Flow) -> None:
    """Says so where names tell that a pipeline wrote the scans: raw BIDS has neither space nor desc."""
    marks: Counter[str] = Counter()
    processed = 0
    for name in (found.path.name for found in scans):
        if "_space-" in name or "_desc-" in name:
            processed += 1
            marks.update(f"{key}-{value}" for key, value in entities_of(name).items() if key in ("space", "desc"))
    if processed:
        flow.noted(
            f"{counted(processed, 'scan')} written by a pipeline, as names tell ({some(sorted(marks))}): "
            "read_derivatives also knows what it did to them"
        )
