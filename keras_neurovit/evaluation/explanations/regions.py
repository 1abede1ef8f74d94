"""What a map says of the regions of a label map."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.synthesis.structures import CLASSES


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a label map under a map of contributions.

    Args:
        label: number in the label map.
        name: FreeSurfer's structure, or "label 99".
        volume_ml: of the region.
        share: of the sum of absolute values in all regions.
        mean: value of a voxel.
        peak: value furthest from 0.
        fall: what the score loses when the region is blurred away; None where that was not asked for.
    """

    label: int
    name: str
    volume_ml: float
    share: float
    mean: float
    peak: float
    fall: float | None = None


def region_table(
    values: np.ndarray,
    labels: np.ndarray,
    spacing_mm: Sequence[float],
    falls: Mapping[int, float] | None = None,
) -> list[Region]:
    """The regions of a label map by their share of a map, the largest first; label 0 is no region.

    Shape: (x, y, z), (x, y, z) → one row a region

    Args:
        values: the map.
        labels: whole numbers on the same voxels.
        spacing_mm: edges of a voxel.
        falls: see `occlude_regions`.

    Raises:
        InputError: labels of another shape than the map, or without any region.

    Example:
        >>> labels = np.zeros((4, 4, 4), int); labels[0] = 17; labels[1] = 99
        >>> values = np.where(labels == 17, 3.0, 1.0)
        >>> [(r.name, r.share) for r in region_table(values, labels, (1, 1, 1))]
        [('hippocampus_left', 0.75), ('label 99', 0.25)]
    """
    values, labels = np.asarray(values, "float64"), np.asarray(labels)
    if labels.shape != values.shape:
        raise InputError("labels do not fit the map", values.shape, labels.shape, "Bring them there: onto_volume.")
    inside = labels > 0
    if not inside.any():
        raise InputError("the label map holds no region within the volume", "labels above 0", "none")
    present, place = np.unique(labels[inside], return_inverse=True)
    found, voxel_ml = values[inside], float(np.prod(spacing_mm)) / 1000
    counts, sums = np.bincount(place), np.bincount(place, found)
    shares = np.bincount(place, np.abs(found)) / max(float(np.abs(found).sum()), 1e-30)
    rows = []
    for index, label in enumerate(present.tolist()):
        own = found[place == index]
        numbers = counts[index] * voxel_ml, shares[index], sums[index] / counts[index], own[np.abs(own).argmax()]
        fall = None if falls is None else falls.get(label)
        rows.append(Region(label, name_of_label(label), *map(float, numbers), fall=fall))
    return sorted(rows, key=lambda region: -region.share)


def name_of_label(label: int) -> str:
    """FreeSurfer's structure of a code, else the number.

    Example:
        >>> name_of_label(53), name_of_label(12345)
        ('hippocampus_right', 'label 12345')
    """
    return next((structure for code, structure, _ in CLASSES if code == label), f"label {label}")


def write_regions(file: str | os.PathLike, regions: Sequence[Region]) -> Path:
    """A row a region, tab-separated."""
    file = Path(file)
    with published(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, delimiter="\t", lineterminator="\n")
        table.writerow([field.name for field in fields(Region)])
        for region in regions:
            table.writerow(["" if cell is None else cell for cell in astuple(region)])
    return file
