"""Images in two files: which way their axes lead."""

import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError, conform, read_scan
from keras_neurovit.volumes import VolumeContract, is_scan

SHAPE = (6, 8, 12)


def analyze(folder, orient, shape=SHAPE, zooms=(1.0, 2.0, 3.0), name="scan"):
    """An Analyze 7.5 pair of random voxels."""
    voxels = np.random.default_rng(0).integers(1, 200, shape).astype("int16")
    image = nibabel.AnalyzeImage(voxels, None)
    image.header.set_zooms([*zooms, 1.0][: len(shape)])
    image.to_filename(folder / f"{name}.img")
    header = bytearray((folder / f"{name}.hdr").read_bytes())
    header[252] = orient
    (folder / f"{name}.hdr").write_bytes(header)
    return folder / f"{name}.img", voxels


@pytest.mark.parametrize(
    ("orient", "axes"), [(0, "LAS"), (1, "LSA"), (2, "ASL"), (3, "LPS"), (4, "LIA"), (5, "AIL"), (ord("2"), "ASL")]
)
def test_axes_lead_as_the_header_says(tmp_path, orient, axes):
    file, voxels = analyze(tmp_path, orient)
    scan = read_scan(file)
    assert nibabel.aff2axcodes(scan.affine) == tuple(axes)
    assert scan.spacing_mm == (1, 2, 3)
    np.testing.assert_array_equal(scan.voxels, voxels)
    middle = scan.affine @ [*(np.array(SHAPE) / 2), 1]
    np.testing.assert_allclose(middle, [0, 0, 0, 1])


def test_a_sagittal_head_has_the_affine_that_freesurfer_gives_it(tmp_path):
    """OASIS-1's averages: 256 × 256 × 160 (here a tenth), one volume."""
    file, _ = analyze(tmp_path, 2, (256, 256, 2, 1), (1.0, 1.0, 1.0))
    scan = read_scan(file)
    expected = [[0, 0, -1, 1], [1, 0, 0, -128], [0, 1, 0, -128], [0, 0, 0, 1]]
    np.testing.assert_allclose(scan.affine, expected)
    assert scan.voxels.shape == (256, 256, 2)


def test_a_pair_and_one_file_conform_alike(tmp_path, head):
    nibabel.save(nibabel.Nifti1Image(head, np.eye(4)), tmp_path / "one.nii")
    nibabel.save(nibabel.Nifti1Pair(head, np.eye(4)), tmp_path / "two.img")
    flipped = nibabel.AnalyzeImage(np.flip(head, 0).copy(), None)
    flipped.to_filename(tmp_path / "three.img")  # transverse, and so from right to left
    contract = VolumeContract((8.0, 8.0, 8.0), (24, 28, 24))
    one, two, three = (conform(read_scan(tmp_path / n), contract) for n in ("one.nii", "two.img", "three.img"))
    np.testing.assert_array_equal(one, two)
    # The origin of an Analyze image is its middle, half a voxel off: sides must agree, not every voxel.
    alike, mirrored = (np.corrcoef(side.ravel(), three.ravel())[0, 1] for side in (one, one[::-1]))
    assert alike > 0.999 > mirrored


def test_refusals(tmp_path):
    file, _ = analyze(tmp_path, 9)
    with pytest.raises(InputError, match=r"scan\.hdr: unknown orientation .*received 9"):
        read_scan(file)
    file.with_suffix(".hdr").write_bytes(b"short")
    with pytest.raises(InputError, match=r"scan\.hdr: truncated \(expected 348 bytes, received 5\)"):
        read_scan(file)
    file.with_suffix(".hdr").unlink()
    with pytest.raises(InputError, match=r"its header scan\.hdr is not there"):
        read_scan(file)
    file, _ = analyze(tmp_path, 0, name="torn")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=r"torn\.img: truncated or damaged"):
        read_scan(file)
    assert is_scan("a.img")
    assert not is_scan("a.hdr")
