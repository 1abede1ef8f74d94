"""From tissue to a scanner's picture: brightness, shading, resolution, noise, what stripping left."""

from __future__ import annotations

import functools

import numpy as np
from keras import ops

from keras_neurovit.augmentation.artefacts import blur
from keras_neurovit.augmentation.intensity import bias_field
from keras_neurovit.augmentation.randomness import between, normal, one_axis, uniform
from keras_neurovit.augmentation.sampling import smooth_field
from keras_neurovit.synthesis.structures import CLASSES, OUTSIDE, TISSUES
from keras_neurovit.volumes.foreground import THRESHOLD

RIM_REACH_MM = (6.0, 22.0)  # over which the rim is shaded
RIM_STRENGTH = (-0.2, 1.8)  # of its exponent
SLOPE, BULGE, TWIST = 0.6, 0.5, 0.25
"""Standard deviations, of a strong coil's shading's logarithm at the volume's border: of its slope along each axis, of
its curvature (the middle is brighter more often than darker), of what two axes do together."""


@functools.lru_cache(maxsize=1)
def _tissues() -> tuple[np.ndarray, np.ndarray]:
    """Place of each class in the list of tissues and outside codes, and each entry's brightness, air first."""
    places = [0, *(1 + TISSUES.index(tissue) for _, _, tissue in CLASSES)]
    places += range(1 + len(TISSUES), 1 + len(TISSUES) + len(OUTSIDE))
    return np.asarray(places), np.float32([0, *(t.brightness for t in TISSUES), *OUTSIDE.values()])


def draw_brightness(seeds, t1_share: float, stream: int):
    """Brightness of each class: like a T1 with the given probability, else at random.

    Shape: (batch,) → (batch, class), 0 to 255; uses six streams.

    Source: means of a T1: SynthSeg's priors (Billot et al. 2023, Medical Image Analysis 86).
    """
    places, t1 = _tissues()
    count = len(t1)
    outside = np.arange(count) > len(TISSUES)
    spread = np.where(outside, 35.0, 9.0).astype("float32")
    like_t1 = t1 + spread * normal(seeds, (count,), stream)
    # Scanners differ most in how far grey stands from white, and fluid from both.
    shift = 9.0 * normal(seeds, (2,), stream + 2)
    grey, fluid = np.clip((160 - t1) / 60, 0, 1), np.clip((100 - t1) / 55, 0, 1)
    like_t1 = like_t1 + shift[:, :1] * (grey - fluid).astype("float32") + shift[:, 1:] * fluid.astype("float32")
    anything = between(seeds, 10.0, 245.0, (count,), stream + 4)
    chosen = ops.where(uniform(seeds, (1,), stream + 5) < t1_share, like_t1, anything)
    chosen = ops.clip(chosen, 4.0, 255.0) * (np.arange(count) > 0).astype("float32")
    return ops.take(chosen, places, axis=1)


def _blurred(images, deviations):
    return blur(ops.expand_dims(images, -1), deviations)[..., 0]


def strip(images, brain, stripped, spacing_mm: float, seeds, stream: int):
    """Set to zero what a skull-stripping tool would: loosely or tightly, and not everywhere alike.

    Shape: (batch, x, y, z), (batch, x, y, z), (batch,) bool → (batch, x, y, z); uses five streams.

    Args:
        images: with everything outside the brain.
        brain: share of brain tissue in each voxel, without fluid.
        stripped: which of the images.
        spacing_mm: edge of a voxel.
        seeds: one an image.
        stream: first of the streams.
    """
    width = between(seeds, 2.0, 5.0, (1,), stream) / spacing_mm
    near = _blurred(brain, ops.repeat(width, 3, axis=1))
    level = ops.reshape(between(seeds, 0.12, 0.5, (1,), stream + 1), (-1, 1, 1, 1))
    uneven = smooth_field(normal(seeds, (7, 7, 7, 1), stream + 2), images.shape[1:])[..., 0]
    level = level + 0.3 * ops.reshape(uniform(seeds, (1,), stream + 4), (-1, 1, 1, 1)) ** 2 * uneven
    kept = ops.clip(0.5 + (near - ops.maximum(level, 0.04)) * (12.0 / spacing_mm), 0.0, 1.0)
    return images * ops.where(ops.reshape(stripped, (-1, 1, 1, 1)), kept, 1.0)


def shade_rim(images, brain, spacing_mm: float, seeds, stream: int):
    """Darken, seldom brighten, what lies near the brain's surface.

    Real cortex is darker the nearer it is to the skull: sulci too narrow for a label map hold fluid, and coils see the
    rim otherwise than the middle.

    Shape: (batch, x, y, z), (batch, x, y, z), (batch,) → (batch, x, y, z); uses two streams.

    Args:
        images: to shade.
        brain: share of brain tissue in each voxel, without fluid.
        spacing_mm: edge of a voxel.
        seeds: one an image.
        stream: first of the streams.
    """
    reach = between(seeds, *RIM_REACH_MM, (1,), stream) / spacing_mm
    inside = _blurred(brain, ops.repeat(reach, 3, axis=1))
    strength = ops.reshape(between(seeds, *RIM_STRENGTH, (1,), stream + 1), (-1, 1, 1, 1))
    return images * ops.exp(strength * (inside - 1.0))


