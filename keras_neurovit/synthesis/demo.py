"""A demonstration cohort: one average brain, deformed into many people, half of them with imposed atrophy."""

from __future__ import annotations

import csv
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel
import numpy as np
from rich.progress import track
from scipy import ndimage

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.augmentation.sampling import bspline_weights, voxel_grid
from keras_neurovit.synthesis.folder import claim_folder
from keras_neurovit.synthesis.people import Person, draw_people
from keras_neurovit.synthesis.template import FIELD_STEP, GROWING, Template, load_template

SHAPE = (124, 148, 132)  # voxels: the largest head, shifted and tilted
SPACING_MM = 1.5


def write_demo_cohort(folder: str | os.PathLike, people: int, seed: int = 0, *, verbose: bool = True) -> Path:
    """Write a BIDS folder of synthetic brain-extracted T1 scans with groups CN and AD.

    Each person is the ICBM152 average brain under a random smooth deformation, head size, tilt, contrast, bias field
    and noise. In the AD group the hippocampi shrink, the ventricles grow and the cortex thins, by amounts drawn from
    distributions that overlap the healthy group's. `participants.tsv` tells diagnosis, age and sex, and the true
    volumes, in mm³, after the deformation. Scans that exist already are kept, so an interrupted call goes on.

    These are not patients: what a model learns here is atrophy as imposed.

    Args:
        folder: created if need be.
        people: how many; every second has AD.
        seed: of the whole cohort.
        verbose: whether to show a progress bar.

    Returns:
        The folder.

    Raises:
        InputError: fewer than two people; a folder that holds another cohort; nilearn not installed.

    Example:
        write_demo_cohort("demo_cohort", people=60, seed=1)
    """
    if people < 2:
        raise InputError("a cohort needs people of both groups", expected="people ≥ 2", received=people)
    folder, template = Path(folder), load_template()
    description = {
        "Name": "keras_neurovit demonstration cohort: synthetic brains with imposed atrophy",
        "BIDSVersion": "1.9.0",
        "DatasetType": "derivative",
        "License": "CC0",
        "GeneratedBy": [{"Name": "keras_neurovit.synthesis.write_demo_cohort", "Seed": seed, "People": people}],
    }
    claim_folder(folder, description, "made with another seed or number of people")
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        written = threads.map(lambda person: _write_person(folder, person, template), draw_people(people, seed))
        rows = list(track(written, "Writing scans", total=people, disable=not verbose, transient=True))
    _write_table(folder / "participants.tsv", rows)
    return folder


def make_brain(person: Person, template: Template) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """One person's scan, its affine and the true volumes (mm³) of their structures.

    Shape: → (x, y, z) int16, (4, 4), names to mm³
    """
    random = np.random.default_rng(person.seed)
    # Where in the template each voxel of the scan is read from: head, tilt and shift first, millimetres from the
    # brain's middle; then lobes and gyri; then what the person's structures have grown or lost.
    tilt = _rotation(random.normal(0, np.deg2rad(4), 3))
    stretch = np.exp(random.normal(0, 0.02, 3)) * person.head
    places = (voxel_grid(SHAPE) * SPACING_MM - random.normal(0, 3, 3)) @ (tilt / stretch).T
    places = np.moveaxis(places.astype("float32"), -1, 0)
    for knots, spread_mm in ((6, 2.0), (11, 0.9)):
        places += _smooth(random.normal(0, spread_mm, (3, knots, knots, knots)))
    places += np.reshape(template.middle, (3, 1, 1, 1)).astype("float32")
    head = _lookup(template.near_brain, places)  # the rest of the scan is background: leave it out of the work
    places = places[:, head]
    grown = [template.growth_for(name, person.ratios[name]) for name in GROWING]
    fields = np.moveaxis(template.fields.reshape(*template.fields.shape[:3], len(GROWING), 3), 3, 0)
    field = np.tensordot(np.asarray(grown, "float32"), fields, axes=1)
    places += np.stack([_sample(field[..., axis], places / FIELD_STEP) for axis in range(3)])
    maps, volumes = {}, {}
    for name, values in template.maps.items():
        maps[name] = _sample(values, places)
        volumes[name] = float(maps[name].sum()) * SPACING_MM**3
    for name, (corner, values) in template.structures.items():
        local = places - np.reshape(corner, (3, 1))
        near = ((local > -1) & (local < np.reshape(values.shape, (3, 1)))).all(axis=0)
        volumes[name] = float(_sample(values, local[:, near]).sum()) * SPACING_MM**3
    volumes.pop("t1")
    image = np.zeros(SHAPE, "int16")
    image[head] = _contrast(maps, head, random)
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = -SPACING_MM * (np.asarray(SHAPE) - 1) / 2
    return image, affine, volumes


