"""Outputs of other pipelines, in their true layouts."""

import nibabel
import numpy as np
import pytest

from keras_neurovit import VolumeContract
from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import apply_masks, expect, expectations, read_derivatives
from keras_neurovit.cohorts.flow import remaining

PEOPLE = "participant_id\tage\tsex\nsub-01\t70\tF\nsub-02\t81\tM\nsub-03\t60\tF\n"
MNI = "space-MNI152NLin2009cAsym_res-1"


@pytest.fixture
def out(tmp_path):
    """Writes files below raw/derivatives/<pipeline>, with the raw folder's participants.tsv."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "participants.tsv").write_text(PEOPLE)

    def write(pipeline, *names):
        folder = tmp_path / "raw" / "derivatives" / pipeline
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"a file that nobody opens")
        return folder

    return write


def smriprep(out, person="sub-01", session=None):
    stem = f"{person}_{session}" if session else person
    place = f"{person}/{session}/anat/{stem}" if session else f"{person}/anat/{stem}"
    return out(
        "smriprep",
        f"{place}_desc-preproc_T1w.nii.gz",
        f"{place}_desc-brain_mask.nii.gz",
        f"{place}_{MNI}_desc-preproc_T1w.nii.gz",
        f"{place}_{MNI}_desc-brain_mask.nii.gz",
        f"{place}_dseg.nii.gz",
        f"{place}_from-T1w_to-MNI152NLin2009cAsym_mode-image_xfm.h5",
    )


def told(cohort, *columns):
    return [tuple(record.columns[name] for name in columns) for record in cohort.records]


def test_fmriprep_and_smriprep(out):
    smriprep(out, "sub-01"), smriprep(out, "sub-09")
    folder = smriprep(out, "sub-02", "ses-M0")
    with pytest.raises(InputError, match=r"several forms of one scan .*no space, desc|several forms of one scan"):
        read_derivatives(folder, "sex")
    native = read_derivatives(folder, "sex", entities={"space": None})
    assert told(native, "pipeline", "space", "brain_extracted") == [("fmriprep", "native", "no")] * 2
    assert [p.name for p in native.paths] == ["sub-01_desc-preproc_T1w.nii.gz", "sub-02_ses-M0_desc-preproc_T1w.nii.gz"]
    assert native.column("mask")[0].endswith("sub-01_desc-brain_mask.nii.gz")
    assert native.records[1].session == "ses-M0"
    assert remaining(native.flow) == len(native)
    assert "2 scans left out, not listed in participants.tsv: sub-09" in native.notes
    assert "1 participant without outputs of fmriprep: 03" in native.notes
    assert "assumed: the folder holds outputs of fmriprep: it looks like them" in native.notes
    template = read_derivatives(folder, "sex", entities={"space": "MNI152NLin2009cAsym"}, pipeline="fmriprep")
    assert told(template, "space") == [("MNI152NLin2009cAsym",)] * 2
    assert template.column("mask")[0].endswith(f"sub-01_{MNI}_desc-brain_mask.nii.gz")


def test_clinica(out):
    name = "subjects/sub-01/ses-M000/t1_linear/sub-01_ses-M000_space-MNI152NLin2009cSym_"
    folder = out(
        "caps",
        f"{name}desc-Crop_res-1x1x1_T1w.nii.gz",
        f"{name}res-1x1x1_affine.mat",
        name.replace("01", "02") + "desc-Crop_res-1x1x1_T1w.nii.gz",
        "subjects/sub-01/ses-M000/t1/spm/segmentation/x_T1w.nii.gz",
    )
    cohort = read_derivatives(folder, "sex")
    assert told(cohort, "pipeline", "space", "brain_extracted") == [("clinica", "MNI152NLin2009cSym", "no")] * 2
    assert [record.session for record in cohort.records] == ["ses-M000"] * 2
    out("caps", f"{name}res-1x1x1_T1w.nii.gz")
    with pytest.raises(InputError, match="several forms of one scan"):
        read_derivatives(folder, "sex")
    assert len(read_derivatives(folder, "sex", entities={"desc": "Crop"})) == 2


def test_freesurfer(out, left_out):
    folder = out(
        "freesurfer",
        "sub-01_ses-M0/mri/brain.mgz",
        "sub-01_ses-M0.long.sub-01/mri/brain.mgz",
        "sub-02/mri/brain.mgz",
        "sub-02/scripts/recon-all.error",
        "sub-03/mri/orig.mgz",
        "sub-03_ses-M0/mri/brain.mgz",
        "sub-03_ses-M0/scripts/IsRunning.lh+rh",
        "fsaverage/mri/brain.mgz",
        "logs/recon-all.log",
    )
    cohort = read_derivatives(folder, "sex")
    assert [(r.participant, r.session) for r in cohort.records] == [("sub-01", "ses-M0")]
    assert told(cohort, "pipeline", "space", "brain_extracted", "mask") == [("freesurfer", "native", "yes", "")]
    assert left_out(cohort) == {
        "longitudinal run, which was made with other visits of the person": 1,
        "recon-all ended in an error": 1,
        "recon-all left no mri/brain.mgz": 1,
        "recon-all has not finished": 1,
    }
    assert remaining(cohort.flow) == 1


def test_freesurfer_of_other_names(out, tmp_path):
    folder = out("subjects", "OAS30001_MR_d0129/mri/brain.mgz", "bert/mri/brain.mgz")
    (tmp_path / "people.csv").write_text("participant_id;sex\nOAS30001_MR_d0129;F\n")
    cohort = read_derivatives(folder, "sex", participants=tmp_path / "people.csv")
    assert cohort.participants.tolist() == ["OAS30001_MR_d0129"]


def test_hdbet_of_both_versions(out):
    """In version 1 X_bet is the brain, in version 2 it is the mask."""
    folder = out(
        "hd-bet",
        "one/sub-01_T1w.nii.gz",
        "one/sub-01_T1w_bet.nii.gz",
        "one/sub-01_T1w_bet_mask.nii.gz",
        "two/sub-02_T1w.nii.gz",
        "two/sub-02_T1w_bet.nii.gz",
        "alone/sub-03_ses-2_T1w_bet.nii.gz",
        "raw/sub-03_T1w.nii.gz",
    )
    cohort = read_derivatives(folder, "sex")
    assert [
        (path.name, mask.rsplit("/")[-1]) for path, mask in zip(cohort.paths, cohort.column("mask"), strict=True)
    ] == [
        ("sub-01_T1w_bet.nii.gz", "sub-01_T1w_bet_mask.nii.gz"),
        ("sub-02_T1w.nii.gz", "sub-02_T1w_bet.nii.gz"),
        ("sub-03_ses-2_T1w_bet.nii.gz", ""),
    ]
    assert told(cohort, "brain_extracted") == [("yes",)] * 3


def test_refusals(out, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_derivatives(tmp_path / "nowhere", "sex")
    with pytest.raises(
        InputError, match=r"no outputs of a pipeline \(expected of clinica, fmriprep, freesurfer, hdbet"
    ):
        read_derivatives(tmp_path / "raw", "sex")
    folder = smriprep(out)
    with pytest.raises(InputError, match="unknown pipeline 'fsl'"):
        read_derivatives(folder, "sex", pipeline="fsl")
    with pytest.raises(InputError, match=r"unknown column in .*'sexe'"):
        read_derivatives(folder, "sexe")
    with pytest.raises(InputError, match="none of its people has a usable scan"):
        read_derivatives(folder, "sex", entities={"space": "fsnative"})
    out("smriprep", "sub-01/mri/brain.mgz")
    with pytest.raises(InputError, match=r"outputs of several pipelines .*received fmriprep and freesurfer"):
        read_derivatives(folder, "sex")
    (tmp_path / "raw" / "participants.tsv").unlink()
    with pytest.raises(InputError, match=r"no table of its people.*participants="):
        read_derivatives(folder, "sex", pipeline="fmriprep")


def test_expectations_of_a_contract(out):
    smriprep(out)
    cohort = read_derivatives(smriprep(out, "sub-02"), "sex", entities={"space": None})
    contract = VolumeContract((8.0, 8.0, 8.0), (24, 28, 24))
    assert expectations(cohort, contract) == VolumeContract((8.0, 8.0, 8.0), (24, 28, 24), brain_extracted=False)
    expected, why = expect(cohort, contract)
    assert not expected.brain_extracted
    assert why.endswith("skulls are on, as fmriprep left them; the new contract expects that")
    assert expect(cohort, expected)[1].endswith("skulls are on, as fmriprep left them")
    cohort.records[0].columns["brain_extracted"] = "yes"
    for find in (expectations, expect):
        with pytest.raises(InputError, match="some skulls are on, some off"):
            find(cohort, contract)
    assert expect(cohort, contract, brain_extracted=True)[0] == contract
    cohort.records[0].columns["brain_extracted"] = "1"  # somebody's own word for it
    assert expect(cohort, contract) == (contract, "")


def test_masks_take_the_skulls_off(out, tmp_path):
    folder = smriprep(out)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    voxels = np.random.default_rng(0).uniform(1, 2, (4, 6, 8)).astype("float32")
    mask = np.zeros(voxels.shape, "uint8")
    mask[1:3, 2:5, 2:6] = 1
    nibabel.save(nibabel.Nifti1Image(voxels, affine), folder / "sub-01/anat/sub-01_desc-preproc_T1w.nii.gz")
    place = folder / "sub-01/anat/sub-01_desc-brain_mask.nii.gz"
    nibabel.save(nibabel.Nifti1Image(mask, affine), place)
    cohort = read_derivatives(folder, "sex", entities={"space": None})
    masked = apply_masks(cohort, tmp_path / "masked")
    assert masked.paths[0].name == "sub-01_desc-brain_T1w.nii.gz"
    np.testing.assert_array_equal(np.asarray(nibabel.load(masked.paths[0]).dataobj), voxels * mask)
    assert expectations(masked, VolumeContract()).brain_extracted
    written = masked.paths[0].stat().st_mtime_ns
    assert apply_masks(cohort, tmp_path / "masked").paths[0].stat().st_mtime_ns == written
    nibabel.save(nibabel.Nifti1Image(mask[1:], affine), place)
    with pytest.raises(InputError, match=r"desc-brain_mask\.nii\.gz: another grid"):
        apply_masks(cohort, tmp_path / "again")
    place.unlink()
    with pytest.raises(InputError, match="1 scan without a mask: sub-01"):
        apply_masks(read_derivatives(folder, "sex", entities={"space": None}), tmp_path / "again")
