"""Named sets of random layers."""

from __future__ import annotations

from collections.abc import Sequence

from keras_neurovit import _checks
from keras_neurovit.augmentation.layers import RandomAffine3D, RandomGamma3D, RandomNoise3D, RandomTransform3D

POLICIES = {
    "none": lambda: [],
    "light": lambda: [RandomAffine3D(4.0, 0.0, 2.0), RandomGamma3D(0.1)],
    "standard": lambda: [RandomAffine3D(8.0, 0.03, 3.0), RandomGamma3D(0.25), RandomNoise3D(0.1)],
}


def policy(name: str) -> list[RandomTransform3D]:
    """The layers of a named policy, in order: "none", "light" or "standard".

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
        volumes = layer.transform(volumes, seeds + index * 7919)
    return volumes
