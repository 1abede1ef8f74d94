"""Scans as stronger coils would have shaded them, on the way to a step of training."""

from __future__ import annotations

import keras
import numpy as np

from keras_neurovit.augmentation import bias_field
from keras_neurovit.synthesis.contrast import normalise

LINEAR, BULGE, TWIST = 0.6, 0.5, 0.25
"""Standard deviations, at full strength, of the shading's logarithm at the volume's border: of its slope along each
axis, of its curvature (the middle is brighter more often than darker), of what two axes do together."""


def shade(volume: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A volume under another shading, normalised again.

    In real scans the brain's top or front may be half as bright as its base, which the generator seldom draws: models
    that never saw it took dim cortex for fluid.

    Shape: (x, y, z, 1) → (x, y, z, 1), float32

    Args:
        volume: normalised; what is darkest in it is air.
        random: draws how.

    Example:
        >>> head = np.full((8, 12, 20, 1), -2.0, "float32"); head[2:6, 3:9, 4:16] = 1.0
        >>> shaded = shade(head, np.random.default_rng(0))
        >>> bool(np.ptp(shaded[:2]) == 0), bool(np.ptp(shaded[2:6, 3:9, 4:16]) > 0)
        (True, True)
    """
    strength = random.uniform()
    slope = LINEAR * strength * random.normal(size=3)
    bulge = BULGE * strength * (random.normal(size=3) - 0.5)
    twist = TWIST * strength * random.normal(size=3)
    powers = np.zeros((1, 3, 3, 3), "float32")  # of x, y and z
    powers[0, (1, 0, 0), (0, 1, 0), (0, 0, 1)] = slope
    powers[0, (2, 0, 0), (0, 2, 0), (0, 0, 2)] = bulge
    powers[0, (1, 0, 1), (1, 1, 0), (0, 1, 1)] = twist
    seen = bias_field(volume[None], powers) - volume.min()
    return keras.ops.convert_to_numpy(normalise(seen[..., 0]))[0, ..., None]
