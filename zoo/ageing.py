"""A real scan made older: its hippocampi shrink and its ventricles grow, and nothing else is asked to change."""

from __future__ import annotations

import functools

import numpy as np
from keras import ops
from scipy import ndimage

from keras_neurovit import synthesis, volumes
from keras_neurovit.augmentation.sampling import voxel_grid
from keras_neurovit.synthesis import deformation
from keras_neurovit.synthesis.anatomy import COARSE
from keras_neurovit.synthesis.generator import gains
from keras_neurovit.synthesis.population import EFFECTS
from keras_neurovit.volumes.foreground import find_foreground

WARPED = ("hippocampus", "lateral_ventricle")


def aged(scan: volumes.Scan, severity: float) -> volumes.Scan:
    """The scan as its person's would look with the mean patient's change of hippocampi and ventricles × severity.

    Where these lie is told by the average brain, stretched along each axis to the scan's head: a few millimetres off in
    some people, so that their structures change by less than was asked for.

    Args:
        scan: brain-extracted, its axes along RAS+ or any other; oblique by a few degrees at most.
        severity: 1 the mean patient's; negative for younger.
    """
    field = _inverse_field(float(severity))
    middle, spread = _average_brain()[1:]
    voxels = np.asarray(scan.voxels, "float32")
    head = voxels > find_foreground(voxels).threshold
    # Halfway between voxels, so that what is not moved is interpolated as what is.
    affine = scan.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.full(3, 0.5)
    grid = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), axis=-1).astype("float32")
    world = grid @ affine[:3, :3].T.astype("float32") + affine[:3, 3].astype("float32")
    own_middle, own_spread = world[head].mean(axis=0), world[head].std(axis=0)
    standard = (world - own_middle) / own_spread * spread + middle
    places = np.moveaxis(standard / COARSE + (np.array(field.shape[:3]) - 1) / 2, -1, 0)
    moves = np.stack([ndimage.map_coordinates(field[..., a], places, order=1, mode="nearest") for a in range(3)], -1)
    read = world + moves / spread * own_spread
    inverse = np.linalg.inv(scan.affine)
    voxel = np.moveaxis(read @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)
    return volumes.Scan(ndimage.map_coordinates(voxels, voxel, order=1, mode="nearest"), affine)


@functools.cache
def _average_brain() -> tuple[synthesis.Anatomies, np.ndarray, np.ndarray]:
    """The average brain, its middle and its standard deviation along each axis, mm; fluid around it apart."""
    anatomies = synthesis.load_anatomies(verbose=False)
    inside = np.delete(anatomies.maps[0].astype("float32"), synthesis.STRUCTURES.index("csf"), axis=0).sum(axis=0)
    weights, places = inside.ravel()[:, None], _places()
    middle = (places * weights).sum(axis=0) / weights.sum()
    return anatomies, middle, np.sqrt(((places - middle) ** 2 * weights).sum(axis=0) / weights.sum())


def _places() -> np.ndarray:
    return COARSE * voxel_grid(deformation.SHAPE).reshape(-1, 3)


@functools.lru_cache(maxsize=16)
def _inverse_field(severity: float) -> np.ndarray:
    """How far from each box of 4 mm about the average brain to read, mm. Shape: → (i, j, k, 3)"""
    anatomies = _average_brain()[0]
    ratios = np.zeros((1, len(synthesis.STRUCTURES)), "float32")
    for name in WARPED:
        for side in ("left", "right"):
            ratios[0, synthesis.STRUCTURES.index(f"{name}_{side}")] = severity * EFFECTS[name].severe
    divergence = np.einsum("bs,bsijk->bijk", ratios * gains(anatomies.maps), anatomies.maps.astype("float32"))
    velocity = -deformation.growth_velocity(divergence, anatomies.fills.astype("float32"))
    moved = ops.convert_to_numpy(deformation.flow(_places()[None], velocity))
    return (moved[0] - _places()).reshape(*deformation.SHAPE, 3)
