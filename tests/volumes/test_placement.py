"""The way back from a conformed volume to the scan's own voxels, however the scan lies on disk."""

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from keras_neurovit import InputError
from keras_neurovit.volumes import Scan, VolumeContract, conform, conformed_affine, onto_scan, onto_volume

CONTRACT = VolumeContract((3.0, 2.0, 2.5), (56, 96, 60))


def stored(head: np.ndarray, axes: str) -> Scan:
    """The head as a file of other axes would hold it; the same place in the scanner."""
    image = nibabel.Nifti1Image(head, nibabel.affines.from_matvec(np.diag([1.0, 1.0, 1.0]), (-60.0, -100.0, -50.0)))
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(tuple(axes))
    )
    image = image.as_reoriented(turn)
    return Scan(np.asarray(image.dataobj), image.affine)


def tilted(head: np.ndarray, degrees: float) -> Scan:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return Scan(head, nibabel.affines.from_matvec(turn, (-40.0, -110.0, -50.0)))


@pytest.mark.parametrize("axes", ["RAS", "LAS", "LPI", "PSR"])
def test_what_is_conformed_comes_back_to_its_place(head, axes):
    scan = stored(head, axes)
    back = onto_scan(conform(scan, CONTRACT)[..., 0], scan, CONTRACT)
    assert back.shape == scan.voxels.shape
    inner = ndimage.binary_erosion(scan.voxels > 20, iterations=4)  # within the head, away from its rim
    assert np.corrcoef(back[inner], scan.voxels[inner])[0, 1] > 0.99


def test_an_oblique_scan_comes_back_to_its_place(head):
    scan = tilted(head, 15.0)
    back = onto_scan(conform(scan, CONTRACT)[..., 0], scan, CONTRACT)
    inner = ndimage.binary_erosion(scan.voxels > 20, iterations=4)
    assert np.corrcoef(back[inner], scan.voxels[inner])[0, 1] > 0.99


@pytest.mark.parametrize("axes", ["RAS", "LPI"])
def test_a_spot_is_where_its_affine_says(head, axes):
    """One bright voxel of the volume lies at the same millimetres by the volume's affine and by the scan's."""
    scan, spot = stored(head, axes), np.zeros(CONTRACT.shape, "float32")
    spot[20, 50, 33] = 1
    there = nibabel.affines.apply_affine(conformed_affine(scan, CONTRACT), (20, 50, 33))
    found = np.unravel_index(np.argmax(onto_scan(spot, scan, CONTRACT)), scan.voxels.shape)
    assert np.abs(nibabel.affines.apply_affine(scan.affine, found) - there).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("degrees", [None, 15.0])
def test_labels_come_to_lie_on_the_volume(head, degrees):
    scan = stored(head, "PSR") if degrees is None else tilted(head, degrees)
    labels = Scan((scan.voxels > 120).astype("float32") * 17, scan.affine)
    placed = onto_volume(labels, scan, CONTRACT)
    assert placed.dtype == np.int32
    assert set(np.unique(placed)) == {0, 17}
    volume = conform(scan, CONTRACT)[..., 0]
    inside = placed == 17
    split = np.median(volume[inside]) / 2
    assert (volume[ndimage.binary_erosion(inside)] > split).mean() > 0.99
    assert inside.sum() == pytest.approx((labels.voxels > 0).sum() / np.prod(CONTRACT.spacing_mm), rel=0.02)


def test_labels_of_coarser_voxels(head):
    scan = stored(head, "RAS")
    coarse = scan.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    labels = Scan((scan.voxels[::2, ::2, ::2] > 120).astype("float32"), coarse)
    fine = onto_volume(Scan((scan.voxels > 120).astype("float32"), scan.affine), scan, CONTRACT)
    assert (onto_volume(labels, scan, CONTRACT) == fine).mean() > 0.98


def test_a_map_of_another_shape_is_refused(head):
    with pytest.raises(InputError, match="not of the contract's shape"):
        onto_scan(np.zeros((3, 3, 3)), stored(head, "RAS"), CONTRACT)
