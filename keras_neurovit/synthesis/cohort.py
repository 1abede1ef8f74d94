"""Cohorts of synthetic people on disk, as BIDS, with the truth about each."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import nibabel
import numpy as np
from rich.progress import track

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.synthesis.anatomy import Anatomies, load_anatomies
from keras_neurovit.synthesis.factory import SMALL_MM3, BrainFactory
from keras_neurovit.synthesis.generator import BrainGenerator
from keras_neurovit.synthesis.population import Person, changes, targets_mm3
from keras_neurovit.synthesis.structures import STRUCTURES, sums_of_structures

BATCH = 4
CORRECTIONS = 2


def make_people(
    factory: BrainFactory, anatomies: Anatomies, people: Sequence[Person], contrasts: int = 1
) -> dict[str, np.ndarray]:
    """Brains of people, with the volumes that were asked for, or nearly.

    A first deformation misses its targets, since growing structures press on each other; the miss is measured and added
    to what is asked for, twice. What is missed then remains, and the truth tells it: structures under 0.3 ml, and
    ventricles that should become many times what the label map has.

    Shape: n people → dict as `BrainFactory`'s, with scales (n,)

    Args:
        factory: of brains from `anatomies`.
        anatomies: each person's follows from their seed.
        people: from `draw_population`.
        contrasts: scans of each person.
    """
    seeds = np.asarray([person.seed & 0x7FFFFFFF for person in people], "int32")
    which = seeds % len(anatomies)
    mirrored = keras.ops.convert_to_numpy(factory.generator.mirrored(seeds))
    first = [changes(p, anatomies, a, m) for p, a, m in zip(people, which, mirrored, strict=True)]
    asked, scales = map(np.asarray, zip(*first, strict=True))
    wanted = np.stack([targets_mm3(person, anatomies) for person in people])
    for _ in range(CORRECTIONS):
        found = factory.measure(seeds, which, asked, scales)["structures_mm3"]
        with np.errstate(divide="ignore", invalid="ignore"):
            miss = np.log(wanted / found)
        reached = np.isfinite(miss) & (found > SMALL_MM3)
        asked = np.where(reached, asked + np.clip(miss, -0.5, 0.5), asked)
    return factory(seeds, which, asked, scales, contrasts) | {"scales": scales}


def write_cohort(
    folder: str | os.PathLike,
    people: Sequence[Person],
    label_maps: str | os.PathLike | Sequence[str | os.PathLike] | Anatomies | None = None,
    *,
    shape: tuple[int, int, int] = (120, 144, 128),
    spacing_mm: float = 1.5,
    stripped: bool = True,
    verbose: bool = True,
) -> Path:
    """Write a BIDS folder of T1 scans of synthetic people.

    `participants.tsv` tells diagnosis, age, sex, severity and true volumes in mm³; the sidecar of each scan tells the
    same and which label map it was made from; a second image holds the labels. Scans that are there already are kept,
    so an interrupted call goes on.

    These are not patients: what a model learns here is disease as imposed.

    Args:
        folder: created if need be.
        people: from `draw_population`.
        label_maps: see `load_anatomies`.
        shape: voxels along (x, y, z).
        spacing_mm: their edge.
        stripped: whether the skulls are removed.
        verbose: whether to show a progress bar.

    Returns:
        The folder.

    Raises:
        InputError: nobody; a folder that holds something else; what `read_label_map` refuses.

    Example:
        write_cohort("cohort", draw_population(60, seed=1), "label_maps")
    """
    if not people:
        raise InputError("a cohort needs people", "one or more")
    names = [person.participant for person in people]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError("participants are repeated", "everybody once", repeated[:5], "Draw them in one population.")
    folder = Path(folder)
    anatomies = label_maps if isinstance(label_maps, Anatomies) else load_anatomies(label_maps, verbose=verbose)
    generator = BrainGenerator(
        anatomies, shape, spacing_mm, t1_share=1.0, stripped_share=float(stripped), labels=True, normalised=False
    )
    description = {
        "Name": "keras_neurovit: synthetic brains with imposed ageing and disease",
        "BIDSVersion": "1.9.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "keras_neurovit.synthesis.write_cohort"}],
        "People": hashlib.sha256(repr(list(people)).encode()).hexdigest(),
        "SkullStripped": stripped,
        "Scans": f"{' × '.join(map(str, shape))} voxels of {spacing_mm} mm",
        "LabelMaps": [os.path.basename(source) for source in anatomies.sources],
        "Anatomy": hashlib.sha256(np.ascontiguousarray(anatomies.classes)).hexdigest(),
    }
    _claim(folder, description)
    missing = [person for person in people if not _files(folder, person)[1].exists()]
    batches = [missing[i : i + BATCH] for i in range(0, len(missing), BATCH)]
    for person, brain in track(
        _make(BrainFactory(generator), anatomies, batches),
        "Writing scans",
        total=len(missing),
        disable=not verbose,
        transient=True,
    ):
        _write(folder, person, brain, anatomies, spacing_mm, stripped)
    rows = [json.loads(_files(folder, person)[1].read_text(encoding="utf-8")) for person in people]
    _write_table(folder / "participants.tsv", people, rows)
    return folder


def _make(factory: BrainFactory, anatomies: Anatomies, batches) -> Iterator[tuple[Person, dict]]:
    for batch in batches:
        padded = batch + batch[-1:] * (BATCH - len(batch))  # another batch size would be compiled anew
        brains = make_people(factory, anatomies, padded)
        for row, person in enumerate(batch):
            yield person, {name: values[row] for name, values in brains.items()}


def _files(folder: Path, person: Person) -> tuple[Path, Path, Path]:
    stem = folder / f"sub-{person.participant}" / "anat" / f"sub-{person.participant}"
    return tuple(Path(f"{stem}_{ending}") for ending in ("T1w.nii.gz", "T1w.json", "dseg.nii.gz"))


def _write(folder: Path, person: Person, brain: dict, anatomies: Anatomies, spacing_mm: float, stripped: bool) -> None:
    scan, sidecar, labels = _files(folder, person)
    scan.parent.mkdir(parents=True, exist_ok=True)
    voxels = brain["volumes"][..., 0]
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = -spacing_mm * (np.asarray(voxels.shape) - 1) / 2
    for file, values in ((scan, np.clip(voxels * 8, 0, 32000)), (labels, brain["labels"])):
        image = nibabel.Nifti1Image(values.astype("int16"), affine)
        image.header.set_xyzt_units("mm")
        with published(file) as temporary:
            nibabel.save(image, temporary)
    truth = dict(zip(STRUCTURES, brain["structures_mm3"], strict=True))
    truth |= {name: sum(truth[part] for part in parts) for name, parts in sums_of_structures()[:2]}
    facts = {
        "SkullStripped": stripped,
        "LabelMap": os.path.basename(anatomies.sources[int(brain["anatomies"])]),
        "Diagnosis": person.diagnosis,
        "Age": person.age,
        "Sex": person.sex,
        "Severity": person.severity,
        "TrueVolumes_mm3": {name: round(float(value)) for name, value in truth.items()},
    }
    with published(sidecar) as temporary:  # last: what is there is complete
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _claim(folder: Path, description: dict) -> None:
    file, text = folder / "dataset_description.json", json.dumps(description, indent=2) + "\n"
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file", expected="a folder, new or empty")
    if file.exists() and file.read_text(encoding="utf-8") != text:
        mend = "Give another folder, or delete that one."
        raise InputError(f"{folder}: holds a cohort of other people, scans or label maps", mend=mend)
    if not file.exists() and folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty and holds no such cohort", mend="Give an empty or new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with published(file) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_table(file: Path, people: Sequence[Person], rows: list[dict]) -> None:
    with published(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        names = list(rows[0]["TrueVolumes_mm3"])
        table = csv.writer(stream, delimiter="\t", lineterminator="\n")
        table.writerow(["participant_id", "diagnosis", "age", "sex", "severity", *(f"{name}_mm3" for name in names)])
        for person, row in zip(people, rows, strict=True):
            who = [f"sub-{person.participant}", person.diagnosis, person.age, person.sex, person.severity]
            table.writerow([*who, *(row["TrueVolumes_mm3"][name] for name in names)])
