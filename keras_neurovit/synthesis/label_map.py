"""Label maps on disk, read and checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.synthesis.structures import CODES, OUTSIDE, TISSUES
from keras_neurovit.volumes import read_scan

SIDED = {31: 136, 63: 163, 78: 25, 79: 57}
"""Codes of FreeSurfer's that mean what another does here: choroid plexus, hypointensities of white matter."""
MIDLINE = {77: (25, 57), 80: (25, 57), **dict.fromkeys(range(251, 256), (2, 41))}
"""Codes without a side (hypointensities, corpus callosum), and those of the sides they are split into."""
FLUID_SHARE = 0.05  # of what lies inside the skull, at least: FreeSurfer's aseg codes hardly any
SPACING_MM = (0.5, 2.0)  # coarser maps lose hippocampi, finer ones gain nothing at the spacings of the presets


@dataclass(frozen=True)
class LabelMap:
    """FreeSurfer's codes on RAS+ axes.

    Args:
        codes: (x, y, z) int16.
        spacing_mm: edge of a voxel along (x, y, z).
        source: where it came from, for messages.
    """

    codes: np.ndarray
    spacing_mm: tuple[float, float, float]
    source: str


def read_label_map(file: str | os.PathLike) -> LabelMap:
    """Read a label map with FreeSurfer's codes: SynthSeg's, or `aseg` with the fluid around the brain.

    Args:
        file: stored along any axes.

    Raises:
        InputError: not readable; values that are no whole numbers; codes that are not known; a structure missing that
            no brain lacks, or the fluid around it; left and right, front and back or top and bottom that contradict the
            affine; voxels finer than 0.5 or coarser than 2 mm. The message names the file and the codes.

    Example:
        read_label_map("sub-01_synthseg.nii.gz").codes.shape
    """
    scan = read_scan(file)
    orientation = nibabel.io_orientation(scan.affine)
    voxels = nibabel.apply_orientation(scan.voxels, orientation)
    spacing = np.linalg.norm(scan.affine[:3, :3], axis=0)[np.argsort(orientation[:, 0])]
    return check_label_map(voxels, tuple(float(s) for s in spacing), str(file))


def check_label_map(voxels: np.ndarray, spacing_mm: tuple[float, float, float], source: str) -> LabelMap:
    """A label map from an array on RAS+ axes; see `read_label_map` for what is refused."""
    if not (0.99 * SPACING_MM[0] <= min(spacing_mm) and max(spacing_mm) <= 1.01 * SPACING_MM[1]):
        expected = f"voxels of {SPACING_MM[0]} to {SPACING_MM[1]} mm"
        raise InputError(f"{source}: unusable spacing", expected, " × ".join(f"{s:.3g}" for s in spacing_mm) + " mm")
    present, counts = np.unique(voxels, return_counts=True)
    broken = present[present != np.rint(present)]
    if broken.size:
        mend = "Resample label maps with nearest neighbours, never linearly."
        raise InputError(
            f"{source}: holds values that are no whole numbers", "FreeSurfer's codes", broken[:5].tolist(), mend
        )
    unknown = [int(code) for code in present if int(code) not in {*CODES, *SIDED, *MIDLINE}]
    if unknown:
        mend = "Merge them into FreeSurfer's aseg codes (cortical parcels into 3 and 42), or set them to 0."
        raise InputError(f"{source}: holds unknown codes", "codes of FreeSurfer's aseg or SynthSeg", unknown, mend)
    codes = _without_aliases(np.rint(voxels).astype("int16"))
    present, counts = np.unique(codes, return_counts=True)
    volume = dict(zip(present.astype(int).tolist(), counts * np.prod(spacing_mm), strict=True))
    missing = {
        tissue.name: [code for code in tissue.codes if volume.get(code, 0) < 200]
        for tissue in TISSUES
        if tissue.required
    }
    missing = {name: lacking for name, lacking in missing.items() if lacking}
    if missing:
        lacking = ", ".join(f"{name} ({', '.join(map(str, codes))})" for name, codes in missing.items())
        raise InputError(f"{source}: structures are missing or under 0.2 ml", "every required structure", lacking)
    _refuse_turned(codes, source)
    fluid, inside = volume[24], sum(size for code, size in volume.items() if 0 < code < min(OUTSIDE) or code > 1000)
    if fluid < FLUID_SHARE * inside:
        mend = "Take a map that codes the fluid around the brain, such as SynthSeg's."
        expected = f"code 24 in {FLUID_SHARE:.0%} or more of what lies inside the skull"
        raise InputError(f"{source}: brains need fluid to shrink into", expected, f"{fluid / inside:.1%}", mend)
    return LabelMap(codes, spacing_mm, source)


