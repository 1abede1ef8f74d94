"""DICOM exports to BIDS, by the real dcm2niix, on series of a few slices."""

import json
import sys

import nibabel
import numpy as np
import pytest

pytest.importorskip("pydicom")
pytest.importorskip("dcm2niix")

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from keras_neurovit import InputError, read_scan
from keras_neurovit.cli import main
from keras_neurovit.cohorts import convert_dicom, dicom, load, read_bids
from keras_neurovit.cohorts.flow import remaining

MR = "1.2.840.10008.5.1.4.1.1.4"


def series(folder, name="MPRAGE", patient="P-01", *, number=2, slices=32, day="20200102", kind="ORIGINAL", **tags):
    """Write a series of 6 × 5 voxels a slice; one bright voxel lies at the person's left, in front and above."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    for i in range(slices):
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = MR
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.Modality, one.PatientName, one.PatientID = "MR", "Somebody^Real", patient
        one.PatientBirthDate, one.PatientSex, one.PatientAge = "19500615", "F", "069Y"
        one.StudyDate = one.SeriesDate = one.AcquisitionDate = one.ContentDate = day
        one.StudyTime = one.SeriesTime = one.AcquisitionTime = one.ContentTime = "101112"
        one.SeriesNumber, one.InstanceNumber, one.AcquisitionNumber = number, i + 1, 1
        one.SeriesDescription = one.ProtocolName = name
        one.ImageType, one.MagneticFieldStrength = [kind, "PRIMARY", "M"], 3.0
        one.MRAcquisitionType, one.EchoTime, one.RepetitionTime = "3D", 2.98, 2300
        one.ScanningSequence, one.SequenceVariant, one.PatientPosition = "GR", "SP", "HFS"
        one.SliceThickness, one.PixelSpacing = 4.0, [4.0, 4.0]
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.ImagePositionPatient = [-10.0, -12.0, 4.0 * i - 60]
        one.Rows, one.Columns, one.SamplesPerPixel, one.PhotometricInterpretation = 6, 5, 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
        pixels = np.full((6, 5), i + 1, "uint16")
        if i == slices - 2:
            pixels[1, 4] = 5000
        one.PixelData = pixels.tobytes()
        for tag, value in (whole | tags).items():
            setattr(one, tag, value)
        one.save_as(folder / f"IM{number:03d}_{i:04d}", enforce_file_format=True)


@pytest.fixture
def export(tmp_path):
    """Two people, one of them twice, among everything else that a scanner sends."""
    root = tmp_path / "Export of März"
    series(root / "a" / "visit 1", number=2)
    series(root / "a" / "visit 1", "t2_flair", number=3)
    series(root / "a" / "visit 2", day="20220102", PatientAge="071Y")
    series(root / "b" / "one", "Ax T1 BRAVO", "P02", number=5, PatientSex="M", PatientAge="")
    series(root / "b" / "two", "MPRAGE post contrast", "P02", number=6, slices=3)
    series(root / "b" / "three", "MPRAGE_MPR_cor", "P02", number=7, slices=3, kind="DERIVED")
    series(root / "b" / "four", "T1 spin echo", "P02", number=8, slices=9)
    series(root / "c", patient="")
    series(root / "d", patient="P/03")
    series(root / "e", patient="P03")
    (root / "readme.txt").write_text("no image")
    return root


def test_an_export_becomes_a_bids_folder(export, tmp_path, left_out):
    out = tmp_path / "bids"
    done = convert_dicom(export, out, workers=2, verbose=False)
    assert [str(file.relative_to(out)) for file in done.scans] == [
        "sub-P01/ses-20200102/anat/sub-P01_ses-20200102_run-2_T1w.nii.gz",
        "sub-P01/ses-20220102/anat/sub-P01_ses-20220102_run-2_T1w.nii.gz",
        "sub-P02/ses-20200102/anat/sub-P02_ses-20200102_run-5_T1w.nii.gz",
    ]
    assert left_out(done) == {
        "computed from other images, or a localizer": 1,
        "its name is not that of a T1 sequence": 2,
        "no PatientID tells whose they are": 1,
        "ids that differ only in signs a file's name cannot have": 2,
        "fewer than 30 slices": 1,
    }
    assert remaining(done.flow) == len(done.scans) == 3
    assert done.describe().startswith(f"3 scans in {out}\nfound         10  DICOM series")
    cohort = read_bids(out, "sex")
    assert cohort.column("sex").tolist() == ["F", "F", "M"]
    np.testing.assert_array_equal(cohort.ages, [69, 71, np.nan])
    scan = read_scan(done.scans[0])
    brightest = np.unravel_index(scan.voxels.argmax(), scan.voxels.shape)
    x, y, z, _ = scan.affine @ [*brightest, 1]
    assert (x, y, z) == pytest.approx((-6, 8, 60))  # RAS of DICOM's (6, -8, 60)
    # No names, and nothing half done.
    everything = b"".join(file.read_bytes() for file in out.rglob("*") if file.is_file() and file.suffix != ".gz")
    assert b"Somebody" not in everything
    assert b"1950" not in everything
    assert not list(out.glob(".*"))
    assert json.loads(done.scans[0].with_name(done.scans[0].name.replace("nii.gz", "json")).read_text())


def test_it_goes_on_where_it_stopped_and_keeps_what_was_added(export, tmp_path, monkeypatch):
    out = tmp_path / "bids"
    first = convert_dicom(export, out, verbose=False)
    table = out / "participants.tsv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0] + "\tdiagnosis", lines[1] + "\tAD"]) + "\n")
    first.scans[2].unlink()
    times = [file.stat().st_mtime_ns for file in first.scans[:2]]
    folders = []
    original = dicom.convert_folder
    monkeypatch.setattr(
        dicom,
        "convert_folder",
        lambda program, place, into: folders.append(place.name) or original(program, place, into),
    )
    again = convert_dicom(export, out, workers=1, verbose=False)  # several come in whatever order
    assert again.scans == first.scans
    assert folders == ["one", "four"]
    assert [file.stat().st_mtime_ns for file in first.scans[:2]] == times
    assert table.read_text().splitlines()[1:] == ["sub-P01\t69\tF\tAD", "sub-P02\tn/a\tM\tn/a"]


def test_what_fails_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    series(tmp_path / "in" / "good"), series(tmp_path / "in" / "bad", patient="P-02")
    original = dicom.convert_folder

    def failing(program, place, into):
        return "Error: disk full" if place.name == "bad" else original(program, place, into)

    monkeypatch.setattr(dicom, "convert_folder", failing)
    done = convert_dicom(tmp_path / "in", tmp_path / "out", verbose=False)
    assert [file.parts[-4] for file in done.scans] == ["sub-P01"]
    assert "dcm2niix made nothing of it, 'Error: disk full': MPRAGE (bad)" in done.describe()
    assert not (tmp_path / "out" / "sub-P02").exists()
    assert (tmp_path / "out" / "participants.tsv").read_text().splitlines() == [
        "participant_id\tage\tsex",
        "sub-P01\t69\tF",
    ]


def test_a_person_by_folder_and_a_sequence_by_name(tmp_path):
    for person in ("Anna", "Ben"):
        series(tmp_path / "in" / person / "x", "my_own_sequence", "same id")
        series(tmp_path / "in" / person / "y", "my_own_sequence", "same id")
    how = {"sequences": "own_seq", "participants": "folder", "verbose": False}
    done = convert_dicom(tmp_path / "in", tmp_path / "out", **how)
    assert [file.parts[-4] for file in done.scans] == ["sub-Anna", "sub-Ben"]
    assert "the same person, day and series number as another" in done.describe()
    with pytest.raises(InputError, match="unknown participants 'name'"):
        convert_dicom(tmp_path / "in", tmp_path / "out", participants="name")
    with pytest.raises(InputError, match="sequences is no regular expression"):
        convert_dicom(tmp_path / "in", tmp_path / "out", sequences="T1(")


def test_at_a_terminal(tmp_path, capsys):
    series(tmp_path / "in")
    assert main(["dicom", str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("1 scan in ")
    assert main(["dicom", str(tmp_path / "out"), str(tmp_path / "other")]) == 1
    assert "no DICOM series" in capsys.readouterr().err
    assert main(["dicom", str(tmp_path / "nowhere"), str(tmp_path / "other")]) == 1
    assert main(["dicom", str(tmp_path / "in"), str(tmp_path / "t2"), "--sequences", "T2"]) == 1


def test_without_dcm2niix(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dcm2niix", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match=r'pip install "keras-neurovit\[dicom\]"'):
        convert_dicom(tmp_path / "in", tmp_path / "out")
    other = tmp_path / "dcm2niix"
    other.write_text("#!/bin/sh\nexit 2\n")
    other.chmod(0o755)
    with pytest.raises(InputError, match="no DICOM series"):  # one on the PATH does
        convert_dicom(tmp_path / "in", tmp_path / "out")


def test_nibabel_reads_what_was_written(export, tmp_path):
    done = convert_dicom(export / "a" / "visit 1", tmp_path / "bids", verbose=False)
    image = nibabel.load(done.scans[0])
    assert image.shape == (5, 6, 32)
    np.testing.assert_allclose(image.header.get_zooms(), 4)


def test_an_export_is_a_cohort_in_one_line(export, left_out, monkeypatch):
    out = export.with_name("Export of März_bids")
    cohort = load("dicom", export, "sex", verbose=False)
    assert cohort.column("sex").tolist() == ["F", "F", "M"]
    assert all(path.is_relative_to(out) for path in cohort.paths)
    assert (cohort.source, remaining(cohort.flow)) == (str(export), 3)
    assert left_out(cohort)["its name is not that of a T1 sequence"] == 2
    assert f"converted to BIDS in {out}" in cohort.notes
    with pytest.raises(InputError, match=r"participants.tsv: no column 'diagnosis'.*add the column there"):
        load("dicom", export, verbose=False)
    # What its owner adds is read, and nothing is converted again.
    table = out / "participants.tsv"
    header, *rows = table.read_text().splitlines()
    added = [f"{row}\t{'CN' if 'P01' in row else 'AD'}" for row in rows]
    table.write_text("\n".join([f"{header}\tDiagnosis", *added]) + "\n")
    again, really = [], dicom.convert_folder
    monkeypatch.setattr(dicom, "convert_folder", lambda *given: again.append(given[1].name) or really(*given))
    assert load("dicom", export, verbose=False).labels == ("CN", "AD")
    assert again == ["four"]  # of which nothing usable came
    assert main(["cohort", "dicom", str(export), "--option", "verbose=false", "--option", f"out={out}"]) == 0


def test_scans_of_another_export_are_counted(export, tmp_path):
    first, second = (tmp_path / "bids", export.parent / "second")
    series(second, patient="Q1")
    load("dicom", second, "sex", out=first, verbose=False)
    cohort = load("dicom", export, "sex", out=first, verbose=False)
    assert len(cohort) == remaining(cohort.flow) == 4
    assert [step.text for step in cohort.flow if step.kind == "found"][1:] == [f"scans that were in {first} before"]
    with pytest.raises(InputError, match="no T1 series became a scan"):
        load("dicom", export, "sex", out=tmp_path / "other", sequences="nothing is called so", verbose=False)
