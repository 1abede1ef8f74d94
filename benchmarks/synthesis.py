"""Brains a second, against the same steps in plain NumPy and SciPy.

Both deform a label map by the same kind of fields, held on grids equally coarse, in as many steps, sample it twice
along each edge of a voxel, colour, average, shade (the rim apart), strip, blur and add noise, and count every structure
in every cell. SciPy's way is what a user would write: `map_coordinates`, `zoom`, `gaussian_filter`. Where SynthSeg can
be imported (its repository, on the older TensorFlow and Keras that it needs), its own generator makes brains from the
same label map beside them.
"""

from __future__ import annotations

import importlib.util
import statistics
import time

import keras
import numpy as np
from scipy import ndimage

from keras_neurovit.synthesis import STRUCTURES, Anatomies, BrainFactory, BrainGenerator, load_anatomies
from keras_neurovit.synthesis.anatomy import BOX, COARSE
from keras_neurovit.synthesis.contrast import RIM_REACH_MM, RIM_STRENGTH
from keras_neurovit.synthesis.deformation import STEPS, WOBBLE
from keras_neurovit.synthesis.structures import CODES, NUM_INSIDE, STRUCTURE_OF_CLASS

SHAPE, SPACING_MM, OVERSAMPLING, CELL, BATCH = (96, 112, 96), 2.0, 2, 4, 4