def shade_from_afar(images, most: float, seeds, stream: int):
    """Shade as a coil on one side of the head does: smoothly, and seldom alike at the top and at the base.

    In real scans the brain's top or front may be half as bright as its base; models that never saw it take dim cortex
    for fluid.

    Shape: (batch, x, y, z), background 0, (batch,) → (batch, x, y, z); uses seven streams.

    Args:
        images: to shade.
        most: strength of the strongest; each image's lies between 0 and it.
        seeds: one an image.
        stream: first of the streams.
    """
    strength = between(seeds, 0.0, most, (1,), stream)
    slope = SLOPE * strength * normal(seeds, (3,), stream + 1)
    bulge = BULGE * strength * (normal(seeds, (3,), stream + 3) - 0.5)
    twist = TWIST * strength * normal(seeds, (3,), stream + 5)
    powers = np.zeros((9, 3, 3, 3), "float32")  # of x, y and z, for each of the nine numbers
    powers[range(3), (1, 0, 0), (0, 1, 0), (0, 0, 1)] = 1
    powers[range(3, 6), (2, 0, 0), (0, 2, 0), (0, 0, 2)] = 1
    powers[range(6, 9), (1, 0, 1), (1, 1, 0), (0, 1, 1)] = 1
    numbers = ops.concatenate([slope, bulge, twist], axis=1)
    coefficients = ops.reshape(ops.matmul(numbers, powers.reshape(9, 27)), (-1, 3, 3, 3))
    return bias_field(ops.expand_dims(images, -1), coefficients, low=0.0)[..., 0]


def scan(tissue, brain, stripped, spacing_mm: float, seeds, stream: int, coil: float = 0.0):
    """What a scanner and a stripping tool make of tissue: shading, resolution, noise.

    Shape: (batch, x, y, z) brightness, (batch, x, y, z), (batch,) bool → (batch, x, y, z); uses 28 streams.
    """
    shape = tissue.shape[1:]

    def one(low: float, high: float, offset: int):
        return ops.reshape(between(seeds, low, high, (1,), stream + offset), (-1, 1, 1, 1))

    grain = smooth_field(normal(seeds, (16, 18, 16, 1), stream), shape)[..., 0]
    shading = smooth_field(normal(seeds, (5, 5, 5, 1), stream + 2), shape)[..., 0]
    images = tissue * ops.exp(one(0.02, 0.1, 4) * grain + one(0.05, 0.35, 5) * shading)
    images = shade_rim(images, brain, spacing_mm, seeds, stream + 19)
    if coil:
        images = shade_from_afar(images, coil, seeds, stream + 21)
    images = strip(images, brain, stripped, spacing_mm, seeds, stream + 6)
    # A scan's own voxels, sometimes thick slices along one axis, then the linear resampling of `conform`.
    thick = one_axis(seeds, stream + 11) * between(seeds, 1.0, 6.0, (1,), stream + 12)
    thick = ops.where(uniform(seeds, (1,), stream + 13) < 0.3, thick, 0.0)
    own = between(seeds, 0.7, 1.5, (1,), stream + 14)
    deviations = ops.sqrt((thick**2 + own**2) / 12.0 + spacing_mm**2 / 12.0) / spacing_mm
    images = _blurred(images, deviations)
    # Air is noisy too, less so, since magnitudes have no sign; a stripping tool has set it to zero.
    seen = ops.where(images > 1.0, 1.0, ops.where(ops.reshape(stripped, (-1, 1, 1, 1)), 0.0, 0.5))
    images = ops.abs(images + seen * normal(seeds, shape, stream + 15) * one(0.0, 5.0, 17))
    white = 160.0
    return white * (images / white) ** ops.exp(one(-0.25, 0.25, 18))


def normalise(images):
    """Mean 0 and deviation 1 over the head, as `volumes.conform` does with scans.

    Shape: (batch, x, y, z), background 0 → (batch, x, y, z)

    Example:
        >>> half = np.zeros((1, 8, 12, 20), "float32"); half[:, :4, ::2] = 100; half[:, :4, 1::2] = 60
        >>> round(float(ops.max(normalise(half))), 2)
        1.0
    """
    axes = (1, 2, 3)

    def mean_where(mask):
        mask = ops.cast(mask, "float32")
        total = ops.maximum(ops.sum(mask, axis=axes, keepdims=True), 1.0)
        mean = ops.sum(images * mask, axis=axes, keepdims=True) / total
        return mean, ops.sqrt(ops.sum(mask * (images - mean) ** 2, axis=axes, keepdims=True) / total)

    above, _ = mean_where(images > 1e-3)
    bright, _ = mean_where(images >= above)
    mean, deviation = mean_where(images > THRESHOLD * bright)
    return (images - mean) / ops.maximum(deviation, 1e-6)
