"""AIBL and OASIS-3: visits told by their days."""

import pytest

from keras_neurovit.cohorts import load
from keras_neurovit.cohorts.flow import remaining
from tests.cohorts.readers import trees


@pytest.fixture
def aibl(put):
    return trees.aibl(put)


def test_aibl(aibl, left_out, classes):
    cohort = load("aibl", aibl)
    assert classes(cohort) == {("2", "bl"): "CN", ("2", "m18"): "MCI", ("8", "bl"): "AD"}
    assert cohort.ages.tolist() == [76, 78, 82]
    assert cohort.column("sex").tolist() == ["M", "M", "F"]
    assert cohort.column("field_strength").tolist() == ["1.5", "3", "3"]
    assert left_out(cohort) == {
        "no visit on that day in aibl_mrimeta or aibl_mri3meta": 1,
        "no diagnosis known": 1,
    }
    assert remaining(cohort.flow) == len(cohort)
    assert "1 scan with a DXCURREN other than 1, 2, 3, which is no diagnosis here" in cohort.notes


@pytest.fixture
def oasis3(put):
    return trees.oasis3(put)


def test_oasis3(oasis3, left_out):
    cohort = load("oasis3", oasis3)
    assert [(r.participant, r.session, cohort.labels[r.label]) for r in cohort.records] == [
        ("OAS30001", "d0129", "CN"),
        ("OAS30001", "d0129", "CN"),
        ("OAS30001", "d0757", "MCI"),
        ("OAS30002", "d0010", "AD"),
    ]
    assert cohort.ages.tolist() == [65.5, 65.5, 67.3, 80.1]
    assert cohort.column("sex").tolist() == ["F", "F", "F", "M"]
    assert cohort.column("field_strength").tolist() == ["3", "3", "", ""]
    assert left_out(cohort) == {
        "not listed in OASIS3_demographics.csv": 1,
        "no clinical visit within 180 days": 1,
        "no diagnosis known": 1,
    }
    assert remaining(cohort.flow) == len(cohort)
    assert len(load("oasis3", oasis3, within_days=400)) == 5
