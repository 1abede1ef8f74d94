"""What a cohort tells of itself."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import Cohort, Record, read_bids
from keras_neurovit.cohorts.flow import Step


@pytest.fixture
def cohort(study):
    return read_bids(study, "diagnosis")


def test_arrays(cohort):
    assert len(cohort) == len(cohort.paths) == 40
    assert cohort.targets.dtype == np.int64
    assert cohort.targets.shape == cohort.participants.shape == (40,)
    assert all(isinstance(path, Path) for path in cohort.paths)


def test_is_frozen(cohort):
    with pytest.raises(FrozenInstanceError):
        cohort.target = "sex"


def test_column(cohort):
    assert cohort.column("SEX").tolist()[:3] == ["F", "M", "M"]
    assert np.isnan(cohort.column("age", kind=float)).tolist() == [i == 2 for i in range(40)]
    assert cohort.column("participant")[-1] == "sub-32"
    assert cohort.column("session").tolist()[-2:] == ["ses-M0", "ses-M12"]
    assert cohort.column("session_id").tolist()[0] == ""


def test_column_refuses(cohort):
    with pytest.raises(InputError, match=r"unknown column in .*study: 'agee'.*Did you mean 'age'\?"):
        cohort.column("agee")
    with pytest.raises(InputError, match="sex of sub-1 is not a number \\(received 'F'\\)"):
        cohort.column("sex", float)
    with pytest.raises(InputError, match="kind is unusable"):
        cohort.column("sex", int)


def test_ages(cohort, bids, scan_path):
    assert np.nanmax(cohort.ages) == 91
    assert read_bids(bids("participant_id\tsex\nsub-1\tF\n", scan_path(1)), "sex").ages is None


def test_describe(cohort):
    flow = (*cohort.flow, Step("assumed", 0, "all is well"), Step("left out", 2, "not liked"))
    text = replace(cohort, flow=flow).describe()
    assert text.splitlines() == [
        "40 scans of 32 people, 16 of them in 16 sessions, target diagnosis",
        f"read from {cohort.source}",
        "  CN: 20 scans of 16 people",
        "  AD: 20 scans of 16 people",
        "age 60 to 91 years, median 80, unknown for 1 scan",
        "sex F 20, M 20 (scans)",
        "found         40  T1w files in folders sub-*",
        "left out       2  not liked",
        "kept          38",
        "here          40  a part of those kept",
        "assumed           all is well",
    ]


def test_describe_survives_odd_ages_and_emptiness(bids, scan_path):
    cohort = read_bids(bids("participant_id\tage\tsex\nsub-1\tabout 89\tF\n", scan_path(1)), "sex")
    assert "age unknown: " in cohort.describe()
    assert cohort.subset([]).describe().startswith("0 scans of 0 people")
    unknown = read_bids(bids("participant_id\tage\tsex\nsub-1\tn/a\tF\n", scan_path(1)), "sex")
    assert "years" not in unknown.describe()


def test_subset(cohort):
    assert cohort.subset([3, 0]).participants.tolist() == ["sub-4", "sub-1"]
    assert cohort.subset(cohort.targets == 1).labels == cohort.labels
    assert len(cohort.subset(np.zeros(40, bool))) == 0
    assert cohort.subset(range(40)) == cohort


@pytest.mark.parametrize("indices", [[40], [-41], [0.5], [True], [[0, 1]], ["sub-1"]])
def test_subset_refuses(cohort, indices):
    with pytest.raises(InputError, match=r"indices is unusable .*whole numbers below 40, or 40 booleans"):
        cohort.subset(indices)


def test_where(cohort):
    assert set(cohort.where("sex", "M").column("sex")) == {"M"}
    assert cohort.where("age", 60).participants.tolist() == ["sub-1"]
    assert len(cohort.where("participant", ["sub-1", "sub-32"])) == 3
    with pytest.raises(InputError, match=r"unknown sex in .*study: 'male' \(expected one of F, M\)"):
        cohort.where("sex", "male")


def test_class_weights(cohort):
    uneven = cohort.subset(np.r_[np.flatnonzero(cohort.targets == 0), np.flatnonzero(cohort.targets == 1)[:5]])
    assert uneven.class_weights() == {0: 25 / (2 * 20), 1: 25 / (2 * 5)}
    with pytest.raises(InputError, match="no scan of class 'AD'"):
        cohort.subset(cohort.targets == 0).class_weights()


def test_two_spellings_within_one_row_are_refused():
    record = Record(Path("a.nii"), "1", None, 0, {"Age": "1", "age": "2"})
    with pytest.raises(InputError, match="more than one column answers to 'age'"):
        Cohort((record,), ("F",), "sex", "made").column("age")
