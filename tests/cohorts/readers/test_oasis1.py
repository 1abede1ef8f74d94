"""OASIS-1: Analyze images, discs, people too young to be rated, second visits."""

import nibabel
import numpy as np
import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import load
from keras_neurovit.cohorts.flow import remaining
from tests.cohorts.readers import trees


@pytest.fixture
def oasis1_folder(put):
    return trees.oasis1(put)


def test_oasis1(oasis1_folder, left_out, classes):
    cohort = load("oasis1", oasis1_folder)
    assert classes(cohort) == {
        ("OAS1_0001", "MR1"): "CN",
        ("OAS1_0003", "MR1"): "MCI",
        ("OAS1_0028", "MR1"): "AD",
    }
    assert all(path.name.endswith("_t88_masked_gfc.img") for path in cohort.paths)
    assert cohort.ages.tolist() == [74, 73, 86]
    assert cohort.column("mmse").tolist() == ["29", "27", "27"]
    assert left_out(cohort) == {
        "not listed in oasis_cross-sectional.csv": 1,
        "no diagnosis known": 3,
    }
    assert remaining(cohort.flow) == len(cohort)
    assert "1 line of the table without a usable image: OAS1_0099_MR1" in cohort.notes
    assert any(note.startswith("assumed: CDR 0 is CN") for note in cohort.notes)
    assert "3 scans of people under 60, who were not rated (young_are_cn=True)" in cohort.notes


def test_oasis1_young_people_and_their_second_visit(oasis1_folder, classes):
    cohort = load("oasis1", oasis1_folder, labels=("CN", "AD"), young_are_cn=True)
    assert {person for person, _ in classes(cohort)} == {"OAS1_0001", "OAS1_0004", "OAS1_0028", "OAS1_0061"}
    assert "assumed: 3 scans of people under 60, who were not rated, are CN" in cohort.notes
    by_sex = load("oasis1", oasis1_folder, "sex")
    # One person's two visits are one person: neither side of a split may see the other's.
    assert (len(by_sex), len(set(by_sex.participants))) == (6, 5)


def test_oasis1_images_headers_and_conversions(oasis1_folder, put, left_out):
    assert load("oasis1", oasis1_folder, image="native").paths[0].name == "OAS1_0001_MR1_mpr_n4_anon_sbj_111.img"
    place = "disc1/OAS1_0001_MR1/PROCESSED/MPRAGE/T88_111/OAS1_0001_MR1_mpr_n4_anon_111_t88_masked_gfc"
    put(place + ".nii.gz")
    (oasis1_folder / place.replace("0001", "0003")).with_suffix(".hdr").unlink()
    cohort = load("oasis1", oasis1_folder)
    assert cohort.paths[0].name.endswith(".nii.gz")
    assert left_out(cohort)["the same image in another format"] == 1
    assert left_out(cohort)["its .hdr is not there"] == 1
    with pytest.raises(InputError, match=r"unknown image 'brain' .*head, masked, native"):
        load("oasis1", oasis1_folder, image="brain")


def test_oasis1_as_it_is_read(put):
    """From Analyze as its makers wrote it to voxels with the person's left and right."""
    from keras_neurovit import read_scan

    put("oasis_cross-sectional.csv", trees.OASIS1)
    trees.oasis1_session(put, "OAS1_0001_MR1")
    path = load("oasis1", put.folder, image="native").paths[0]
    voxels = np.zeros((16, 16, 10, 1), "int16")
    voxels[12, 3, 8] = 100  # towards the front, below, and the ninth slice of ten from the right: on the left
    nibabel.AnalyzeImage(voxels, None).to_filename(path)
    header = bytearray(path.with_suffix(".hdr").read_bytes())
    header[252] = 2
    path.with_suffix(".hdr").write_bytes(header)
    scan = read_scan(path)
    x, y, z, _ = scan.affine @ [12, 3, 8, 1]
    assert x < 0 < y
    assert z < 0


def test_oasis1_spreadsheet(put, tmp_path, classes):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in trees.OASIS1.splitlines():
        cells = line.split(",")
        book.active.append([float(c) if c.replace(".", "", 1).isdigit() else c or None for c in cells])
    put("x")
    book.save(put.folder / "oasis_cross-sectional-5708aa0a98d82080.xlsx")
    for session in ("OAS1_0001_MR1", "OAS1_0003_MR1"):
        trees.oasis1_session(put, session)
    cohort = load("oasis1", put.folder)
    assert classes(cohort) == {("OAS1_0001", "MR1"): "CN", ("OAS1_0003", "MR1"): "MCI"}
    assert cohort.ages.tolist() == [74, 73]


def test_a_column_that_is_not_there(oasis1_folder):
    with pytest.raises(InputError, match=r"unknown column .*'diagnosys'.*Did you mean 'diagnosis'"):
        load("oasis1", oasis1_folder, "diagnosys")
