"""A label map from the ICBM152 average brain, for whoever has no other."""

from __future__ import annotations

import functools

import nibabel
import numpy as np
from scipy import ndimage

from keras_neurovit.synthesis.label_map import LabelMap, check_label_map
from keras_neurovit.synthesis.template import read_templates

FLUID_MM = 3  # thickness of the fluid put around the brain: the templates are cut at its surface


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
    _, grey, white, brain, ventricles, *hippocampi, affine = read_templates()
    left = (affine[0, 3] + np.arange(brain.shape[0]) < 0)[:, None, None]
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
