import nibabel
import numpy as np
import pytest
from scipy import ndimage

from keras_neurovit import InputError, VolumeContract, conform, read_scan
from keras_neurovit.volumes import Scan, brain_volume_ml, conform_and_check
from keras_neurovit.volumes.conform import examine, resample, resampling_weights
from keras_neurovit.volumes.foreground import find_foreground
from tests.conftest import make_head

CONTRACT = VolumeContract()


def stored_as(head: np.ndarray, axes: str) -> Scan:
    """The head with its axes in another order, and the affine that says so."""
    start = np.diag([1.0, 1.0, 1.0, 1.0])
    target = nibabel.orientations.axcodes2ornt(tuple(axes))
    voxels = nibabel.orientations.apply_orientation(
        head, nibabel.orientations.ornt_transform(nibabel.orientations.axcodes2ornt("RAS"), target)
    )
    affine = start @ nibabel.orientations.inv_ornt_aff(
        nibabel.orientations.ornt_transform(nibabel.orientations.axcodes2ornt("RAS"), target), head.shape
    )
    assert nibabel.aff2axcodes(affine) == tuple(axes)
    return Scan(np.ascontiguousarray(voxels), affine)


@pytest.mark.parametrize("axes", ["LAS", "LPI", "PSR", "AIL", "RSA", "SPL"])
def test_orientation_on_disk_does_not_matter(head, axes):
    expected = conform(stored_as(head, "RAS"), CONTRACT)
    np.testing.assert_allclose(conform(stored_as(head, axes), CONTRACT), expected, atol=2e-4)


def test_right_is_right(head):
    volume = conform(stored_as(head, "LAS"), CONTRACT)[..., 0]
    # The dark structure lies right (+x), front (+y), below (−z) of the centre.
    deep = ndimage.binary_erosion(volume > volume.min() + 1, iterations=12)
    dark = np.argwhere(deep & (volume < np.median(volume[deep]) - 1))
    assert len(dark) > 500
    x, y, z = dark.mean(axis=0) - (np.array(CONTRACT.shape) - 1) / 2
    assert x > 5
    assert y > 3
    assert z < -1


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 0.8), (1.2, 1.2, 1.2), (1.0, 1.0, 1.5), (2.0, 2.0, 2.0)])
def test_voxel_size_on_disk_hardly_matters(head, spacing):
    shape = tuple(round(n / s) for n, s in zip(head.shape, spacing, strict=True))
    zoomed = ndimage.zoom(head, np.divide(shape, head.shape), order=1, grid_mode=True, mode="nearest")
    scan = Scan(zoomed.astype("float32"), np.diag([*np.divide(head.shape, shape), 1.0]))
    difference = conform(scan, CONTRACT) - conform(Scan(head, np.eye(4)), CONTRACT)
    assert np.abs(difference).mean() < 0.02


def test_oblique_affine_is_turned_back(head):
    angle = np.deg2rad(12)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    middle = (np.asarray(head.shape) - 1) / 2
    turned = ndimage.affine_transform(head, turn, middle - turn @ middle, order=1)
    affine = np.eye(4)
    affine[:3, :3] = turn
    straight = conform(Scan(head, np.eye(4)), CONTRACT)
    assert np.abs(conform(Scan(turned, affine), CONTRACT) - straight).mean() < 0.02
    assert np.abs(conform(Scan(turned, np.eye(4)), CONTRACT) - straight).mean() > 0.03


def test_intensity_units_do_not_matter(head):
    expected = conform(Scan(head, np.eye(4)), CONTRACT)
    np.testing.assert_allclose(conform(Scan(head * 37, np.eye(4)), CONTRACT), expected, atol=1e-3)
    np.testing.assert_allclose(conform(Scan(head - 1024, np.eye(4)), CONTRACT), expected, atol=1e-2)


def test_field_of_view_does_not_matter(head):
    padded = np.pad(head, ((40, 3), (0, 25), (11, 60)))
    np.testing.assert_allclose(
        conform(Scan(padded, np.eye(4)), CONTRACT), conform(Scan(head, np.eye(4)), CONTRACT), atol=3e-3
    )


