"""Whether a scan looks like what a preset was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.foreground import Foreground

BRAIN_ML = (600.0, 2200.0)  # small infants to the largest adult brains with their fluid
CUT_OFF = 4  # voxels of the new grid a head may stick out by: less is a rim of meninges


def implausible(head: Foreground, spacing_mm: Sequence[float], contract: VolumeContract) -> list[str]:
    """What is suspicious about a scan, a sentence each; empty where nothing is.

    Args:
        head: of the scan along RAS+ axes.
        spacing_mm: edge of a voxel along them.
        contract: what the preset expects.

    Example:
        >>> box = Foreground(0, 10, (50, 50, 50), ((0, 99),) * 3, 10**6)
        >>> implausible(box, (1.0, 1.0, 1.0), VolumeContract())
        []
    """
    found = []
    volume_ml = head.count * float(np.prod(spacing_mm)) / 1000.0
    if contract.brain_extracted and volume_ml > BRAIN_ML[1]:
        found.append(
            f"{volume_ml:.0f} ml are brighter than background, more than a brain (up to {BRAIN_ML[1]:.0f} ml): "
            "the skull seems to be on; this preset expects brain-extracted scans: "
            "strip it first, for example with HD-BET or SynthStrip."
        )
    if volume_ml < BRAIN_ML[0]:
        found.append(
            f"only {volume_ml:.0f} ml are brighter than background, less than a brain ({BRAIN_ML[0]:.0f} ml or more): "
            "the scan may be cropped, masked too tightly or scaled wrongly."
        )
    names = ("left–right", "posterior–anterior", "inferior–superior")
    for name, centre, (first, last), spacing, size, new_spacing in zip(
        names, head.centre, head.extent, spacing_mm, contract.shape, contract.spacing_mm, strict=True
    ):
        reach_mm = max(centre - first, last - centre) * spacing
        if reach_mm > (size / 2 + CUT_OFF) * new_spacing:
            found.append(
                f"the head reaches {reach_mm:.0f} mm from its centre along {name}, the preset's box "
                f"{size * new_spacing / 2:.0f} mm: part of it is cut off; is there neck or skull to remove?"
            )
    if max(spacing_mm) > 3.5:
        found.append(f"slices are {max(spacing_mm):.1f} mm thick; presets are trained on 1 to 2 mm.")
    return found
