"""Scans as other scanners would have made them, on the way to a step of training."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

STRENGTH = (-0.3, 1.2)  # of the shading's exponent; drawn evenly
REACH = (2.0, 5.0)  # voxels over which the rim is shaded
GAMMA = 0.2  # standard deviation of its logarithm
HALF = 2  # the shading is smooth: every second voxel tells


def shade(volume: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A volume whose rim is darker or brighter than its middle, and whose brightness is bent, normalised again.

    Cortex is darker against white matter in real scans than in the generator's: coils see the rim otherwise than the
    middle, and sulci too narrow for a label map hold fluid.

    Shape: (x, y, z) → (x, y, z), float32

    Args:
        volume: normalised.
        random: draws how.
    """
    bright = np.maximum(volume - np.percentile(volume, 1), 0)
    head = bright > 0.25 * np.percentile(bright, 95)
    coarse = head[::HALF, ::HALF, ::HALF].astype("float32")
    depth = ndimage.zoom(ndimage.gaussian_filter(coarse, random.uniform(*REACH) / HALF), HALF, order=1)
    bright *= np.exp(random.uniform(*STRENGTH) * (depth - 1))
    bright = (bright / bright.max()) ** np.exp(random.normal(0, GAMMA))
    inside = bright[head]
    return ((bright - inside.mean()) / max(inside.std(), 1e-6)).astype("float32")