def test_foreground_has_mean_zero_and_deviation_one(head):
    volume = conform(Scan(head, np.eye(4)), CONTRACT)
    assert volume.shape == (96, 112, 96, 1)
    assert volume.dtype == np.float32
    inside = volume[volume > volume.min() + 1]
    assert abs(inside.mean()) < 0.2
    assert abs(inside.std() - 1) < 0.2


def test_shrinking_does_not_alias():
    ripple = np.tile([0.0, 100.0], 60)[:, None, None] * np.ones((1, 120, 120), "float32")
    weights = resampling_weights(120, 1.0, 59.5, 40, 3.0)
    resampled = np.tensordot(weights, ripple, axes=1)
    assert np.ptp(resampled[2:-2]) < 12  # of 100: picking every third voxel would keep all of it
    np.testing.assert_allclose(weights[2:-2].sum(axis=1), 1, atol=1e-6)


def test_enlarging_is_linear_interpolation():
    weights = resampling_weights(4, 2.0, 1.5, 5, 1.0)
    np.testing.assert_allclose(weights @ np.arange(4.0), [0.5, 1.0, 1.5, 2.0, 2.5], atol=1e-6)


@pytest.mark.parametrize(
    "view", [lambda v: v, np.asfortranarray, lambda v: v[::-1, :, ::-1], lambda v: v.transpose(1, 2, 0)]
)
def test_resampling_does_not_depend_on_the_order_in_memory(view):
    random = np.random.default_rng(0)
    volume = view(random.normal(size=(5, 7, 9)).astype("float32"))
    weights = [random.normal(size=(n, size)).astype("float32") for n, size in zip((4, 6, 3), volume.shape, strict=True)]
    found = resample(volume, weights)
    np.testing.assert_allclose(found, np.einsum("ijk,xi,yj,zk->xyz", volume, *weights), rtol=1e-4, atol=1e-4)
    assert found.flags.c_contiguous
    assert found.dtype == np.float32


def test_every_second_voxel_tells_where_the_head_is(head):
    whole, sampled = find_foreground(head), find_foreground(head, (2, 3, 2))
    np.testing.assert_allclose(sampled.centre, whole.centre, atol=0.2)
    assert sampled.count == pytest.approx(whole.count, rel=0.01)
    assert sampled.threshold == pytest.approx(whole.threshold, rel=0.02)
    lone = np.zeros((9, 9, 9), "float32")
    lone[3, 3, 3] = 1
    assert find_foreground(lone, (2, 2, 2)).centre == (3.0, 3.0, 3.0)
    with pytest.raises(InputError, match="alike"):
        find_foreground(np.ones((9, 9, 9), "float32"), (2, 2, 2))


def test_brain_volume(head):
    expected = 4 / 3 * np.pi * 65 * 82 * 60 / 1000
    assert brain_volume_ml(Scan(head, np.eye(4))) == pytest.approx(expected, rel=0.07)
    assert brain_volume_ml(stored_as(head, "PSR")) == pytest.approx(expected, rel=0.07)


def test_plausible_scan_has_no_warnings(head):
    assert conform_and_check(Scan(head, np.eye(4)), CONTRACT)[1] == []


@pytest.mark.parametrize(
    ("spacing", "words"),
    [
        ((1.6, 1.6, 1.6), "more than a brain"),
        ((0.5, 0.5, 0.5), "less than a brain"),
        ((1.0, 1.0, 4.0), "mm thick"),
        ((1.0, 1.0, 2.0), "cut off"),
    ],
)
def test_implausible_scans_are_told(head, spacing, words):
    warnings = conform_and_check(Scan(head, np.diag([*spacing, 1.0])), CONTRACT)[1]
    assert any(words in warning for warning in warnings), warnings


def test_strange_intensities_survive(head):
    expected = conform(Scan(head, np.eye(4)), CONTRACT)
    for factor in (1e-20, 1e25):
        scaled = conform(Scan((head * np.float64(factor)).astype("float32"), np.eye(4)), CONTRACT)
        np.testing.assert_allclose(scaled, expected, atol=1e-3)
    for strange in (-head, head.max() - head, (head > 50) * np.float32(-5)):
        assert np.isfinite(conform(Scan(strange.astype("float32"), np.eye(4)), CONTRACT)).all()