def _smooth(control: np.ndarray) -> np.ndarray:
    x, y, z = (bspline_weights(control.shape[-1], size) for size in SHAPE)
    return np.einsum("cijk,xi,yj,zk->cxyz", control.astype("float32"), x, y, z, optimize=True)


def _sample(volume: np.ndarray, places: np.ndarray) -> np.ndarray:
    return ndimage.map_coordinates(volume, places, output="float32", order=1, mode="constant")


def _lookup(mask: np.ndarray, places: np.ndarray) -> np.ndarray:
    nearest = np.rint(places).astype("int32")
    inside = np.logical_and.reduce(
        [(index >= 0) & (index < size) for index, size in zip(nearest, mask.shape, strict=True)]
    )
    nearest = [np.clip(index, 0, size - 1) for index, size in zip(nearest, mask.shape, strict=True)]
    return inside & mask[tuple(nearest)]


def _contrast(maps: dict[str, np.ndarray], head: np.ndarray, random: np.random.Generator) -> np.ndarray:
    white, grey, fluid = random.normal(160, 10), random.normal(104, 10), random.normal(46, 8)
    share = np.clip(maps["brain"] - maps["grey"] - maps["white"], 0, 1)
    tissues = maps["white"] * white + maps["grey"] * grey + share * fluid
    image = 0.5 * tissues + 0.5 * maps["t1"] ** random.uniform(1.0, 1.8) * (white / 0.875)
    image *= np.exp(_smooth(random.normal(0, random.uniform(0.03, 0.15), (1, 4, 4, 4)))[0][head])
    noise = random.standard_normal((2, image.size), "float32") * np.float32(random.uniform(1, 6))
    image = np.hypot(image + noise[0], noise[1])  # Rician, as magnitudes are
    scale = random.uniform(2, 12)  # scanners' units are arbitrary
    return np.clip(np.where(maps["brain"] > 0.5, image * scale, 0), 0, 32000).astype("int16")


def _rotation(angles: np.ndarray) -> np.ndarray:
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def _write_person(folder: Path, person: Person, template: Template) -> dict:
    anat = folder / f"sub-{person.participant}" / "anat"
    scan, sidecar = (anat / f"sub-{person.participant}_T1w{suffix}" for suffix in (".nii.gz", ".json"))
    if not (scan.exists() and sidecar.exists()):
        anat.mkdir(parents=True, exist_ok=True)
        voxels, affine, volumes = make_brain(person, template)
        truth = {"SkullStripped": True, "TrueVolumes_mm3": {name: round(value) for name, value in volumes.items()}}
        image = nibabel.Nifti1Image(voxels, affine)
        image.header.set_xyzt_units("mm")
        with published(scan) as temporary:
            nibabel.save(image, temporary)
        with published(sidecar) as temporary:
            temporary.write_text(json.dumps(truth, indent=2), encoding="utf-8")
    truth = json.loads(sidecar.read_text(encoding="utf-8"))["TrueVolumes_mm3"]
    who = {"participant_id": f"sub-{person.participant}", "diagnosis": person.diagnosis, "age": person.age}
    return {**who, "sex": person.sex, "severity": person.severity, **{f"{k}_mm3": v for k, v in truth.items()}}


def _write_table(file: Path, rows: list[dict]) -> None:
    with published(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, rows[0].keys(), delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
