"""Label maps made ready to be deformed: one box, one millimetre, and a coarse map of each structure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track
from scipy import ndimage

from keras_neurovit._checks import InputError
from keras_neurovit.synthesis.icbm152 import icbm152_label_map
from keras_neurovit.synthesis.label_map import LabelMap, centre_of, find_label_maps, read_label_map
from keras_neurovit.synthesis.structures import CLASSES, CODES, NUM_INSIDE, STRUCTURE_OF_CLASS, STRUCTURES

BOX = (192, 224, 208)  # voxels of 1 mm: the largest head, and the neck to the second vertebra
COARSE = 4  # millimetres between the places at which deformations are held


@dataclass(frozen=True)
class Anatomies:
    """Several people's anatomy, stacked.

    Args:
        classes: (person, x, y, z) uint8, places in `structures.CODES`, 1 mm, the brain in the middle.
        maps: (person, structure, i, j, k) float16: share of each structure in boxes of 4 mm.
        fills: (person, i, j, k) float16: how readily a box makes room; see `structures.Tissue`.
        volumes_mm3: (person, structure) as in the label map.
        centres_mm: (person, 2, 3): mean place of the brain, and of the whole head, from the middle of the box.
        sources: files.
    """

    classes: np.ndarray
    maps: np.ndarray
    fills: np.ndarray
    volumes_mm3: np.ndarray
    centres_mm: np.ndarray
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.classes)

    def subset(self, people: Sequence[int]) -> Anatomies:
        """Some of the people, by their places."""
        rows = np.asarray(people, "int64")
        return Anatomies(
            self.classes[rows],
            self.maps[rows],
            self.fills[rows],
            self.volumes_mm3[rows],
            self.centres_mm[rows],
            tuple(self.sources[row] for row in rows),
        )


def load_anatomies(
    source: str | os.PathLike | Sequence[str | os.PathLike] | None = None, *, verbose: bool = True
) -> Anatomies:
    """Anatomies from label maps.

    Cortex near hippocampus and amygdala becomes medial temporal cortex, and what else lies in the temporal lobe,
    temporal cortex, by distance: most label maps know one cortex only. A map that codes them itself (1006 and 2006,
    1030 and 2030) is taken at its word.

    Args:
        source: a label map, a folder or a list of them; None for the one made from the ICBM152 templates.
        verbose: whether to show a progress bar.

    Raises:
        InputError: see `read_label_map`; a map without a structure that others of them have; nilearn missing where
            `source` is None.

    Example:
        >>> anatomies = load_anatomies(verbose=False)
        >>> anatomies.classes.shape
        (1, 192, 224, 208)
    """
    if source is None:
        return stack([icbm152_label_map()])
    files = find_label_maps(source)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        read = threads.map(lambda file: _prepare(read_label_map(file)), files)
        parts = list(track(read, "Reading label maps", total=len(files), disable=not verbose, transient=True))
    _refuse_uneven([volumes for _, _, _, volumes, _ in parts], files)
    return _stacked(parts, map(str, files))


def stack(label_maps: Sequence[LabelMap]) -> Anatomies:
    """Anatomies from label maps in memory."""
    return _stacked([_prepare(label_map) for label_map in label_maps], [m.source for m in label_maps])


def _stacked(parts: Sequence[tuple[np.ndarray, ...]], sources: Iterable[str]) -> Anatomies:
    return Anatomies(*(np.stack(column) for column in zip(*parts, strict=True)), tuple(sources))


def _refuse_uneven(volumes_mm3: Sequence[np.ndarray], files: Sequence[Path]) -> None:
    """What one map lacks and others have was left out by whoever made it: its volume would be learnt as zero."""
    some = np.any(volumes_mm3, axis=0)
    for volumes, file in zip(volumes_mm3, files, strict=True):
        if lacking := [STRUCTURES[place] for place in np.flatnonzero(some & (volumes == 0))]:
            codes = {name: sorted({code for code, structure, _ in CLASSES if structure == name}) for name in lacking}
            told = ", ".join(f"{name} ({', '.join(map(str, numbers))})" for name, numbers in codes.items())
            mend = "Leave the map out, or take maps of one segmentation."
            raise InputError(f"{file}: lacks structures that other maps have", "the same in all", told, mend)


def _prepare(label_map: LabelMap) -> tuple[np.ndarray, ...]:
    classes = _crop(_to_classes(label_map.codes), label_map.spacing_mm)
    _parcel_temporal_cortex(classes)
    structures = np.asarray(STRUCTURE_OF_CLASS, "uint8")[classes]
    volumes = np.bincount(structures.ravel(), minlength=1 + len(STRUCTURES))[1:].astype("float32")
    maps = np.stack([_coarse(structures == 1 + index) for index in range(len(STRUCTURES))])
    readiness = np.full(len(CODES), 0.05, "float32")
    readiness[0] = 0.02
    for index, (_, _, tissue) in enumerate(CLASSES, start=1):
        readiness[index] = tissue.fills
    centres = np.stack([_centre((classes > 0) & (classes < NUM_INSIDE)), _centre(classes > 0)])
    return classes, maps.astype("float16"), _coarse(readiness[classes]).astype("float16"), volumes, centres


def _centre(mask: np.ndarray) -> np.ndarray:
    return (centre_of(mask) - (np.asarray(BOX) - 1) / 2).astype("float32")


def _to_classes(codes: np.ndarray) -> np.ndarray:
    table = np.zeros(max(CODES) + 1, "uint8")
    table[list(CODES)] = np.arange(len(CODES))
    return table[codes]


def _crop(classes: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Nearest classes on the box's voxels, the middle of the brain in its middle."""
    inside = (classes > 0) & (classes < NUM_INSIDE - 1)  # without the fluid around it
    result = classes
    for axis, (size, spacing) in enumerate(zip(BOX, spacing_mm, strict=True)):
        used = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        centre = (used[0] + used[-1]) / 2
        # Not rint, which sends halves to the even voxel and so reads every second one twice.
        places = np.floor(centre + (np.arange(size) - (size - 1) / 2) / spacing + 0.5).astype(int)
        result = np.take(result, np.clip(places, 0, result.shape[axis] - 1), axis)
        outside = (places < 0) | (places >= classes.shape[axis])
        result[tuple(outside if a == axis else slice(None) for a in range(3))] = 0
    return result


