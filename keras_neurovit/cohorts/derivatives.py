"""Cohorts from the outputs of sMRIPrep, fMRIPrep, Clinica, FreeSurfer and HD-BET."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.bids_folder import Found
from keras_neurovit.cohorts.bids_rows import Rows, note_visits, read_rows
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.entities import checked, fits, in_words
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed, keep_rows, to_cohort
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.on_disk import fault, leave_out_faults
from keras_neurovit.cohorts.pipelines import PIPELINES, Processed
from keras_neurovit.cohorts.readers.tables import joined
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import find_column, need_column

VARIANTS = ("space", "desc", "res")


def read_derivatives(
    folder: str | Path,
    target: str,
    *,
    pipeline: str | None = None,
    participants: str | Path | None = None,
    labels: Iterable[str] | None = None,
    keep: Mapping[str, object] | None = None,
    missing: str = "raise",
    entities: Mapping[str, object] | None = None,
) -> Cohort:
    """The scans that a pipeline wrote, with their people's labels and what was done to them; no image is opened.

    Each record's columns tell `pipeline`, `space` (a template or "native"), `brain_extracted` ("yes" or "no") and
    `mask` (the file, or ""). `expectations` makes a volume contract's of them, `apply_masks` takes the skulls off.

    Args:
        folder: the pipeline's outputs: fMRIPrep's or sMRIPrep's, Clinica's CAPS, FreeSurfer's subjects, HD-BET's.
        target: the column with the labels, whatever its case.
        pipeline: "fmriprep" (and sMRIPrep), "clinica", "freesurfer" or "hdbet"; without it the one that the folder
            looks like.
        participants: the table of the people; without it `participants.tsv` in the folder or two folders up, where
            BIDS keeps it for derivatives. Sessions files are read beside it.
        labels: the classes in order; scans of other classes are left out.
        keep: column → value or values; other scans are left out.
        missing: "raise" or "drop" where a scan's label is missing.
        entities: what names must have, such as `{"space": "MNI152NLin2009cAsym"}` or `{"space": None}` for scans in
            their own space; needed where there are several of a visit.

    Raises:
        InputError: nothing that a pipeline wrote, more than one pipeline, no table, or several forms of one scan.

    Example:
        >>> brain = folder / "freesurfer" / "sub-1" / "mri" / "brain.mgz"
        >>> brain.parent.mkdir(parents=True)
        >>> _ = brain.write_bytes(b"a brain")
        >>> made = read_derivatives(folder / "freesurfer", "sex", participants=folder / "participants.tsv")
        >>> made.column("pipeline").tolist(), made.column("brain_extracted").tolist()
        (['freesurfer'], ['yes'])
    """
    wanted = checked(entities)
    folder, flow = Path(folder).expanduser(), Flow()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", expected="outputs of a pipeline")
    name, processed = _recognised(folder, pipeline)
    if pipeline is None:
        flow.assumed(f"the folder holds outputs of {name}: it looks like them")
    file = _table(folder, participants)
    people = sorted({scan.participant for scan in processed})
    sessions = {p: s for p in people if (s := file.parent / p / f"{p}_sessions.tsv").is_file()}
    rows = read_rows(file, sessions, flow, strict=missing == "raise")
    columns = rows.columns()
    need_column(columns.values(), target, file)
    usable = _usable(processed, name, rows, wanted, flow)
    note_visits([Found(scan.path, scan.participant, scan.session) for scan in usable], rows, target, flow)
    listed = keep_rows([_listed(scan, name, rows) for scan in usable], keep or {}, flow)
    spelled = find_column(columns.values(), target, file)
    return to_cohort(listed, spelled, source=folder, flow=flow, labels=labels, missing=missing)


def _recognised(folder: Path, pipeline: str | None) -> tuple[str, list[Processed]]:
    names = PIPELINES if pipeline is None else [one_of("pipeline", pipeline, PIPELINES)]
    found = {name: scans for name in names if (scans := list(PIPELINES[name](folder)))}
    if len(found) != 1:
        raise InputError(
            f"{folder}: {'outputs of several pipelines' if found else 'no outputs of a pipeline'}",
            expected=f"of {', '.join(names)}",
            received=" and ".join(sorted(found)) or None,
            mend="Name one with pipeline=, or give the folder of one.",
        )
    return next(iter(found.items()))


def _table(folder: Path, participants: str | Path | None) -> Path:
    above = folder.absolute().parent.parent
    places = [Path(participants)] if participants else [folder / "participants.tsv", above / "participants.tsv"]
    for place in places:
        if place.is_file() or place.is_symlink():
            return place
    raise InputError(f"{folder}: no table of its people", expected=some(places), mend="Name it with participants=.")


def _usable(scans: list[Processed], name: str, rows: Rows, wanted: Mapping, flow: Flow) -> list[Processed]:
    flow.found(len(scans), f"T1 scans that {name} wrote")
    faults: dict[str, list[str]] = {}
    whole = []
    for scan in scans:
        wrong = scan.fault or fault(scan.path)
        if wrong:
            faults.setdefault(wrong, []).append(str(scan.path))
        else:
            whole.append(scan)
    leave_out_faults(faults, flow)
    unlisted = sorted({scan.participant for scan in whole if bare(scan.participant) not in rows.people})
    listed = [scan for scan in whole if bare(scan.participant) in rows.people]
    flow.left_out(len(whole) - len(listed), f"not listed in {rows.file.name}: {some(unlisted)}")
    fitting = [scan for scan in listed if fits(scan.path.name, wanted)]
    flow.left_out(len(listed) - len(fitting), f"name is not {in_words(wanted)}")
    unseen = sorted(set(rows.people) - {bare(scan.participant) for scan in scans})
    if unseen:
        flow.noted(f"{counted(len(unseen), 'participant')} without outputs of {name}: {some(unseen)}")
    _refuse_variants(fitting)
    if not fitting:
        raise InputError(f"{rows.file}: none of its people has a usable scan of {name}", received=str(flow))
    return fitting


def _refuse_variants(scans: list[Processed]) -> None:
    """Several forms of one scan are no several scans: one must be chosen."""
    from keras_neurovit.cohorts.entities import entities as entities_of

    forms: dict[tuple, dict[str, None]] = {}
    for scan in scans:
        has = entities_of(scan.path.name)
        rest = tuple(item for item in has.items() if item[0] not in VARIANTS)
        form = ", ".join(f"{key}-{has[key]}" for key in VARIANTS if key in has) or "no space, no desc"
        forms.setdefault((scan.participant, scan.session, rest, scan.path.parent), {})[form] = None
    several = next((list(found) for found in forms.values() if len(found) > 1), None)
    if several:
        raise InputError(
            f"{scans[0].path.parent}: several forms of one scan",
            received="; ".join(several),
            mend='Choose one, for example with entities={"space": "…"}, or {"space": None} for the scan\'s own space.',
        )


def _listed(scan: Processed, name: str, rows: Rows) -> Listed:
    own = rows.of(Found(scan.path, scan.participant, scan.session))
    done = {
        "pipeline": name,
        "space": scan.space,
        "brain_extracted": "yes" if scan.brain_extracted else "no",
        "mask": str(scan.mask or ""),
    }
    return Listed(own.path, own.participant, own.session, joined(done, own.columns), own.file)
