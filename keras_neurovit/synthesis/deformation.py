"""Smooth one-to-one deformations: structures grow and shrink by the amounts asked for, and everything wobbles."""

from __future__ import annotations

import functools

import numpy as np
from keras import ops

from keras_neurovit.augmentation.randomness import normal
from keras_neurovit.augmentation.sampling import along_axes, cosines, sample_trilinear, smooth_field
from keras_neurovit.synthesis.anatomy import BOX, COARSE

SHAPE = tuple(size // COARSE for size in BOX)
REACH_MM = 8.0  # over which neighbours make room for a structure
WOBBLE = (
    (4, 5.0),
    (7, 2.5),
    (12, 1.2),
    (20, 0.8),
)  # control points along an axis, and standard deviation in millimetres
STEPS = 6  # of the flow


def growth_velocity(divergence, fills):
    """The velocity, in mm, of a flow under which tissue grows by `divergence` and its surroundings make room.

    The velocity is the gradient of a potential, which Poisson's equation gives from the divergence: growth is even
    within a structure, smooth everywhere, and what is gained in one place is lost nearby where `fills` is high.

    Shape: (batch, i, j, k), (batch, i, j, k) → (batch, i, j, k, 3)

    Args:
        divergence: logarithm of the wanted change of volume, in boxes of 4 mm.
        fills: how readily each box makes room.

    Example:
        >>> still = np.zeros((1, *SHAPE), "float32")
        >>> float(ops.max(ops.abs(growth_velocity(still, still + 1))))
        0.0
    """
    room = along_axes(fills, [_blur(n) for n in SHAPE])
    wanted = along_axes(divergence, [_blur(n) for n in SHAPE])
    share = wanted / (room + 1e-3)
    divergence = divergence - fills * along_axes(share, [_blur(n) for n in SHAPE])
    bases = [cosines(n) for n in SHAPE]
    spectrum = along_axes(divergence, [basis.T for basis in bases]) * _inverse_laplacian()
    parts = []
    for axis in range(3):
        slopes = [_cosine_slopes(n) if a == axis else bases[a] for a, n in enumerate(SHAPE)]
        parts.append(along_axes(spectrum, slopes))
    return ops.stack(parts, axis=-1)


def wobble_velocity(seeds, strength, stream: int):
    """A random smooth velocity, in mm, at several scales.

    Shape: (batch,), (batch,) → (batch, i, j, k, 3); uses twice as many streams as there are scales.
    """
    total = 0.0
    for index, (knots, spread_mm) in enumerate(WOBBLE):
        control = spread_mm * normal(seeds, (knots, knots, knots, 3), stream + 2 * index)
        total = total + smooth_field(control, SHAPE)
    return total * ops.reshape(strength, (-1, 1, 1, 1, 1))


def flow(places_mm, velocity, steps: int = STEPS):
    """Where places come to lie after a unit of time in a steady flow.

    Shape: (batch, place, 3), (batch, i, j, k, 3) → (batch, place, 3)

    Args:
        places_mm: from the middle of the anatomy's box.
        velocity: in mm.
        steps: Euler's. With velocities that change by less than one mm over a mm and step, none folds.
    """
    middle = (np.asarray(SHAPE, "float32") - 1) / 2

    # A loop, since compilers that unroll the steps compute each one anew for every corner of the next.
    def step(_, places):
        return places + sample_trilinear(velocity, places / COARSE + middle) / steps

    return ops.fori_loop(0, steps, step, places_mm)


@functools.lru_cache(maxsize=8)
def _blur(size: int) -> np.ndarray:
    places = np.arange(size)
    weights = np.exp(-0.5 * ((places[:, None] - places) * COARSE / REACH_MM) ** 2)
    return (weights / (REACH_MM / COARSE * np.sqrt(2 * np.pi))).astype("float32")  # symmetric: it conserves amounts


@functools.lru_cache(maxsize=8)
def _cosine_slopes(size: int) -> np.ndarray:
    places, orders = np.arange(size)[:, None] + 0.5, np.arange(size)
    waves = np.pi * orders / (size * COARSE)
    return (-np.sqrt(2 / size) * waves * np.sin(np.pi * places * orders / size)).astype("float32")


@functools.lru_cache(maxsize=1)
def _inverse_laplacian() -> np.ndarray:
    waves = [(np.pi * np.arange(n) / (n * COARSE)) ** 2 for n in SHAPE]
    total = waves[0][:, None, None] + waves[1][None, :, None] + waves[2][None, None, :]
    total[0, 0, 0] = 1.0
    inverse = -1.0 / total
    inverse[0, 0, 0] = 0.0  # an overall growth is the head size's business
    return inverse.astype("float32")
