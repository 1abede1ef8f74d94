"""Scans as stronger coils would have shaded them, on the way to a step of training."""

from __future__ import annotations

import numpy as np

from keras_neurovit.volumes.foreground import THRESHOLD

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
    x, y, z = (
        np.linspace(-1, 1, n, dtype="float32").reshape(np.roll((-1, 1, 1), k)) for k, n in enumerate(volume.shape[:3])
    )
    slope = LINEAR * strength * random.normal(size=3)
    bulge = BULGE * strength * (random.normal(size=3) - 0.5)
    twist = TWIST * strength * random.normal(size=3)
    logarithm = sum(a * axis + b * axis**2 for a, b, axis in zip(slope, bulge, (x, y, z), strict=True))
    logarithm = logarithm + twist[0] * x * y + twist[1] * y * z + twist[2] * x * z
    seen = (volume - volume.min()) * np.exp(logarithm)[..., None].astype("float32")
    bright = seen[seen >= seen[seen > 1e-3].mean()].mean() if (seen > 1e-3).any() else 0.0
    inside = seen[seen > THRESHOLD * bright]
    return ((seen - inside.mean()) / max(float(inside.std()), 1e-6)).astype("float32")
