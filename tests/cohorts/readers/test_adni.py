"""ADNI: several scans a visit, LONI's folders or BIDS."""

import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import load
from keras_neurovit.cohorts.flow import remaining
from tests.cohorts.readers import trees


@pytest.fixture
def adni(put):
    return trees.adni(put)


def test_adni(adni, left_out, classes):
    cohort = load("adni", adni)
    assert classes(cohort) == {
        ("011_S_0002", "bl"): "CN",
        ("011_S_0003", "bl"): "AD",
        ("002_S_0295", "bl"): "CN",
        ("002_S_0295", "m06"): "MCI",
    }
    # Of two scans the one that ADNIMERGE names, of one scan in two forms the more processed.
    assert [path.parent.name for path in cohort.paths] == ["I45107", "I64025", "I35475", "I32237"]
    assert cohort.ages.tolist() == [84.8, 85.3, 74.3, 81.3]
    assert cohort.column("field_strength").tolist() == ["1.5"] * 4
    assert cohort.column("site").tolist() == ["2", "2", "11", "11"]
    assert left_out(cohort) == {
        "still DICOM": 1,
        "not listed in ADNIMERGE_16Aug2023.csv": 1,
        "no visit within 180 days": 1,
        "another image of the visit was taken": 2,
        "no diagnosis known": 1,
    }
    assert remaining(cohort.flow) == len(cohort)
    assert "diagnosis of 1 person changes between scans: CN → MCI" in cohort.notes
    assert any("belong to the visit whose EXAMDATE is nearest" in note for note in cohort.notes)


def test_adni_keeps_all_if_asked(adni, left_out):
    cohort = load("adni", adni, scans_a_visit="all", within_days=10_000)
    assert len(cohort) == 6
    assert left_out(cohort)["no diagnosis known"] == 2


def test_converted_beside_its_dicom(adni, put):
    put("ADNI/011_S_0003/MP-RAGE/2005-09-12_10_10_10.0/I32237/a.dcm")
    put("ADNI/011_S_0003/MP-RAGE/2005-09-12_10_10_10.0/I32237/I32237.nii.gz")
    cohort = load("adni", adni, scans_a_visit="all", keep={"RID": "3"})
    assert {path.name for path in cohort.paths} >= {"I32237.nii.gz"}
    assert len(cohort) == 2


def test_adni_as_bids(put, classes):
    put("ADNIMERGE.csv", trees.ADNIMERGE)
    for person, session in (("ADNI002S0295", "ses-M006"), ("ADNI002S0295", "ses-M000"), ("ADNI011S0003", "ses-M000")):
        put(f"sub-{person}/{session}/anat/sub-{person}_{session}_T1w.nii.gz")
    assert classes(load("adni", put.folder)) == {
        ("002_S_0295", "bl"): "CN",
        ("002_S_0295", "m06"): "MCI",
        ("011_S_0003", "bl"): "AD",
    }


def test_two_tables_are_not_chosen_between(adni, put):
    put("tables/ADNIMERGE.csv", trees.ADNIMERGE)
    with pytest.raises(InputError, match="more than one table fits ADNIMERGE"):
        load("adni", adni)
