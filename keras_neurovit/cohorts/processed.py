"""From what pipelines did to scans to what a model may expect of them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TypeVar

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.flow import Step
from keras_neurovit.cohorts.notes import counted, some

Contract = TypeVar("Contract")


def expectations(cohort: Cohort, contract: Contract) -> Contract:
    """A volume contract that expects of scans what their pipeline did: whether skulls are off.

    Args:
        cohort: from `read_derivatives`.
        contract: the spacing and shape wanted, `VolumeContract(...)`.

    Raises:
        InputError: the cohort does not tell, or some skulls are on and some off.

    Example:
        >>> from types import SimpleNamespace
        >>> Contract = dataclasses.make_dataclass("Contract", ["brain_extracted"])  # as VolumeContract is
        >>> told = SimpleNamespace(source="here", column=lambda name: np.array(["no", "no"]))
        >>> expectations(told, Contract(True))
        Contract(brain_extracted=False)
    """
    told = set(cohort.column("brain_extracted").tolist())
    if len(told) != 1 or not told <= {"yes", "no"}:
        raise InputError(
            f"{cohort.source}: some skulls are on, some off, or unknown",
            expected="brain_extracted yes of all scans, or no",
            received=", ".join(sorted(text or "unknown" for text in told)),
            mend="Take scans alike with cohort.where('brain_extracted', 'yes'), or use apply_masks.",
        )
    return dataclasses.replace(contract, brain_extracted=told == {"yes"})


def expect(cohort: Cohort, contract: Contract, brain_extracted: bool | None = None) -> tuple[Contract, str]:
    """The contract for a cohort's scans, and a line that says why, "" where the cohort does not tell of skulls.

    Args:
        cohort: of any reader; those of pipelines, OASIS-1, IXI and UK Biobank tell.
        contract: what a preset reads.
        brain_extracted: whether skulls are off; goes before what the cohort tells.

    Raises:
        InputError: some skulls are on and some off, and it is not said what to expect.

    Example:
        >>> from types import SimpleNamespace
        >>> Contract = dataclasses.make_dataclass("Contract", ["brain_extracted"])  # as VolumeContract is
        >>> row = {"brain_extracted": "no", "pipeline": "clinica"}
        >>> told = SimpleNamespace(source="caps", records=[SimpleNamespace(columns=row)])
        >>> told.column = lambda name: np.array([row[name]])
        >>> expect(told, Contract(True))[1]
        'caps: skulls are on, as clinica left them; the new contract expects that'
        >>> expect(told, Contract(True), brain_extracted=True)
        (Contract(brain_extracted=True), 'caps: skulls are off, as was said')
    """
    if brain_extracted is not None:
        line = f"{cohort.source}: skulls are {_place(brain_extracted)}, as was said"
        return dataclasses.replace(contract, brain_extracted=brain_extracted), line
    told = [{name.casefold(): cell for name, cell in record.columns.items()} for record in cohort.records]
    states = {row.get("brain_extracted") for row in told}
    if not states or not states <= {"yes", "no"}:
        return contract, ""
    found = expectations(cohort, contract)
    by = some(sorted({row["pipeline"] for row in told if row.get("pipeline")})) or "its makers"
    changed = "" if found == contract else "; the new contract expects that"
    return found, f"{cohort.source}: skulls are {_place(found.brain_extracted)}, as {by} left them{changed}"


def unlike(cohort: Cohort, contract: object) -> str:
    """How many skulls are on where a contract expects them off, or the other way round; "" where none is known to be.

    Example:
        >>> from types import SimpleNamespace
        >>> row = {"brain_extracted": "no"}
        >>> told = SimpleNamespace(source="IXI", records=[SimpleNamespace(columns=row)])
        >>> unlike(told, SimpleNamespace(brain_extracted=True))
        'IXI: skulls of 1 scan are on, the preset expects them off'
    """
    wrong = "no" if contract.brain_extracted else "yes"
    rows = ({name.casefold(): cell for name, cell in record.columns.items()} for record in cohort.records)
    scans = sum(row.get("brain_extracted") == wrong for row in rows)
    if not scans:
        return ""
    found, expected = _place(wrong == "yes"), _place(contract.brain_extracted)
    return f"{cohort.source}: skulls of {counted(scans, 'scan')} are {found}, the preset expects them {expected}"


def _place(brain_extracted: bool) -> str:
    return "off" if brain_extracted else "on"


def apply_masks(cohort: Cohort, folder: str | os.PathLike) -> Cohort:
    """The cohort with the skulls off: each scan times the brain mask its pipeline left beside it, as a new file.

    Files that are there already, newer than scan and mask, are taken as they are.

    Args:
        cohort: from `read_derivatives`, of scans with masks.
        folder: where to write.

    Raises:
        InputError: a scan without a mask, or with one on another grid.
    """
    masks = cohort.column("mask").tolist()
    without = [record.participant for record, mask in zip(cohort.records, masks, strict=True) if not mask]
    if without:
        raise InputError(
            f"{cohort.source}: {counted(len(without), 'scan')} without a mask: {some(without)}",
            mend="Strip these first, for example with HD-BET or SynthStrip.",
        )
    records = []
    for record, mask in zip(cohort.records, masks, strict=True):
        out = Path(folder).expanduser() / record.participant / (record.session or "") / _named(record.path)
        if not _newer(out, record.path, Path(mask)):
            _write_masked(record.path, Path(mask), out)
        columns = record.columns | {"brain_extracted": "yes", "mask": ""}
        records.append(dataclasses.replace(record, path=out, columns=columns))
    note = Step("noted", 0, f"skulls taken off by the pipeline's masks, in {folder}")
    return dataclasses.replace(cohort, records=tuple(records), flow=(*cohort.flow, note))


def _named(path: Path) -> str:
    stem = path.name.split(".")[0].removesuffix("_T1w")
    return f"{stem}_T1w.nii.gz".replace("desc-preproc", "desc-brain")


def _newer(out: Path, *inputs: Path) -> bool:
    return out.is_file() and out.stat().st_mtime >= max(file.stat().st_mtime for file in inputs)


def _write_masked(scan: Path, mask: Path, out: Path) -> None:
    import nibabel

    image, inside = nibabel.load(scan), nibabel.load(mask)
    if image.shape != inside.shape or not np.allclose(image.affine, inside.affine, atol=1e-3):
        raise InputError(
            f"{mask}: another grid than {scan.name}", image.shape, inside.shape, "Take the scan's own mask."
        )
    voxels = np.where(np.asarray(inside.dataobj) > 0.5, np.asarray(image.dataobj, dtype="float32"), 0)
    out.parent.mkdir(parents=True, exist_ok=True)
    with published(out) as temporary:
        nibabel.save(nibabel.Nifti1Image(voxels.astype("float32"), image.affine), temporary)