def _coarse(values: np.ndarray) -> np.ndarray:
    shape = [part for size in BOX for part in (size // COARSE, COARSE)]
    return values.reshape(shape).mean(axis=(1, 3, 5), dtype="float32")


def _parcel_temporal_cortex(classes: np.ndarray) -> None:
    """Rename the temporal lobes' cortex in place."""
    pairs = ((3, 42), (1030, 2030), (1006, 2006), (17, 53), (18, 54))
    for side in (0, 1):
        own, temporal, medial, hippocampus, amygdala = (CODES.index(pair[side]) for pair in pairs)
        if np.isin(classes, (temporal, medial)).any():
            continue  # the map tells them itself
        cortex = classes == own
        limbic = np.isin(classes, (hippocampus, amygdala))
        box = ndimage.find_objects(limbic.astype("uint8"))[0]
        back, front, top = box[1].start, box[1].stop, box[2].stop
        middle = (box[2].start + box[2].stop) / 2
        x, y, z = (np.arange(n).reshape([-1 if a == axis else 1 for a in range(3)]) for axis, n in enumerate(BOX))
        lateral = np.abs(x - (BOX[0] - 1) / 2) > 16
        lobe = cortex & lateral & (y > back - 22) & (y < front + 22) & (z < top) & ((z < middle + 2) | (y < front - 6))
        wide = tuple(slice(max(s.start - 10, 0), s.stop + 10) for s in box)
        near = np.zeros_like(cortex)
        near[wide] = ndimage.distance_transform_edt(~limbic[wide]) <= 6
        classes[lobe] = temporal
        classes[cortex & near & (z < top)] = medial
