"""Where a conformed volume's voxels lie in the scanner, and the way back from them to the scan's own."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from keras_neurovit._checks import InputError
from keras_neurovit.volumes.conform import OBLIQUE_DEGREES, SEEN_MM, obliquity_degrees, to_ras
from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.foreground import find_foreground
from keras_neurovit.volumes.scan import Scan


def conformed_affine(scan: Scan, contract: VolumeContract) -> np.ndarray:
    """From the voxels of `conform(scan, contract)` to the scanner's RAS+ millimetres.

    Shape: → (4, 4)

    Example:
        >>> voxels = np.zeros((40, 50, 40), "float32"); voxels[10:30, 10:40, 10:30] = 100
        >>> conformed_affine(Scan(voxels, np.eye(4)), VolumeContract((2, 2, 2), (24, 28, 24))).round(1).tolist()[0]
        [2.0, 0.0, 0.0, -4.0]
    """
    voxels, affine = to_ras(scan)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    head = find_foreground(voxels, [max(1, int(SEEN_MM / s + 0.01)) for s in spacing])
    placed = np.eye(4)
    placed[:3, :3] = np.diag(contract.spacing_mm)
    if obliquity_degrees(affine) <= OBLIQUE_DEGREES:  # then the scan's own axes are kept
        placed[:3, :3] = affine[:3, :3] / spacing @ placed[:3, :3]
    middle = (np.asarray(contract.shape) - 1) / 2
    placed[:3, 3] = affine[:3, :3] @ head.centre + affine[:3, 3] - placed[:3, :3] @ middle
    return placed


def onto_scan(values: np.ndarray, scan: Scan, contract: VolumeContract) -> np.ndarray:
    """A map of a conformed volume on the scan's own voxels, linearly between, zero outside the map.

    Shape: contract's (x, y, z) → the scan's own, float32

    Args:
        values: a number for each voxel of the conformed volume.
        scan: that was conformed.
        contract: to what.

    Raises:
        InputError: values of another shape than the contract's.
    """
    values = np.asarray(values, "float32")
    if values.shape != contract.shape:
        raise InputError("the map is not of the contract's shape", contract.shape, values.shape)
    return _resampled(values, conformed_affine(scan, contract), scan.voxels.shape, scan.affine, order=1)


def onto_volume(labels: Scan, scan: Scan, contract: VolumeContract) -> np.ndarray:
    """A label map in the scan's space on the voxels of the conformed scan; the nearest label each, 0 outside.

    The label map may have other voxels than the scan, so long as both affines lead to the same place.

    Shape: scans → contract's (x, y, z), int32

    Args:
        labels: from `read_scan`.
        scan: what was labelled.
        contract: what the scan is conformed to.
    """
    placed = conformed_affine(scan, contract)
    return np.rint(_resampled(labels.voxels, labels.affine, contract.shape, placed, order=0)).astype("int32")


def _resampled(values: np.ndarray, affine: np.ndarray, shape, onto: np.ndarray, order: int) -> np.ndarray:
    there = np.linalg.inv(affine) @ onto
    if order == 0:  # where two voxels are equally near, rounding errors shall not choose by the row
        there[:3, 3] += 1e-4
    return ndimage.affine_transform(
        values, there[:3, :3], there[:3, 3], tuple(shape), output="float32", order=order, mode="constant"
    )
