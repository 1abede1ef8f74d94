"""Structures that vary independently of each other, as those of no people do."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_neurovit.augmentation.randomness import normal
from keras_neurovit.synthesis.structures import STRUCTURES, TISSUES

SPREAD = {
    "lateral_ventricle": (0.45, 0.15),
    "inferior_lateral_ventricle": (0.4, 0.2),
    "third_ventricle": (0.35, 0.0),
    "fourth_ventricle": (0.2, 0.0),
    "hippocampus": (0.22, 0.10),
    "amygdala": (0.18, 0.10),
    "cortex": (0.08, 0.02),
    "temporal_cortex": (0.10, 0.04),
    "medial_temporal_cortex": (0.15, 0.06),
    "white_matter": (0.08, 0.01),
    "csf": (0.0, 0.0),
}
"""Standard deviation of the logarithm of a structure's volume, common to both sides and of each side, where structures
vary freely; (0.12, 0.05) for those not named."""


def vary_freely(seeds, stream: int = 900):
    """Changes of volume that are independent from structure to structure, and nearly so from side to side.

    Whoever learns from them cannot read one structure through another.

    Shape: (batch,) → (batch, structure), logarithms of ratios; uses four streams.

    Example:
        >>> vary_freely(ops.arange(3, dtype="int32")).shape[0]
        3
    """
    names = list(dict.fromkeys(tissue.name for tissue in TISSUES))
    kinds = [next(i for i, n in enumerate(names) if s in (n, f"{n}_left", f"{n}_right")) for s in STRUCTURES]
    both, side = (np.float32([SPREAD.get(names[k], (0.12, 0.05))[column] for k in kinds]) for column in (0, 1))
    shared = ops.take(normal(seeds, (len(names),), stream), np.asarray(kinds), axis=1)
    return shared * ops.array(both) + ops.array(side) * normal(seeds, (len(STRUCTURES),), stream + 2)
