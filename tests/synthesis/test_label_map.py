"""Label maps are read along any axes, and refused when they would teach nonsense."""

import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.synthesis import load_anatomies, read_label_map
from keras_neurovit.synthesis.anatomy import BOX, stack
from keras_neurovit.synthesis.label_map import check_label_map
from keras_neurovit.synthesis.structures import CODES, STRUCTURES, mirrored_classes


def save(folder, codes, axes="RAS", name="map.nii.gz", dtype="int16"):
    image = nibabel.Nifti1Image(codes.astype(dtype), np.diag([1.0, 1, 1, 1]))
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(axes)
    )
    nibabel.save(image.as_reoriented(turn), folder / name)
    return folder / name


@pytest.mark.parametrize("axes", ["LIA", "PSR", "LAS"])
def test_axes_on_disk_do_not_matter(tmp_path, codes, axes):
    read = read_label_map(save(tmp_path, codes, axes))
    np.testing.assert_array_equal(read.codes, codes)
    assert read.spacing_mm == (1.0, 1.0, 1.0)


def test_values_between_codes_are_refused(tmp_path, codes):
    broken = codes.astype("float32")
    broken[80, 80, 80] = 2.5
    with pytest.raises(InputError, match=r"map\.nii\.gz.*whole numbers.*2\.5.*nearest"):
        read_label_map(save(tmp_path, broken, dtype="float32"))


def test_unknown_codes_are_named(tmp_path, codes):
    broken = np.where(codes == 17, 777, codes)
    with pytest.raises(InputError, match=r"map\.nii\.gz.*unknown.*777"):
        read_label_map(save(tmp_path, broken))


def test_a_missing_structure_is_named(tmp_path, codes):
    broken = np.where(codes == 53, 41, codes)
    with pytest.raises(InputError, match=r"map\.nii\.gz.*hippocampus \(53\)"):
        read_label_map(save(tmp_path, broken))


@pytest.mark.parametrize(
    ("turned", "words"),
    [(np.s_[::-1], "left"), (np.s_[:, :, ::-1], "below"), (np.s_[:, ::-1], "behind")],
)
def test_axes_that_contradict_the_anatomy_are_refused(tmp_path, codes, turned, words):
    with pytest.raises(InputError, match=rf"map\.nii\.gz.*{words}.*affine"):
        read_label_map(save(tmp_path, codes[turned]))


def test_exchanged_axes_are_refused(tmp_path, codes):
    with pytest.raises(InputError, match=r"map\.nii\.gz"):
        read_label_map(save(tmp_path, np.swapaxes(codes, 0, 1)))


def test_coarse_maps_are_refused(tmp_path, codes):
    nibabel.save(nibabel.Nifti1Image(codes[::3, ::3, ::3], np.diag([3.0, 3, 3, 1])), tmp_path / "map.nii.gz")
    with pytest.raises(InputError, match=r"map\.nii\.gz.*spacing.*3 × 3 × 3"):
        read_label_map(tmp_path / "map.nii.gz")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no label maps"):
        load_anatomies(tmp_path, verbose=False)


def test_a_map_that_lacks_what_others_have_is_refused(tmp_path, codes):
    whole, lacking = tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"
    for file, voxels in ((whole, codes), (lacking, np.where(codes == 18, 2, codes))):
        nibabel.save(nibabel.Nifti1Image(voxels.astype("int16"), np.eye(4)), file)
    with pytest.raises(InputError, match=r"b\.nii\.gz: lacks structures.*amygdala_left \(18\)"):
        load_anatomies(tmp_path, verbose=False)
    assert len(load_anatomies(lacking, verbose=False)) == 1  # one alone is taken at its word


def test_volumes_survive_cropping(tmp_path, codes):
    save(tmp_path, codes, "LIA")
    anatomies = load_anatomies(tmp_path, verbose=False)
    assert anatomies.classes.shape == (1, *BOX)
    hippocampus = anatomies.volumes_mm3[0, STRUCTURES.index("hippocampus_left")]
    assert hippocampus == (codes == 17).sum()
    ventricle = anatomies.volumes_mm3[0, STRUCTURES.index("lateral_ventricle_right")]
    assert ventricle == np.isin(codes, (43, 163)).sum()  # choroid plexus lies in it
    brain = anatomies.volumes_mm3[0]
    assert brain[STRUCTURES.index("medial_temporal_cortex_left")] > 0
    assert brain.sum() == ((codes > 0) & (codes < 500)).sum()


def test_finer_maps_become_one_millimetre(codes):
    finer = stack([check_label_map(np.repeat(codes, 2, axis=2), (1.0, 1.0, 0.5), "finer")])
    place = STRUCTURES.index("cortex_left")
    coarse = stack([check_label_map(codes, (1.0, 1.0, 1.0), "coarse")])
    assert finer.volumes_mm3[0, place] == pytest.approx(coarse.volumes_mm3[0, place], rel=0.02)


def test_mirroring_twice_is_nothing():
    mirrored = np.asarray(mirrored_classes())
    np.testing.assert_array_equal(mirrored[mirrored], np.arange(len(CODES)))


def test_freesurfers_own_codes_are_understood(codes):
    as_freesurfer = codes.copy()
    as_freesurfer[codes == 136] = 31
    white = np.isin(codes, (2, 41))
    as_freesurfer[80:90][white[80:90]] = 253  # corpus callosum, across the middle
    read = check_label_map(as_freesurfer, (1.0, 1.0, 1.0), "aseg")
    np.testing.assert_array_equal(read.codes[codes == 136], 136)
    assert np.isin(read.codes[as_freesurfer == 253], (2, 41)).all()
    assert {2, 41} <= set(np.unique(read.codes[as_freesurfer == 253]))


def test_brains_without_fluid_are_refused(codes):
    with pytest.raises(InputError, match=r"aseg: brains need fluid.*code 24"):
        check_label_map(np.where((codes == 24) & (np.indices(codes.shape)[0] > 20), 0, codes), (1.0, 1.0, 1.0), "aseg")


def test_cortical_parcels_of_the_map_are_kept(codes):
    own = codes.copy()
    own[:, 100:104][codes[:, 100:104] == 3] = 1006
    own[:, 100:104][codes[:, 100:104] == 42] = 2006
    kept = stack([check_label_map(own, (1.0, 1.0, 1.0), "parcels")]).volumes_mm3[0]
    assert kept[STRUCTURES.index("medial_temporal_cortex_left")] == (own == 1006).sum()
