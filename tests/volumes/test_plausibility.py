"""Every check of a scan against a contract: what passes, what fails, the measured value and the mend."""

import dataclasses
import json
import shutil

import nibabel
import numpy as np
import pytest

from keras_neurovit import (
    InputError,
    VolumeContract,
    cli,
    from_preset,
    load_preset,
    make_dataset,
    predict_scans,
    read_csv,
)
from keras_neurovit.check import check_scans
from keras_neurovit.data import conform_all
from keras_neurovit.external import predict_cohort
from keras_neurovit.presets import Preset
from keras_neurovit.volumes import Scan, conform, examine, learn_fingerprint, problems, read_scan
from tests.conftest import make_head

CONTRACT = VolumeContract()
CHECKS = ["orientation", "spacing", "volume of the head", "reach, left–right", "reach, posterior–anterior"]
CHECKS += ["reach, inferior–superior", "heads", "contrast, inside to rim"]


def examined(voxels, affine=None, contract=CONTRACT, **more):
    """Findings by name."""
    found = examine(Scan(voxels, np.eye(4) if affine is None else affine, **more), contract)[1]
    assert [finding.check for finding in found][: len(CHECKS)] == CHECKS[: len(found)]
    return {finding.check: finding for finding in found}


def failing(findings):
    return {name for name, finding in findings.items() if not finding.passed}


def test_a_head_as_it_should_be(head):
    findings = examined(head)
    assert failing(findings) == set()
    assert findings["orientation"].measured == "RAS"
    assert findings["spacing"].measured == "1×1×1 mm"
    assert findings["heads"].measured == "1"


def test_two_heads(head):
    two = np.concatenate([head, np.zeros((20, *head.shape[1:]), "float32"), head])
    finding = examined(two)["heads"]
    assert finding.measured == "2"
    assert "2 separate bodies of similar size" in finding.problem
    nose = head.copy()
    nose[:10, :10, :10] = 120.0  # something small beside it is no head
    assert examined(nose)["heads"].passed


def test_another_contrast(head):
    inverted = np.where(head > 15, 200 - head, 0).astype("float32")
    assert failing(examined(inverted)) == {"contrast, inside to rim"}
    assert "not T1-weighted" in examined(inverted)["contrast, inside to rim"].problem
    whole = dataclasses.replace(CONTRACT, brain_extracted=False)
    assert "contrast, inside to rim" not in {f.check for f in examine(Scan(inverted, np.eye(4)), whole)[1]}


def test_with_and_without_skull(head):
    larger = np.diag([1.25, 1.25, 1.25, 1.0])
    assert "the skull seems to be on" in examined(head, larger)["volume of the head"].problem
    whole = dataclasses.replace(CONTRACT, brain_extracted=False)
    assert examined(head, larger, whole)["volume of the head"].passed
    assert "as many as in a brain without skull" in examined(head, contract=whole)["volume of the head"].problem


def test_a_file_that_does_not_say_how_the_head_lies(head, tmp_path):
    few = head[::3, ::3, ::3]
    for name, affine in (("unknown", None), ("known", np.diag([3.0, 3.0, 3.0, 1.0]))):
        nibabel.save(nibabel.Nifti1Image(few, affine), tmp_path / f"{name}.nii")
    told = [examine(read_scan(tmp_path / f"{name}.nii"), CONTRACT)[1][0] for name in ("unknown", "known")]
    assert [finding.passed for finding in told] == [False, True]
    assert "left and right may be exchanged" in told[0].problem
    assert "assumed" in told[0].measured


@pytest.mark.parametrize("number", ["01", "19", "64"])
def test_real_brains_pass_and_their_negatives_do_not(shared_data, number):
    scan = read_scan(shared_data / f"ds002748/sub-{number}/anat/sub-{number}_T1w.nii.gz")
    assert problems(examine(scan, CONTRACT)[1]) == []
    negative = np.where(scan.voxels > 20, 275 - scan.voxels, 0).astype("float32")
    assert failing(examined(negative, scan.affine)) == {"contrast, inside to rim"}


def test_real_scans_with_skull_pass_as_they_did(shared_data):
    file = shared_data / "ds002748_raw/sub-01/anat/sub-01_T1w.nii.gz"
    assert not [f for f in examine(read_scan(file), CONTRACT)[1] if f.check in ("heads", "orientation") and f.problem]


@pytest.fixture(scope="module")
def fingerprint():
    """Of three heads."""
    scans = [Scan(make_head() + shift, np.eye(4)) for shift in (0, 1, 2)]
    return learn_fingerprint([conform(scan, CONTRACT) for scan in scans], CONTRACT)


def test_a_fingerprint_knows_its_own_and_tells_others(head, fingerprint):
    assert set(fingerprint) == {"p5", "p25", "p50", "p75", "p95", "contrast"}
    assert all(low < high for low, high in fingerprint.values())
    assert problems(examine(Scan(head, np.eye(4)), CONTRACT, fingerprint)[1]) == []
    noise = np.random.default_rng(0).normal(size=head.shape).astype("float32")
    grainy = np.where(head > 20, head + 60 * noise, 0).astype("float32")
    found = problems(examine(Scan(grainy, np.eye(4)), CONTRACT, fingerprint)[1])
    assert any("unlike those learnt from: p" in text for text in found), found


