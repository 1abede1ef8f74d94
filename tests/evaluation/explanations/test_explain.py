"""From a file to a map in its own space, and to a table of regions."""

import csv

import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError, cli
from keras_neurovit.evaluation.explanations import METHODS, explain_scan, region_table
from keras_neurovit.volumes import read_scan


@pytest.fixture
def stored(head, tmp_path):
    """The head stored LPI with an offset, and a label map of it with coarser voxels."""
    affine = np.diag([-1.0, -1.0, -1.0, 1.0])
    affine[:3, 3] = (70, 95, 60)
    turned = head[::-1, ::-1, ::-1]
    scan, labels = tmp_path / "sub-01_T1w.nii.gz", tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(turned), affine), scan)
    codes = np.zeros(turned[::2, ::2, ::2].shape, "int16")
    codes[:37], codes[37:] = 53, 17
    codes[turned[::2, ::2, ::2] < 20] = 0
    nibabel.save(nibabel.Nifti1Image(codes, affine @ np.diag([2, 2, 2, 1])), labels)
    return scan, labels


@pytest.mark.parametrize("method", METHODS)
def test_a_map_lies_on_the_scans_own_voxels(stored, small_preset, tmp_path, method):
    found = explain_scan(stored[0], small_preset, tmp_path / "map.nii.gz", method=method)
    assert found.values.shape == small_preset.volume.shape
    assert (found.label, found.method) == ("b", method)
    image, scan = nibabel.load(found.path), read_scan(stored[0])
    assert image.shape == scan.voxels.shape
    np.testing.assert_allclose(image.affine, scan.affine)
    values = np.asarray(image.dataobj)
    assert np.isfinite(values).all()
    assert np.abs(values).max() == pytest.approx(np.abs(found.values).max(), rel=0.35)


def test_regions_are_named_and_share_the_map(stored, small_preset):
    found = explain_scan(stored[0], small_preset, method="occlusion", label="a", label_map=stored[1])
    assert {region.name for region in found.regions} == {"hippocampus_left", "hippocampus_right"}
    assert sum(region.share for region in found.regions) == pytest.approx(1)
    head_ml = (read_scan(stored[0]).voxels > 20).sum() / 1e3
    assert sum(region.volume_ml for region in found.regions) == pytest.approx(head_ml, rel=0.03)
    assert all(np.isfinite(region.fall) for region in found.regions)
    other = explain_scan(stored[0], small_preset, label="b", label_map=stored[1])
    assert other.score == pytest.approx(-found.score, rel=1e-4)


def test_a_table_says_which_region_weighs_most():
    values, labels = np.zeros((4, 4, 4)), np.zeros((4, 4, 4), int)
    labels[0], labels[1], labels[2, 0, 0] = 17, 53, 999
    values[0], values[0, 1, 1], values[1], values[3] = -2.0, -8.0, 0.5, 100.0
    first, second, third = region_table(values, labels, (1.0, 2.0, 5.0), {17: 3.0})
    assert (first.name, first.peak, first.fall) == ("hippocampus_left", -8.0, 3.0)
    assert first.volume_ml == pytest.approx(0.16)
    assert first.mean == pytest.approx(-38 / 16)
    assert first.share == pytest.approx(38 / 46)
    assert (second.name, second.fall, third.name) == ("hippocampus_right", None, "label 999")


def test_at_a_terminal(stored, small_preset, tmp_path, capsys):
    out = tmp_path / "maps" / "map.nii.gz"
    arguments = ["explain", stored[0], "--preset", small_preset.folder, "--regions", stored[1], "--out", out]
    assert cli.main([str(a) for a in arguments]) == 0
    printed = capsys.readouterr()
    assert "integrated_gradients of b" in printed.out
    assert "hippocampus_left" in printed.out
    assert "no medical device" in printed.err
    with out.with_name("map_regions.tsv").open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert {row["name"] for row in rows} == {"hippocampus_left", "hippocampus_right"}
    assert sorted(p.name for p in out.parent.iterdir()) == ["map.nii.gz", "map_regions.tsv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "guess"}, "unknown method 'guess'"),
        ({"label": "c"}, "unknown label 'c'"),
        ({"path": "map.png"}, "is no NIfTI"),
        ({"label_map": "nowhere.nii.gz"}, "no such file"),
    ],
)
def test_what_cannot_be_explained_is_refused(stored, small_preset, arguments, message):
    with pytest.raises(InputError, match=message):
        explain_scan(stored[0], small_preset, **arguments)


def test_presets_without_labels_are_refused(stored):
    with pytest.raises(InputError, match="no labels to explain"):
        explain_scan(stored[0], "vit3d_tiny")


def test_a_label_map_elsewhere_is_refused(stored, small_preset, tmp_path):
    labels = nibabel.load(stored[1])
    affine = labels.affine.copy()
    affine[:3, 3] += 1000
    nibabel.save(nibabel.Nifti1Image(np.asarray(labels.dataobj), affine), tmp_path / "far.nii.gz")
    with pytest.raises(InputError, match="no region within the volume"):
        explain_scan(stored[0], small_preset, label_map=tmp_path / "far.nii.gz")
