"""A cohort without a download, from the average brain in nilearn's wheel."""

import nibabel
import pytest

from keras_neurovit import InputError, VolumeContract, read_bids
from keras_neurovit.synthesis import icbm152_t1, write_demo_cohort
from keras_neurovit.synthesis.icbm152 import icbm152_label_map
from keras_neurovit.volumes import conform_and_check, read_scan

pytest.importorskip("nilearn", reason="the templates come with nilearn")


def test_it_reads_back_and_is_plausible(tmp_path):
    folder = write_demo_cohort(tmp_path / "cohort", people=2, seed=5, verbose=False)
    cohort = read_bids(folder, "diagnosis", labels=("CN", "AD"))
    assert sorted(cohort.targets) == [0, 1]
    for record in cohort.records:
        assert conform_and_check(read_scan(record.path), VolumeContract())[1] == []
        assert nibabel.aff2axcodes(nibabel.load(record.path).affine) == ("R", "A", "S")
        assert 1500 < float(record.columns["hippocampus_left_mm3"]) < 5500
    with pytest.raises(InputError, match="other people"):
        write_demo_cohort(folder, people=2, seed=6, verbose=False)


def test_groups_are_two(tmp_path):
    with pytest.raises(InputError, match="people of both groups"):
        write_demo_cohort(tmp_path / "new", people=1)


def test_structures_of_the_average_brain_have_adult_sizes():
    codes = icbm152_label_map().codes
    left, right, ventricles = ((codes == code).sum() for code in (17, 53, 4))
    assert left == pytest.approx(3700, rel=0.1)
    assert left == pytest.approx(right, rel=0.01)
    assert 6_000 < ventricles < 12_500


def test_the_average_brain_is_a_plausible_scan():
    assert conform_and_check(read_scan(icbm152_t1()), VolumeContract())[1] == []
