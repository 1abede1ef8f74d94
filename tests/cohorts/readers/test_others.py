"""IXI, UK Biobank and LDM100k."""

import os
import subprocess

import numpy as np
import pytest

from keras_neurovit.cohorts import load
from keras_neurovit.cohorts.flow import remaining
from tests.cohorts.readers import trees


def test_ixi(put, left_out):
    cohort = load("ixi", trees.ixi(put))
    assert cohort.participants.tolist() == ["IXI002", "IXI012"]
    assert cohort.column("sex").tolist() == ["F", "M"]
    assert cohort.column("site").tolist() == ["Guys", "HH"]
    assert cohort.column("field_strength").tolist() == ["1.5", "3"]
    assert cohort.ages.tolist() == [35.8, 38.8]
    assert left_out(cohort) == {
        "not listed in IXI.csv": 1,
        "lines of IXI.csv contradict each other on sex or age": 1,
        "no sex known": 1,
    }
    assert remaining(cohort.flow) == len(cohort)
    assert "several lines that agree on sex and age, taken as one: IXI012" in cohort.notes


@pytest.mark.parametrize("table", trees.UKBIOBANK)
def test_ukbiobank(put, table, left_out, classes):
    cohort = load("ukbiobank", trees.ukbiobank(put, table))
    assert classes(cohort) == {
        ("1000223", "2"): "F",
        ("1000223", "3"): "F",
        ("1000231", "2"): "M",
        ("1000249", "2"): "M",
    }
    assert cohort.column("site").tolist() == ["Cheadle", "Reading", "Newcastle", "Newcastle"]
    np.testing.assert_array_equal(cohort.ages, [62, 65, 68, np.nan])
    assert left_out(cohort) == {
        "not unpacked": 1,
        "judged unusable by UK Biobank": 1,
        "no T1/T1_brain.nii.gz inside": 1,
        "not listed in fields.csv": 1,
    }
    assert remaining(cohort.flow) == len(cohort)
    assert len(load("ukbiobank", put.folder, image="T1", table="fields")) == 4


@pytest.mark.parametrize("sex", ["sex", "gender"])
def test_ldm100k(put, sex, left_out, classes):
    trees.ldm100k(put, sex)
    for folder in (put.folder, put.folder / "LDM_100k"):
        cohort = load("ldm100k", folder)
        assert classes(cohort) == {("sub-000000", None): "F", ("sub-000001", None): "M"}
        assert cohort.ages.tolist() == [63.2, 48]
        assert left_out(cohort) == {"not listed in participants.tsv": 1}
        assert any(note.startswith(f"assumed: {sex} 0 is F and 1 is M for 2 scans") for note in cohort.notes)


def test_the_command_unpacks_all_of_uk_biobank(put, tmp_path, monkeypatch):
    folder = trees.ukbiobank(put).rename(tmp_path / "UK Biobank")
    note = next(note for note in load("ukbiobank", folder).notes if "not unpacked" in note)
    stand_in = tmp_path / "bin" / "unzip"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\nmkdir -p "$4/T1" && : > "$4/T1/T1_brain.nii.gz"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    subprocess.run(["sh", "-c", note.split("`")[1]], check=True)
    assert (folder / "1000300_20252_2_0" / "T1" / "T1_brain.nii.gz").is_file()
    assert not any("not unpacked" in note for note in load("ukbiobank", folder).notes)