def plain(anatomies: Anatomies, seed: int) -> dict[str, np.ndarray]:
    """One brain by SciPy."""
    random = np.random.default_rng(seed)
    fine = tuple(n * OVERSAMPLING for n in SHAPE)
    coarse = tuple(n // COARSE for n in BOX)
    divergence = np.tensordot(random.normal(0, 0.15, len(STRUCTURES)), anatomies.maps[0].astype("float32"), axes=1)
    fills = anatomies.fills[0].astype("float32")
    divergence -= fills * ndimage.gaussian_filter(divergence, 2) / (ndimage.gaussian_filter(fills, 2) + 1e-3)
    waves = [(2 * np.pi * np.fft.fftfreq(n, COARSE)) ** 2 for n in coarse]
    laplacian = waves[0][:, None, None] + waves[1][None, :, None] + waves[2][None, None]
    laplacian[0, 0, 0] = np.inf
    potential = np.fft.ifftn(np.fft.fftn(divergence) / -laplacian).real
    velocity = np.stack(np.gradient(potential, COARSE))
    for knots, spread in WOBBLE:
        control = random.normal(0, spread, (3, knots, knots, knots))
        velocity += [ndimage.zoom(c, [n / knots for n in coarse], order=3) for c in control]
    step = 4
    nodes = [np.arange(n // step + 1) * step * SPACING_MM / OVERSAMPLING for n in fine]
    places = np.stack(np.meshgrid(*(e - e.mean() for e in nodes), indexing="ij")).astype("float32")
    for axis, angle in enumerate(random.normal(0, 0.12, 3)):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        places[a], places[b] = (
            np.cos(angle) * places[a] - np.sin(angle) * places[b],
            np.sin(angle) * places[a] + np.cos(angle) * places[b],
        )
    middle = (np.reshape(coarse, (3, 1, 1, 1)) - 1) / 2
    for _ in range(STEPS):
        at = places / COARSE + middle
        places += np.stack([ndimage.map_coordinates(v, at, order=1, mode="nearest") for v in velocity]) / STEPS
    move = np.stack([ndimage.zoom(p, [n / (n // step + 1) for n in fine], order=1) for p in places])
    index = move + (np.reshape(BOX, (3, 1, 1, 1)) - 1) / 2
    classes = ndimage.map_coordinates(anatomies.classes[0], index, order=0, mode="constant")
    blocks = [part for n in SHAPE for part in (n, OVERSAMPLING)]
    tissue = random.uniform(20, 240, len(CODES)).astype("float32")[classes].reshape(blocks).mean(axis=(1, 3, 5))
    brain = ((classes > 0) & (classes < NUM_INSIDE - 1)).astype("float32").reshape(blocks).mean(axis=(1, 3, 5))
    shading = ndimage.zoom(random.normal(0, 0.15, (5, 5, 5)), [n / 5 for n in SHAPE], order=3)
    grain = ndimage.zoom(
        random.normal(0, 0.03, (16, 18, 16)), [n / k for n, k in zip(SHAPE, (16, 18, 16), strict=True)], order=3
    )
    image = tissue * np.exp(shading + grain)
    rim = ndimage.gaussian_filter(brain, np.mean(RIM_REACH_MM) / SPACING_MM)
    image *= np.exp(np.mean(RIM_STRENGTH) * (rim - 1))
    image *= np.clip(0.5 + 6 * (ndimage.gaussian_filter(brain, 1.5) - 0.3), 0, 1)
    image = np.abs(ndimage.gaussian_filter(image, 0.5) + random.normal(0, 3, SHAPE))
    edge = CELL * OVERSAMPLING
    grid = tuple(n // edge for n in fine)
    number = np.arange(np.prod(grid)).reshape(grid)
    for axis in range(3):
        number = np.repeat(number, edge, axis)
    kinds = 1 + len(STRUCTURES)
    structures = np.asarray(STRUCTURE_OF_CLASS)[classes]
    counts = np.bincount((number * kinds + structures).ravel(), minlength=(number.max() + 1) * kinds)
    cells = counts.reshape(*grid, kinds)[..., 1:].astype("float32") / edge**3
    inside = image[image > 20]
    return {"volumes": (image - inside.mean()) / inside.std(), "cells": cells}


def synthseg(label_map) -> float | None:
    """Core-seconds of a brain by SynthSeg's own generator, of the same size and spacing; None where it is not there."""
    if label_map is None or importlib.util.find_spec("SynthSeg") is None:
        return None
    from SynthSeg.brain_generator import BrainGenerator as Theirs

    generator = Theirs(str(label_map), target_res=SPACING_MM, output_shape=list(SHAPE), flipping=False)
    generator.generate_brain()  # compiled once
    used = time.process_time()
    for _ in range(BATCH):
        generator.generate_brain()
    return round((time.process_time() - used) / BATCH, 3)


def run(options) -> dict:
    """Figures: medians of brains a second, and the ratio for one core."""
    anatomies = load_anatomies(options.label_maps).subset([0])
    factory = BrainFactory(
        BrainGenerator(anatomies, SHAPE, SPACING_MM, oversampling=OVERSAMPLING, cell=CELL, t1_share=0.0, mirror=False)
    )
    factory(np.arange(BATCH))  # compiled once
    ours, theirs, cpu = [], [], []
    for turn in range(options.rounds):
        start, used = time.perf_counter(), time.process_time()
        brains = factory(np.arange(BATCH) + BATCH * (turn + 1))
        ours.append((time.perf_counter() - start) / BATCH)
        cpu.append((time.process_time() - used) / BATCH)
        used = time.process_time()
        peer = plain(anatomies, turn)
        theirs.append(time.process_time() - used)
    means = [float(v.mean(axis=tuple(range(v.ndim - 1)))[:4].sum()) for v in (brains["cells"], peer["cells"])]
    assert abs(means[0] / means[1] - 1) < 0.3, f"the two make different heads: {means}"
    return {
        "work": f"{'×'.join(map(str, SHAPE))} at {SPACING_MM} mm, {OVERSAMPLING}³ samples a voxel",
        "structures": len(STRUCTURES),
        "backend": keras.backend.backend(),
        "ours_brains_per_s": round(1 / statistics.median(ours), 3),
        "ours_core_seconds_per_brain": round(statistics.median(cpu), 3),
        "scipy_core_seconds_per_brain": round(statistics.median(theirs), 3),
        "synthseg_core_seconds_per_brain": synthseg(options.label_maps),
        "ratio_per_core": round(statistics.median(theirs) / statistics.median(cpu), 2),
    }
