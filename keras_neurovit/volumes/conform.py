"""From a scan on disk to the volume a model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import nibabel
import numpy as np
from scipy import ndimage, sparse

from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.fingerprint import intensities
from keras_neurovit.volumes.foreground import find_foreground
from keras_neurovit.volumes.plausibility import Finding, examine_intensities, examine_scan, problems
from keras_neurovit.volumes.scan import Scan

SEEN_MM = 2.0  # where the head is, voxels this far apart tell as well
PIECE = 1 << 17  # voxels that are resampled at a time: as float32, a part of a processor's second cache
OBLIQUE_DEGREES = 0.2  # less moves the rim of a head by under a third of a millimetre


def conform(scan: Scan, contract: VolumeContract) -> np.ndarray:
    """Bring a scan into a contract's shape.

    In this order: reorient to the nearest RAS+ axes, and turn onto them where the affine is oblique; find the head
    and its centre; resample linearly to `spacing_mm` on a grid centred there, with a triangle filter as wide as the
    new voxel where it shrinks (antialiasing), cropping and padding with background in the same step; subtract the
    mean of the head's voxels and divide by their standard deviation.

    It does not strip the skull, correct a bias field or register to a template: a head tilted in the scanner stays
    tilted.

    Shape: scan → (x, y, z, 1), float32

    Args:
        scan: from `read_scan`.
        contract: the target, for example `load_preset(name).volume`.

    Example:
        >>> voxels = np.zeros((40, 50, 40), "float32"); voxels[10:30, 10:40, 10:30] = 100
        >>> conform(Scan(voxels, np.eye(4)), VolumeContract((2, 2, 2), (24, 28, 24))).shape
        (24, 28, 24, 1)
    """
    return _conform(scan, contract)[0]


def conform_and_check(
    scan: Scan, contract: VolumeContract, ranges: Mapping[str, Sequence[float]] | None = None
) -> tuple[np.ndarray, list[str]]:
    """`conform`, and what is suspicious about the scan, a sentence each; see `examine`."""
    volume, findings = examine(scan, contract, ranges)
    return volume, problems(findings)


def examine(
    scan: Scan, contract: VolumeContract, ranges: Mapping[str, Sequence[float]] | None = None
) -> tuple[np.ndarray, list[Finding]]:
    """`conform`, and all that was compared with the contract: orientation, spacing, size of the head, intensities.

    Args:
        scan: from `read_scan`.
        contract: what the preset reads.
        ranges: of the intensities that it was trained on, `load_preset(name).fingerprint`.

    Example:
        >>> voxels = np.zeros((40, 50, 40), "float32"); voxels[10:30, 10:40, 10:30] = 100
        >>> [f.check for f in examine(Scan(voxels, np.eye(4)), VolumeContract())[1] if not f.passed]
        ['volume of the head']
    """
    volume, inside, voxels, head, spacing = _conform(scan, contract)
    findings = examine_scan(scan, voxels, head, spacing, contract)
    measured = intensities(volume[..., 0], inside, contract.spacing_mm)
    return volume, findings + examine_intensities(measured, contract, ranges)


def _conform(scan: Scan, contract: VolumeContract):
    """The volume, which of its voxels are head; of the scan, its voxels along RAS+ axes, its head and its spacing."""
    voxels, affine = to_ras(scan)
    seen = spacing = tuple(float(s) for s in np.linalg.norm(affine[:3, :3], axis=0))
    head = find_foreground(voxels, [max(1, int(SEEN_MM / s + 0.01)) for s in spacing])
    volume, centre, background = voxels, head.centre, head.background
    if obliquity_degrees(affine) > OBLIQUE_DEGREES:
        volume, spacing, centre = straighten(voxels - np.float32(background), affine, centre, contract)
        background = 0.0
    weights = [
        resampling_weights(volume.shape[a], spacing[a], centre[a], contract.shape[a], contract.spacing_mm[a])
        for a in range(3)
    ]
    volume = resample(volume, weights)
    # A new voxel outside the scan is background: it got none of the weight that the others got.
    volume -= reduce(
        np.multiply.outer, [w.sum(axis=1) for w in weights[1:]], np.float32(background) * weights[0].sum(axis=1)
    )
    mask = volume > head.threshold - head.background
    inside = volume[mask]
    if inside.size:  # a head smaller than one new voxel leaves none; `examine` says so
        # In units of the threshold: whatever a scanner's units, sums and squares stay within float32.
        unit = np.float32(abs(head.threshold - head.background) or 1.0)
        inside /= unit
        volume /= unit
        volume -= inside.mean()
        volume /= max(float(inside.std()), 1e-6)
    return volume[..., None], mask, voxels, head, seen


def to_ras(scan: Scan) -> tuple[np.ndarray, np.ndarray]:
    """Voxels along the nearest RAS+ axes, a view, and the affine that goes with them."""
    orientation = nibabel.io_orientation(scan.affine)
    voxels = nibabel.apply_orientation(scan.voxels, orientation)
    return voxels, scan.affine @ nibabel.orientations.inv_ornt_aff(orientation, scan.voxels.shape)


def obliquity_degrees(affine: np.ndarray) -> float:
    """The largest angle between an axis of a RAS+ affine and the world's axis it is named after.

    Example:
        >>> obliquity_degrees(np.diag([2.0, 2.0, 3.0, 1.0]))
        0.0
    """
    cosines = np.diag(affine[:3, :3]) / np.linalg.norm(affine[:3, :3], axis=0)
    return float(np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))).max())


def straighten(
    volume: np.ndarray, affine: np.ndarray, centre: tuple[float, float, float], contract: VolumeContract
) -> tuple[np.ndarray, tuple[float, float, float], tuple[float, float, float]]:
    """Turn an oblique volume onto the world's axes, linearly, about the head's centre.

    The new voxels are half a contract's, or the scan's own where those are coarser: fine enough that the filter of the
    resampling that follows decides what is lost.

    Returns:
        The turned volume, zero outside the old one; the edges of its voxels, millimetres; the voxel of the centre.
    """
    own = np.linalg.norm(affine[:3, :3], axis=0).min()
    spacing = np.asarray([max(own, s / 2) for s in contract.spacing_mm])
    margin = 2 * np.asarray(contract.spacing_mm)  # the resampling filter reaches one new voxel beyond the box
    shape = np.ceil((np.asarray(contract.extent_mm) + 2 * margin) / spacing).astype(int)
    new_centre = (shape - 1) / 2
    matrix = np.linalg.inv(affine[:3, :3]) @ np.diag(spacing)
    turned = ndimage.affine_transform(
        volume, matrix, np.asarray(centre) - matrix @ new_centre, tuple(shape), order=1, mode="constant", cval=0.0
    )
    return turned, tuple(spacing), tuple(new_centre)


def resampling_weights(size: int, spacing: float, centre: float, new_size: int, new_spacing: float) -> np.ndarray:
    """Linear resampling of one axis as a matrix; a new voxel outside the old axis gets zero.

    Shape: → (new_size, size), float32

    Args:
        size: voxels of the axis.
        spacing: their edge, millimetres.
        centre: the voxel (may lie between two) that comes to lie in the middle of the new axis.
        new_size: voxels of the new axis.
        new_spacing: their edge, millimetres.

    Example:
        >>> resampling_weights(4, 1.0, 1.5, 2, 2.0)
        array([[0.375, 0.375, 0.125, 0.   ],
               [0.   , 0.125, 0.375, 0.375]], dtype=float32)
    """
    step = new_spacing / spacing
    places = centre + (np.arange(new_size) - (new_size - 1) / 2) * step
    reach = max(step, 1.0)
    # Normalised over an endless axis, so that a head cut by the field of view fades into background.
    first = np.floor(places - reach).astype(int)
    offsets = np.arange(int(np.ceil(2 * reach)) + 2)
    taps = first[:, None] + offsets
    weights = np.clip(1.0 - np.abs(taps - places[:, None]) / reach, 0.0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((new_size, size), "float32")
    rows, columns = np.nonzero((taps >= 0) & (taps < size))
    matrix[rows, taps[rows, columns]] = weights[rows, columns]
    return matrix


def resample(volume: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
    """Products with a matrix along each axis, the slowest in memory first, so that no axis is ever copied to the front.

    Shape: (i, j, k), three of (new, old) → (x, y, z), float32, contiguous

    Example:
        >>> resample(np.ones((4, 6, 8), "float32"), [np.ones((2, n), "float32") for n in (4, 6, 8)])[0, 0, 0]
        np.float32(192.0)
    """
    order = sorted(range(3), key=lambda axis: -abs(volume.strides[axis]))
    matrices = []
    for axis in order:
        weight = weights[axis]
        if volume.strides[axis] < 0:
            volume, weight = np.flip(volume, axis), weight[:, ::-1]
        used = np.flatnonzero(weight.any(axis=0))  # what lies outside the new axis is not read at all
        used = slice(used[0], used[-1] + 1) if len(used) else slice(1)
        volume = volume[(slice(None),) * axis + (used,)]
        # Few old voxels tell a new one: a sparse matrix reads only those.
        matrices.append(sparse.csr_array(weight[:, used]))
    slow, middle, fast = matrices
    volume = volume.transpose(order)
    planes = np.empty((slow.shape[0], *volume.shape[1:]), "float32")
    # A few rows of all planes at a time stay in the processor's cache while they become float32 and fewer.
    few = max(1, PIECE // (len(volume) * volume.shape[2]))
    for start in range(0, volume.shape[1], few):
        piece = np.ascontiguousarray(volume[:, start : start + few], "float32")
        planes[:, start : start + few] = (slow @ piece.reshape(len(piece), -1)).reshape(-1, *piece.shape[1:])
    rows = np.empty((middle.shape[0], len(planes), planes.shape[2]), "float32")
    for place, plane in enumerate(planes):
        rows[:, place] = middle @ plane
    new = (fast @ rows.reshape(-1, rows.shape[2]).T).reshape(-1, *rows.shape[:2])
    return np.ascontiguousarray(new.transpose(np.argsort(order[::-1])))