def test_a_fingerprint_is_kept_in_the_preset(small_preset, fingerprint, tmp_path, head_file):
    described = dataclasses.replace(small_preset, fingerprint=fingerprint)
    (tmp_path / "preset.json").write_text(described.to_json(), encoding="utf-8")
    assert Preset.from_json(tmp_path / "preset.json").fingerprint == fingerprint
    assert "fingerprint" not in small_preset.to_json()
    described = dataclasses.replace(described, fingerprint={"p50": [5.0, 6.0]})
    (warning,) = predict_scans([head_file], described)[0]["warnings"]
    assert "p50 is" in warning
    (refused,) = predict_scans([head_file], described, strict=True)
    assert "refused: intensities are unlike" in refused["error"]
    assert str(head_file) in refused["error"]


@pytest.fixture
def suspicious(head, tmp_path):
    """A file of two heads."""
    file = tmp_path / "two.nii.gz"
    two = np.concatenate([head, np.zeros((20, *head.shape[1:]), "float32"), head])
    nibabel.save(nibabel.Nifti1Image(two, np.diag([0.8, 0.8, 0.8, 1.0])), file)
    return file


CHECK = ["check", "--preset", "vit3d_tiny"]  # which learnt from no scans, and so expects no intensities


def test_check_at_a_terminal(suspicious, head_file, tmp_path, capsys):
    good = shutil.copy(head_file, tmp_path / "good.nii.gz")
    assert cli.main([*CHECK, str(good)]) == 0
    out = capsys.readouterr().out
    assert all(check.split(",")[0] in out for check in CHECKS)
    assert "NO" not in out
    assert cli.main([*CHECK, str(good), str(suspicious), str(tmp_path / "missing.nii")]) == 1
    out, err = capsys.readouterr()
    assert "heads: the scan holds 2 separate bodies" in out
    assert "missing.nii: no such file" in err
    assert cli.main([*CHECK, str(suspicious), str(tmp_path / "missing.nii"), "--json"]) == 1
    two, missing = json.loads(capsys.readouterr().out)
    assert two["passed"] is missing["passed"] is False
    assert [f["check"] for f in two["findings"]] == CHECKS
    assert check_scans([good], load_preset("vit3d_tiny"))[0]["passed"] is True


def test_refused_at_a_terminal(suspicious, capsys):
    assert cli.main(["predict", str(suspicious)]) == 0
    assert "2 separate bodies" in capsys.readouterr().err
    assert cli.main(["predict", str(suspicious), "--strict"]) == 1
    assert "two.nii.gz: refused:" in capsys.readouterr().err


def test_the_pipeline_warns_or_refuses(suspicious, tmp_path, capsys):
    (file,) = conform_all([suspicious], CONTRACT, cache=tmp_path / "cache", verbose=False)
    assert file.exists()
    assert f"warning: {suspicious}: " in capsys.readouterr().err
    conform_all([suspicious], CONTRACT, cache=tmp_path / "cache", verbose=False)
    assert capsys.readouterr().err == ""  # it was told when it was conformed
    with pytest.raises(InputError, match=r"two\.nii\.gz: refused: .*2 separate bodies"):
        conform_all([suspicious], CONTRACT, cache=tmp_path / "other", suspicious="refuse", verbose=False)
    kept = conform_all(
        [suspicious], CONTRACT, cache=tmp_path / "other", suspicious="refuse", on_error="skip", verbose=False
    )
    assert kept == [None]
    # What lies in the cache was warned of, not refused: it is examined again.
    with pytest.raises(InputError, match=r"two\.nii\.gz: refused: .*2 separate bodies"):
        conform_all([suspicious], CONTRACT, cache=tmp_path / "cache", suspicious="refuse", verbose=False)
    assert file.exists()
    with pytest.raises(InputError, match="refuse, warn"):
        conform_all([suspicious], CONTRACT, cache=tmp_path / "other", suspicious="ignore")


def test_datasets_and_cohorts_are_compared_too(head_file, small_preset, tmp_path, capsys):
    """With the intensities that a preset learnt from, by the pipeline and where a preset is tested on a cohort."""
    shutil.copy(head_file, tmp_path / "one.nii.gz")
    (tmp_path / "table.csv").write_text("participant_id,path,sex\n01,one.nii.gz,a\n")
    cohort = read_csv(tmp_path / "table.csv", "sex", labels=("a", "b"))
    how = {"cache": tmp_path / "cache", "fingerprint": {"p50": [5.0, 6.0]}, "verbose": False}
    with pytest.raises(InputError, match=r"one\.nii\.gz: refused: intensities are unlike"):
        make_dataset(cohort, small_preset.volume, suspicious="refuse", **how)
    make_dataset(cohort, small_preset.volume, **how)
    assert "one.nii.gz: intensities are unlike those learnt from: p50" in capsys.readouterr().err
    described = dataclasses.replace(small_preset, fingerprint={"p50": [5.0, 6.0]})
    predict_cohort(cohort, described, from_preset(described, activation="softmax"))
    assert "one.nii.gz: intensities are unlike those learnt from: p50" in capsys.readouterr().err