def _without_aliases(codes: np.ndarray) -> np.ndarray:
    for alias, code in SIDED.items():
        codes[codes == alias] = code
    if not np.isin(codes, list(MIDLINE)).any():
        return codes
    across = np.arange(codes.shape[0])
    sides = [np.isin(codes, pair).sum(axis=(1, 2)) for pair in ((2, 3), (41, 42))]
    left, right = (side @ across / max(side.sum(), 1) for side in sides)
    nearer = (np.abs(across - left) <= np.abs(across - right))[:, None, None]
    for alias, pair in MIDLINE.items():
        codes = np.where(codes == alias, np.where(nearer, *pair), codes).astype("int16")
    return codes


def centre_of(mask: np.ndarray) -> np.ndarray:
    """Mean place of a mask's voxels, by its profiles: much faster than moments of the whole array.

    Shape: (x, y, z) → (3,)
    """
    others = ((1, 2), (0, 2), (0, 1))
    return np.array([mask.sum(axis=o) @ np.arange(n) / mask.sum() for n, o in zip(mask.shape, others, strict=True)])


def _refuse_turned(codes: np.ndarray, source: str) -> None:
    """Refuse a map whose anatomy contradicts its axes."""

    def centre(*wanted: int) -> np.ndarray:
        return centre_of(np.isin(codes, wanted))

    left, right = centre(2, 3, 17), centre(41, 42, 53)
    if not left[0] < right[0] or abs(left - right)[1:].max() > abs(left - right)[0]:
        mend = "Correct the file's affine, or exchange the codes of the two sides."
        raise InputError(
            f"{source}: left structures (2, 3, 17) do not lie on the left of right ones (41, 42, 53)", mend=mend
        )
    ventricles, temporal = centre(4, 43), centre(17, 53)
    if not temporal[2] < ventricles[2]:
        mend = "Correct the file's affine: top and bottom, or the order of its axes, are wrong."
        raise InputError(f"{source}: hippocampi (17, 53) do not lie below the lateral ventricles (4, 43)", mend=mend)
    if np.isin(codes, (8, 47)).any() and not centre(8, 47)[1] < temporal[1]:
        mend = "Correct the file's affine: front and back are exchanged."
        raise InputError(f"{source}: the cerebellum (8, 47) does not lie behind the hippocampi (17, 53)", mend=mend)


def find_label_maps(source: str | os.PathLike | Sequence[str | os.PathLike]) -> list[Path]:
    """The label maps that a file, a folder or a list of files stands for, in the order of their names.

    Raises:
        InputError: a folder without any.
    """
    if not isinstance(source, (str, os.PathLike)):
        if not (files := [Path(file) for file in source]):
            raise InputError("no label maps were given", expected="one file or more")
        return files
    source = Path(source)
    if not source.is_dir():
        return [source]
    endings = ("*.nii", "*.nii.gz", "*.mgz")
    files = sorted(file for ending in endings for file in source.glob(ending) if not file.name.startswith("."))
    if not files:
        raise InputError(f"{source}: holds no label maps", expected="files *.nii, *.nii.gz or *.mgz")
    return files
