"""Smooth one-to-one deformations: structures grow and shrink by the amounts asked for, and everything wobbles."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from keras import ops

from keras_neurovit.augmentation.randomness import normal
from keras_neurovit.augmentation.sampling import bspline_weights
from keras_neurovit.synthesis.anatomy import BOX, COARSE

SHAPE = tuple(size // COARSE for size in BOX)
REACH_MM = 8.0  # over which neighbours make room for a structure
WOBBLE = ((4, 5.0), (7, 2.5), (12, 1.2))  # control points along an axis, and standard deviation in millimetres
STEPS = 4  # of the flow


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
    room = _along_all(fills, [_blur(n) for n in SHAPE])
    wanted = _along_all(divergence, [_blur(n) for n in SHAPE])
    share = wanted / (room + 1e-3)
    divergence = divergence - fills * _along_all(share, [_blur(n) for n in SHAPE])
    cosines = [_cosines(n) for n in SHAPE]
    spectrum = _along_all(divergence, [c.T for c in cosines]) * _inverse_laplacian()
    parts = []
    for axis in range(3):
        bases = [_cosine_slopes(n) if a == axis else cosines[a] for a, n in enumerate(SHAPE)]
        parts.append(_along_all(spectrum, bases))
    return ops.stack(parts, axis=-1)


def wobble_velocity(seeds, strength, stream: int):
    """A random smooth velocity, in mm, at several scales.

    Shape: (batch,), (batch,) → (batch, i, j, k, 3); uses twice as many streams as there are scales.
    """
    total = 0.0
    for index, (knots, spread_mm) in enumerate(WOBBLE):
        control = spread_mm * normal(seeds, (knots, knots, knots, 3), stream + 2 * index)
        for axis, size in enumerate(SHAPE, start=1):
            weights = bspline_weights(knots, size)
            control = ops.moveaxis(ops.tensordot(control, weights, axes=[[axis], [1]]), -1, axis)
        total = total + control
    return total * ops.reshape(strength, (-1, 1, 1, 1, 1))


def flow(places_mm, velocity, steps: int = STEPS):
    """Where places come to lie after a unit of time in a steady flow.

    Shape: (batch, place, 3), (batch, i, j, k, 3) → (batch, place, 3)

    Args:
        places_mm: from the middle of the anatomy's box.
        velocity: in mm.
        steps: Euler's. With velocities that change by less than one mm over a mm and step, none folds.
    """
    tables = [ops.reshape(velocity[..., axis], (-1,)) for axis in range(3)]

    # A loop, since compilers that unroll the steps compute each one anew for every corner of the next.
    def step(_, places):
        moves = _sample(tables, places)
        return tuple(place + move / steps for place, move in zip(places, moves, strict=True))

    places = tuple(places_mm[..., axis] for axis in range(3))
    return ops.stack(ops.fori_loop(0, steps, step, places), axis=-1)


def _sample(tables, places_mm):
    """Trilinear values of several flat tables at the same places: one gather a corner and table, which compiles to
    a fraction of the time that gathering rows takes."""
    low, share = [], []
    for place, size in zip(places_mm, SHAPE, strict=True):
        place = ops.clip(place / COARSE + (size - 1) / 2, 0.0, size - 1.0)
        floor = ops.clip(ops.floor(place), 0.0, size - 2.0)
        low.append(ops.cast(floor, "int32"))
        share.append(place - floor)
    strides = (SHAPE[1] * SHAPE[2], SHAPE[2], 1)
    first = ops.expand_dims(ops.arange(ops.shape(low[0])[0], dtype="int32") * int(np.prod(SHAPE)), 1)
    first = first + low[0] * strides[0] + low[1] * strides[1] + low[2]
    totals = [0.0] * len(tables)
    for corner in itertools.product((0, 1), repeat=3):
        weight = 1.0
        for c, s in zip(corner, share, strict=True):
            weight = weight * (s if c else 1.0 - s)
        index = first + sum(c * stride for c, stride in zip(corner, strides, strict=True))
        totals = [total + weight * ops.take(table, index) for total, table in zip(totals, tables, strict=True)]
    return totals


def _along_all(values, matrices):
    for axis, matrix in enumerate(matrices, start=1):
        values = ops.moveaxis(ops.tensordot(values, matrix, axes=[[axis], [1]]), -1, axis)
    return values


@functools.lru_cache(maxsize=8)
def _blur(size: int) -> np.ndarray:
    places = np.arange(size)
    weights = np.exp(-0.5 * ((places[:, None] - places) * COARSE / REACH_MM) ** 2)
    return (weights / (REACH_MM / COARSE * np.sqrt(2 * np.pi))).astype("float32")  # symmetric: it conserves amounts


@functools.lru_cache(maxsize=8)
def _cosines(size: int) -> np.ndarray:
    # Columns: the orthonormal cosines of no flow through the box's walls.
    places, orders = np.arange(size)[:, None] + 0.5, np.arange(size)
    norm = np.where(orders == 0, np.sqrt(1 / size), np.sqrt(2 / size))
    return (norm * np.cos(np.pi * places * orders / size)).astype("float32")


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
