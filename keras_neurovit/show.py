"""What a model gets to see of a scan."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np

from keras_neurovit.augmentation import augment, policy
from keras_neurovit.evaluation.figures import slices_figure
from keras_neurovit.presets import Preset, load_preset
from keras_neurovit.volumes import conform, read_scan
from keras_neurovit.volumes.conform import to_ras

DRAWS = 8


def show_scan(
    scan: str | os.PathLike,
    preset: str | os.PathLike | Preset = "vit3d_ad",
    path: str | os.PathLike = "slices.png",
    *,
    augmentation: str | None = None,
    seed: int = 0,
) -> Path:
    """Draw a sheet of slices: the scan, the conformed volume, and eight augmented ones; the path of the PNG.

    Args:
        scan: the file.
        preset: whose volume to conform to.
        path: where to write, ending in .png.
        augmentation: name of a policy; None for the preset's own, or "standard" where it names none.
        seed: of the draws.

    Raises:
        InputError: a scan that cannot be read, an unknown preset or policy, a path that is no .png.
    """
    described = preset if isinstance(preset, Preset) else load_preset(preset)
    augmentation = augmentation or described.augmentation or "standard"
    layers, scan = policy(augmentation), read_scan(scan)
    voxels, affine = to_ras(scan)
    volume = conform(scan, described.volume)
    seeds = np.arange(seed * DRAWS, (seed + 1) * DRAWS, dtype="int64").astype("int32")
    draws = keras.ops.convert_to_numpy(augment(np.stack([volume] * DRAWS), seeds, layers))
    shown = {"scan": voxels, "conformed": volume}
    shown |= {f"{augmentation}, draw {number}": draw for number, draw in enumerate(draws, start=1)}
    spacings = dict.fromkeys(shown, described.volume.spacing_mm)
    spacings["scan"] = tuple(np.linalg.norm(affine[:3, :3], axis=0))
    return slices_figure(path, shown, spacing_mm=spacings, columns=2)
