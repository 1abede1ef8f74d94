"""Neighbouring layers that change each voxel by itself, as one change: memory is read and written once for all."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from keras_neurovit.augmentation.base import RandomTransform3D


def pieces(layers: Sequence[RandomTransform3D]) -> list[list[tuple[int, RandomTransform3D]]]:
    """Layers with their places, side by side those that `change_together` takes; still ones are left out.

    Example:
        >>> from keras_neurovit.augmentation import policy
        >>> [[type(layer).__name__ for _, layer in piece] for piece in pieces(policy("standard"))]
        [['RandomAffine3D'], ['RandomGamma3D', 'RandomBiasField3D', 'RandomNoise3D']]
    """
    found, known = [], None  # what will be known of the volumes where the last piece ends; None if nothing may join it
    for place, layer in enumerate(layers):
        if layer.still:
            continue
        sociable = layer.pointwise and layer.rate == 1.0
        if not sociable or known is None or not known.issuperset(layer.measures):
            found.append([])
            known = set(layer.measures)
        found[-1].append((place, layer))
        known = None if not sociable else known if layer.monotone else set()
    return found


def change_together(layers: Sequence[RandomTransform3D], volumes, drawn: Sequence[tuple], measured: tuple):
    """The changes of the layers of one piece.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel)

    Args:
        layers: of the piece.
        volumes: float32.
        drawn: of each layer.
        measured: for the first layer; what others need is known from that.
    """
    known = dict(zip(layers[0].measures, measured, strict=False))
    for place, (layer, own) in enumerate(zip(layers, drawn, strict=True)):
        if place:
            measured = tuple(known[measure] for measure in layer.measures)
        change = functools.partial(_change, layer, (*own, *measured))
        # What keeps the order of intensities takes the least and the greatest to the least and the greatest.
        known = {measure: change(value) for measure, value in known.items()} if layer.monotone else {}
        volumes = change(volumes)
    return volumes


def _change(layer: RandomTransform3D, arguments: tuple, volumes):
    return layer.change(volumes, *arguments)
