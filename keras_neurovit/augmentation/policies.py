"""Named sets of random layers."""

from __future__ import annotations

from collections.abc import Sequence

from keras_neurovit import _checks
from keras_neurovit.augmentation.artefacts import RandomAnisotropy3D, RandomBlur3D, RandomGhosting3D
from keras_neurovit.augmentation.base import RandomTransform3D
from keras_neurovit.augmentation.intensity import RandomBiasField3D, RandomGamma3D, RandomNoise3D
from keras_neurovit.augmentation.mixing import RandomCutout3D
from keras_neurovit.augmentation.spatial import RandomAffine3D, RandomElastic3D

POLICIES = {
    "none": lambda: [],
    "light": lambda: [RandomAffine3D(4.0, 0.0, 2.0), RandomGamma3D(0.1)],
    "standard": lambda: [
        RandomAffine3D(8.0, 0.03, 3.0),
        RandomGamma3D(0.25),
        RandomBiasField3D(0.2),
        RandomNoise3D(0.1),
    ],
    "strong": lambda: [
        RandomAffine3D(12.0, 0.05, 4.0),
        RandomElastic3D(3.0),
        RandomBlur3D(0.8, rate=0.5),
        RandomAnisotropy3D(3.0, rate=0.25),
        RandomGamma3D(0.4),
        RandomBiasField3D(0.3),
        RandomGhosting3D(0.3, rate=0.15),
        RandomNoise3D(0.2),
        RandomCutout3D(0.25, rate=0.25),
    ],
}


def policy(name: str) -> list[RandomTransform3D]:
    """The layers of a named policy, in order: "none", "light", "standard" or "strong".

    No policy mirrors left and right; add `RandomFlip3D` where the side does not matter.

    Example:
        >>> [type(layer).__name__ for layer in policy("light")]
        ['RandomAffine3D', 'RandomGamma3D']
    """
    return POLICIES[_checks.one_of("augmentation policy", name, POLICIES)]()


def augment(volumes, seeds, layers: Sequence[RandomTransform3D]):
    """Apply random layers one after another, each with its own share of a sample's seed.

    Shape: (batch, x, y, z, channel), (batch,) int32 → (batch, x, y, z, channel)
    """
    for index, layer in enumerate(layers):
        volumes = layer.transform(volumes, seeds_of(seeds, index))
    return volumes


def seeds_of(seeds, index: int):
    """A layer's share of samples' seeds. Shape: (batch,) → (batch,)"""
    return seeds + index * 7919
