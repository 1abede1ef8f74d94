"""Structures that vary independently of each other, as those of no people do."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_neurovit.augmentation.randomness import normal
from keras_neurovit.synthesis.structures import STRUCTURES, TISSUE_STRUCTURES, TISSUES

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


BRAIN_SHARE, BRAIN_SPREAD = 0.8, 0.3
"""Share of brain in the volume inside the skull that free variation is centred on, and standard deviation of its
logarithm as asked for: fluid gives way to about a quarter of it."""
OF_ALL = {
    "white_matter": 1.0,
    "cortex": 1.0,
    "temporal_cortex": 1.0,
    "medial_temporal_cortex": 1.0,
    "cerebellar_cortex": 1.0,
    "brain_stem": 1.0,
    "lateral_ventricle": 1.5,
    "csf": 0.0,
}
"""What structures are asked for of a change of the whole brain; 0.5 for those not named. Small ones reach what they are
asked for while the whole does not, and ventricles, which growing tissue presses, are asked to resist: so asked, deep
structures grow as the brain does, and ventricles are independent of it."""


def brain_against_fluid(seeds, stream: int = 904):
    """Changes of volume of the whole brain: whoever learns from them cannot tell the brain from the size of the head.

    Shape: (batch,) → (batch, structure), logarithms of ratios; uses two streams.
    """
    rows = np.float32([OF_ALL.get(name.removesuffix("_left").removesuffix("_right"), 0.5) for name in STRUCTURES])
    return BRAIN_SPREAD * ops.expand_dims(normal(seeds, (), stream), 1) * rows


def common_shares(volumes_mm3: np.ndarray) -> np.ndarray:
    """Logarithms of the average share of each structure: of tissue in the brain, of fluid inside the skull.

    Shape: (person, structure) → (structure,)
    """
    shares, known = _shares(volumes_mm3)
    return np.where(known, shares, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def to_common(volumes_mm3: np.ndarray, common: np.ndarray) -> np.ndarray:
    """What these people lack of an average one of their size: logarithms of ratios.

    People of large ventricles have small hippocampi. Where everybody varies freely about the same average, one does not
    tell the other.

    Shape: (person, structure), (structure,) → (person, structure); zero for structures that somebody does not have, and
    for fluid around the brain, which fills what is left

    Args:
        volumes_mm3: theirs.
        common: from `common_shares`.
    """
    shares, known = _shares(volumes_mm3)
    brain = volumes_mm3[:, TISSUE].sum(axis=1, keepdims=True) / volumes_mm3.sum(axis=1, keepdims=True)
    wanted = common + np.where(TISSUE, np.log(BRAIN_SHARE / brain), 0.0)
    free = np.array([name == "csf" for name in STRUCTURES])
    return np.where(known & ~free, wanted - shares, 0.0).astype("float32")


TISSUE = np.array([name in TISSUE_STRUCTURES for name in STRUCTURES])


def _shares(volumes_mm3):
    whole, brain = volumes_mm3.sum(axis=1, keepdims=True), volumes_mm3[:, TISSUE].sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        shares = np.log(volumes_mm3 / np.where(TISSUE, brain, whole))
    return shares, np.isfinite(shares)
