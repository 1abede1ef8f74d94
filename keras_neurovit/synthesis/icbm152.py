"""The ICBM152 average brain, and a label map from it for whoever has no other."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import nibabel
import numpy as np
from scipy import ndimage

from keras_neurovit._checks import InputError
from keras_neurovit.synthesis.label_map import LabelMap, check_label_map

FLUID_MM = 3  # thickness of the fluid put around the brain: the templates are cut at its surface


def icbm152_t1() -> Path:
    """The file of the ICBM152 average brain: brain-extracted T1, 1 mm, from nilearn's wheel.

    Raises:
        InputError: nilearn is not installed.
    """
    return _file("t1")


@functools.lru_cache(maxsize=1)
def icbm152_label_map() -> LabelMap:
    """Tissues, lateral ventricles and hippocampi of the ICBM152 templates that nilearn's wheel carries, as codes.

    Deep grey matter, cerebellum and brain stem are coded by their tissue, as cortex (3, 42) or white matter (2, 41),
    and nothing lies outside the fluid: make presets from real label maps, and demonstrations from this one.

    Shape: → codes (x, y, z), 1 mm

    Raises:
        InputError: nilearn is not installed.

    Source: Fonov et al. 2009, NeuroImage 47 S102 (templates).

    Example:
        >>> int((icbm152_label_map().codes == 17).sum()) > 2000
        True
    """
    t1, grey, white, affine = _read()
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(t1 > 0.05, iterations=2))
    x, y, z = _millimetres(affine, brain.shape)
    ventricles = _ventricles(brain & (grey + white < 0.5) & (t1 > 0), x, y, z)
    hippocampi = [_hippocampus(side, x, y, z, t1, grey, white) for side in (-1, 1)]
    left = x < 0
    codes = np.where(ndimage.binary_dilation(brain, iterations=FLUID_MM), 24, 0).astype("int16")
    for pair, mask in (
        ((3, 42), brain & (grey + white >= 0.5) & (grey >= white)),
        ((2, 41), brain & (grey + white >= 0.5) & (white > grey)),
        ((4, 43), ventricles),
        ((17, 53), np.logical_or(*hippocampi)),
    ):
        codes[mask & left], codes[mask & ~left] = pair
    orientation = nibabel.io_orientation(affine)
    return check_label_map(nibabel.apply_orientation(codes, orientation), (1.0, 1.0, 1.0), "ICBM152 templates")


def _read() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    images = [nibabel.load(_file(kind)) for kind in ("t1", "gm", "wm")]
    t1, grey, white = (np.asarray(image.dataobj, dtype="float32") / 255 for image in images)
    return t1, grey, white, images[0].affine


def _file(kind: str) -> Path:
    found = importlib.util.find_spec("nilearn")  # finding it takes no time, importing it seconds
    if found is None:
        mend = 'Install it: pip install "keras-neurovit[synthesis]".'
        raise InputError("the ICBM152 templates come with nilearn, which is not installed", mend=mend)
    return Path(found.origin).parent / "datasets" / "data" / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"


def _millimetres(affine: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    return [
        affine[axis, 3] + np.arange(size).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, size in enumerate(shape)
    ]


def _ventricles(fluid: np.ndarray, x, y, z) -> np.ndarray:
    middle = (np.abs(x) < 40) & (np.abs(x) > 0) & (y > -50) & (y < 42) & (z > -20) & (z < 32)
    pieces, _ = ndimage.label(fluid & middle)
    names = set()
    for side in (-1, 1):
        for seed in ((13, -13, 15), (24, -11, -16)):  # body; temporal horn (MNI millimetres)
            near = np.sqrt((side * x - seed[0]) ** 2 + (y - seed[1]) ** 2 + (z - seed[2]) ** 2)
            names.add(int(pieces.flat[np.argmin(np.where(pieces > 0, near, np.inf))]))
    return np.isin(pieces, sorted(names))


def _hippocampus(side: int, x, y, z, t1, grey, white) -> np.ndarray:
    tilt = np.deg2rad(32)  # the head lies lower than the tail
    back, up = y + 22, z + 14
    along = back * np.cos(tilt) - up * np.sin(tilt)
    across = back * np.sin(tilt) + up * np.cos(tilt)
    outwards = side * x - 26.5 + 0.25 * back  # and nearer the middle than the tail
    inside = (outwards / 8) ** 2 + (along / 20) ** 2 + (across / 6.5) ** 2 < 1
    return inside & (grey > 0.35) & (white < 0.6) & (t1 > 0.45)
