"""BIDS folders that cannot be read, and what the error says."""

import os

import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import read_bids

TWO = "participant_id\tage\tsex\nsub-01\t70\tF\nsub-02\t81\tM\n"


def test_refuses_a_missing_folder(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        read_bids(tmp_path / "nowhere", "sex")


def test_refuses_a_folder_without_participants(bids, scan_path):
    with pytest.raises(InputError, match=r"study: has no participants\.tsv.*Write one"):
        read_bids(bids(None, scan_path("01")), "sex")


def test_refuses_an_unknown_target(bids, scan_path):
    message = (
        r"column in .*participants\.tsv: 'sexe' \(expected one of age, participant_id, sex\)\. Did you mean 'sex'\?"
    )
    with pytest.raises(InputError, match=message):
        read_bids(bids(TWO, scan_path("01")), "sexe")


def test_refuses_columns_that_differ_by_case(bids, scan_path):
    folder = bids("participant_id\tsex\tSex\nsub-01\tF\tM\n", scan_path("01"))
    with pytest.raises(InputError, match=r"more than one column answers to 'sex' \(received sex, Sex\)"):
        read_bids(folder, "sex")


def test_refuses_a_table_without_participants(bids, scan_path):
    with pytest.raises(InputError, match=r"participants\.tsv: no column 'participant_id' \(received columns id, sex\)"):
        read_bids(bids("id\tsex\nsub-01\tF\n", scan_path("01")), "sex")
    with pytest.raises(InputError, match="line 3: no participant_id"):
        read_bids(bids("participant_id\tsex\nsub-01\tF\nn/a\tM\n", scan_path("01")), "sex")


def test_refuses_a_folder_without_scans(bids, scan_path):
    with pytest.raises(InputError, match=r"study: no usable scan .*2 participants without a T1w scan: sub-01, sub-02"):
        read_bids(bids(TWO, "sub-01/anat/sub-01_T2w.nii.gz"), "sex")


def test_tells_that_all_content_is_missing(bids, scan_path):
    folder = bids(TWO, scan_path("01"))
    os.unlink(folder / scan_path("01"))
    os.symlink("gone", folder / scan_path("01"))
    with pytest.raises(
        InputError,
        match=r"no usable scan .*file content is missing \(dead link\).*sub-01_T1w\.nii\.gz; restore .* link it again",
    ):
        read_bids(folder, "sex")
