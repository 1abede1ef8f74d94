"""What the intensities of a conformed volume are like: a few numbers to know a way of preparing by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy import ndimage

from keras_neurovit._checks import InputError
from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.foreground import find_foreground

PERCENTS = (5, 25, 50, 75, 95)
EVERY_MM = 6.0  # voxels this far apart tell as well
WIDTH = 5.0  # standard deviations between training scans that a range reaches beyond their mean
LEAST = 0.25  # half-width of a range, in standard deviations of a scan: nearer ones are alike


def intensities(volume: np.ndarray, inside: np.ndarray, spacing_mm: tuple[float, float, float]) -> dict[str, float]:
    """Percentiles of a head's normalised intensities, and how much brighter its inside is than its rim.

    Shape: (x, y, z), (x, y, z) of bool → {name: number}

    Args:
        volume: normalised.
        inside: which voxels are head.
        spacing_mm: edge of a voxel.

    Example:
        >>> inside = np.zeros((12, 12, 12), bool); inside[1:11, 1:11, 1:11] = True
        >>> bright = np.zeros((12, 12, 12)); bright[4:8, 4:8, 4:8] = 1.0
        >>> intensities(bright, inside, (6.0, 6.0, 6.0))["contrast"] > 0
        True
    """
    every = tuple(slice(None, None, max(1, round(EVERY_MM / edge))) for edge in spacing_mm)
    few, head = volume[every], inside[every]
    if not head.any():
        return dict.fromkeys([*(f"p{percent}" for percent in PERCENTS), "contrast"], 0.0)
    depth = ndimage.distance_transform_edt(np.pad(head, 1))[1:-1, 1:-1, 1:-1][head]
    values, rim = few[head], depth <= 2.0
    contrast = float(values[~rim].mean() - values[rim].mean()) if rim.any() and not rim.all() else 0.0
    found = {f"p{p}": float(v) for p, v in zip(PERCENTS, np.percentile(values, PERCENTS), strict=True)}
    return found | {"contrast": contrast}


def fingerprint(measured: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """From what `intensities` measured of training scans to the range of each number: [low, high].

    Raises:
        InputError: no scans.

    Example:
        >>> fingerprint([{"p50": 0.0}, {"p50": 0.1}])
        {'p50': [-0.2, 0.3]}
    """
    measured = list(measured)
    if not measured:
        raise InputError("a fingerprint needs scans", "one or more", 0)
    ranges = {}
    for name in measured[0]:
        values = np.array([numbers[name] for numbers in measured])
        reach = max(LEAST, WIDTH * values.std())
        ranges[name] = [round(float(values.mean() - reach), 3), round(float(values.mean() + reach), 3)]
    return ranges


def learn_fingerprint(volumes: Iterable[np.ndarray], contract: VolumeContract) -> dict[str, list[float]]:
    """The range of each of the `intensities` of training volumes: the `fingerprint` of a preset trained on them.

    Shape: each (x, y, z, 1), as `conform` gives it

    Raises:
        InputError: no volumes.

    Example:
        >>> volume = np.zeros((24, 28, 24, 1), "float32"); volume[4:20, 4:24, 4:20] = 1
        >>> learn_fingerprint([volume], VolumeContract((4, 4, 4), (24, 28, 24)))["p50"]
        [0.75, 1.25]
    """
    measured = []
    for volume in volumes:
        voxels = np.asarray(volume[..., 0], "float32")
        measured.append(intensities(voxels, voxels > find_foreground(voxels).threshold, contract.spacing_mm))
    return fingerprint(measured)
