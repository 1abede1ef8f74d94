"""Cohorts from DICOM exports: converted once, then read as BIDS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.bids import read_bids
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.dicom import Converted, convert_dicom
from keras_neurovit.cohorts.dicom_series import T1
from keras_neurovit.cohorts.flow import Step
from keras_neurovit.cohorts.table import find_column, read_table


def read_dicom(
    folder: str | Path,
    target: str,
    *,
    out: str | Path | None = None,
    sequences: str = T1,
    participants: str = "PatientID",
    labels: Iterable[str] | None = None,
    keep: Mapping[str, object] | None = None,
    missing: str = "raise",
    verbose: bool = True,
) -> Cohort:
    """The T1 scans of a DICOM export with their people's labels; what was converted before is not converted again.

    Sex and age come from the headers. Other labels, such as a diagnosis, are a column that you add to
    `participants.tsv` in `out`, or to a person's `sessions.tsv`; a second call keeps it.

    Args:
        folder: with DICOM files, in folders of any depth.
        target: the column with the labels, whatever its case.
        out: the BIDS folder that the scans are written to; None for `<folder>_bids` beside it.
        sequences: regular expression of series' names, as `convert_dicom` takes it.
        participants: "PatientID" or "folder", likewise.
        labels: the classes in order; scans of other classes are left out.
        keep: column → value or values; other scans are left out.
        missing: "raise" or "drop" where a scan's label is missing.
        verbose: whether to show a progress bar.

    Raises:
        InputError: what `convert_dicom` or `read_bids` refuses; no T1 series; no such column.

    Example:
        read_dicom("export", "sex").describe()
    """
    folder = Path(folder).expanduser()
    out = folder.absolute().with_name(f"{folder.absolute().name}_bids") if out is None else Path(out).expanduser()
    done = convert_dicom(folder, out, sequences=sequences, participants=participants, verbose=verbose)
    if not done.scans:
        raise InputError(f"{folder}: no T1 series became a scan", received="; ".join(map(str, done.flow)))
    columns = read_table(out / "participants.tsv", suggested="\t").columns
    own = [out / file.relative_to(out).parts[0] for file in done.scans]
    visits = (table for person in dict.fromkeys(own) if (table := person / f"{person.name}_sessions.tsv").is_file())
    if not find_column(columns, target, out) and not any(
        find_column(read_table(table, suggested="\t").columns, target, table) for table in visits
    ):
        raise InputError(
            f"{out / 'participants.tsv'}: no column {target!r}",
            received="columns " + ", ".join(columns),
            mend="DICOM tells sex and age alone: add the column there, and read again; what is converted stays.",
        )
    cohort = read_bids(out, target, labels=labels, keep=keep, missing=missing)
    return replace(cohort, source=str(folder), flow=_joined(done, cohort.flow))


def _joined(done: Converted, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The flow of series, then that of the scans they became."""
    earlier = sum(step.scans for step in steps if step.kind == "found") - len(done.scans)
    found = [Step("found", earlier, f"scans that were in {done.folder} before")] if earlier else []
    rest = [step for step in steps if step.kind != "found"]
    return (*done.flow, *found, Step("noted", 0, f"converted to BIDS in {done.folder}"), *rest)