def test_small_and_odd_arrays_survive():
    random = np.random.default_rng(1)
    for shape in ((1, 1, 2), (3, 200, 2), (5, 6, 7)):
        volume = conform(
            Scan(random.normal(size=shape).astype("float32"), np.eye(4)), VolumeContract((2, 2, 2), (8, 12, 20))
        )
        assert volume.shape == (8, 12, 20, 1)
        assert np.isfinite(volume).all()


@pytest.mark.parametrize("values", [{"spacing_mm": (2, 0, 2)}, {"shape": (96, 96)}, {"shape": (96, 0, 96)}])
def test_unusable_contract(values):
    with pytest.raises(InputError, match="three positive"):
        VolumeContract(**values)


@pytest.mark.parametrize("number", ["01", "02", "03", "04"])
def test_a_real_scan_and_its_1_mm_twin_agree(shared_data, number):
    name = f"sub-{number}/anat/sub-{number}_T1w.nii.gz"
    original, twin = (conform(read_scan(shared_data / kind / name), CONTRACT) for kind in ("ds002748_raw", "ds002748"))
    assert np.corrcoef(original.ravel(), twin.ravel())[0, 1] > 0.999


def test_head_of_the_tests_is_not_its_own_mirror_image(head):
    assert np.abs(make_head() - make_head()[::-1]).max() > 50


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "uint16", "int32"])
def test_integers_as_stored_give_the_same_volume(tmp_path, head, kind):
    """Along every orientation, oblique too, with another axis short; and findings are the same."""
    most = 100 if kind == "int8" else 250
    voxels = np.rint(most * head / head.max() - (20 if kind.startswith("i") else 0)).clip(-20).astype(kind)
    angle = np.deg2rad(7)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0, 0], [np.sin(angle), np.cos(angle), 0, 0], *np.eye(4)[2:]])
    for number, affine in enumerate([np.eye(4), np.diag([-1.0, 1.0, -1.0, 1.0]), turn, np.eye(4)[[2, 0, 1, 3]]]):
        file = tmp_path / f"{number}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(voxels[:, ::2], affine @ np.diag([1.0, 2.0, 1.0, 1.0])), file)
        stored, usual = read_scan(file, as_stored=True), read_scan(file)
        assert stored.voxels.dtype == ("float32" if kind == "int32" else kind)
        assert usual.voxels.dtype == "float32"
        (one, told), (other, expected) = (examine(scan, CONTRACT) for scan in (stored, usual))
        np.testing.assert_allclose(one, other, atol=1e-4)
        assert [finding.check for finding in told] == [finding.check for finding in expected]
        assert [finding.passed for finding in told] == [finding.passed for finding in expected]


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "uint16"])
@pytest.mark.parametrize("seed", range(4))
def test_the_head_among_integers_is_that_among_numbers(kind, seed):
    random, ends = np.random.default_rng(seed), np.iinfo(kind)
    voxels = random.integers(ends.min, ends.max // 2, (7, 9, 12), endpoint=True).astype(kind)
    voxels[2:5, 2:7, 3:9] = ends.max
    voxels = voxels[:, :: 1 + seed % 2]
    one, other = find_foreground(voxels), find_foreground(voxels.astype("float32"))
    assert one.background == other.background == float(np.median(np.concatenate(_faces(voxels))))
    assert one.threshold == pytest.approx(other.threshold, rel=1e-5, abs=1e-3)
    assert (one.extent, one.count) == (other.extent, other.count)
    np.testing.assert_allclose(one.centre, other.centre)


def _faces(voxels):
    return [np.moveaxis(voxels, axis, 0)[index].ravel() for axis in range(3) for index in (0, -1)]


def test_a_new_axis_that_meets_nothing_of_the_old_is_zero():
    weights = [np.zeros((2, 4), "float32"), np.ones((2, 6), "float32"), np.ones((2, 8), "float32")]
    np.testing.assert_array_equal(resample(np.ones((4, 6, 8), "float32"), weights), np.zeros((2, 2, 2)))
